/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/diagnosis/verdict.h"

#include <string.h>

#include "common/base/macro.h"
#include "common/diagnosis/other_phones.h"
#include "common/diagnosis/code.h"
#include "common/diagnosis/knowledge.h"
#include "tests/unit/case_builder.h"
#include "tests/unit/test.h"

#define FACE_ID "iPhone12,3"
#define NO_FACE_ID "iPhone9,1"

static struct verdict verdict;

static void diagnose_ok(const struct triage_case *c)
{
	memset(&verdict, 0xff, sizeof(verdict));
	assert_int_equal(diagnose(c, &verdict), 0);
}

static void assert_verdict(enum phase phase, enum strength strength)
{
	assert_string_equal(phase_name(verdict.phase), phase_name(phase));
	assert_string_equal(strength_name(verdict.strength), strength_name(strength));
}

static void assert_first(const char *cause)
{
	assert_true(verdict.cause_count > 0);
	assert_string_equal(verdict.causes[0].cause, cause);
}

static void add_sign(struct attempt *attempt, const char *id)
{
	text_copy(attempt->signs[attempt->sign_count].id, NAME_SIZE, id);
	attempt->signs[attempt->sign_count++].count = 1;
}

static void assert_next(const char *experiment)
{
	assert_non_null(verdict.next.experiment);
	assert_string_equal(verdict.next.experiment, experiment);
	assert_true(verdict.next.outcome_count > 0);
}

static const struct suspect *find_cause(const char *cause)
{
	for (size_t i = 0; i < verdict.cause_count; i++)
		if (strcmp(verdict.causes[i].cause, cause) == 0)
			return &verdict.causes[i];
	return NULL;
}

static void no_attempts_is_no_failure(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of("");

	diagnose_ok(c);
	assert_int_equal(verdict.phase, PHASE_NONE);
	add_success(c, "one", "A");
	diagnose_ok(c);
	assert_int_equal(verdict.phase, PHASE_NONE);
	assert_null(verdict.next.experiment);
}

static void first_failure_is_undecided(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(FACE_ID);

	add_4013(c, "one", "A");
	diagnose_ok(c);
	assert_int_equal(verdict.phase, PHASE_UNDECIDED);
	assert_true(verdict.strength <= STRENGTH_WEAK);
	assert_int_equal(verdict.itunes_code, 4013);
	assert_next("swap-cable");
}

static void second_cable_asks_for_other_computer(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(FACE_ID);

	add_4013(c, "one", "A");
	add_4013(c, "one", "B");
	diagnose_ok(c);
	assert_int_equal(verdict.phase, PHASE_UNDECIDED);
	assert_next("other-computer");
}

static void add_persisting(struct triage_case *c)
{
	add_4013(c, "one", "A");
	add_4013(c, "one", "B");
	add_4013(c, "two", "B");
}

static void two_computers_and_cables_are_hardware(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(FACE_ID);

	add_persisting(c);
	diagnose_ok(c);
	assert_verdict(PHASE_HARDWARE, STRENGTH_STRONG);
	assert_first("earpiece-flex");
	assert_next("disconnect-earpiece-flex");
	assert_true(verdict.advice_count >= 2);
	assert_true(verdict.causes[0].evidence_count > 0);
	assert_true(verdict.causes[0].evidence[0].record_count > 0);
}

static void without_face_id_the_flex_is_never_first(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(NO_FACE_ID);

	add_persisting(c);
	diagnose_ok(c);
	assert_verdict(PHASE_HARDWARE, STRENGTH_STRONG);
	assert_string_not_equal(verdict.causes[0].cause, "earpiece-flex");
	assert_string_not_equal(verdict.next.experiment, "disconnect-earpiece-flex");
}

static void faulty_links_keep_phase_two_away(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(FACE_ID);

	add_persisting(c);
	c->attempts[2]->health.usb_errors = 3;
	diagnose_ok(c);
	assert_int_not_equal(verdict.phase, PHASE_HARDWARE);
}

/* A person told of "failed", code 9, on two computers: nobody knows how good the links were. */
static void links_that_nobody_saw_make_it_less_sure(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(NO_FACE_ID);

	add_persisting(c);
	for (size_t i = 0; i < c->attempt_count; i++) {
		c->attempts[i]->itunes_code = 9;
		c->attempts[i]->came_back = MODE_UNKNOWN;
		c->attempts[i]->health.grade = HEALTH_UNKNOWN;
	}
	diagnose_ok(c);
	assert_verdict(PHASE_HARDWARE, STRENGTH_MODERATE);
	assert_int_equal(verdict.missing_count, 1);
	assert_string_equal(verdict.missing[0],
		"How good the link was in attempts 1, 2 and 3 is unknown: the same failure in a "
		"watched restore, or in an imported log, is better evidence.");
	for (size_t i = 0; i < c->attempt_count; i++)
		c->attempts[i]->health.grade = HEALTH_GOOD;
	diagnose_ok(c);
	assert_verdict(PHASE_HARDWARE, STRENGTH_STRONG);
	assert_int_equal(verdict.missing_count, 0);
}

static void names_the_labels_that_are_missing(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(FACE_ID);

	add_4013(c, "one", "A");
	add_4013(c, "two", NULL);
	diagnose_ok(c);
	assert_int_equal(verdict.phase, PHASE_UNDECIDED);
	assert_int_equal(verdict.missing_count, 1);
	assert_non_null(strstr(verdict.missing[0], "The cable of attempt 2 is unknown"));
	add_4013(c, NULL, "B");
	for (int i = 0; i < 6; i++)
		add_4013(c, "one", NULL);
	diagnose_ok(c);
	assert_verdict(PHASE_HARDWARE, STRENGTH_STRONG);
	assert_int_equal(verdict.missing_count, 0);
	c->attempts[2]->itunes_code = 4014;
	c->attempts[1]->host[0] = '\0';
	diagnose_ok(c);
	assert_int_equal(verdict.phase, PHASE_UNDECIDED);
	assert_int_equal(verdict.missing_count, 2);
	assert_non_null(strstr(verdict.missing[0], "attempts 2, 4, 5, 6 and 3 others"));
	assert_non_null(strstr(verdict.missing[1], "The computer of attempts 2 and 3 is unknown"));
}

static void flex_out_succeeds(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(FACE_ID);

	add_persisting(c);
	set_flex(add_success(c, "one", "A"), "disconnected");
	diagnose_ok(c);
	assert_verdict(PHASE_HARDWARE, STRENGTH_STRONG);
	assert_first("earpiece-flex");
	assert_int_equal(verdict.causes[0].strength, STRENGTH_STRONG);
	assert_next("reconnect-earpiece-flex");

	set_flex(add_4013(c, "one", "A"), "connected");
	diagnose_ok(c);
	assert_verdict(PHASE_HARDWARE, STRENGTH_CONCLUSIVE);
	assert_first("earpiece-flex");
	assert_next("replace-earpiece-flex");
}

static void flex_out_fails(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(FACE_ID);

	add_persisting(c);
	set_flex(add_4013(c, "two", "A"), "disconnected");
	diagnose_ok(c);
	assert_int_equal(verdict.phase, PHASE_HARDWARE);
	assert_first("nand");
	assert_string_not_equal(verdict.next.experiment, "disconnect-earpiece-flex");
	assert_true(find_cause("earpiece-flex")->counter_evidence_count > 0);
	assert_int_equal(find_cause("earpiece-flex")->strength, STRENGTH_NONE);
}

static void flex_out_alone_is_enough(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of("");

	add_4013(c, "one", NULL);
	set_flex(add_success(c, "one", NULL), "disconnected");
	diagnose_ok(c);
	assert_verdict(PHASE_HARDWARE, STRENGTH_STRONG);
	assert_first("earpiece-flex");
}

static void other_cable_works(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(FACE_ID);

	add_4013(c, "one", "A");
	add_success(c, "one", "B");
	diagnose_ok(c);
	assert_verdict(PHASE_CONNECTION, STRENGTH_MODERATE);
	assert_first("cable");

	add_success(c, "one", "B");
	diagnose_ok(c);
	assert_verdict(PHASE_CONNECTION, STRENGTH_STRONG);
	assert_first("cable");
}

static void other_computer_works(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(FACE_ID);

	add_4013(c, "one", "A");
	add_success(c, "two", "A");
	add_success(c, "two", "A");
	diagnose_ok(c);
	assert_true(verdict.phase == PHASE_CONNECTION || verdict.phase == PHASE_SOFTWARE);
	assert_int_equal(verdict.strength, STRENGTH_STRONG);
}

static void other_cable_and_computer_work(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(FACE_ID);

	add_4013(c, "one", "A");
	add_success(c, "two", "B");
	add_success(c, "two", "B");
	diagnose_ok(c);
	assert_true(verdict.phase == PHASE_CONNECTION || verdict.phase == PHASE_SOFTWARE);
	assert_int_equal(verdict.strength, STRENGTH_STRONG);
}

static void success_with_nothing_changed_clears_nothing(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(FACE_ID);

	add_4013(c, "one", "A");
	add_success(c, "one", "A");
	diagnose_ok(c);
	assert_int_equal(verdict.phase, PHASE_UNDECIDED);
}

