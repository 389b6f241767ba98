/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/report/words.h"

#include <stdio.h>

#include "common/base/text.h"

#define MEANINGS_MAX 4

static const char *const strength_meanings[] = {
	[STRENGTH_NONE] = "",
	[STRENGTH_WEAK] = "A first sign. The next test may well show another cause.",
	[STRENGTH_MODERATE] = "It fits what was seen. One more test is needed to be sure.",
	[STRENGTH_STRONG] =
		"Several tests agree, and nothing that was seen speaks clearly against it.",
	[STRENGTH_CONCLUSIVE] =
		"Proven by test: no other cause that was looked at explains what was seen.",
};

const char *words_strength_name(enum strength strength)
{
	return strength > STRENGTH_NONE ? strength_name(strength) : "";
}

const char *words_strength_meaning(enum strength strength)
{
	return strength_meanings[strength];
}

struct phase_words {
	const char *phase;
	const char *tone;
	const char *subject;  /* of the headline; NULL = the headline needs none */
	const char *headline; /* used if there is no subject */
	const char *meanings[MEANINGS_MAX];
};

static const struct phase_words phases[] = {
	{"phase2-hardware", "bad", "A part inside the phone", NULL,
		{"No program can repair a faulty part: do not pay for recovery software.",
			"The phone has to be opened to test or to replace the part.",
			"Whether your data can be saved depends on the repair. Say "
			"before it starts whether you need the data: an erase destroys it."}},
	{"phase1-connection", "good", "The connection to the phone", NULL,
		{"Nothing that was seen points at a part of the phone: it need not be opened.",
			"No recovery program is needed: it would use the same connection."}},
	{"phase1-software", "good", "The computer or its programs", NULL,
		{"Nothing that was seen points at a part of the phone: it need not be opened.",
			"No paid recovery program is needed."}},
	{"none", "good", NULL, "No failed restore was seen",
		{"No restore of this phone that was watched here has failed."}},
	{"works", "good", NULL, "The phone works again",
		{"The last restore or start of this phone that was recorded here succeeded, after "
		 "one or more had failed.",
			"What was changed before it worked is named above. Watch the phone for a "
			"while: a fault that comes and goes may return."}},
	{"running", "open", NULL, "A restore of this phone is running",
		{"The result is known when it ends. Make this page again then."}},
	{"unknown", "open", NULL, "The result is not known yet",
		{"What was seen so far does not show that the phone works, and nothing points at a "
		 "part of it. Nothing is to be replaced."}},
	{"undecided", "open", NULL, "The cause is not certain yet",
		{"What was seen so far fits more than one cause. Nothing is to be replaced before "
		 "the next test has separated them.",
			"Say whether you need the data on the phone: an update preserves it, an "
			"erase "
			"destroys it."}},
};

static const struct phase_words *find_phase(const char *phase)
{
	for (size_t i = 0; i < ARRAY_SIZE(phases); i++)
		if (text_equal(phase, phases[i].phase))
			return &phases[i];
	return &phases[ARRAY_SIZE(phases) - 1];
}

struct phrase words_headline(const char *phase, enum strength strength)
{
	static const char *const verbs[] = {"may be the cause", "may be the cause",
		"is probably the cause", "is very likely the cause", "is the cause"};
	const struct phase_words *words = find_phase(phase);
	struct phrase phrase;

	if (words->subject)
		snprintf(
			phrase.text, sizeof(phrase.text), "%s %s", words->subject, verbs[strength]);
	else
		text_copy(phrase.text, sizeof(phrase.text), words->headline);
	return phrase;
}

const char *words_meaning(const char *phase, size_t index)
{
	return index < MEANINGS_MAX ? find_phase(phase)->meanings[index] : NULL;
}

const char *words_tone(const char *phase)
{
	return find_phase(phase)->tone;
}

static const struct {
	const char *outcome;
	const char *words;
	const char *tone;
} outcomes[] = {
	{"succeeded", "Succeeded", "good"},
	{"failed", "Failed", "bad"},
	{"aborted", "Stopped", "open"},
	{"lost", "End not seen", "open"},
	{"not-started", "Did not start", "open"},
	{"ended-unknown", "End not known", "open"},
	{"withdrawn", "Taken back", "open"},
	{"running", "Running", "open"},
	{"unknown", "Not known", "open"},
};

const char *words_outcome(const char *outcome)
{
	for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++)
		if (text_equal(outcome, outcomes[i].outcome))
			return outcomes[i].words;
	return "Not known";
}

const char *words_outcome_tone(const char *outcome)
{
	for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++)
		if (text_equal(outcome, outcomes[i].outcome))
			return outcomes[i].tone;
	return "open";
}

const char *words_stage(const char *stage)
{
	static const char *const stages[][2] = {
		{"dfu", "before the restore began"},
		{"recovery", "before the restore began"},
		{"boot-ramdisk", "while the phone was starting its restore system"},
		{"restore", "while the phone was being restored"},
		{"reboot", "at the restart after the restore"},
		{"normal", "after the phone had started"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(stages); i++)
		if (text_equal(stage, stages[i][0]))
			return stages[i][1];
	return "";
}
