/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Guards, over the development cases: what is hidden of a case makes its verdict no surer and turns
 * it into no contrary one, and a failure that is seen once more with nothing changed flips no
 * phase. */
#include "common/diagnosis/verdict.h"

#include <dirent.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"
#include "common/casefile/casefile.h"
#include "tests/unit/test.h"

#define CASES_LEAST 90	    /* that the folder holds: a test of nothing must fail */
#define VARIANTS_LEAST 1300 /* of them all */

static struct verdict whole, less;
static void json_putp(struct json_object **object)
{
	json_object_put(*object);
}

static void diagnose_json(struct json_object *object, struct verdict *ret)
{
	CLEANUP(triage_case_freep) struct triage_case *c = NULL;
	const char *text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN);
	char message[CASEFILE_MESSAGE_SIZE] = "";

	assert_int_equal(casefile_parse(text, strlen(text), &c, message), 0);
	assert_int_equal(diagnose(c, ret), 0);
}

/* Not evidence: what the file is; how an attempt ended, without which it is none. And what would
 * tell of a second change: that nobody tells it means that all else was as it came, which is not
 * less. */
static bool is_kept(const char *key)
{
	static const char *const kept[] = {"format", "version", "id", "source", "truth", "outcome",
		"device", "attempts", "minimalBoot"};

	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		if (text_equal(kept[i], key))
			return true;
	return false;
}

static bool drop(struct json_object *node, size_t *left, char what[static 160]);

static bool drop_item(struct json_object *array, size_t *left, char what[static 160])
{
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		struct json_object *item = json_object_array_get_idx(array, i);

		if ((*left)-- == 0) {
			snprintf(what, 160, "[%zu] %.120s", i, json_object_to_json_string(item));
			json_object_array_del_idx(array, i, 1);
			return true;
		}
		/* An event of the link is seen or not seen, as a whole. */
		if (json_object_is_type(item, json_type_object) &&
			!json_object_object_get_ex(item, "t", NULL) && drop(item, left, what))
			return true;
	}
	return false;
}

static bool drop_member(struct json_object *object, size_t *left, char what[static 160])
{
	json_object_object_foreach(object, key, value)
	{
		if (!is_kept(key) && (*left)-- == 0) {
			snprintf(what, 160, "%s %.120s", key, json_object_to_json_string(value));
			json_object_object_del(object, key);
			return true;
		}
		if (!text_equal(key, "truth") && drop(value, left, what))
			return true;
	}
	return false;
}

/* Takes one thing out of the tree: the one with the number *left. Says which in `what`. */
static bool drop(struct json_object *node, size_t *left, char what[static 160])
{
	if (json_object_is_type(node, json_type_array))
		return drop_item(node, left, what);
	return json_object_is_type(node, json_type_object) && drop_member(node, left, what);
}

static int side(const struct verdict *verdict)
{
	switch (verdict->phase) {
	case PHASE_CONNECTION:
	case PHASE_SOFTWARE:
		return 1;
	case PHASE_HARDWARE:
		return 2;
	default:
		return 0;
	}
}

static bool flipped(void)
{
	return side(&whole) && side(&less) && side(&whole) != side(&less);
}

/* Without a phase it is no verdict, however strong its suspects. */
static enum strength sureness(const struct verdict *verdict)
{
	return side(verdict) ? verdict->strength : STRENGTH_NONE;
}

static size_t hide_each(const char *name, struct json_object *object)
{
	size_t count = 0;

	for (;; count++) {
		CLEANUP(json_putp) struct json_object *copy = NULL;
		char what[160] = "";
		size_t left = count;

		assert_int_equal(json_object_deep_copy(object, &copy, NULL), 0);
		if (!drop(copy, &left, what))
			return count;
		diagnose_json(copy, &less);
		if (sureness(&less) > sureness(&whole) || flipped())
			fail_msg("%s without %s: %s %s, was %s %s", name, what,
				phase_name(less.phase), strength_name(less.strength),
				phase_name(whole.phase), strength_name(whole.strength));
	}
}

static size_t repeat_each(const char *name, struct json_object *object)
{
	struct json_object *attempts = json_object_object_get(object, "attempts");
	size_t count = json_object_array_length(attempts);

	for (size_t i = 0; i < count; i++) {
		CLEANUP(json_putp) struct json_object *copy = NULL;
		struct json_object *attempt;

		assert_int_equal(json_object_deep_copy(object, &copy, NULL), 0);
		attempts = json_object_object_get(copy, "attempts");
		attempt = json_object_array_get_idx(attempts, i);
		if (!text_equal(json_object_get_string(json_object_object_get(attempt, "outcome")),
			    "failed"))
			continue;
		json_object_array_add(attempts, json_object_get(attempt));
		diagnose_json(copy, &less);
		if (flipped())
			fail_msg("%s with attempt %zu once more: %s, was %s", name, i + 1,
				phase_name(less.phase), phase_name(whole.phase));
	}
	return count;
}

typedef size_t try_case(const char *name, struct json_object *object);

static void each_case(try_case *try, size_t least)
{
	DIR *folder = opendir(CASES);
	const struct dirent *entry;
	size_t cases = 0, tries = 0;

	assert_non_null(folder);
	while ((entry = readdir(folder))) {
		CLEANUP(json_putp) struct json_object *object = NULL;
		char path[4096];

		if (!strstr(entry->d_name, ".json"))
			continue;
		snprintf(path, sizeof(path), "%s/%s", CASES, entry->d_name);
		object = json_object_from_file(path);
		assert_non_null(object);
		diagnose_json(object, &whole);
		tries += try(entry->d_name, object);
		cases++;
	}
	closedir(folder);
	assert_true(cases >= CASES_LEAST);
	assert_true(tries >= least);
}

static void hidden_evidence_never_strengthens(void **state)
{
	each_case(hide_each, VARIANTS_LEAST);
}

static void the_same_failure_again_never_flips(void **state)
{
	each_case(repeat_each, CASES_LEAST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hidden_evidence_never_strengthens),
		cmocka_unit_test(the_same_failure_again_never_flips),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