static void mux_fault_comes_before_hardware(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(FACE_ID);
	struct attempt *attempt = add_4013(c, "one", "A");

	attempt->health.mux_faults = 1;
	attempt->amr_error_known = true;
	attempt->amr_error = 40;
	diagnose_ok(c);
	assert_int_equal(verdict.phase, PHASE_SOFTWARE);
	assert_first("host-software");
	assert_next("restart-usbmuxd");
}

static bool has_rule(const char *rule)
{
	for (size_t i = 0; i < verdict.causes[0].evidence_count; i++)
		if (text_equal(verdict.causes[0].evidence[i].rule, rule))
			return true;
	return false;
}

static void usbmuxd_faults_are_named(void **state)
{
	static const struct {
		const char *sign, *rule;
	} cases[] = {
		{"usbmuxd-ended", "usbmuxd-ended"},
		{"usbmuxd-left-phone", "usbmuxd-ended"},
		{"usbmuxd-down", "usbmuxd-ended"},
		{"usbmuxd-hides-phone", "usbmuxd-hid-phone"},
		{"usbmuxd-preflight-failed", "usbmuxd-hid-phone"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(triage_case_freep) struct triage_case *c = case_of(FACE_ID);
		struct attempt *attempt = add_4013(c, "one", "A");

		attempt->health.mux_faults = 1;
		text_copy(attempt->signs[0].id, sizeof(attempt->signs[0].id), cases[i].sign);
		attempt->sign_count = 1;
		diagnose_ok(c);
		assert_int_equal(verdict.phase, PHASE_SOFTWARE);
		assert_first("host-software");
		assert_true(has_rule(cases[i].rule));
		assert_false(
			has_rule(text_equal(cases[i].rule, "usbmuxd-ended") ? "usbmuxd-hid-phone"
									    : "usbmuxd-ended"));
	}
}

/* "The phone and the cable are cleared" was said of it, strongly. */
static void a_dropped_phone_is_the_connection(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(FACE_ID);
	struct attempt *attempt = add_4013(c, "one", "A");

	attempt->itunes_code = 0;
	attempt->health.usb_errors = 1;
	text_copy(attempt->signs[0].id, sizeof(attempt->signs[0].id), "usbmuxd-dropped-phone");
	attempt->sign_count = 1;
	diagnose_ok(c);
	assert_int_equal(verdict.phase, PHASE_CONNECTION);
	assert_true(verdict.strength < STRENGTH_STRONG);
	assert_first("cable");
	assert_true(has_rule("transfer-failed"));
}

/* A session of an earlier version, which took a replugged phone for a restore. */
static void a_replugged_phone_proves_nothing(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(FACE_ID);
	struct attempt *attempt = add_attempt(c, NULL, NULL, OUTCOME_NOT_STARTED);

	attempt->modes[0].mode = MODE_RECOVERY;
	attempt->mode_count = 1;
	diagnose_ok(c);
	assert_int_equal(verdict.cause_count, 0);
	assert_non_null(strstr(verdict.summary, "No restore was seen"));
	assert_null(strstr(verdict.summary, "tool"));
}

static void phone_names_storage(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(FACE_ID);
	struct attempt *attempt = add_attempt(c, "one", "A", OUTCOME_FAILED);

	attempt->amr_error_known = true;
	attempt->amr_error = 40;
	diagnose_ok(c);
	assert_verdict(PHASE_HARDWARE, STRENGTH_MODERATE);
	assert_first("nand");
}

static void an_operation_alone_names_nothing(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(FACE_ID);
	struct attempt *attempt = add_attempt(c, "one", "A", OUTCOME_FAILED);

	attempt->operation = 28;
	text_copy(attempt->operation_name, sizeof(attempt->operation_name), "Waiting for NAND");
	diagnose_ok(c);
	assert_int_equal(verdict.phase, PHASE_UNDECIDED);
	assert_non_null(strstr(find_cause("nand")->evidence[0].text, "Waiting for NAND"));
}

static void one_success_asks_to_be_repeated(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(FACE_ID);

	add_4013(c, "one", "A");
	add_success(c, "one", "B");
	diagnose_ok(c);
	assert_next("repeat-success");
	add_success(c, "one", "B");
	diagnose_ok(c);
	assert_next("hand-over");
}

static void a_named_part_asks_for_one_repeat(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(NO_FACE_ID);

	for (int i = 0; i < 2; i++) {
		struct attempt *attempt = add_attempt(c, "one", "A", OUTCOME_FAILED);

		attempt->amr_error_known = true;
		attempt->amr_error = 1016;
		diagnose_ok(c);
		assert_verdict(PHASE_HARDWARE, i ? STRENGTH_STRONG : STRENGTH_MODERATE);
		assert_first("baseband");
		assert_next(i ? "board-shop" : "retry-update");
	}
}

static bool has_evidence(const char *cause, const char *rule)
{
	const struct suspect *suspect = find_cause(cause);

	for (size_t i = 0; suspect && i < suspect->evidence_count; i++)
		if (text_equal(suspect->evidence[i].rule, rule))
			return true;
	return false;
}

/* The number that we derive from the modes is no second witness of them, even where iTunes shows it
 * too. */
static void a_derived_number_counts_once(void **state)
{
	for (int i = 0; i < 2; i++) {
		CLEANUP(triage_case_freep) struct triage_case *c = case_of(FACE_ID);
		struct attempt *attempt = add_4013(c, "one", "A");

		text_copy(attempt->errors[0].domain, sizeof(attempt->errors[0].domain), "itunes");
		attempt->errors[0].code = 4013;
		attempt->error_count = (size_t)i;
		diagnose_ok(c);
		assert_int_equal(verdict.itunes_code, 4013);
		assert_first("earpiece-flex");
		assert_true(has_evidence("earpiece-flex", "came-back-by-itself"));
		assert_true(has_evidence("earpiece-flex", "face-id-came-back"));
		assert_false(has_evidence("earpiece-flex", "face-id-hint"));
		attempt->came_back = MODE_UNKNOWN;
		diagnose_ok(c);
		assert_true(has_evidence("earpiece-flex", "face-id-hint"));
		assert_false(has_evidence("earpiece-flex", "came-back-by-itself"));
	}
}

/* What errors.txt says of a number that people report from a program's window or a log. */
static enum says says_of_reported(const char *domain, int64_t number)
{
	const struct code *code = NULL;

	if (text_equal(domain, "itunes"))
		code = code_by_number(NUMBERING_ITUNES, number);
	if (!code)
		code = code_by_number(NUMBERING_AMR, number);
	return code ? code->says : SAYS_NOTHING;
}

/* The same number on two computers and with two cables, as people report it. */
static void check_number(const char *domain, int64_t number, const char *action)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(FACE_ID);
	enum says says = says_of_reported(domain, number);
	bool at_volume = says == SAYS_VOLUME && !text_equal(action, "erase");

	for (int i = 0; i < 2; i++) {
		struct attempt *attempt =
			add_attempt(c, i ? "pc" : "mac", i ? "A" : "B", OUTCOME_FAILED);

		text_copy(attempt->tool, sizeof(attempt->tool), "itunes");
		text_copy(attempt->action, sizeof(attempt->action), action);
		text_copy(attempt->errors[0].domain, sizeof(attempt->errors[0].domain), domain);
		attempt->errors[0].code = number;
		attempt->error_count = 1;
	}
	diagnose_ok(c);
	if (says != SAYS_PART && says != SAYS_RESET && verdict.phase == PHASE_HARDWARE &&
		verdict.strength >= STRENGTH_STRONG)
		fail_msg("%s %lld, %s: %s", domain, (long long)number, action, verdict.summary);
	if (says != SAYS_PART && says != SAYS_RESET && says != SAYS_LINK &&
		verdict.phase == PHASE_HARDWARE)
		fail_msg("%s %lld, %s: %s", domain, (long long)number, action, verdict.summary);
	if (says == SAYS_RESET && verdict.phase != PHASE_HARDWARE)
		fail_msg("%s %lld, %s: %s", domain, (long long)number, action, verdict.summary);
	if (at_volume)
		assert_next("make-room");
}

/* Only a number that by its sources names a part of the phone, or says that it reset itself, is the
 * phone's own word. The storage was full, and the verdict opened the phone. */
static void a_number_alone_opens_no_phone(void **state)
{
	static const char *const domains[] = {"itunes", "amr", "restored"};
	static const char *const actions[] = {"update", "erase", ""};
	static const int64_t others[] = {59, 60, 76, 77, 99, 101, 999, 1099, 1111, 1599, 5000};
	size_t count;
	const struct code *codes = code_all(&count);

	for (size_t i = 0; i < ARRAY_SIZE(domains) * ARRAY_SIZE(actions); i++) {
		const char *domain = domains[i % ARRAY_SIZE(domains)];
		const char *action = actions[i / ARRAY_SIZE(domains)];

		for (size_t j = 0; j < count; j++) {
			if (codes[j].numbering >= NUMBERING_OPERATION)
				continue;
			check_number(domain, codes[j].first, action);
			check_number(domain, codes[j].last, action);
		}
		for (size_t j = 0; j < ARRAY_SIZE(others); j++)
			check_number(domain, others[j], action);
	}
}

