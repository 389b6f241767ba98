/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Text output of records: one line each, with sequence, time, kind and the fields of the kind. */
#include "client/output/output.h"

#include <inttypes.h>
#include <string.h>

#include "client/phrase.h"
#include "common/base/text.h"

#define TIME_COLUMN 7
#define KIND_COLUMN 20
#define TEXT_COLUMN 35
#define NARROW_COLUMNS 64 /* below this, the text gets its own line */

/* The fields of a kind, in this order: a what was corrected, m mode, n name, # number, s state, %
 * permille, c code, p port, i identifier, l corrected errors, q silence of the link, r rate, t
 * text, v voltage and current. Kinds not listed here show all. */
static const struct {
	const char *kind;
	const char *shows;
	const char *label; /* NULL = the kind's name */
	enum paint paint;
} kinds[] = {
	{"bench", "nt", "daemon started", PAINT_DIM},
	{"source", "nst", NULL, PAINT_DIM},
	{"attach", "mpi", NULL, PAINT_BOLD},
	{"detach", "mpi", NULL, PAINT_BOLD},
	{"mux-attach", "mpi", "usbmuxd sees", PAINT_NONE},
	{"mux-detach", "mpi", "usbmuxd lost", PAINT_NONE},
	{"usb-error", "pt", NULL, PAINT_WARNING},
	{"mux-error", "t", "usbmuxd error", PAINT_WARNING},
	{"identity", "nit", NULL, PAINT_DIM},
	{"port", "n#p", NULL, PAINT_WARNING},
	{"mux-client", "n#", "other program", PAINT_WARNING},
	{"system", "nt", "runs", PAINT_DIM},
	{"tool-start", "nt", NULL, PAINT_BOLD},
	{"tool-end", "c", NULL, PAINT_BOLD},
	{"tool-version", "nt", NULL, PAINT_DIM},
	{"tool-log", "t", NULL, PAINT_DIM},
	{"log", "t", NULL, PAINT_DIM},
	{"firmware", "nt", NULL, PAINT_DIM},
	{"action", "n", NULL, PAINT_DIM},
	{"entry", "m", "found in", PAINT_DIM},
	{"stage", "ns#", NULL, PAINT_BOLD},
	{"operation", "n#", NULL, PAINT_NONE},
	{"progress", "%", NULL, PAINT_DIM},
	{"checkpoint", "sn#c", NULL, PAINT_NONE},
	{"transfer", "sn", NULL, PAINT_NONE},
	{"wait", "ns", "waits for", PAINT_NONE},
	{"status", "nc", NULL, PAINT_BOLD},
	{"amr-error", "c", "AMR error", PAINT_BAD},
	{"sign", "nt", NULL, PAINT_WARNING},
	{"device-log", "t", "phone's log", PAINT_DIM},
	{"saved", "nt", "phone recalls", PAINT_WARNING},
	{"reported-error", "nc", NULL, PAINT_BAD},
	{"outcome", "sn#", NULL, PAINT_BOLD},
	{"complaint", "t", "last words", PAINT_BAD},
	{"condition", "nt", NULL, PAINT_NONE},
	{"note", "nt", NULL, PAINT_NONE},
	{"ticket", "t", NULL, PAINT_NONE},
	{"amendment", "a", "corrected", PAINT_BOLD},
	{"measurement", "nv", "measured", PAINT_DIM},
	{"session-begin", "nt", NULL, PAINT_BOLD},
	{"session-end", "nsmct", NULL, PAINT_BOLD},
	{"silence", "n#s", NULL, PAINT_BAD},
	{"link-lost", "mpi", NULL, PAINT_BAD},
	{"diagnosis", "it", "verdict", PAINT_BOLD},
	{"link-error", "n#cp", "transfer failed", PAINT_WARNING},
	{"link-corrected", "lp", "error corrected", PAINT_WARNING},
	{"link-quiet", "qs", "link quiet", PAINT_WARNING},
	{"link-rate", "nr", "transferred", PAINT_DIM},
};

static void put_word(struct layout *layout, const char *before, const char *word)
{
	if (!word || !*word)
		return;
	layout_put(layout, " %s", before);
	layout_foreign(layout, word);
}

static void put_number(struct layout *layout, struct json_object *record, const char *key,
	const char *before, const char *after)
{
	int64_t number;

	if (field_number(record, key, &number))
		layout_put(layout, " %s%" PRId64 "%s", before, number, after);
}

static void put_permille(struct layout *layout, struct json_object *record)
{
	int64_t permille;

	if (field_number(record, "permille", &permille) && permille >= 0)
		layout_put(layout, " %" PRId64 ".%" PRId64 " %%", permille / 10, permille % 10);
}

static void put_change(struct layout *layout, struct json_object *record)
{
	layout_put(layout, " ");
	text_correction(layout, field_text_or(record, "name", "?"), field_text(record, "before"),
		field_text(record, "text"));
	put_word(layout, "by ", field_text(record, "by"));
}

static void put_corrected(struct layout *layout, struct json_object *record)
{
	int64_t limit = field_number_or(record, "limit", 0);
	int64_t left = limit + 1 - field_number_or(record, "number", 0);

	layout_put(layout, " %" PRId64, field_number_or(record, "number", 0));
	if (limit)
		layout_put(layout, " of %" PRId64, limit);
	put_word(layout, "port ", field_text(record, "port"));
	/* A warning before the transfer fails. */
	if (limit && left <= 2)
		layout_put(layout, ": %" PRId64 " more %s the transfer", left,
			left == 1 ? "ends" : "end");
}

