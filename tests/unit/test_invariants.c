/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What must hold of every verdict, over generated cases. The seed is fixed, so that a failure comes
 * back; TRIAGE_SEED gives another one. */
#include "common/diagnosis/verdict.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/macro.h"
#include "tests/unit/case_builder.h"
#include "tests/unit/test.h"

#define ROUNDS 3000 /* cases for each invariant */
#define NOISE_MAX 4 /* attempts beside those that an invariant is about */

static uint64_t random_state;
static struct verdict before, after;

static uint32_t draw(uint32_t limit)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(random_state >> 33) % limit;
}

static const char *pick(const char *const *words, size_t count)
{
	return words[draw((uint32_t)count)];
}

#define PICK(words) pick(words, ARRAY_SIZE(words))

static const char *const face_id_models[] = {"iPhone10,3", "iPhone11,2", "iPhone11,8", "iPhone12,1",
	"iPhone12,3", "iPhone13,2", "iPhone14,5", "iPhone15,2", "iPhone16,1", "iPhone17,3"};
static const char *const other_models[] = {"iPhone6,1", "iPhone8,1", "iPhone9,1", "iPhone9,4",
	"iPhone10,1", "iPhone12,8", "iPhone14,6", "iPad7,11", "iPod9,1"};
static const char *const labels[] = {"A", "B", "C", "D", "E"};
static const char *const failing_labels[] = {"A", "C", "D"};
static const char *const actions[] = {"update", "update", "erase"};
static const char *const histories[] = {"liquid", "drop", "display-replaced", "no-service"};

struct point {
	int64_t code;
	uint32_t operation;
	enum restore_stage stage;
	enum device_mode came_back;
};

static const struct point points[] = {
	{4013, 0, STAGE_BOOT_RAMDISK, MODE_RECOVERY},
	{4014, 0, STAGE_BOOT_RAMDISK, MODE_DFU},
	{4005, 0, STAGE_BOOT_RAMDISK, MODE_GONE},
	{4010, 13, STAGE_RESTORE, MODE_RECOVERY},
	{9, 28, STAGE_RESTORE, MODE_RECOVERY},
	{0, 12, STAGE_RESTORE, MODE_UNKNOWN},
	{0, 36, STAGE_RESTORE, MODE_UNKNOWN},
};

static void set_point(struct attempt *attempt, const struct point *point)
{
	attempt->itunes_code = point->code;
	attempt->operation = point->operation;
	attempt->stage = point->stage;
	attempt->came_back = point->came_back;
	if (point->operation == 28)
		attempt->checkpoint = 0x60d;
	attempt->health.grade = HEALTH_GOOD;
	text_copy(attempt->tool, sizeof(attempt->tool), "idevicerestore");
}

static struct attempt *add_failure(
	struct triage_case *c, const char *host, const char *cable, const struct point *point)
{
	struct attempt *attempt = add_attempt(c, host, cable, OUTCOME_FAILED);

	set_point(attempt, point);
	return attempt;
}

static struct attempt *add_like(struct triage_case *c, const char *host, const char *cable)
{
	struct attempt *attempt = add_success(c, host, cable);

	text_copy(attempt->tool, sizeof(attempt->tool), "idevicerestore");
	return attempt;
}

static void add_history(struct triage_case *c)
{
	if (draw(3) == 0)
		triage_case_add_history(c, PICK(histories));
}

static void run(const struct triage_case *c, struct verdict *verdict)
{
	assert_int_equal(diagnose(c, verdict), 0);
}

static bool is_phase_1(const struct verdict *verdict)
{
	return verdict->phase == PHASE_CONNECTION || verdict->phase == PHASE_SOFTWARE;
}

static const char *first_cause(const struct verdict *verdict)
{
	return verdict->cause_count ? verdict->causes[0].cause : "";
}

static const struct point *any_point(void)
{
	return &points[draw(ARRAY_SIZE(points))];
}

/* Fails the same way on two computers and two cables or more. */
static const struct point *add_persisting(struct triage_case *c)
{
	const struct point *point = any_point();

	add_failure(c, "one", "A", point);
	add_failure(c, "two", "B", point);
	for (uint32_t i = draw(NOISE_MAX); i > 0; i--)
		add_failure(c, draw(2) ? "one" : "two", PICK(labels), point);
	return point;
}

/* Whatever the failures looked like, however many links they were on, what parts the phone named.
 */