/* A rule that lets one attempt open Phase 2 by a number names numbers of parts. */
static void rules_that_open_name_a_part(void **state)
{
	size_t checked = 0;

	for (size_t i = 0; i < knowledge_rules_count; i++) {
		const struct rule *rule = &knowledge_rules[i];

		for (size_t j = 0; rule->opens && j < rule->when_count; j++) {
			const struct term *term = &rule->when[j];

			for (size_t k = 0; term->kind == TERM_AMR && k < term->count; k++) {
				const struct code *code =
					code_by_number(NUMBERING_AMR, term->numbers[k]);

				if (!code || code->says != SAYS_PART)
					fail_msg("%s: %lld", rule->id, (long long)term->numbers[k]);
				checked++;
			}
		}
	}
	assert_true(checked > 10);
}

/* Apple's server, a file, or a tool that lacks an answer end a restore on every computer and cable:
 * that is no fault of the phone. */
static void what_lies_outside_is_never_hardware(void **state)
{
	static const struct {
		int64_t code, phone_code;
		const char *sign;
		bool decided; /* as software, and not left open */
	} ends[] = {
		{3104, 0, NULL, true},
		{3194, 0, NULL, true},
		{9006, 0, NULL, true},
		{1013, 1013, NULL, false},
		{0, 15, NULL, true},
		{0, 10, NULL, true},
		{0, 0, "signing-refused", true},
		{0, 0, "signing-failed", true},
		{0, 0, "network", true},
		{0, 0, "answer-lacking", true},
		{0, 0, "tool-unusable", true},
		{0, 0, "firmware-file", true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		CLEANUP(triage_case_freep) struct triage_case *c = case_of(FACE_ID);

		add_persisting(c);
		for (size_t j = 0; j < c->attempt_count; j++) {
			struct attempt *attempt = c->attempts[j];

			text_copy(attempt->tool, sizeof(attempt->tool), "idevicerestore");
			attempt->stage = STAGE_RESTORE;
			attempt->came_back = MODE_UNKNOWN;
			attempt->itunes_code = ends[i].code;
			attempt->amr_error = ends[i].phone_code;
			attempt->amr_error_known = ends[i].phone_code;
			if (ends[i].sign)
				add_sign(attempt, ends[i].sign);
		}
		diagnose_ok(c);
		assert_int_equal(verdict.phase, ends[i].decided ? PHASE_SOFTWARE : PHASE_UNDECIDED);
	}
}

/* The same tool takes its faults along to the next computer; a second tool does not share them. */
static void a_step_that_names_no_part_asks_for_another_tool(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(FACE_ID);

	add_persisting(c);
	for (size_t i = 0; i < c->attempt_count; i++) {
		struct attempt *attempt = c->attempts[i];

		text_copy(attempt->tool, sizeof(attempt->tool), "idevicerestore");
		attempt->came_back = MODE_UNKNOWN;
		attempt->itunes_code = 0;
		attempt->stage = STAGE_RESTORE;
		attempt->status_known = true;
		attempt->status = -1;
		add_sign(attempt, "step-failed");
	}
	diagnose_ok(c);
	assert_int_equal(verdict.phase, PHASE_UNDECIDED);
	assert_next("update-tool");
	/* A connection that broke is not the tool's doing, whatever the tool calls it. */
	for (size_t i = 0; i < c->attempt_count; i++) {
		c->attempts[i]->status_known = false;
		c->attempts[i]->health.attaches = 2;
		add_sign(c->attempts[i], "image-link-lost");
	}
	diagnose_ok(c);
	assert_verdict(PHASE_HARDWARE, STRENGTH_STRONG);
	for (size_t i = 0; i < c->attempt_count; i++) {
		c->attempts[i]->status_known = true;
		c->attempts[i]->status = 40;
	}
	diagnose_ok(c);
	assert_int_equal(verdict.phase, PHASE_HARDWARE);
	for (size_t i = 0; i < c->attempt_count; i++)
		c->attempts[i]->status = -1;
	text_copy(c->attempts[2]->tool, sizeof(c->attempts[2]->tool), "itunes");
	diagnose_ok(c);
	assert_verdict(PHASE_HARDWARE, STRENGTH_STRONG);
}

/* A connection that the log tells as lost did not hold, where nobody watched it on USB. */
static void a_link_lost_in_the_log_is_not_proven(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(NO_FACE_ID);

	add_persisting(c);
	for (size_t i = 0; i < c->attempt_count; i++) {
		c->attempts[i]->itunes_code = 0;
		c->attempts[i]->error_count = 0;
		text_copy(c->attempts[i]->tool, NAME_SIZE, "itunes");
		c->attempts[i]->stage = STAGE_RESTORE;
		c->attempts[i]->operation = 13;
		add_sign(c->attempts[i], "link-lost");
	}
	diagnose_ok(c);
	assert_verdict(PHASE_HARDWARE, STRENGTH_MODERATE);
	for (size_t i = 0; i < c->attempt_count; i++)
		c->attempts[i]->health.attaches = 2;
	diagnose_ok(c);
	assert_verdict(PHASE_HARDWARE, STRENGTH_STRONG);
	/* It held until the phone had told how it ended. */
	for (size_t i = 0; i < c->attempt_count; i++) {
		c->attempts[i]->health.attaches = 0;
		c->attempts[i]->status_known = true;
		c->attempts[i]->status = -1;
	}
	diagnose_ok(c);
	assert_verdict(PHASE_HARDWARE, STRENGTH_STRONG);
}

/* The phone may have reported anything before it left restore mode: a full volume, a damaged file.
 */
static void restore_mode_without_a_log_is_not_proven(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(NO_FACE_ID);

	add_persisting(c);
	for (size_t i = 0; i < c->attempt_count; i++) {
		c->attempts[i]->itunes_code = 4010;
		c->attempts[i]->stage = STAGE_RESTORE;
		c->attempts[i]->health.attaches = 3;
	}
	diagnose_ok(c);
	assert_verdict(PHASE_HARDWARE, STRENGTH_MODERATE);
}

/* At different points: the rule of the same step says nothing, that of several computers does. */
static void failures_everywhere_are_the_phone(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(NO_FACE_ID);

	add_persisting(c);
	for (size_t i = 0; i < c->attempt_count; i++) {
		c->attempts[i]->itunes_code = 0;
		c->attempts[i]->stage = STAGE_RESTORE;
		c->attempts[i]->operation = 11 + (uint32_t)i;
	}
	diagnose_ok(c);
	assert_verdict(PHASE_HARDWARE, STRENGTH_MODERATE);
	/* With link faults each time, its own port is what stays. */
	for (size_t i = 0; i < c->attempt_count; i++)
		c->attempts[i]->health.usb_errors = 2;
	diagnose_ok(c);
	assert_verdict(PHASE_HARDWARE, STRENGTH_MODERATE);
	assert_first("other-flex");
	/* On one computer it may be that one. */
	for (size_t i = 0; i < c->attempt_count; i++)
		text_copy(c->attempts[i]->host, sizeof(c->attempts[i]->host), "one");
	diagnose_ok(c);
	assert_int_not_equal(verdict.phase, PHASE_HARDWARE);
}

/* A fault that comes and goes may have spared the one restore without the flex. */
static void a_trial_of_a_varying_fault_is_not_strong(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(FACE_ID);

	add_4013(c, "one", "A");
	add_4013(c, "one", "A")->operation = 13;
	c->attempts[0]->operation = 28;
	set_flex(add_success(c, "one", "A"), "disconnected");
	diagnose_ok(c);
	assert_verdict(PHASE_HARDWARE, STRENGTH_MODERATE);
	assert_first("earpiece-flex");
}

/* On two computers with the same usbmuxd, nobody saw where the phone was. */
static void a_phone_that_no_host_found_is_not_hardware(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(NO_FACE_ID);

	add_persisting(c);
	for (size_t i = 0; i < c->attempt_count; i++) {
		c->attempts[i]->came_back = MODE_UNKNOWN;
		c->attempts[i]->itunes_code = 0;
		c->attempts[i]->health.grade = HEALTH_UNKNOWN;
		add_sign(c->attempts[i], "usbmuxd-not-running");
	}
	diagnose_ok(c);
	assert_int_equal(verdict.phase, PHASE_UNDECIDED);
}

/* What came off with the display is told apart, and no computer or cable is looked at again. */
static void a_success_without_the_display_is_hardware(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(FACE_ID);

	for (int i = 0; i < 2; i++)
		add_sign(add_attempt(c, "one", "A", OUTCOME_FAILED), "image-link-lost");
	attempt_set_condition(add_success(c, "one", "A"), "display", "disconnected", 35);
	diagnose_ok(c);
	assert_verdict(PHASE_HARDWARE, STRENGTH_MODERATE);
	assert_first("other-flex");
	assert_next("display-again");
}

static void broken_off_is_not_well(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(NO_FACE_ID);

	add_attempt(c, "one", "A", OUTCOME_ENDED_UNKNOWN);
	diagnose_ok(c);
	assert_verdict(PHASE_UNDECIDED, STRENGTH_NONE);
	add_attempt(c, "one", "A", OUTCOME_ABORTED);
	diagnose_ok(c);
	assert_verdict(PHASE_UNDECIDED, STRENGTH_NONE);
	c->attempts[1]->status_known = true;
	diagnose_ok(c);
	assert_int_equal(verdict.phase, PHASE_NONE);
	add_success(c, "one", "A");
	diagnose_ok(c);
	assert_int_equal(verdict.phase, PHASE_NONE);
}

/* Changed firmware fails for reasons of its own, on every computer. */
static void custom_firmware_is_never_hardware(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(FACE_ID);

	add_persisting(c);
	add_sign(c->attempts[0], "custom-firmware");
	diagnose_ok(c);
	assert_int_not_equal(verdict.phase, PHASE_HARDWARE);
}

/* Grey buttons tell of the audio chip on the models that are known for it, and nowhere else. */
static void a_loop_after_grey_buttons_is_the_audio_chip(void **state)
{
	for (int known = 0; known < 2; known++) {
		CLEANUP(triage_case_freep)
		struct triage_case *c = case_of(known ? "iPhone9,3" : "iPhone8,1");

		triage_case_add_history(c, "boot-loop");
		triage_case_add_history(c, "grey-speaker");
		text_copy(add_attempt(c, "one", NULL, OUTCOME_FAILED)->action, 16, "boot");
		diagnose_ok(c);
		assert_int_equal(verdict.phase, known ? PHASE_HARDWARE : PHASE_UNDECIDED);
		if (known)
			assert_first("audio-ic");
	}
}

/* A wet Face ID phone that loops must be opened in any case: the flex first. */
static void a_wet_phone_that_loops_is_opened(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(FACE_ID);

	triage_case_add_history(c, "liquid");
	text_copy(add_attempt(c, "one", NULL, OUTCOME_FAILED)->action, 16, "update");
	diagnose_ok(c);
	assert_next("swap-cable");
	triage_case_add_history(c, "boot-loop");
	diagnose_ok(c);
	assert_int_equal(verdict.phase, PHASE_UNDECIDED);
	assert_first("earpiece-flex");
	assert_next("disconnect-earpiece-flex");
}

static void the_mode_is_looked_at_once(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(FACE_ID);

	for (int i = 0; i < 2; i++) {
		add_sign(add_attempt(c, "one", "A", OUTCOME_FAILED), "component-refused");
		diagnose_ok(c);
		if (i == 0)
			assert_next("check-mode");
		else
			assert_string_not_equal(verdict.next.experiment, "check-mode");
	}
}

static void add_mode(struct attempt *attempt, enum device_mode mode, uint64_t seconds)
{
	attempt->modes[attempt->mode_count++] =
		(struct seen_mode){.mode = mode, .monotonic_us = seconds * 1000000};
}

static void stand_in_restore_mode(struct attempt *attempt, uint64_t seconds)
{
	add_sign(attempt, "no-restore-mode");
	add_mode(attempt, MODE_RECOVERY, 1);
	add_mode(attempt, MODE_RESTORE, 20);
	add_mode(attempt, MODE_GONE, 20 + seconds);
}

/* It waited for a computer that did not see it; one that panics is gone at once. */
static void a_phone_that_waits_in_restore_mode_is_fine(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *one = case_of(NO_FACE_ID);

	stand_in_restore_mode(add_4013(one, "one", "A"), 120);
	diagnose_ok(one);
	assert_verdict(PHASE_SOFTWARE, STRENGTH_MODERATE);
	assert_first("host-software");
	for (int waits = 0; waits < 2; waits++) {
		CLEANUP(triage_case_freep) struct triage_case *c = case_of(NO_FACE_ID);

		add_persisting(c);
		for (size_t i = 0; i < c->attempt_count; i++)
			stand_in_restore_mode(c->attempts[i], waits ? 120 : 20);
		diagnose_ok(c);
		if (waits)
			assert_int_not_equal(verdict.phase, PHASE_HARDWARE);
		else
			assert_verdict(PHASE_HARDWARE, STRENGTH_STRONG);
	}
}

/* The restore system crossed the cable before it failed: the tool comes before the cable then. */
static void a_failure_in_restore_mode_is_rarely_the_cable(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(NO_FACE_ID);
	struct attempt *attempt = add_attempt(c, "one", "A", OUTCOME_FAILED);

	text_copy(attempt->tool, sizeof(attempt->tool), "idevicerestore");
	attempt->stage = STAGE_BOOT_RAMDISK;
	diagnose_ok(c);
	assert_next("swap-cable");
	attempt->stage = STAGE_RESTORE;
	diagnose_ok(c);
	assert_first("tool");
	assert_next("other-computer");
	/* A link that was lost there brings the cable back. */
	text_copy(attempt->signs[0].id, NAME_SIZE, "link-lost");
	attempt->sign_count = 1;
	diagnose_ok(c);
	assert_first("cable");
	assert_next("swap-cable");
}

static void a_cable_is_not_tried_twice(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(FACE_ID);

	add_4013(c, "one", "A");
	add_4013(c, "one", "B")->itunes_code = 4005;
	diagnose_ok(c);
	assert_next("other-computer");
	for (size_t i = 0; find_cause("cable") && i < find_cause("cable")->evidence_count; i++)
		assert_string_not_equal(find_cause("cable")->evidence[i].rule, "cable-untested");
}

/* A boot loop needs no cable: where there is no earpiece flex, the least that boots is tried. */
static void a_phone_that_loops_is_tried_by_parts(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(NO_FACE_ID);

	triage_case_add_history(c, "boot-loop");
	text_copy(add_4013(c, "one", "A")->tool, NAME_SIZE, "itunes");
	diagnose_ok(c);
	assert_int_equal(verdict.phase, PHASE_UNDECIDED);
	assert_next("minimal-boot");
	text_copy(c->identity.product, sizeof(c->identity.product), FACE_ID);
	diagnose_ok(c);
	assert_next("disconnect-earpiece-flex");
}

static void an_aftermarket_battery_clears_no_gauge(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(NO_FACE_ID);
	struct attempt *attempt = add_attempt(c, "one", "A", OUTCOME_FAILED);

	attempt->operation = 47;
	attempt_set_condition(attempt, "battery", "replaced", 5);
	triage_case_add_history(c, "third-party-battery");
	diagnose_ok(c);
	assert_verdict(PHASE_HARDWARE, STRENGTH_MODERATE);
	assert_first("battery-gauge");
	attempt_set_condition(attempt, "battery", "known-good", 5);
	diagnose_ok(c);
	assert_int_equal(verdict.phase, PHASE_UNDECIDED);
}

/* A tool that can't know the firmware is told before anything is said of the phone. */
static void an_outdated_tool_comes_before_hardware(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(FACE_ID);

	add_persisting(c);
	for (size_t i = 0; i < c->attempt_count; i++) {
		text_copy(c->attempts[i]->tool, NAME_SIZE, "idevicerestore");
		text_copy(c->attempts[i]->version, NAME_SIZE, "1.0.0");
		text_copy(c->attempts[i]->firmware, NAME_SIZE, "17.5.1");
	}
	diagnose_ok(c);
	assert_int_equal(verdict.phase, PHASE_UNDECIDED);
	assert_first("tool");
	assert_next("update-tool");
	text_copy(add_4013(c, "two", "A")->tool, NAME_SIZE, "finder");
	diagnose_ok(c);
	assert_verdict(PHASE_HARDWARE, STRENGTH_STRONG);
}

/* One update, all of Phase 1 tried: DFU comes last, once, and says that it erases. */
static void dfu_comes_last_and_once(void **state)
{
	static const struct {
		const char *cable, *tool, *firmware, *network;
	} tries[] = {{"A", "idevicerestore", "17.0", NULL}, {"B", "itunes", "17.1", "other"}};
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(NO_FACE_ID);

	for (size_t i = 0; i < ARRAY_SIZE(tries); i++) {
		struct attempt *attempt = add_4013(c, NULL, tries[i].cable);

		text_copy(attempt->host, sizeof(attempt->host), i ? "two" : "one");
		text_copy(attempt->tool, sizeof(attempt->tool), tries[i].tool);
		text_copy(attempt->firmware, sizeof(attempt->firmware), tries[i].firmware);
		if (tries[i].network)
			attempt_set_condition(attempt, "network", tries[i].network, 0);
		attempt->itunes_code = i ? 4013 : 4014;
		attempt->came_back = MODE_UNKNOWN;
	}
	diagnose_ok(c);
	assert_int_equal(verdict.phase, PHASE_UNDECIDED);
	assert_next("decide-on-data");
	text_copy(c->attempts[0]->action, sizeof(c->attempts[0]->action), "update");
	diagnose_ok(c);
	assert_next("dfu-restore");
	assert_non_null(strstr(verdict.next.text, "it erases the data"));
	c->attempts[1]->entry = MODE_DFU;
	diagnose_ok(c);
	assert_next("decide-on-data");
}

/* A tool that does not notice the loss of its phone has nothing of it in its log. */
static void a_phone_that_was_seen_to_leave_broke_the_link(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(NO_FACE_ID);
	struct attempt *attempt = add_attempt(c, "one", "A", OUTCOME_FAILED);

	text_copy(attempt->tool, NAME_SIZE, "idevicerestore");
	attempt->stage = STAGE_RESTORE;
	attempt->operation = 13;
	attempt->health.attaches = 1;
	attempt->health.unexpected_detaches = 1;
	diagnose_ok(c);
	assert_verdict(PHASE_UNDECIDED, STRENGTH_WEAK);
	assert_string_equal(verdict.causes[0].cause, "cable");
	/* It left because the tool got no ticket. */
	add_sign(attempt, "baseband-unsigned");
	diagnose_ok(c);
	assert_string_not_equal(verdict.causes[0].cause, "cable");
}

static void a_crash_that_follows_a_lost_link_is_no_evidence(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(NO_FACE_ID);
	struct attempt *attempt = add_4013(c, "one", "A");
	int weight;

	diagnose_ok(c);
	weight = find_cause("tool")->weight;
	attempt->exit_known = true;
	attempt->exit_status = -11;
	diagnose_ok(c);
	assert_int_equal(find_cause("tool")->weight, weight + 1);
	attempt->health.unexpected_detaches = 1;
	diagnose_ok(c);
	assert_int_equal(find_cause("tool")->weight, weight);
}

static void a_crash_of_the_tool_is_its_own(void **state)
{
	static const int64_t crashes[] = {-11, 139, -6, 134}, others[] = {1, -15, -2, 255};
	struct attempt attempt;

	for (size_t i = 0; i < ARRAY_SIZE(crashes); i++) {
		attempt_init(&attempt);
		attempt.exit_known = true;
		attempt.exit_status = crashes[i];
		assert_true(attempt_tool_crashed(&attempt));
		attempt.exit_status = others[i];
		assert_false(attempt_tool_crashed(&attempt));
		text_copy(attempt.errors[0].domain, sizeof(attempt.errors[0].domain), "tool-exit");
		attempt.errors[0].code = crashes[i];
		attempt.error_count = 1;
		assert_true(attempt_tool_crashed(&attempt));
	}
}

/* `c` with what the other phones of the bench did. */
static void compare(struct triage_case *c, struct triage_case *const *others, size_t count)
{
	struct other_phones across;

	for (size_t i = 0; i < count; i++)
		others[i]->identity.ecid = i + 1;
	other_phones_begin(&across, c);
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < others[i]->attempt_count; j++) {
			const struct whereabouts where =
				attempt_whereabouts(others[i]->attempts[j]);

			other_phones_take(&across, &others[i]->identity, &where);
		}
	other_phones_end(&across);
}

