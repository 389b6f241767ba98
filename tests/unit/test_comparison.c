/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The comparison of attempts: one logic for every factor. A case is a line of attempts, `F` failed
 * and `S` succeeded, with what is known of each. */
#include "common/diagnosis/verdict.h"

#include <stdio.h>
#include <string.h>

#include "common/base/macro.h"
#include "tests/unit/case_builder.h"
#include "tests/unit/test.h"

#define FACE_ID "iPhone12,3"
#define NO_FACE_ID "iPhone9,1"
#define LINE_MAX_SIZE 512

static struct verdict verdict;

static void set_word(struct attempt *attempt, char *word)
{
	char *value = strchr(word, '=');

	if (!value) {
		text_copy(attempt->action, sizeof(attempt->action), word);
		return;
	}
	*value++ = '\0';
	if (text_equal(word, "host")) {
		text_copy(attempt->host, sizeof(attempt->host), value);
	} else if (text_equal(word, "id")) {
		assert_int_equal(strlen(value), 2);
		snprintf(attempt->host_id, sizeof(attempt->host_id), "%c00000000000-%c00000000000",
			value[0], value[1]);
	} else if (text_equal(word, "tool")) {
		text_copy(attempt->tool, sizeof(attempt->tool), value);
	} else if (text_equal(word, "version")) {
		for (char *at = value; *at; at++)
			*at = *at == '_' ? ' ' : *at;
		text_copy(attempt->version, sizeof(attempt->version), value);
	} else if (text_equal(word, "amr")) {
		attempt->amr_error_known = true;
		attempt->amr_error = value[0] == '2' ? 29 : 0;
	} else {
		assert_int_equal(attempt_set_condition(attempt, word, value, 0), 0);
	}
}

/* "F update cable=A; S cable=B" */
static struct triage_case *case_of_line(const char *product, const char *line)
{
	struct triage_case *c = case_of(product);
	char text[LINE_MAX_SIZE], *rest, *one;

	assert_true(text_copy(text, sizeof(text), line));
	for (char *left = text; (one = strsep(&left, ";"));) {
		char *word = strtok_r(one, " ", &rest);
		struct attempt *attempt;

		assert_true(word && strchr("FS", *word));
		attempt = *word == 'F' ? add_4013(c, "one", NULL) : add_success(c, "one", NULL);
		while ((word = strtok_r(NULL, " ", &rest)))
			set_word(attempt, word);
	}
	return c;
}

static void diagnose_line(const char *product, const char *line)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of_line(product, line);

	memset(&verdict, 0xff, sizeof(verdict));
	assert_int_equal(diagnose(c, &verdict), 0);
}

static const struct suspect *find_cause(const char *cause)
{
	for (size_t i = 0; i < verdict.cause_count; i++)
		if (text_equal(verdict.causes[i].cause, cause))
			return &verdict.causes[i];
	return NULL;
}

struct row {
	const char *line;
	enum phase phase;
	enum strength strength; /* of the verdict; not compared where it is undecided */
	const char *first;	/* NULL = not compared */
};

static void check_rows(const char *product, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct row *row = &rows[i];

		diagnose_line(product, row->line);
		if (verdict.phase != row->phase ||
			(row->phase != PHASE_UNDECIDED && verdict.strength != row->strength) ||
			(row->first && !text_equal(verdict.causes[0].cause, row->first)))
			fail_msg("%s: %s %s, first %s", row->line, phase_name(verdict.phase),
				strength_name(verdict.strength), verdict.causes[0].cause);
	}
}