static void works_after_other_link_twice(void **state)
{
	static const int64_t named[] = {0, 0, 40, 29, 1013, 50};

	for (int round = 0; round < ROUNDS; round++) {
		CLEANUP(triage_case_freep)
		struct triage_case *c =
			case_of(draw(2) ? PICK(face_id_models) : PICK(other_models));
		const struct point *point = any_point();
		const int64_t code = named[draw(ARRAY_SIZE(named))];
		uint32_t change = 1 + draw(7); /* cable, port, computer: at least one of them */
		uint32_t failures = 1 + draw(4);

		add_history(c);
		if (draw(4) == 0)
			triage_case_add_history(c, "boot-loop");
		for (uint32_t i = 0; i < failures; i++) {
			const char *cable = change & 2 && draw(2) ? PICK(failing_labels) : "A";
			struct attempt *attempt = add_failure(c, "one", cable, point);

			text_copy(attempt->port, PORT_SIZE, "1-1");
			attempt->amr_error_known = code != 0;
			attempt->amr_error = code;
		}
		for (int i = 0; i < 2; i++)
			text_copy(add_like(c, change & 1 ? "two" : "one", change & 2 ? "B" : "A")
					  ->port,
				PORT_SIZE, change & 4 ? "1-2" : "1-1");
		run(c, &after);
		assert_true(is_phase_1(&after));
		assert_int_equal(after.strength, STRENGTH_STRONG);
	}
}

/* A model of tomorrow, or none told: the phase does not depend on it. */
static void persists_on_unknown_models(void **state)
{
	static const char *const unknown_models[] = {"", "iPhone99,9", "iPad99,1", "?", "Watch1,1"};

	for (int round = 0; round < ROUNDS; round++) {
		CLEANUP(triage_case_freep) struct triage_case *c = case_of(PICK(unknown_models));

		add_history(c);
		add_persisting(c);
		run(c, &after);
		assert_int_equal(after.phase, PHASE_HARDWARE);
		assert_int_equal(after.strength, STRENGTH_STRONG);
		assert_non_null(after.next.experiment);
	}
}

static void persists_over_links(void **state)
{
	for (int round = 0; round < ROUNDS; round++) {
		bool face_id = draw(2);
		CLEANUP(triage_case_freep)
		struct triage_case *c =
			case_of(face_id ? PICK(face_id_models) : PICK(other_models));

		add_history(c);
		add_persisting(c);
		run(c, &after);
		assert_int_equal(after.phase, PHASE_HARDWARE);
		assert_int_equal(after.strength, STRENGTH_STRONG);
		assert_non_null(after.next.experiment);
		if (face_id) {
			assert_string_equal(first_cause(&after), "earpiece-flex");
			assert_string_equal(after.next.experiment, "disconnect-earpiece-flex");
		} else {
			assert_string_not_equal(first_cause(&after), "earpiece-flex");
			assert_string_not_equal(after.next.experiment, "disconnect-earpiece-flex");
		}
	}
}

/* The code alone tells that the phone was on USB afterwards for 4013 and 4014. */
static void unseen_links_are_never_strong(void **state)
{
	for (int round = 0; round < ROUNDS; round++) {
		CLEANUP(triage_case_freep)
		struct triage_case *c =
			case_of(draw(2) ? PICK(face_id_models) : PICK(other_models));
		const struct point *point;
		bool found;

		add_history(c);
		point = add_persisting(c);
		found = point->code == 4013 || point->code == 4014;
		for (size_t i = 0; i < c->attempt_count; i++)
			c->attempts[i]->health.grade = HEALTH_UNKNOWN;
		run(c, &after);
		assert_int_equal(after.phase, PHASE_HARDWARE);
		assert_int_equal(after.strength, found ? STRENGTH_STRONG : STRENGTH_MODERATE);
		assert_int_equal(after.missing_count, found ? 0 : 1);
	}
}

