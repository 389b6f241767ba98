/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/diagnosis/verdict.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "common/diagnosis/comparison.h"
#include "common/diagnosis/cure.h"
#include "common/diagnosis/facts.h"
#include "common/diagnosis/verdict_parts.h"
#include "common/diagnosis/template.h"

#define SIDE_COUNT 5	       /* by enum phase */
#define SUSPICION_STEPS_MAX 20 /* more evidence than this changes nothing */

/* The sum of the rules for one cause, or for a phase as a whole. */
struct tally {
	int best;    /* the strongest single finding in favour */
	int total;   /* all findings, including those against */
	int untried; /* tests that nobody made; they count only for the choice of the next step */
	bool opens;  /* one of these is enough for Phase 2 */
};

/* The state of one diagnosis. */
struct diagnosis {
	const struct case_analysis *view;
	struct tally causes[CAUSE_COUNT_MAX];
	struct tally phases[SIDE_COUNT];
	struct suspect suspects[CAUSE_COUNT_MAX];
	struct finding phase_findings[SIDE_COUNT][VERDICT_FINDINGS_MAX];
	size_t phase_finding_count[SIDE_COUNT];
};

/* The weights of generate_diagnosis.py, strongest first. */
static const struct {
	int least;
	enum strength strength;
} strengths[] = {
	{10, STRENGTH_CONCLUSIVE},
	{6, STRENGTH_STRONG},
	{3, STRENGTH_MODERATE},
	{1, STRENGTH_WEAK},
};

static enum strength strength_of_weight(int weight)
{
	for (size_t i = 0; i < ARRAY_SIZE(strengths); i++)
		if (weight >= strengths[i].least)
			return strengths[i].strength;
	return STRENGTH_NONE;
}

/* Never stronger than the best finding: many weak findings stay weak. */
static enum strength strength_of_tally(const struct tally *tally)
{
	return strength_of_weight(tally->total < tally->best ? tally->total : tally->best);
}

static void tally_add(struct tally *tally, int weight, bool opens)
{
	tally->total += weight;
	if (weight > tally->best)
		tally->best = weight;
	tally->opens |= opens && weight > 0;
}

static void fill_finding(struct finding *finding, const struct diagnosis *d,
	const struct rule *rule, const struct trace *trace, int weight, uint64_t changed)
{
	*finding = (struct finding){.rule = rule->id, .source = rule->source, .weight = weight};
	wording_fill(d->view, trace->shown_by, changed, rule->text, finding->text,
		sizeof(finding->text));
	memcpy(finding->records, trace->records, sizeof(finding->records));
	memcpy(finding->sessions, trace->sessions, sizeof(finding->sessions));
	finding->record_count = trace->record_count;
	finding->attempt = trace->attempt;
}

static void add_to_suspect(struct suspect *suspect, const struct finding *finding)
{
	bool against = finding->weight < 0;
	size_t *count = against ? &suspect->counter_evidence_count : &suspect->evidence_count;
	struct finding *list = against ? suspect->counter_evidence : suspect->evidence;

	if (*count < VERDICT_FINDINGS_MAX)
		list[(*count)++] = *finding;
}

static size_t cause_by_word(const char *word)
{
	for (size_t i = 0; i < knowledge_causes_count; i++)
		if (word_is(word, knowledge_causes[i].word))
			return i;
	return CAUSE_NONE;
}

static enum phase phase_of_factor(const struct diagnosis *d, size_t factor)
{
	for (enum phase phase = PHASE_CONNECTION; phase <= PHASE_HARDWARE; phase++)
		if (d->view->of_phase[phase] & FACTOR_BIT(factor))
			return phase;
	return PHASE_NONE;
}

static void add_finding(struct diagnosis *d, const struct rule *rule, const struct trace *trace,
	size_t cause, enum phase phase, uint64_t changed)
{
	int weight = trace->matches >= 2 ? rule->repeat_weight : rule->weight;
	struct finding finding;

	fill_finding(&finding, d, rule, trace, weight, changed);
	if (cause != CAUSE_NONE) {
		if (!rule->bench)
			tally_add(&d->causes[cause], weight, rule->opens);
		add_to_suspect(&d->suspects[cause], &finding);
		return;
	}
	tally_add(&d->phases[phase], weight, rule->opens);
	if (d->phase_finding_count[phase] < VERDICT_FINDINGS_MAX)
		d->phase_findings[phase][d->phase_finding_count[phase]++] = finding;
}