/* A change there is moderate; repeated it is strong; changed back and failing it is more. */
static void one_factor_is_its_cause(void **state)
{
	static const struct row rows[] = {
		{"F cable=A;S cable=B", PHASE_CONNECTION, STRENGTH_MODERATE, "cable"},
		{"F cable=A;S cable=B;S cable=B", PHASE_CONNECTION, STRENGTH_STRONG, "cable"},
		{"F cable=A;S cable=B;F cable=A", PHASE_CONNECTION, STRENGTH_STRONG, "cable"},
		{"F cable=A;S cable=B;F cable=A;S cable=B", PHASE_CONNECTION, STRENGTH_CONCLUSIVE,
			"cable"},
		{"F port=1-1;S port=1-2", PHASE_CONNECTION, STRENGTH_MODERATE, "port-hub"},
		{"F hubDepth=2;S hubDepth=0", PHASE_CONNECTION, STRENGTH_MODERATE, "port-hub"},
		{"F port=1-1;S port=1-1 host=two", PHASE_SOFTWARE, STRENGTH_MODERATE,
			"host-software"},
		{"F firmware=21F90;S firmware=21G80", PHASE_SOFTWARE, STRENGTH_MODERATE,
			"firmware-signing"},
		{"F;S network=phone", PHASE_SOFTWARE, STRENGTH_MODERATE, "network"},
		{"F update;S erase", PHASE_SOFTWARE, STRENGTH_MODERATE, "user-error"},
		{"F boot;S update", PHASE_SOFTWARE, STRENGTH_MODERATE, NULL},
	};

	check_rows(NO_FACE_ID, rows, ARRAY_SIZE(rows));
}

static void every_part_counts(void **state)
{
	static const struct row rows[] = {
		{"F;S rearCamera=disconnected", PHASE_HARDWARE, STRENGTH_MODERATE, "other-flex"},
		{"F;S rearCamera=disconnected;S rearCamera=disconnected", PHASE_HARDWARE,
			STRENGTH_STRONG, "other-flex"},
		{"F;S rearCamera=disconnected;F rearCamera=connected", PHASE_HARDWARE,
			STRENGTH_CONCLUSIVE, "other-flex"},
		{"F;S homeButton=disconnected", PHASE_HARDWARE, STRENGTH_MODERATE, "other-flex"},
		{"F boot;S boot powerFlex=replaced", PHASE_HARDWARE, STRENGTH_MODERATE,
			"other-flex"},
		{"F;S nand=replaced", PHASE_HARDWARE, STRENGTH_MODERATE, "nand"},
		{"F;S lowerBoard=known-good", PHASE_HARDWARE, STRENGTH_MODERATE, "board"},
		{"F battery=third-party;S battery=original", PHASE_HARDWARE, STRENGTH_MODERATE,
			"power-battery"},
		{"F;S earpieceFlex=disconnected", PHASE_HARDWARE, STRENGTH_STRONG, "other-flex"},
	};

	check_rows(NO_FACE_ID, rows, ARRAY_SIZE(rows));
	diagnose_line(FACE_ID, "F;S earpieceFlex=disconnected");
	assert_string_equal(verdict.causes[0].cause, "earpiece-flex");
}

static void several_factors_are_their_phase(void **state)
{
	static const struct row rows[] = {
		{"F;S display=replaced chargeFlex=replaced", PHASE_HARDWARE, STRENGTH_MODERATE,
			NULL},
		{"F;S minimalBoot=true", PHASE_HARDWARE, STRENGTH_MODERATE, NULL},
		{"F tool=itunes firmware=21F90;S tool=finder firmware=21G80", PHASE_SOFTWARE,
			STRENGTH_MODERATE, NULL},
		{"F cable=A port=1-1;S cable=B port=1-2", PHASE_CONNECTION, STRENGTH_MODERATE,
			NULL},
		{"F cable=A;S cable=B battery=known-good", PHASE_UNDECIDED, STRENGTH_WEAK, NULL},
		{"F boot;S update battery=known-good", PHASE_UNDECIDED, STRENGTH_WEAK, NULL},
		{"F tool=itunes;S tool=finder rearCamera=disconnected", PHASE_UNDECIDED,
			STRENGTH_WEAK, NULL},
		{"F host=one;S host=two tool=finder", PHASE_SOFTWARE, STRENGTH_MODERATE, NULL},
		/* The cable of the success may be another one. */
		{"F cable=A;S battery=known-good", PHASE_UNDECIDED, STRENGTH_WEAK, NULL},
	};

	check_rows(NO_FACE_ID, rows, ARRAY_SIZE(rows));
}