static void flex_out_decides(void **state)
{
	for (int round = 0; round < ROUNDS; round++) {
		CLEANUP(triage_case_freep) struct triage_case *c = case_of(PICK(face_id_models));
		const struct point *point;

		add_history(c);
		point = add_persisting(c);
		if (draw(2)) {
			set_flex(
				add_like(c, draw(2) ? "one" : "two", PICK(labels)), "disconnected");
			run(c, &after);
			assert_int_equal(after.phase, PHASE_HARDWARE);
			assert_true(after.strength >= STRENGTH_STRONG);
			assert_string_equal(first_cause(&after), "earpiece-flex");
			set_flex(add_failure(c, "one", "A", point), "connected");
			run(c, &after);
			assert_int_equal(after.strength, STRENGTH_CONCLUSIVE);
			assert_string_equal(first_cause(&after), "earpiece-flex");
		} else {
			set_flex(add_failure(c, draw(2) ? "one" : "two", "A", point),
				"disconnected");
			run(c, &after);
			assert_int_equal(after.phase, PHASE_HARDWARE);
			assert_string_equal(first_cause(&after), "nand");
			for (size_t i = 0; i < after.cause_count; i++)
				if (strcmp(after.causes[i].cause, "earpiece-flex") == 0)
					assert_int_equal(after.causes[i].strength, STRENGTH_NONE);
		}
	}
}

/* A case of anything: attempts, conditions, signs of trouble. */
static struct triage_case *any_case(void)
{
	struct triage_case *c = case_of(draw(2)	  ? PICK(face_id_models)
					: draw(3) ? PICK(other_models)
						  : "");
	uint32_t count = 1 + draw(6);

	add_history(c);
	for (uint32_t i = 0; i < count; i++) {
		struct attempt *attempt;

		if (draw(4) == 0)
			attempt = add_like(c, draw(2) ? "one" : "two", PICK(labels));
		else
			attempt = add_failure(c, draw(2) ? "one" : "two",
				draw(4) ? PICK(labels) : NULL, any_point());
		if (draw(4) == 0)
			set_flex(attempt, draw(2) ? "disconnected" : "connected");
		if (draw(2))
			text_copy(attempt->action, sizeof(attempt->action), PICK(actions));
		if (draw(2))
			text_copy(attempt->firmware, NAME_SIZE, draw(2) ? "17.0" : "17.1");
		if (draw(2))
			attempt_set_condition(attempt, "network", "other", 0);
		if (draw(3) == 0)
			attempt->entry = draw(2) ? MODE_DFU : MODE_RECOVERY;
		if (draw(6) == 0)
			attempt->health.usb_errors = draw(5);
		if (draw(8) == 0) {
			attempt->amr_error_known = true;
			attempt->amr_error = draw(60);
		}
		if (draw(20) == 0)
			attempt->health.mux_faults = 1;
	}
	return c;
}

/* Phases that are decided and contrary to each other. */
static bool flipped(const struct verdict *a, const struct verdict *b)
{
	return (is_phase_1(a) && b->phase == PHASE_HARDWARE) ||
	       (a->phase == PHASE_HARDWARE && is_phase_1(b));
}

static size_t count_failures(
	const struct triage_case *c, const char *action, enum device_mode entry)
{
	size_t count = 0;

	for (size_t i = 0; i < c->attempt_count; i++) {
		const struct attempt *attempt = c->attempts[i];

		count += attempt->outcome == OUTCOME_FAILED && !attempt->health.mux_faults &&
			 (!action || strcmp(attempt->action, action) == 0) &&
			 (entry == MODE_UNKNOWN || attempt->entry == entry);
	}
	return count;
}

static bool asks_for(const struct verdict *verdict, const char *experiment)
{
	return verdict->next.experiment && strcmp(verdict->next.experiment, experiment) == 0;
}

/* Update before erase, one DFU restore at most, and the word that it erases; after two updates and
 * one DFU restore over a good link no software is tried again. */
static void stop_rules_hold(void **state)
{
	for (int round = 0; round < ROUNDS; round++) {
		CLEANUP(triage_case_freep) struct triage_case *c = any_case();
		size_t updates = count_failures(c, "update", MODE_UNKNOWN);
		size_t from_dfu = count_failures(c, NULL, MODE_DFU);

		run(c, &after);
		if (asks_for(&after, "dfu-restore")) {
			assert_true(updates >= 1);
			assert_int_equal(from_dfu, 0);
			assert_non_null(strstr(after.next.text, "erases the data"));
		}
		if (updates >= 2 && from_dfu >= 1) {
			assert_false(asks_for(&after, "retry-update"));
			assert_false(asks_for(&after, "try-update"));
			assert_false(asks_for(&after, "dfu-restore"));
		}
		if (after.phase == PHASE_HARDWARE) {
			assert_false(asks_for(&after, "swap-cable"));
			assert_false(asks_for(&after, "other-computer"));
			assert_false(asks_for(&after, "update-tool"));
		}
		if (is_phase_1(&after))
			assert_false(asks_for(&after, "disconnect-earpiece-flex"));
	}
}