/* Whether the device has the part that the cause is about, as far as is known. What people tried
 * with the parts outweighs the table of models. */
static bool is_possible(const struct diagnosis *d, size_t cause)
{
	return !(knowledge_causes[cause].needs & d->view->lacks) || d->causes[cause].best > 0;
}

/* Whether it speaks of hardware that the device has, as far as is known. */
static bool rule_fits(const struct diagnosis *d, const struct rule *rule)
{
	return !(rule->needs & d->view->lacks) &&
	       (rule->about != ABOUT_CAUSE || is_possible(d, rule->cause));
}

static void apply_rule(struct diagnosis *d, const struct rule *rule)
{
	struct trace trace;

	if (!rule_fits(d, rule) ||
		!terms_match(d->view, rule->when, rule->when_count, NO_FACTOR, &trace))
		return;
	if (rule->untested) {
		d->causes[rule->cause].untried += rule->weight;
		d->suspects[rule->cause].untested = rule->text;
		return;
	}
	add_finding(d, rule, &trace, rule->cause, rule->phase, 0);
}

/* The factors that match as this one does, and speak of the same: they are one finding. */
static uint64_t matching(const struct diagnosis *d, const struct rule *rule, size_t factor,
	const struct attempt_view *shown_by)
{
	const char *cause = comparison_cause(d->view, factor);
	uint64_t bits = FACTOR_BIT(factor);

	for (size_t f = factor + 1; f < d->view->factor_count; f++) {
		struct trace trace;

		if (word_is(comparison_cause(d->view, f), cause) &&
			terms_match(d->view, rule->when, rule->when_count, f, &trace) &&
			trace.shown_by == shown_by)
			bits |= FACTOR_BIT(f);
	}
	return bits;
}

static void apply_to_factors(struct diagnosis *d, const struct rule *rule)
{
	uint64_t done = 0;

	for (size_t f = 0; f < d->view->factor_count; f++) {
		const char *cause = comparison_cause(d->view, f);
		struct trace trace;
		uint64_t bits;

		if (!cause || done & FACTOR_BIT(f) ||
			!terms_match(d->view, rule->when, rule->when_count, f, &trace))
			continue;
		bits = matching(d, rule, f, trace.shown_by);
		done |= bits;
		add_finding(d, rule, &trace,
			rule->about == ABOUT_FACTOR ? cause_by_word(cause) : CAUSE_NONE,
			phase_of_factor(d, f), bits);
	}
}

static void apply_rules(struct diagnosis *d)
{
	for (size_t i = 0; i < knowledge_rules_count; i++) {
		const struct rule *rule = &knowledge_rules[i];

		if (rule->about == ABOUT_FACTOR || rule->about == ABOUT_FACTOR_PHASE)
			apply_to_factors(d, rule);
		else
			apply_rule(d, rule);
	}
}

static bool any_suspected(const struct diagnosis *d, enum phase phase)
{
	for (size_t i = 0; i < knowledge_causes_count; i++)
		if (knowledge_causes[i].phase == phase && d->suspects[i].evidence_count > 0)
			return true;
	return false;
}

/* Lists the findings for a phase as a whole with its causes, without making them stronger: with
 * those that have findings of their own, or with all if there are none. */
static void share_phase_findings(struct diagnosis *d, struct suspect *suspect, bool any)
{
	if (any && suspect->evidence_count == 0)
		return;
	for (size_t i = 0; i < d->phase_finding_count[suspect->phase]; i++)
		add_to_suspect(suspect, &d->phase_findings[suspect->phase][i]);
}

/* The gate: parts of the phone stay weak suspects until the failure has survived two computers and
 * two cables, or the phone named the part, or an experiment with its parts did. */