/* Three phones fail on one slot of the hub: the slot is blamed, not the phones. */
static void a_slot_that_fails_all_is_blamed(void **state)
{
	struct triage_case *cases[4];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cases[i] = case_of(i % 2 ? FACE_ID : NO_FACE_ID);
		text_copy(add_4013(cases[i], "one", NULL)->port, PORT_SIZE, i ? "1-2.4" : "1-2.3");
	}
	compare(cases[0], cases, ARRAY_SIZE(cases));
	assert_string_equal(cases[0]->history[0], "other-phones-fail-here");
	compare(cases[1], cases, ARRAY_SIZE(cases));
	assert_int_equal(cases[1]->history_count, 1);
	assert_string_equal(cases[1]->history[0], "other-phones-fail-on-port");
	diagnose_ok(cases[1]);
	assert_verdict(PHASE_CONNECTION, STRENGTH_MODERATE);
	assert_first("port-hub");
	/* A phone that was restored there clears it as far as it goes. */
	cases[2]->history_count = 0;
	text_copy(add_success(cases[3], "one", NULL)->port, PORT_SIZE, "1-2.4");
	compare(cases[2], cases, ARRAY_SIZE(cases));
	assert_int_equal(cases[2]->history_count, 1);
	assert_string_equal(cases[2]->history[0], "other-phones-fail-here");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		triage_case_free(cases[i]);
}