/* The id of a computer goes before its name. `id=ab`: the two halves. */
static void computers_are_told_apart_by_their_ids(void **state)
{
	static const struct row rows[] = {
		/* two cloned from one image before their first start: one name */
		{"F host=bench id=aa;S host=bench id=bb", PHASE_SOFTWARE, STRENGTH_MODERATE,
			"host-software"},
		/* renamed: the cable is the only change */
		{"F host=old id=aa cable=A;S host=new id=aa cable=B", PHASE_CONNECTION,
			STRENGTH_MODERATE, "cable"},
		/* without an id, the name counts; with that of one computer, it is that one */
		{"F host=one;S host=two id=aa", PHASE_SOFTWARE, STRENGTH_MODERATE, "host-software"},
		{"F host=one cable=A;S host=one id=aa cable=B", PHASE_CONNECTION, STRENGTH_MODERATE,
			"cable"},
		{"F host=old cable=A;S host=old id=aa cable=A;F host=new id=aa cable=A",
			PHASE_UNDECIDED, STRENGTH_WEAK, NULL},
		/* one half in common: it may be the same computer or another one */
		{"F host=one id=aa;S host=two id=ab", PHASE_UNDECIDED, STRENGTH_WEAK, NULL},
		{"F host=one id=aa;S host=two id=ba", PHASE_UNDECIDED, STRENGTH_WEAK, NULL},
	};
	static const char *const persists =
		"F host=one id=aa cable=A;F host=one id=%s cable=B;F host=two id=%s cable=A";
	char line[LINE_MAX_SIZE];

	check_rows(NO_FACE_ID, rows, ARRAY_SIZE(rows));
	snprintf(line, sizeof(line), persists, "aa", "bb");
	diagnose_line(NO_FACE_ID, line);
	assert_int_equal(verdict.phase, PHASE_HARDWARE);
	snprintf(line, sizeof(line), persists, "aa", "aa");
	diagnose_line(NO_FACE_ID, line);
	assert_int_not_equal(verdict.phase, PHASE_HARDWARE);
	snprintf(line, sizeof(line), persists, "ab", "ab");
	diagnose_line(NO_FACE_ID, line);
	assert_int_not_equal(verdict.phase, PHASE_HARDWARE);
}

/* Another computer may have another tool: none of both is the cause alone. */
static void what_is_not_known_may_have_changed(void **state)
{
	diagnose_line(NO_FACE_ID, "F host=one;S host=two tool=finder;S host=two tool=finder");
	assert_int_equal(verdict.phase, PHASE_SOFTWARE);
	assert_int_equal(find_cause("host-software")->strength, STRENGTH_WEAK);
	assert_non_null(strstr(find_cause("host-software")->evidence[0].text, "another computer"));
	diagnose_line(NO_FACE_ID, "F host=one tool=finder;S host=two tool=finder");
	assert_int_equal(find_cause("host-software")->strength, STRENGTH_MODERATE);
}

/* Restored twice in spring, it fails everywhere in autumn: it can have broken since. */
static void an_old_success_clears_nothing(void **state)
{
	static const unsigned days[] = {1, 2, 90, 90, 91};
	CLEANUP(triage_case_freep)
	struct triage_case *c = case_of_line(
		NO_FACE_ID, "S cable=A;S cable=A;F cable=A;F cable=B;F host=two cable=B");

	assert_int_equal(diagnose(c, &verdict), 0);
	assert_int_equal(verdict.phase, PHASE_UNDECIDED);
	for (size_t i = 0; i < ARRAY_SIZE(days); i++)
		c->attempts[i]->started.wall_us = days[i] * UINT64_C(24) * 3600 * USEC_PER_SEC;
	assert_int_equal(diagnose(c, &verdict), 0);
	assert_int_equal(verdict.phase, PHASE_HARDWARE);
	assert_int_equal(verdict.strength, STRENGTH_STRONG);
}

/* What was the same in a failure explains no success. */
static void what_failed_too_explains_nothing(void **state)
{
	static const struct row rows[] = {
		{"F cable=A host=one;F cable=B host=two;S cable=B host=one battery=known-good",
			PHASE_HARDWARE, STRENGTH_STRONG, "power-battery"},
		{"F erase;S update battery=known-good", PHASE_HARDWARE, STRENGTH_MODERATE,
			"power-battery"},
		{"F battery=known-good;S battery=known-good rearCamera=disconnected",
			PHASE_HARDWARE, STRENGTH_MODERATE, "other-flex"},
	};

	check_rows(NO_FACE_ID, rows, ARRAY_SIZE(rows));
}