static void weigh_suspects(struct diagnosis *d)
{
	bool persistent = strength_of_tally(&d->phases[PHASE_HARDWARE]) >= STRENGTH_MODERATE;
	const bool any[] = {
		[PHASE_CONNECTION] = any_suspected(d, PHASE_CONNECTION),
		[PHASE_SOFTWARE] = any_suspected(d, PHASE_SOFTWARE),
		[PHASE_HARDWARE] = any_suspected(d, PHASE_HARDWARE),
	};

	for (size_t i = 0; i < knowledge_causes_count; i++) {
		struct suspect *suspect = &d->suspects[i];
		bool open = persistent || d->causes[i].opens;

		suspect->cause = knowledge_causes[i].word;
		suspect->title = knowledge_causes[i].title;
		suspect->phase = knowledge_causes[i].phase;
		suspect->weight = d->causes[i].total;
		suspect->strength = strength_of_tally(&d->causes[i]);
		if (suspect->phase == PHASE_HARDWARE && !open && suspect->strength > STRENGTH_WEAK)
			suspect->strength = STRENGTH_WEAK;
		if (is_possible(d, i))
			share_phase_findings(d, suspect, any[suspect->phase]);
	}
}

static enum strength side_strength(const struct diagnosis *d, enum phase phase)
{
	enum strength strength = strength_of_tally(&d->phases[phase]);

	for (size_t i = 0; i < knowledge_causes_count; i++)
		if (d->suspects[i].phase == phase && d->suspects[i].strength > strength)
			strength = d->suspects[i].strength;
	return strength;
}

static int side_weight(const struct diagnosis *d, enum phase phase)
{
	int weight = d->phases[phase].total;

	for (size_t i = 0; i < knowledge_causes_count; i++)
		if (d->suspects[i].phase == phase && d->suspects[i].weight > weight)
			weight = d->suspects[i].weight;
	return weight;
}

/* Phase 1 as a whole has the strength of its stronger half; the halves compare by strength, then
 * weight, then cost: the link is cheaper to try. */
static enum phase surer_half(const struct diagnosis *d)
{
	enum strength link = side_strength(d, PHASE_CONNECTION);
	enum strength software = side_strength(d, PHASE_SOFTWARE);

	if (link != software)
		return link > software ? PHASE_CONNECTION : PHASE_SOFTWARE;
	return side_weight(d, PHASE_SOFTWARE) > side_weight(d, PHASE_CONNECTION) ? PHASE_SOFTWARE
										 : PHASE_CONNECTION;
}

static void decide_phase(const struct diagnosis *d, struct verdict *verdict)
{
	enum phase first = surer_half(d);
	enum strength outside = side_strength(d, first);
	enum strength inside = side_strength(d, PHASE_HARDWARE);

	verdict->phase = PHASE_UNDECIDED;
	verdict->strength = outside > inside ? outside : inside;
	if (verdict->strength < STRENGTH_MODERATE)
		return;
	if (outside > inside) {
		verdict->phase = first;
	} else if (inside > outside) {
		verdict->phase = PHASE_HARDWARE;
		/* A wrong hardware verdict opens a phone: contradicting evidence weakens it. */
		if (outside >= STRENGTH_MODERATE)
			verdict->strength = inside - 1;
	} else {
		verdict->strength = STRENGTH_WEAK; /* equal evidence for both sides is no verdict */
	}
}

/* No suspect is stronger than the verdict. */
static void cap_suspects(struct diagnosis *d, const struct verdict *verdict)
{
	for (size_t i = 0; i < knowledge_causes_count; i++) {
		struct suspect *suspect = &d->suspects[i];

		if (suspect->strength > verdict->strength)
			suspect->strength = verdict->strength;
	}
}

static int prior_of(const struct suspect *suspect)
{
	for (size_t i = 0; i < knowledge_causes_count; i++)
		if (knowledge_causes[i].word == suspect->cause)
			return knowledge_causes[i].prior;
	return 0;
}

static int compare_suspects(const void *left, const void *right)
{
	const struct suspect *a = left, *b = right;

	if (a->strength != b->strength)
		return a->strength > b->strength ? -1 : 1;
	if ((a->evidence_count > 0) != (b->evidence_count > 0))
		return a->evidence_count ? -1 : 1;
	if (a->weight != b->weight)
		return a->weight > b->weight ? -1 : 1;
	if (prior_of(a) != prior_of(b))
		return prior_of(a) > prior_of(b) ? -1 : 1;
	return strcmp(a->cause, b->cause);
}

