/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/live.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/phrase.h"
#include "common/base/clock.h"
#include "common/base/text.h"

#define BAR_COLUMNS 10
#define WIDE_COLUMNS 100 /* narrower terminals get neither a bar nor a stage next to a step */
#define PAINT_BYTES 16	 /* of colour around the line */

static void put_bar(const struct layout *layout, FILE *out, int64_t permille)
{
	if (layout->width >= WIDE_COLUMNS) {
		fputc(' ', out);
		for (int i = 0; i < BAR_COLUMNS; i++)
			fputs(permille >= (i + 1) * 1000 / BAR_COLUMNS
					? layout_sign(layout, "█", "#")
					: layout_sign(layout, "░", "."),
				out);
	}
	fprintf(out, " %" PRId64 " %%", permille / 10);
}

static void put_place(const struct layout *layout, FILE *out, struct json_object *session)
{
	const char *stage = phrase_stage(field_text_or(session, "stage", ""));
	struct phrase step = phrase_step(session);
	int64_t permille;

	if (layout->width >= WIDE_COLUMNS && *stage && *step.text && !text_equal(step.text, stage))
		fprintf(out, "%s: ", stage);
	fputs(*step.text ? step.text : *stage ? stage : "waiting for the phone", out);
	if (field_number(session, "permille", &permille) && permille >= 0 && permille <= 1000)
		put_bar(layout, out, permille);
}

/* Returns whether the wait is over its budget. */
static bool put_silence(
	const struct layout *layout, FILE *out, struct json_object *session, int64_t age_us)
{
	const char *separator = layout_sign(layout, " · ", " | ");
	int64_t silent, budget = 0;

	if (!field_number(session, "silentUSec", &silent))
		return false;
	silent += age_us;
	if (!field_number(session, "budgetUSec", &budget) || budget <= 0) {
		fprintf(out, "%sphone responded %s ago", separator, phrase_duration(silent).text);
		return false;
	}
	fprintf(out, "%s%s %s %s of %s", separator, phrase_silent_one(session),
		silent > budget ? "SILENT" : "silent", phrase_duration(silent).text,
		phrase_duration(budget).text);
	return silent > budget;
}

void live_line(const struct layout *layout, const char *label, struct json_object *session,
	int64_t age_us, int64_t running_us, char out[static LIVE_BYTES])
{
	char text[LIVE_BYTES] = "", clean[LIVE_BYTES - PAINT_BYTES];
	FILE *line = fmemopen(text, sizeof(text) - 1, "w");
	bool over = false;

	out[0] = '\0';
	if (!line)
		return;
	if (label && *label)
		fprintf(line, "%s: ", label);
	if (session)
		put_place(layout, line, session);
	else
		fputs("running, not watched", line);
	if (session)
		over = put_silence(layout, line, session, age_us);
	fprintf(line, "%s%s", layout_sign(layout, " · ", " | "), phrase_duration(running_us).text);
	fclose(line);
	text_clean(text, strlen(text), clean, sizeof(clean));
	clean[layout_fitting(layout, clean, layout->width - 1)] = '\0';
	snprintf(out, LIVE_BYTES, "%s%s%s",
		!layout->color ? ""
		: over	       ? "\033[1;31m"
			       : "\033[36m",
		clean, layout->color ? "\033[0m" : "");
}