/* One phone, seen by its ECID in one restore and by its UDID in another, is no second one. */
static void a_phone_with_two_names_counts_once(void **state)
{
	const struct identity names[] = {
		{.ecid = 7}, {.udid = "00aa"}, {.ecid = 7, .udid = "00aa"}};
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(NO_FACE_ID);
	struct whereabouts where = attempt_whereabouts(add_4013(c, "one", "A"));

	for (size_t known = 2; known <= ARRAY_SIZE(names); known++) {
		struct other_phones across;

		c->history_count = 0;
		other_phones_begin(&across, c);
		for (size_t i = 0; i < known; i++)
			other_phones_take(&across, &names[i], &where);
		other_phones_end(&across);
		/* Until an attempt has both, they may be two. */
		assert_int_equal(c->history_count, known == 2 ? 1 : 0);
	}
}

static struct attempt *add_53(struct triage_case *c, const char *build)
{
	struct attempt *attempt = add_attempt(c, "one", "A", OUTCOME_FAILED);

	text_copy(attempt->action, sizeof(attempt->action), "update");
	text_copy(attempt->firmware_build, sizeof(attempt->firmware_build), build);
	text_copy(attempt->errors[0].domain, sizeof(attempt->errors[0].domain), "itunes");
	attempt->errors[0].code = 53;
	attempt->error_count = 1;
	return attempt;
}

/* iOS 9.2.1 in its second build, 13D20, restores a phone with a foreign home button. */
static void firmware_comes_first_at_error_53_of_old_systems(void **state)
{
	static const char *const older[] = {"13B143", "13D15", "12H143", "9.1"};
	static const char *const others[] = {"13D20", "14A456", "10.3.3", ""};

	for (size_t i = 0; i < ARRAY_SIZE(older); i++) {
		CLEANUP(triage_case_freep) struct triage_case *c = case_of("iPhone8,1");

		triage_case_add_history(c, "home-button-replaced");
		add_53(c, older[i]);
		diagnose_ok(c);
		assert_verdict(PHASE_SOFTWARE, STRENGTH_MODERATE);
		assert_first("firmware-signing");
		assert_next("fresh-firmware");
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		CLEANUP(triage_case_freep) struct triage_case *c = case_of("iPhone8,1");

		triage_case_add_history(c, "home-button-replaced");
		add_53(c, others[i]);
		diagnose_ok(c);
		assert_first("sep-fdr");
		assert_null(find_cause("firmware-signing"));
	}
}

/* Firmware that is not as Apple signed it fails for reasons of its own. */
static void unofficial_restores_prove_no_part(void **state)
{
	static const char *const tools[] = {
		"turdus_merula", "surrealra1n", "sunst0rm", "futurerestore"};
	static const int64_t named[] = {23, 28, 29, 35, 40, 46, 50, 55, 56, 57};

	for (size_t i = 0; i < ARRAY_SIZE(tools) * ARRAY_SIZE(named); i++) {
		CLEANUP(triage_case_freep) struct triage_case *c = case_of(NO_FACE_ID);

		for (int j = 0; j < 2; j++) {
			struct attempt *attempt =
				add_attempt(c, j ? "one" : "two", j ? "A" : "B", OUTCOME_FAILED);

			text_copy(attempt->tool, NAME_SIZE, tools[i / ARRAY_SIZE(named)]);
			attempt->amr_error_known = true;
			attempt->amr_error = named[i % ARRAY_SIZE(named)];
		}
		diagnose_ok(c);
		assert_int_not_equal(verdict.phase, PHASE_HARDWARE);
	}
}

static void a_custom_file_in_the_command_is_unofficial(void **state)
{
	static const char line[] = "idevicerestore -e -w iPhone5,2_8.4.1_12H321_CustomJ.ipsw";
	struct attempt attempt;
	struct event event = {.kind = EVENT_TOOL_START, .text = line, .text_length = strlen(line)};

	text_copy(event.name, sizeof(event.name), "idevicerestore");
	attempt_init(&attempt);
	attempt_fold(&attempt, &event);
	assert_non_null(attempt_sign(&attempt, SIGN_CUSTOM_FIRMWARE));
	event.text_length = strlen("idevicerestore -e");
	attempt_init(&attempt);
	attempt_fold(&attempt, &event);
	assert_null(attempt_sign(&attempt, SIGN_CUSTOM_FIRMWARE));
}

static void assert_works(const char *summary, const char *experiment)
{
	assert_true(verdict.works_since.attempt > 0);
	assert_memory_equal(verdict.summary, summary, strlen(summary));
	assert_next(experiment);
	assert_null(strstr(verdict.next.text, "rase"));
}

static struct attempt *with(struct attempt *attempt, const char *key, const char *value)
{
	attempt_set_condition(attempt, key, value, 0);
	return attempt;
}

static struct attempt *doing(struct attempt *attempt, const char *action)
{
	text_copy(attempt->action, sizeof(attempt->action), action);
	return attempt;
}

/* What works again is said first, with what changed; then the old part goes back or the phone goes
 * home. */