/* Puts suspects of the verdict's phase first: the named suspect must match the verdict. */
static void rank_suspects(struct diagnosis *d, struct verdict *verdict)
{
	bool decided = verdict->phase != PHASE_UNDECIDED;

	qsort(d->suspects, knowledge_causes_count, sizeof(d->suspects[0]), compare_suspects);
	for (int pass = decided ? 0 : 1; pass < 2; pass++)
		for (size_t i = 0; i < knowledge_causes_count; i++) {
			const struct suspect *suspect = &d->suspects[i];
			bool inside = decided && suspect->phase == verdict->phase;

			if ((pass == 0) != inside)
				continue;
			/* A cause with only counter-evidence matters only in its own phase. */
			if (!suspect->evidence_count && !suspect->untested &&
				!(inside && suspect->counter_evidence_count))
				continue;
			verdict->causes[verdict->cause_count++] = *suspect;
		}
}

/* Weights are steps of odds: each step for a cause doubles its suspicion, each step against it
 * halves it. So evidence outweighs the prior, which orders the experiments as long as there is
 * none. */
static uint64_t suspicion_of(const struct diagnosis *d, size_t cause)
{
	int steps = d->causes[cause].total + d->causes[cause].untried +
		    d->phases[knowledge_causes[cause].phase].total;
	uint64_t prior = 2 * (uint64_t)knowledge_causes[cause].prior;

	if (steps > SUSPICION_STEPS_MAX)
		steps = SUSPICION_STEPS_MAX;
	if (steps < -SUSPICION_STEPS_MAX)
		steps = -SUSPICION_STEPS_MAX;
	return (prior ? prior : 1) << (SUSPICION_STEPS_MAX + steps);
}

static void choose_step(const struct diagnosis *d, struct verdict *verdict)
{
	uint64_t suspicion[CAUSE_COUNT_MAX] = {0};

	for (size_t i = 0; i < knowledge_causes_count; i++)
		suspicion[i] = is_possible(d, i) ? suspicion_of(d, i) : 0;
	next_step_choose(d->view, suspicion, verdict);
}

static void add_advice(struct verdict *verdict, const char *const *advice, size_t count)
{
	for (size_t i = 0; i < count && advice[i]; i++)
		if (verdict->advice_count < VERDICT_ADVICE_MAX)
			verdict->advice[verdict->advice_count++] = advice[i];
}

/* Advice on a cause is only for one that the verdict names; a part of the phone must be more than
 * the first one to try. */
static bool advises_on_cause(const struct verdict *verdict)
{
	const struct suspect *first = &verdict->causes[0];
	enum strength least =
		verdict->phase == PHASE_HARDWARE ? STRENGTH_STRONG : STRENGTH_MODERATE;

	return verdict->phase != PHASE_UNDECIDED && verdict->cause_count &&
	       first->phase == verdict->phase && first->strength >= least;
}

static void collect_advice(struct verdict *verdict)
{
	enum phase phase = verdict->works_since.attempt ? PHASE_NONE : verdict->phase;

	for (size_t i = 0; i < knowledge_causes_count && advises_on_cause(verdict); i++)
		if (knowledge_causes[i].word == verdict->causes[0].cause)
			add_advice(verdict, knowledge_causes[i].advice,
				ARRAY_SIZE(knowledge_causes[i].advice));
	for (size_t i = 0; i < knowledge_advice_count; i++)
		if (knowledge_advice[i].phase == phase)
			add_advice(verdict, knowledge_advice[i].advice,
				ARRAY_SIZE(knowledge_advice[i].advice));
}

static const char *const phase_titles[PHASE_UNDECIDED + 1] = {
	[PHASE_NONE] = "no failure seen",
	[PHASE_CONNECTION] = "Phase 1 (connection)",
	[PHASE_SOFTWARE] = "Phase 1 (software)",
	[PHASE_HARDWARE] = "Phase 2 (hardware)",
	[PHASE_UNDECIDED] = "undecided",
};

const char *phase_title(enum phase phase)
{
	return phase_titles[phase];
}

/* The first suspect of an undecided verdict, or of a phase that is surer than it. */
static void add_first_suspect(const struct suspect *first, char *out, size_t size)
{
	snprintf(out, size, "; first suspect (%s): %s.", strength_name(first->strength),
		first->title);
}