/* The commit adds nothing to the number of commits; the libraries do. */
static void versions_are_compared_as_versions(void **state)
{
	static const struct row rows[] = {
		{"F tool=itunes version=12.10;S tool=itunes version=12.13", PHASE_SOFTWARE,
			STRENGTH_MODERATE, "tool"},
		{"F tool=x version=1.0.0-229;S tool=x version=1.0.0-229-gb05d50c_(libtatsu_1.0.5)",
			PHASE_UNDECIDED, STRENGTH_WEAK, NULL},
		{"F tool=x version=1.0.0-229_(libtatsu_1.0.3);"
		 "S tool=x version=1.0.0-229-gb05d50c_(libtatsu_1.0.5)",
			PHASE_SOFTWARE, STRENGTH_MODERATE, "tool"},
		{"F tool=x version=1.0.0-271;S tool=x version=1.0.0-271-g45145e9_(patched)",
			PHASE_SOFTWARE, STRENGTH_MODERATE, "tool"},
		{"F tool=iTunes;S tool=itunes version=12.13", PHASE_UNDECIDED, STRENGTH_WEAK, NULL},
	};

	check_rows(NO_FACE_ID, rows, ARRAY_SIZE(rows));
}

/* A failure with the part out excludes it; with another one only where the first is known to have
 * failed: else it is the part that the phone has. */
static void a_failure_clears_what_was_changed(void **state)
{
	diagnose_line(FACE_ID, "F;F earpieceFlex=disconnected");
	assert_int_equal(find_cause("earpiece-flex")->strength, STRENGTH_NONE);
	diagnose_line(FACE_ID, "F;F boot minimalBoot=true");
	assert_int_equal(find_cause("earpiece-flex")->strength, STRENGTH_NONE);
	diagnose_line(NO_FACE_ID, "F amr=29 battery=replaced");
	assert_int_equal(find_cause("battery-gauge")->counter_evidence_count, 0);
	diagnose_line(NO_FACE_ID, "F amr=29 battery=disconnected");
	assert_int_equal(find_cause("battery-gauge")->counter_evidence_count, 0);
	diagnose_line(NO_FACE_ID, "F amr=29;F amr=29 battery=replaced");
	assert_int_equal(find_cause("battery-gauge")->counter_evidence_count, 1);
	diagnose_line(NO_FACE_ID, "F amr=29 battery=known-good");
	assert_int_equal(find_cause("battery-gauge")->counter_evidence_count, 1);
}

/* Tools of the community learn to serve a new model's parts later. */
static void a_new_model_is_ahead_of_its_tool(void **state)
{
	static const char *const lines[] = {"F tool=idevicerestore firmware=23A341",
		"F tool=idevicerestore firmware=24A100", "F tool=itunes firmware=23A341",
		"F tool=idevicerestore firmware=23A341 amr=29"};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		CLEANUP(triage_case_freep)
		struct triage_case *c = case_of_line("iPhone18,1", lines[i]);
		const char *build = attempt_condition(c->attempts[0], "firmware");

		text_copy(c->attempts[0]->firmware_build, NAME_SIZE, build);
		c->attempts[0]->itunes_code = 0;
		c->attempts[0]->came_back = MODE_UNKNOWN;
		assert_int_equal(diagnose(c, &verdict), 0);
		assert_int_equal(verdict.phase == PHASE_SOFTWARE, i == 0);
	}
}

/* The installed system and the restore system fail alike, on another computer too. */
static void a_loop_that_persists_is_hardware(void **state)
{
	CLEANUP(triage_case_freep)
	struct triage_case *c = case_of_line(NO_FACE_ID, "F host=one;F host=two");

	assert_int_equal(diagnose(c, &verdict), 0);
	assert_int_equal(verdict.phase, PHASE_UNDECIDED);
	triage_case_add_history(c, "boot-loop");
	assert_int_equal(diagnose(c, &verdict), 0);
	assert_int_equal(verdict.phase, PHASE_HARDWARE);
	assert_int_equal(verdict.strength, STRENGTH_MODERATE);
	text_copy(c->attempts[1]->host, NAME_SIZE, "one");
	assert_int_equal(diagnose(c, &verdict), 0);
	assert_int_equal(verdict.phase, PHASE_UNDECIDED);
}