static void a_cure_leads_the_verdict(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(FACE_ID);
	CLEANUP(triage_case_freep) struct triage_case *off = case_of(FACE_ID);
	CLEANUP(triage_case_freep) struct triage_case *half = case_of("iPhone10,3");

	doing(add_4013(c, "one", "A"), "update");
	with(with(doing(add_success(c, "one", "A"), "update"), "display", "replaced"), "chargeFlex",
		"replaced");
	diagnose_ok(c);
	assert_works("It has worked since attempt 2 (display replaced, charge port flex replaced).",
		"old-part-back");
	with(add_4013(off, "one", "A"), "battery", "original");
	with(with(add_success(off, "one", "A"), "minimalBoot", "true"), "battery", "known-good");
	diagnose_ok(off);
	assert_works("It has worked since attempt 2 (minimal boot, known-good battery).",
		"connect-again");
	add_4013(half, "one", "A");
	with(doing(add_success(half, "one", NULL), "boot"), "lowerBoard", "known-good");
	diagnose_ok(half);
	assert_works(
		"It has worked since attempt 2 (known-good lower board half).", "fit-board-part");
}

/* An erase is not repeated, and no restore is where only a start was tried. */
static void a_cure_repeats_no_erase_and_no_start(void **state)
{
	static const struct {
		const char *failed, *worked, *experiment;
	} cures[] = {
		{"update", "erase", "hand-over"},
		{"update", "boot", "hand-over"},
		{"boot", "boot", "hand-over"},
		{"boot", "erase", "hand-over"},
		{"update", "update", "repeat-success"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cures); i++) {
		CLEANUP(triage_case_freep) struct triage_case *c = case_of(NO_FACE_ID);

		doing(add_attempt(c, "one", "A", OUTCOME_FAILED), cures[i].failed);
		doing(add_success(c, "one", "A"), cures[i].worked);
		diagnose_ok(c);
		assert_works("It has worked since attempt 2", cures[i].experiment);
		doing(add_success(c, "one", "A"), cures[i].worked);
		diagnose_ok(c);
		assert_works("It has worked since attempt 2", "hand-over");
	}
}

/* The last word counts: a later failure, or an end that nobody knows, is no cure; a tool that never
 * began says nothing. */
static void a_cure_is_the_last_word(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(NO_FACE_ID);
	struct attempt *last;

	add_success(c, "one", "A");
	diagnose_ok(c);
	assert_int_equal(verdict.works_since.attempt, 0);
	add_4013(c, "one", "A");
	add_success(c, "one", "B");
	last = add_attempt(c, "one", "B", OUTCOME_NOT_STARTED);
	diagnose_ok(c);
	assert_int_equal(verdict.works_since.attempt, 3);
	assert_int_equal(verdict.works_since.change_count, 1);
	assert_string_equal(verdict.works_since.changes[0], "cable B");
	last->outcome = OUTCOME_ENDED_UNKNOWN;
	diagnose_ok(c);
	assert_int_equal(verdict.works_since.attempt, 0);
	last->outcome = OUTCOME_FAILED;
	diagnose_ok(c);
	assert_int_equal(verdict.works_since.attempt, 0);
}

static struct attempt *add_start(struct triage_case *c)
{
	return doing(add_attempt(c, "one", NULL, OUTCOME_FAILED), "boot");
}

/* A wet phone that does not start: clean it, then its parts, then the board shop; on a layered
 * board the halves. */
static void a_wet_phone_has_a_way_to_the_end(void **state)
{
	static const struct {
		const char *product;
		const char *last;
	} phones[] = {{"iPhone10,1", "board-shop"}, {"iPhone10,3", "lower-half"}};

	for (size_t i = 0; i < ARRAY_SIZE(phones); i++) {
		CLEANUP(triage_case_freep) struct triage_case *c = case_of(phones[i].product);

		triage_case_add_history(c, "liquid");
		triage_case_add_history(c, "boot-loop");
		add_start(c);
		diagnose_ok(c);
		if (i == 1) {
			assert_next("disconnect-earpiece-flex");
			assert_non_null(strstr(verdict.next.text, "clean"));
			set_flex(add_start(c), "disconnected");
			diagnose_ok(c);
		}
		assert_next("dry-and-clean");
		triage_case_add_history(c, "cleaned");
		add_start(c);
		diagnose_ok(c);
		assert_next("minimal-boot");
		with(with(with(with(add_start(c), "minimalBoot", "true"), "battery", "known-good"),
			     "chargeFlex", "known-good"),
			"earpieceFlex", "disconnected");
		diagnose_ok(c);
		assert_int_not_equal(verdict.phase, PHASE_CONNECTION);
		triage_case_add_history(c, "normal-current-draw");
		diagnose_ok(c);
		assert_next(phones[i].last);
		if (i == 0)
			continue;
		with(with(add_start(c), "minimalBoot", "true"), "lowerBoard", "known-good");
		diagnose_ok(c);
		assert_next("board-shop");
	}
}

/* A phone that fails on all good parts needs no other cable. */
static void good_parts_that_fail_leave_the_board(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of("iPhone10,3");

	triage_case_add_history(c, "boot-loop");
	doing(add_4013(c, "one", "A"), "update");
	with(with(with(with(add_start(c), "minimalBoot", "true"), "battery", "known-good"),
		     "chargeFlex", "replaced"),
		"display", "replaced");
	diagnose_ok(c);
	assert_next("lower-half");
}

/* Before the board goes out: minimal boot, battery, charge port flex and display. */
static void parts_come_before_the_board_shop(void **state)
{
	static const struct {
		const char *experiment, *key, *value;
	} steps[] = {
		{"disconnect-earpiece-flex", "earpieceFlex", "disconnected"},
		{"minimal-boot", "minimalBoot", "true"},
		{"known-good-battery", "battery", "known-good"},
		{"known-good-display", "display", "known-good"},
		{"known-good-charge-flex", "chargeFlex", "known-good"},
	};
	CLEANUP(triage_case_freep) struct triage_case *c = case_of("iPhone12,1");

	add_persisting(c);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		diagnose_ok(c);
		assert_next(steps[i].experiment);
		with(add_4013(c, "one", "A"), steps[i].key, steps[i].value);
	}
	diagnose_ok(c);
	assert_next("board-shop");
}

/* USB errors on two computers and two cables: what they share is the phone's own port. */
static void a_link_that_is_faulty_everywhere_ends_in_the_phone(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(NO_FACE_ID);
	static const char *const places[][2] = {{"one", "A"}, {"one", "B"}, {"two", "B"}};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		add_4013(c, places[i][0], places[i][1])->health.usb_errors = 3;
	diagnose_ok(c);
	assert_non_null(find_cause("other-flex"));
	assert_next("known-good-charge-flex");
}

/* A part that was put back and failed again stays out; parts that were all off go back one by one.
 */
static void what_fails_again_stays_out(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(NO_FACE_ID);
	CLEANUP(triage_case_freep) struct triage_case *off = case_of(NO_FACE_ID);

	add_persisting(c);
	with(add_success(c, "one", "A"), "battery", "known-good");
	with(add_4013(c, "one", "A"), "battery", "original");
	diagnose_ok(c);
	assert_next("fit-new-part");
	add_persisting(off);
	with(add_success(off, "one", "A"), "minimalBoot", "true");
	add_4013(off, "one", "A");
	diagnose_ok(off);
	assert_next("part-by-part");
}

/* "All flexes off, board on good screen, battery and charge port" is one word. */
static void good_parts_are_one_word(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of("iPhone12,1");
	struct attempt *attempt;

	add_persisting(c);
	attempt = with(add_4013(c, "one", "A"), "minimalBoot", "good-parts");
	diagnose_ok(c);
	assert_next("board-shop");
	attempt->outcome = OUTCOME_SUCCEEDED;
	diagnose_ok(c);
	assert_next("connect-again");
}

/* The percent that a tool showed is a point of failure. */
static void a_percent_is_a_point(void **state)
{
	static const char *const percents[][2] = {{"19", "20"}, {"19", "64"}};

	for (size_t i = 0; i < ARRAY_SIZE(percents); i++) {
		CLEANUP(triage_case_freep) struct triage_case *c = case_of("iPhone10,1");

		for (size_t j = 0; j < 2; j++) {
			struct attempt *attempt = with(
				add_attempt(c, j ? "one" : "two", j ? "A" : "B", OUTCOME_FAILED),
				"percent", percents[i][j]);

			text_copy(attempt->tool, NAME_SIZE, "3utools");
			attempt->health.grade = HEALTH_GOOD;
		}
		diagnose_ok(c);
		assert_string_equal(
			phase_name(verdict.phase), i == 0 ? "phase2-hardware" : "undecided");
	}
}

static void a_foreign_battery_of_a_loop_is_named(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(NO_FACE_ID);

	add_start(c);
	triage_case_add_history(c, "boot-loop");
	diagnose_ok(c);
	assert_null(find_cause("power-battery"));
	triage_case_add_history(c, "third-party-battery");
	diagnose_ok(c);
	assert_int_equal(find_cause("power-battery")->strength, STRENGTH_WEAK);
	assert_next("known-good-battery");
}