/* The headline: one short sentence. */
static void summarize(const struct diagnosis *d, struct verdict *verdict)
{
	const struct suspect *first = verdict->cause_count ? &verdict->causes[0] : NULL;
	size_t failures = d->view->failed_count + d->view->bench_fault_count;
	const char *phase = phase_titles[verdict->phase], *sure = strength_name(verdict->strength);
	size_t size = sizeof(verdict->summary);
	char *out = verdict->summary;
	bool named = first && first->strength >= STRENGTH_WEAK;
	int used;

	if (verdict->phase == PHASE_UNDECIDED) {
		used = snprintf(out, size, "Undecided after %zu failed %s", failures,
			failures == 1 ? "attempt" : "attempts");
		if (named)
			add_first_suspect(first, out + used, size - (size_t)used);
		else
			snprintf(out + used, size - (size_t)used,
				": nothing seen so far points to a cause.");
	} else if (!named || first->phase != verdict->phase) {
		snprintf(out, size, "%s, %s evidence; which %s is not known yet.", phase, sure,
			verdict->phase == PHASE_HARDWARE ? "part" : "cause");
	} else if (first->strength < verdict->strength) {
		used = snprintf(out, size, "%s, %s evidence", phase, sure);
		add_first_suspect(first, out + used, size - (size_t)used);
	} else {
		snprintf(out, size, "%s: %s, %s evidence.", phase, first->title, sure);
	}
}

/* A test that nobody made matters until the case is solved, and for what is not cleared without it.
 */
static void drop_untested(struct diagnosis *d, const struct verdict *verdict)
{
	bool sure = verdict->phase != PHASE_UNDECIDED && verdict->strength >= STRENGTH_STRONG;

	for (size_t i = 0; i < knowledge_causes_count; i++)
		if (sure || d->view->succeeded_count ||
			strength_of_weight(-d->causes[i].total) >= STRENGTH_MODERATE)
			d->suspects[i].untested = NULL;
}

static void diagnose_failures(struct diagnosis *d, struct verdict *verdict)
{
	const struct attempt_view *last = case_analysis_last_failure(d->view);

	apply_rules(d);
	weigh_suspects(d);
	/* iTunes shows the numbers of the phone as they are. */
	verdict->itunes_code = last->code ? last->code : last->phone_code;
	decide_phase(d, verdict);
	cap_suspects(d, verdict);
	drop_untested(d, verdict);
	rank_suspects(d, verdict);
	choose_step(d, verdict);
	summarize(d, verdict);
	cure_summarize(d->view, verdict);
	collect_advice(verdict);
	unknowns_collect(d->view, verdict);
}

int diagnose(const struct triage_case *c, struct verdict *ret)
{
	CLEANUP(case_analysis_freep) struct case_analysis *view = NULL;
	CLEANUP(freep) struct diagnosis *d = NULL;
	int r;

	assert(c && ret && knowledge_causes_count <= CAUSE_COUNT_MAX);
	r = case_analysis_new(c, &view);
	if (r < 0)
		return r;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->view = view;
	*ret = (struct verdict){.phase = PHASE_UNDECIDED};
	silence_collect(view, ret);
	unknowns_uncounted(view, ret);
	if (case_analysis_last_failure(view))
		diagnose_failures(d, ret);
	else
		ending_summarize(view, ret);
	ending_add_failed_step(view, ret);
	silence_summarize(ret);
	unknowns_warn(view, ret);
	return 0;
}

static const char *const phase_names[] = {
	[PHASE_NONE] = "none",
	[PHASE_CONNECTION] = "phase1-connection",
	[PHASE_SOFTWARE] = "phase1-software",
	[PHASE_HARDWARE] = "phase2-hardware",
	[PHASE_UNDECIDED] = "undecided",
};

const char *phase_name(enum phase phase)
{
	return (size_t)phase < ARRAY_SIZE(phase_names) ? phase_names[phase] : "unknown";
}

static const char *const strength_names[] = {
	[STRENGTH_NONE] = "none",
	[STRENGTH_WEAK] = "weak",
	[STRENGTH_MODERATE] = "moderate",
	[STRENGTH_STRONG] = "strong",
	[STRENGTH_CONCLUSIVE] = "conclusive",
};

const char *strength_name(enum strength strength)
{
	return (size_t)strength < ARRAY_SIZE(strength_names) ? strength_names[strength] : "unknown";
}

enum strength strength_from_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(strength_names); i++)
		if (text_equal(name, strength_names[i]))
			return (enum strength)i;
	return STRENGTH_NONE;
}

bool casts_doubt_on_port(const char *cause, enum strength strength)
{
	return cause && text_equal(cause, "port-hub") && strength >= STRENGTH_MODERATE;
}