static void put_quiet(struct layout *layout, struct json_object *record)
{
	put_word(layout, "", field_text(record, "name"));
	layout_put(layout, " for %" PRId64 " s", field_number_or(record, "number", 0));
}

static void put_rate(struct layout *layout, struct json_object *record)
{
	int64_t bytes = field_number_or(record, "code", 0);
	int64_t duration_ms = field_number_or(record, "number", 0);

	layout_put(layout, " %.1f MB", (double)bytes / 1e6);
	if (duration_ms > 0)
		layout_put(layout, " at %.1f MB/s", (double)bytes / 1e3 / (double)duration_ms);
	layout_put(layout, ", longest silence %.1f s",
		(double)field_number_or(record, "silentUSec", 0) / 1e6);
}

static void put_supply(struct layout *layout, struct json_object *record)
{
	layout_put(layout, " %.2f V, %.3f A", (double)field_number_or(record, "number", 0) / 1e3,
		(double)field_number_or(record, "code", 0) / 1e6);
}

static void put_field(struct layout *layout, struct json_object *record, char field)
{
	switch (field) {
	case 'm':
		put_word(layout, "", phrase_mode(field_text_or(record, "mode", "")));
		break;
	case 'n':
		put_word(layout, "", field_text(record, "name"));
		break;
	case 's':
		put_word(layout, "", field_text(record, "state"));
		break;
	case '#':
		put_number(layout, record, "number", "(", ")");
		break;
	case 'c':
		put_number(layout, record, "code", "code ", "");
		break;
	case '%':
		put_permille(layout, record);
		break;
	case 'a':
		put_change(layout, record);
		break;
	case 'p':
		put_word(layout, "port ", field_text(record, "port"));
		break;
	case 'l':
		put_corrected(layout, record);
		break;
	case 'q':
		put_quiet(layout, record);
		break;
	case 'r':
		put_rate(layout, record);
		break;
	case 'v':
		put_supply(layout, record);
		break;
	case 'i':
		put_word(layout, "", phrase_identifier(record));
		break;
	default:
		put_word(layout, "", field_text(record, "text"));
	}
}

/* On one line, so that it can be searched for. */
static void put_label(struct layout *layout, const char *label)
{
	int columns = layout_columns(layout, label) + (int)strlen(" []");

	if (layout->column + layout->gap + layout->word_columns + columns > layout->width)
		layout_line(layout, layout->indent);
	layout_paint(layout, PAINT_DIM);
	layout_put(layout, " [");
	layout_foreign(layout, label);
	layout_put(layout, "]");
	layout_paint(layout, PAINT_NONE);
}

void text_record(struct layout *layout, struct json_object *record, const char *label)
{
	const char *kind = field_text_or(record, "kind", "?"), *shows = "mns#c%pit";
	const char *title = NULL;
	enum paint paint = PAINT_NONE;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (text_equal(kind, kinds[i].kind)) {
			shows = kinds[i].shows;
			title = kinds[i].label;
			paint = kinds[i].paint;
		}
	layout_paint(layout, PAINT_DIM);
	layout_put(layout, "%6" PRId64, field_number_or(record, "sequence", 0));
	layout_tab(layout, TIME_COLUMN);
	layout_put(layout, "%s", phrase_instant(field_number_or(record, "timeUSec", 0)).text);
	layout_paint(layout, PAINT_NONE);
	layout_tab(layout, KIND_COLUMN);
	layout_paint(layout, paint);
	layout_foreign(layout, title ? title : kind);
	if (layout->width < NARROW_COLUMNS)
		layout_line(layout, TIME_COLUMN);
	else
		layout_tab(layout, TEXT_COLUMN);
	for (const char *field = shows; *field; field++)
		put_field(layout, record, *field);
	layout_paint(layout, PAINT_NONE);
	if (*label)
		put_label(layout, label);
	layout_line(layout, 0);
}

/* Prints the day if it differs from the previous record's. */
static void put_day(struct layout *layout, struct json_object *record)
{
	struct phrase day = phrase_minute(field_number_or(record, "timeUSec", 0));

	day.text[strcspn(day.text, " ")] = '\0';
	if (text_equal(day.text, layout->day))
		return;
	text_copy(layout->day, sizeof(layout->day), day.text);
	layout_paint(layout, PAINT_BOLD);
	layout_put(layout, "%s", day.text);
	layout_paint(layout, PAINT_NONE);
	layout_line(layout, 0);
}

void text_records(struct layout *layout, struct json_object *reply)
{
	struct json_object *records = field_list(reply, "records");
	int64_t lost;

	if (field_number(reply, "lost", &lost) && lost > 0) {
		layout_paint(layout, PAINT_WARNING);
		layout_put(layout,
			"%" PRId64 " earlier records are gone: the ring has overwritten them",
			lost);
		layout_paint(layout, PAINT_NONE);
		layout_line(layout, 0);
	}
	for (size_t i = 0; i < field_count(records); i++) {
		put_day(layout, field_item(records, i));
		text_record(layout, field_item(records, i), "");
	}
	fflush(layout->out);
}