/* The modem of the phone is newer than the file: newer firmware, no battery. */
static void a_newer_modem_asks_for_newer_firmware(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(FACE_ID);
	struct attempt *attempt = doing(add_attempt(c, "one", "A", OUTCOME_FAILED), "update");

	attempt->amr_error_known = true;
	attempt->amr_error = 1015;
	diagnose_ok(c);
	assert_int_equal(verdict.itunes_code, 1015);
	assert_first("firmware-signing");
	assert_next("fresh-firmware");
}

/* A phone that was full, told as such, with the number of a full volume. */
static void a_full_phone_asks_about_room(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(FACE_ID);
	struct attempt *attempt = doing(add_attempt(c, "one", "A", OUTCOME_FAILED), "update");

	triage_case_add_history(c, "storage-full");
	diagnose_ok(c);
	assert_first("user-error");
	assert_next("make-room");
	attempt->amr_error_known = true;
	attempt->amr_error = 14;
	diagnose_ok(c);
	assert_verdict(PHASE_SOFTWARE, STRENGTH_MODERATE);
	assert_first("user-error");
}

/* An iPad Pro has Face ID, and no ear speaker flex. */
static void no_verdict_denies_face_id(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of("iPad8,1");

	triage_case_add_history(c, "boot-loop");
	doing(add_4013(c, "one", "A"), "update");
	set_flex(doing(add_success(c, "one", "A"), "update"), "disconnected");
	diagnose_ok(c);
	assert_verdict(PHASE_HARDWARE, STRENGTH_STRONG);
	for (size_t i = 0; i < knowledge_rules_count; i++)
		assert_null(strstr(knowledge_rules[i].text, "no Face ID"));
}

static void tool_is_older_than_the_model(void **state)
{
	static const struct {
		const char *product, *version;
		bool older;
	} cases[] = {
		{"iPhone17,3", "1.0.1 (package 1.0.0+git20240709-1)", true},
		{"iPhone16,1", "1.0.1 (package 1.0.0+git20240709-1)", false},
		{"iPhone16,1", "1.0.0", true},
		{"iPhone17,3", "1.0.1", false},
		{"iPhone99,1", "1.0.0", false},
		{"", "1.0.0", false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(triage_case_freep) struct triage_case *c = case_of(cases[i].product);
		struct attempt *attempt = add_attempt(c, "one", "A", OUTCOME_FAILED);

		text_copy(attempt->tool, sizeof(attempt->tool), "idevicerestore");
		text_copy(attempt->version, sizeof(attempt->version), cases[i].version);
		diagnose_ok(c);
		assert_int_equal(has_rule("tool-precedes-model"), cases[i].older);
	}
}

/* usbmuxd that died is no matter of a newer restore tool. */
static void advice_on_usbmuxd_names_no_newer_tool(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(NO_FACE_ID);
	struct attempt *attempt = add_attempt(c, "one", "A", OUTCOME_FAILED);

	attempt->health.mux_faults = 1;
	attempt->health.grade = HEALTH_LOST;
	diagnose_ok(c);
	assert_int_equal(verdict.phase, PHASE_SOFTWARE);
	assert_next("restart-usbmuxd");
	for (size_t i = 0; i < verdict.advice_count; i++)
		assert_null(strstr(verdict.advice[i], "newer tool"));
}

static const char *const bench_words[] = {"other-phones-fail-here", "other-phones-fail-on-port",
	"other-phones-fail-with-cable", "other-model-fails-the-same-way-here"};

/* No computer, cable or port has a part in a phone that does not start. */
static void a_phone_that_does_not_start_has_no_bench(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(bench_words); i++) {
		CLEANUP(triage_case_freep)
		struct triage_case *c = case_of(i % 2 ? FACE_ID : NO_FACE_ID);
		struct attempt *attempt = add_attempt(c, "one", NULL, OUTCOME_FAILED);

		text_copy(attempt->action, sizeof(attempt->action), "boot");
		triage_case_add_history(c, bench_words[i]);
		diagnose_ok(c);
		assert_int_equal(verdict.phase, PHASE_UNDECIDED);
		assert_first("board");
		assert_null(find_cause("host-software"));
		assert_null(find_cause("cable"));
		assert_null(find_cause("port-hub"));
	}
}

/* A phone that only had to start, beside others that failed on the same computer. */
static void a_start_marks_no_place(void **state)
{
	struct triage_case *cases[3];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cases[i] = case_of(FACE_ID);
		add_4013(cases[i], "one", NULL);
	}
	text_copy(cases[0]->attempts[0]->action, 16, "boot");
	compare(cases[0], cases, ARRAY_SIZE(cases));
	assert_int_equal(cases[0]->history_count, 0);
	/* And it is no failed restore there. */
	compare(cases[1], cases, ARRAY_SIZE(cases));
	assert_int_equal(cases[1]->history_count, 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		triage_case_free(cases[i]);
}

/* Every repair bench sees failing phones: that says nothing about this one. */
static void a_busy_bench_is_not_the_first_suspect(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(NO_FACE_ID);
	const struct suspect *computer;
	enum strength strength;

	add_4013(c, "one", "A");
	diagnose_ok(c);
	strength = find_cause("host-software")->strength;
	triage_case_add_history(c, "other-phones-fail-here");
	diagnose_ok(c);
	computer = find_cause("host-software");
	assert_string_not_equal(verdict.causes[0].cause, "host-software");
	assert_int_equal(computer->strength, strength);
	assert_next("swap-cable");
}

static struct event event_at(enum event_kind kind, uint64_t second)
{
	return (struct event){.kind = kind,
		.at = {.wall_us = second * USEC_PER_SEC, .monotonic_us = second * USEC_PER_SEC},
		.session = {{7}},
		.sequence = second};
}

/* A restore that runs and is at Creating filesystem. */
static struct attempt *add_running(struct triage_case *c)
{
	struct event begin = event_at(EVENT_SESSION_BEGIN, 1);
	struct event operation = event_at(EVENT_OPERATION, 3);
	struct attempt *attempt = triage_case_add(c);

	operation.number = 12;
	text_copy(operation.name, sizeof(operation.name), "Creating filesystem");
	attempt_fold(attempt, &begin);
	attempt_fold(attempt, &operation);
	return attempt;
}

static void fall_silent(struct attempt *attempt, uint64_t second)
{
	struct event silence = event_at(EVENT_SILENCE, second);

	silence.number = 120;
	text_copy(silence.name, sizeof(silence.name), "restored-silence");
	attempt_fold(attempt, &silence);
}

static void end_as(struct attempt *attempt, uint64_t second, enum outcome outcome)
{
	struct event end = event_at(EVENT_SESSION_END, second);

	end.number = outcome;
	attempt_fold(attempt, &end);
}

/* It was "No failure was seen." while the restore ran. */
static void a_running_restore_is_no_verdict(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(FACE_ID);

	add_running(c);
	diagnose_ok(c);
	assert_string_equal(running_name(verdict.running), "on-time");
	assert_int_equal(verdict.phase, PHASE_NONE);
	assert_null(strstr(verdict.summary, "No failure"));
	assert_non_null(strstr(verdict.summary, "A restore is running"));
	add_success(c, "bench", "A");
	diagnose_ok(c);
	assert_null(strstr(verdict.summary, "No failure"));
	assert_int_equal(verdict.silence_count, 0);
}

static void a_restore_past_its_time_is_a_finding_at_once(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(FACE_ID);
	struct attempt *attempt = add_running(c);
	struct event spoke = event_at(EVENT_PROGRESS, 200);

	fall_silent(attempt, 123);
	diagnose_ok(c);
	assert_string_equal(running_name(verdict.running), "hung");
	assert_int_equal(verdict.phase, PHASE_UNDECIDED);
	assert_int_equal(verdict.silence_count, 1);
	assert_string_equal(verdict.silences[0].text,
		"Creating filesystem: the phone has reported nothing while it restores, for more "
		"than 2 min; 2 min allowed.");
	assert_string_equal(verdict.silences[0].rule, "restored-silence");
	assert_int_equal(verdict.silences[0].records[0], 123);
	assert_non_null(strstr(verdict.summary, verdict.silences[0].text));
	assert_int_equal(verdict.advice_count, 1);

	attempt_fold(attempt, &spoke);
	diagnose_ok(c);
	assert_string_equal(running_name(verdict.running), "on-time");
	assert_non_null(strstr(verdict.silences[0].text, "for 3 min 17 s; 2 min allowed."));
}

/* It ended as broken off, and the silence was nowhere. */
static void a_silence_outlives_its_restore(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(FACE_ID);
	struct attempt *attempt = add_running(c);

	fall_silent(attempt, 123);
	end_as(attempt, 363, OUTCOME_ABORTED);
	diagnose_ok(c);
	assert_int_equal(verdict.running, RUNNING_NONE);
	assert_int_equal(verdict.phase, PHASE_UNDECIDED);
	assert_non_null(strstr(verdict.summary, "after 1 failed attempt"));
	assert_non_null(strstr(verdict.silences[0].text, "for 6 min; 2 min allowed."));
	assert_non_null(verdict.next.experiment);
}