/* A failure after a success tells more than one before it where what cured is changed back. */
static bool tells_of_order(const struct verdict *verdict)
{
	for (size_t i = 0; i < verdict->cause_count; i++)
		for (size_t j = 0; j < verdict->causes[i].evidence_count; j++)
			if (strstr(verdict->causes[i].evidence[j].rule, "returns"))
				return true;
	return false;
}

/* A failure once more, with nothing changed. (A success once more is news: it clears.) */
static void same_failure_again_never_flips(void **state)
{
	for (int round = 0; round < ROUNDS; round++) {
		CLEANUP(triage_case_freep) struct triage_case *c = any_case();
		size_t copied = draw((uint32_t)c->attempt_count);
		struct attempt *again;

		if (c->attempts[copied]->outcome != OUTCOME_FAILED)
			continue;
		run(c, &before);
		again = triage_case_add(c);
		*again = *c->attempts[copied];
		run(c, &after);
		if (!tells_of_order(&after))
			assert_false(flipped(&before, &after));
	}
}

static void swap_attempts(struct triage_case *c, size_t i, size_t j)
{
	struct attempt *attempt = c->attempts[i];

	c->attempts[i] = c->attempts[j];
	c->attempts[j] = attempt;
}

static void order_of_attempts_does_not_matter(void **state)
{
	for (int round = 0; round < ROUNDS; round++) {
		CLEANUP(triage_case_freep) struct triage_case *c = any_case();

		run(c, &before);
		for (size_t i = c->attempt_count - 1; i > 0; i--)
			swap_attempts(c, i, draw((uint32_t)i + 1));
		run(c, &after);
		if (tells_of_order(&before) || tells_of_order(&after))
			continue;
		assert_int_equal(before.phase, after.phase);
		assert_int_equal(before.strength, after.strength);
		assert_string_equal(first_cause(&before), first_cause(&after));
		/* Only the order says whether it works again. */
		if (before.works_since.attempt || after.works_since.attempt)
			continue;
		assert_string_equal(before.next.experiment ? before.next.experiment : "",
			after.next.experiment ? after.next.experiment : "");
	}
}

static void without_face_id_the_flex_is_never_first(void **state)
{
	for (int round = 0; round < ROUNDS; round++) {
		CLEANUP(triage_case_freep) struct triage_case *c = any_case();

		text_copy(c->identity.product, sizeof(c->identity.product), PICK(other_models));
		if (draw(2))
			add_persisting(c);
		run(c, &after);
		assert_string_not_equal(first_cause(&after), "earpiece-flex");
		assert_false(asks_for(&after, "disconnect-earpiece-flex"));
	}
}

static void order_of_failures_does_not_matter(void **state)
{
	for (int round = 0; round < ROUNDS; round++) {
		CLEANUP(triage_case_freep) struct triage_case *c = case_of(PICK(face_id_models));
		uint32_t count = 2 + draw(5);

		for (uint32_t i = 0; i < count; i++)
			add_failure(c, draw(2) ? "one" : "two", PICK(labels), &points[draw(2)]);
		run(c, &before);
		swap_attempts(c, 0, 1 + draw(count - 1));
		swap_attempts(c, draw(count), draw(count));
		run(c, &after);
		assert_int_equal(before.phase, after.phase);
		assert_int_equal(before.strength, after.strength);
		assert_string_equal(first_cause(&before), first_cause(&after));
	}
}

/* Labels that are not known make no verdict surer. */
static void hidden_labels_never_strengthen(void **state)
{
	for (int round = 0; round < ROUNDS; round++) {
		CLEANUP(triage_case_freep) struct triage_case *c = case_of(PICK(face_id_models));
		struct attempt *attempt;

		add_history(c);
		add_persisting(c);
		if (draw(2))
			set_flex(add_like(c, "one", "A"), "disconnected");
		run(c, &before);
		attempt = c->attempts[draw((uint32_t)c->attempt_count)];
		if (draw(2))
			attempt_set_condition(attempt, "cable", "unknown", 0);
		else
			attempt->host[0] = '\0';
		run(c, &after);
		assert_true(after.strength <= before.strength);
		assert_false(flipped(&before, &after));
	}
}

