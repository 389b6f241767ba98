/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/diagnosis/verdict_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "common/model/budget.h"

#define DURATION_SIZE 40

static const char *const transfer_sentences[] = {
	[SILENCE_TRANSFERS_UNKNOWN] = "",
	[SILENCE_NO_TRANSFERS] = " No USB transfer took place.",
	[SILENCE_TRANSFERS] = " USB transfers went on.",
};

/* What the bus showed; it goes before the count of transfers. */
static const char *const quiet_sentences[] = {
	[LINK_QUIET_UNKNOWN] = "",
	[LINK_QUIET_TAKES_NOTHING] = " The phone was silent: it accepted no data on USB.",
	[LINK_QUIET_PHONES_TURN] = " The phone was silent, and it was its turn to send.",
	[LINK_QUIET_HOSTS_TURN] = " The computer was silent, and it was its turn to send.",
	[LINK_QUIET_NOBODY] = " Neither the computer nor the phone sent anything on USB.",
	[LINK_QUIET_ONLY_SENDS] = " The phone accepted no data on USB, but still sent some.",
};

static void word_duration(uint32_t seconds, char out[static DURATION_SIZE])
{
	if (seconds < 60)
		snprintf(out, DURATION_SIZE, "%" PRIu32 " s", seconds);
	else if (seconds % 60 == 0)
		snprintf(out, DURATION_SIZE, "%" PRIu32 " min", seconds / 60);
	else
		snprintf(out, DURATION_SIZE, "%" PRIu32 " min %" PRIu32 " s", seconds / 60,
			seconds % 60);
}

static void add_silence(const struct attempt_view *a, size_t index, struct verdict *verdict)
{
	const struct overrun *overrun = &a->attempt->overruns[index];
	const struct budget *budget = budget_find(overrun->wait);
	bool lasts = a->running && a->attempt->silent && index + 1 == a->attempt->overrun_count;
	struct finding *finding = &verdict->silences[verdict->silence_count];
	char allowed[DURATION_SIZE], length[DURATION_SIZE];

	if (!budget || verdict->silence_count == VERDICT_SILENCES_MAX)
		return;
	*finding = (struct finding){
		.rule = budget->name, .source = budget->source, .attempt = a->index};
	word_duration(overrun->allowed_seconds, allowed);
	word_duration(overrun->seconds, length);
	snprintf(finding->text, sizeof(finding->text), "%s%s%s, for %s%s; %s allowed.%s",
		overrun->step, overrun->step[0] ? ": " : "", budget->meaning,
		lasts ? "more than " : "", lasts ? allowed : length, allowed,
		overrun->quiet ? quiet_sentences[overrun->quiet]
			       : transfer_sentences[overrun->transfers]);
	if (overrun->sequence) {
		finding->records[0] = overrun->sequence;
		finding->sessions[0] = a->attempt->id;
		finding->record_count = 1;
	}
	verdict->silence_count++;
}

void silence_collect(const struct case_analysis *view, struct verdict *verdict)
{
	for (size_t i = view->count; i > 0; i--) {
		const struct attempt_view *a = &view->attempts[i - 1];
		enum running running = !a->running	    ? RUNNING_NONE
				       : a->attempt->silent ? RUNNING_HUNG
							    : RUNNING_ON_TIME;

		if (running > verdict->running)
			verdict->running = running;
		for (size_t j = a->attempt->overrun_count; j > 0 && !a->succeeded; j--)
			add_silence(a, j - 1, verdict);
	}
}

/* What to do about a restore that hangs, by whose silence it is. */
static const char *const hang_advice[] = {
	[SILENCE_OF_PHONE] =
		"The hanging restore may still continue: idevicetriage does not stop it. "
		"If the phone stays silent, stop the restore tool and run diagnose "
		"again.",
	[SILENCE_OF_TOOL] =
		"The hanging restore may still continue: idevicetriage does not stop it. "
		"If the tool stays silent, stop it and run diagnose again.",
	[SILENCE_OF_SERVER] = "Check that this computer reaches Apple's signing server "
			      "(gs.apple.com): network, proxy, VPN, hosts file. If the server "
			      "stays silent, stop the restore tool and run the restore again on "
			      "another network."};

static const char *advise(const struct verdict *verdict)
{
	const struct budget *budget =
		verdict->silence_count ? budget_find(verdict->silences[0].rule) : NULL;

	return hang_advice[budget ? budget->of : SILENCE_OF_PHONE];
}

void silence_summarize(struct verdict *verdict)
{
	size_t used = strlen(verdict->summary);
	char *out = verdict->summary + used;
	size_t size = sizeof(verdict->summary) - used;
	const char *space = used ? " " : "";

	if (verdict->running == RUNNING_ON_TIME)
		snprintf(out, size,
			"%sA restore is running; its current wait is within its time limit.",
			space);
	else if (verdict->running == RUNNING_HUNG)
		snprintf(out, size, "%sA restore is running and past its time: %s", space,
			verdict->silence_count ? verdict->silences[0].text : "it hangs.");
	if (verdict->running == RUNNING_HUNG && verdict->advice_count < VERDICT_ADVICE_MAX)
		verdict->advice[verdict->advice_count++] = advise(verdict);
}

const char *running_name(enum running running)
{
	static const char *const names[] = {[RUNNING_ON_TIME] = "on-time", [RUNNING_HUNG] = "hung"};

	return (size_t)running < ARRAY_SIZE(names) ? names[running] : NULL;
}