/* Watched without a tool, each restore that failed leaves restore mode: whatever ended it. */
static void modes_alone_prove_no_part(void **state)
{
	CLEANUP(triage_case_freep)
	struct triage_case *c = case_of_line(NO_FACE_ID, "F cable=A;F cable=B;F host=two cable=B");

	for (size_t i = 0; i < c->attempt_count; i++) {
		c->attempts[i]->stage = STAGE_RESTORE;
		c->attempts[i]->mode_count = 1;
		c->attempts[i]->error_count = 0;
	}
	assert_int_equal(diagnose(c, &verdict), 0);
	assert_int_equal(verdict.phase, PHASE_UNDECIDED);
	/* The restore system did not start, and a person read the number of a tool. */
	for (size_t i = 0; i < c->attempt_count; i++) {
		c->attempts[i]->stage = STAGE_BOOT_RAMDISK;
		c->attempts[i]->error_count = 1;
	}
	assert_int_equal(diagnose(c, &verdict), 0);
	assert_int_equal(verdict.phase, PHASE_HARDWARE);
}

static bool is_warned(const char *sentence)
{
	size_t count = 0;

	for (size_t i = 0; i < verdict.missing_count; i++)
		count += strstr(verdict.missing[i], sentence) != NULL;
	return count == 1;
}

/* It was dropped: "it worked with nothing of the phone changed". */
static void an_unknown_condition_is_a_change(void **state)
{
	diagnose_line(FACE_ID, "F cable=A;S cable=A chargeFlexx=replaced;"
			       "S cable=A chargeFlexx=replaced");
	assert_int_equal(verdict.phase, PHASE_UNDECIDED);
	assert_non_null(strstr(verdict.summary, "chargeFlexx"));
	assert_true(is_warned("chargeFlexx is not a known condition; did you mean chargeFlex?"));
	for (size_t i = 0; i < verdict.cause_count; i++)
		assert_int_equal(verdict.causes[i].counter_evidence_count, 0);
	diagnose_line(FACE_ID, "F cable=A;S cable=B colourOfTheBox=red");
	assert_int_equal(verdict.phase, PHASE_UNDECIDED);
	assert_true(is_warned("colourOfTheBox is not a known condition: it counts as a change"));
	diagnose_line(FACE_ID, "F battery=knowngood");
	assert_true(is_warned("knowngood is not a known state of the battery; did you mean "
			      "known-good?"));
}

/* Some of a hundred conditions share one place; a change of any of them is one. */
static void hundred_unknown_conditions_fit(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of(FACE_ID);
	struct attempt *attempt = NULL;

	for (int i = 0; i < 120; i++) {
		char key[CONDITION_KEY_SIZE];

		if (i % 30 == 0)
			attempt = i ? add_success(c, "one", NULL) : add_4013(c, "one", NULL);
		snprintf(key, sizeof(key), "nonsense%d", i);
		assert_int_equal(attempt_set_condition(attempt, key, "yes", 0), 0);
	}
	assert_int_equal(diagnose(c, &verdict), 0);
	assert_int_equal(verdict.phase, PHASE_UNDECIDED);
	assert_true(is_warned("Other conditions are not known either."));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_factor_is_its_cause),
		cmocka_unit_test(every_part_counts),
		cmocka_unit_test(several_factors_are_their_phase),
		cmocka_unit_test(computers_are_told_apart_by_their_ids),
		cmocka_unit_test(what_is_not_known_may_have_changed),
		cmocka_unit_test(an_old_success_clears_nothing),
		cmocka_unit_test(what_failed_too_explains_nothing),
		cmocka_unit_test(versions_are_compared_as_versions),
		cmocka_unit_test(a_failure_clears_what_was_changed),
		cmocka_unit_test(a_new_model_is_ahead_of_its_tool),
		cmocka_unit_test(a_loop_that_persists_is_hardware),
		cmocka_unit_test(modes_alone_prove_no_part),
		cmocka_unit_test(an_unknown_condition_is_a_change),
		cmocka_unit_test(hundred_unknown_conditions_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