static void a_silence_whose_end_was_not_seen_is_not_well(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(FACE_ID);
	struct attempt *attempt = add_running(c);

	fall_silent(attempt, 123);
	end_as(attempt, 363, OUTCOME_LOST);
	diagnose_ok(c);
	assert_int_equal(verdict.phase, PHASE_UNDECIDED);
	assert_null(strstr(verdict.summary, "No failure"));
}

/* A failure of before is told beside the restore that runs. */
static void a_running_restore_stands_beside_failures(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(FACE_ID);

	add_4013(c, "bench", "A");
	fall_silent(add_running(c), 123);
	diagnose_ok(c);
	assert_int_equal(verdict.running, RUNNING_HUNG);
	assert_non_null(strstr(verdict.summary, "after 1 failed attempt"));
	assert_non_null(strstr(verdict.summary, "A restore is running and past its time"));
}

static void span(struct attempt *attempt, uint64_t from_s, uint64_t to_s)
{
	attempt->started.wall_us = from_s * USEC_PER_SEC;
	attempt->ended.wall_us = to_s * USEC_PER_SEC;
}

static bool is_uncounted(const char *text)
{
	for (size_t i = 0; i < verdict.uncounted_count; i++)
		if (strstr(verdict.uncounted[i], text))
			return true;
	return false;
}

/* Two tools on one phone: they spoil each other's restore. */
static void two_restores_at_once_are_one_failure(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of("iPhone12,3");

	span(add_4013(c, "one", "A"), 1000, 1600);
	span(add_4013(c, "one", "A"), 1100, 1700);
	assert_int_equal(diagnose(c, &verdict), 0);
	assert_non_null(strstr(verdict.summary, "after 1 failed attempt"));
	assert_true(is_uncounted("Attempt 2 ran at the same time"));
	/* One began when the other had nearly ended: a tool that still hung. */
	span(c->attempts[1], 1500, 2100);
	assert_int_equal(diagnose(c, &verdict), 0);
	assert_non_null(strstr(verdict.summary, "after 2 failed attempts"));
	assert_int_equal(verdict.uncounted_count, 0);
	/* Of an attempt without an end nothing is known. */
	span(c->attempts[1], 1100, 0);
	assert_int_equal(diagnose(c, &verdict), 0);
	assert_non_null(strstr(verdict.summary, "after 2 failed attempts"));
}

/* The other tool failed because this one worked on the phone: that it was another tool cured
 * nothing. */
static void a_success_beside_a_failure_is_no_cure(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of("iPhone12,3");

	span(add_4013(c, "one", "A"), 1000, 1600);
	span(add_success(c, "one", "B"), 1100, 1700);
	assert_int_equal(diagnose(c, &verdict), 0);
	assert_int_equal(verdict.phase, PHASE_NONE);
	assert_true(is_uncounted("Attempt 1 ran at the same time"));
}

static void attempts_that_never_began_are_named(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of("iPhone12,3");

	add_attempt(c, "one", "A", OUTCOME_NOT_STARTED);
	assert_int_equal(diagnose(c, &verdict), 0);
	assert_int_equal(verdict.uncounted_count, 0); /* the summary says it */
	add_4013(c, "one", "A");
	add_attempt(c, "one", "A", OUTCOME_NOT_STARTED);
	assert_int_equal(diagnose(c, &verdict), 0);
	assert_non_null(strstr(verdict.summary, "after 1 failed attempt"));
	assert_true(is_uncounted("Attempts 1 and 3 never began"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_attempts_is_no_failure),
		cmocka_unit_test(first_failure_is_undecided),
		cmocka_unit_test(second_cable_asks_for_other_computer),
		cmocka_unit_test(two_computers_and_cables_are_hardware),
		cmocka_unit_test(without_face_id_the_flex_is_never_first),
		cmocka_unit_test(faulty_links_keep_phase_two_away),
		cmocka_unit_test(links_that_nobody_saw_make_it_less_sure),
		cmocka_unit_test(names_the_labels_that_are_missing),
		cmocka_unit_test(flex_out_succeeds),
		cmocka_unit_test(flex_out_fails),
		cmocka_unit_test(flex_out_alone_is_enough),
		cmocka_unit_test(other_cable_works),
		cmocka_unit_test(other_computer_works),
		cmocka_unit_test(other_cable_and_computer_work),
		cmocka_unit_test(success_with_nothing_changed_clears_nothing),
		cmocka_unit_test(mux_fault_comes_before_hardware),
		cmocka_unit_test(usbmuxd_faults_are_named),
		cmocka_unit_test(a_dropped_phone_is_the_connection),
		cmocka_unit_test(a_replugged_phone_proves_nothing),
		cmocka_unit_test(phone_names_storage),
		cmocka_unit_test(an_operation_alone_names_nothing),
		cmocka_unit_test(one_success_asks_to_be_repeated),
		cmocka_unit_test(a_named_part_asks_for_one_repeat),
		cmocka_unit_test(a_derived_number_counts_once),
		cmocka_unit_test(a_number_alone_opens_no_phone),
		cmocka_unit_test(rules_that_open_name_a_part),
		cmocka_unit_test(what_lies_outside_is_never_hardware),
		cmocka_unit_test(a_step_that_names_no_part_asks_for_another_tool),
		cmocka_unit_test(a_link_lost_in_the_log_is_not_proven),
		cmocka_unit_test(restore_mode_without_a_log_is_not_proven),
		cmocka_unit_test(failures_everywhere_are_the_phone),
		cmocka_unit_test(a_trial_of_a_varying_fault_is_not_strong),
		cmocka_unit_test(a_phone_that_no_host_found_is_not_hardware),
		cmocka_unit_test(a_success_without_the_display_is_hardware),
		cmocka_unit_test(broken_off_is_not_well),
		cmocka_unit_test(a_running_restore_is_no_verdict),
		cmocka_unit_test(a_restore_past_its_time_is_a_finding_at_once),
		cmocka_unit_test(a_silence_outlives_its_restore),
		cmocka_unit_test(a_silence_whose_end_was_not_seen_is_not_well),
		cmocka_unit_test(a_running_restore_stands_beside_failures),
		cmocka_unit_test(custom_firmware_is_never_hardware),
		cmocka_unit_test(a_loop_after_grey_buttons_is_the_audio_chip),
		cmocka_unit_test(a_wet_phone_that_loops_is_opened),
		cmocka_unit_test(the_mode_is_looked_at_once),
		cmocka_unit_test(a_phone_that_waits_in_restore_mode_is_fine),
		cmocka_unit_test(a_failure_in_restore_mode_is_rarely_the_cable),
		cmocka_unit_test(a_cable_is_not_tried_twice),
		cmocka_unit_test(a_phone_that_loops_is_tried_by_parts),
		cmocka_unit_test(an_aftermarket_battery_clears_no_gauge),
		cmocka_unit_test(an_outdated_tool_comes_before_hardware),
		cmocka_unit_test(dfu_comes_last_and_once),
		cmocka_unit_test(a_phone_that_was_seen_to_leave_broke_the_link),
		cmocka_unit_test(a_crash_that_follows_a_lost_link_is_no_evidence),
		cmocka_unit_test(a_crash_of_the_tool_is_its_own),
		cmocka_unit_test(a_slot_that_fails_all_is_blamed),
		cmocka_unit_test(a_phone_with_two_names_counts_once),
		cmocka_unit_test(firmware_comes_first_at_error_53_of_old_systems),
		cmocka_unit_test(unofficial_restores_prove_no_part),
		cmocka_unit_test(a_custom_file_in_the_command_is_unofficial),
		cmocka_unit_test(a_wet_phone_has_a_way_to_the_end),
		cmocka_unit_test(good_parts_that_fail_leave_the_board),
		cmocka_unit_test(parts_come_before_the_board_shop),
		cmocka_unit_test(a_link_that_is_faulty_everywhere_ends_in_the_phone),
		cmocka_unit_test(what_fails_again_stays_out),
		cmocka_unit_test(good_parts_are_one_word),
		cmocka_unit_test(a_percent_is_a_point),
		cmocka_unit_test(a_foreign_battery_of_a_loop_is_named),
		cmocka_unit_test(a_newer_modem_asks_for_newer_firmware),
		cmocka_unit_test(a_full_phone_asks_about_room),
		cmocka_unit_test(no_verdict_denies_face_id),
		cmocka_unit_test(tool_is_older_than_the_model),
		cmocka_unit_test(advice_on_usbmuxd_names_no_newer_tool),
		cmocka_unit_test(a_cure_leads_the_verdict),
		cmocka_unit_test(a_cure_repeats_no_erase_and_no_start),
		cmocka_unit_test(a_cure_is_the_last_word),
		cmocka_unit_test(a_phone_that_does_not_start_has_no_bench),
		cmocka_unit_test(a_start_marks_no_place),
		cmocka_unit_test(a_busy_bench_is_not_the_first_suspect),
		cmocka_unit_test(two_restores_at_once_are_one_failure),
		cmocka_unit_test(a_success_beside_a_failure_is_no_cure),
		cmocka_unit_test(attempts_that_never_began_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