static void hidden_successes_never_strengthen(void **state)
{
	for (int round = 0; round < ROUNDS; round++) {
		CLEANUP(triage_case_freep) struct triage_case *c = case_of(PICK(other_models));
		const struct point *point = any_point();

		add_failure(c, "one", "A", point);
		add_like(c, draw(2) ? "one" : "two", "B");
		add_like(c, draw(2) ? "one" : "two", "B");
		run(c, &before);
		c->attempts[1 + draw(2)]->outcome = OUTCOME_UNKNOWN;
		run(c, &after);
		assert_true(after.strength <= before.strength);
		assert_false(flipped(&before, &after));
	}
}

static void never_hardware_from_one_attempt_that_names_nothing(void **state)
{
	for (int round = 0; round < ROUNDS; round++) {
		CLEANUP(triage_case_freep)
		struct triage_case *c =
			case_of(draw(2) ? PICK(face_id_models) : PICK(other_models));

		add_failure(c, "one", "A", any_point());
		run(c, &after);
		assert_int_equal(after.phase, PHASE_UNDECIDED);
		assert_true(after.strength <= STRENGTH_WEAK);
	}
}

static bool ends_properly(const char *text, size_t size)
{
	return strnlen(text, size) < size;
}

/* Whatever the case: a verdict that is whole, the same each time, and never sure of nothing. */
static void every_verdict_is_whole(void **state)
{
	for (int round = 0; round < ROUNDS; round++) {
		CLEANUP(triage_case_freep) struct triage_case *c = any_case();

		run(c, &before);
		run(c, &after);
		assert_memory_equal(&before, &after, sizeof(before));
		assert_true(ends_properly(after.summary, sizeof(after.summary)));
		assert_true(after.summary[0] != '\0');
		assert_true(after.cause_count <= VERDICT_CAUSES_MAX);
		if (after.phase == PHASE_NONE)
			continue;
		assert_true(after.advice_count > 0);
		if (after.phase != PHASE_UNDECIDED)
			assert_true(after.strength >= STRENGTH_MODERATE);
		for (size_t i = 0; i < after.cause_count; i++) {
			const struct suspect *suspect = &after.causes[i];

			assert_true(suspect->strength <= after.strength ||
				    after.phase == PHASE_UNDECIDED ||
				    suspect->phase != after.phase);
			for (size_t j = 0; j < suspect->evidence_count; j++) {
				assert_true(suspect->evidence[j].weight > 0);
				assert_true(suspect->evidence[j].text[0] != '\0');
				assert_non_null(suspect->evidence[j].source);
			}
		}
	}
}

/* A thousand attempts are diagnosed in 5 ms of processor time, with room for sanitizers. */
static void thousand_attempts_are_quick(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of("iPhone12,3");
	struct timespec begin, end;
	int64_t best_us = INT64_MAX;

	for (int i = 0; i < 1000; i++) {
		char cable[8];

		snprintf(cable, sizeof(cable), "L%d", i % 50);
		if (i % 3)
			add_failure(c, i % 2 ? "one" : "two", cable, any_point());
		else
			add_like(c, i % 2 ? "one" : "two", cable);
	}
	for (int i = 0; i < 5; i++) {
		int64_t us;

		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
		run(c, &after);
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
		us = (end.tv_sec - begin.tv_sec) * 1000000 + (end.tv_nsec - begin.tv_nsec) / 1000;
		best_us = us < best_us ? us : best_us;
	}
	print_message("# 1000 attempts: %ld us\n", (long)best_us);
	assert_true(best_us < 1000000); /* sanitizers take ten times as long */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(works_after_other_link_twice),
		cmocka_unit_test(persists_over_links),
		cmocka_unit_test(persists_on_unknown_models),
		cmocka_unit_test(unseen_links_are_never_strong),
		cmocka_unit_test(flex_out_decides),
		cmocka_unit_test(stop_rules_hold),
		cmocka_unit_test(same_failure_again_never_flips),
		cmocka_unit_test(order_of_failures_does_not_matter),
		cmocka_unit_test(order_of_attempts_does_not_matter),
		cmocka_unit_test(without_face_id_the_flex_is_never_first),
		cmocka_unit_test(hidden_labels_never_strengthen),
		cmocka_unit_test(hidden_successes_never_strengthen),
		cmocka_unit_test(never_hardware_from_one_attempt_that_names_nothing),
		cmocka_unit_test(every_verdict_is_whole),
		cmocka_unit_test(thousand_attempts_are_quick),
	};
	const char *seed = getenv("TRIAGE_SEED");

	random_state = seed ? strtoull(seed, NULL, 0) : 4013;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
