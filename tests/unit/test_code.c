/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a number or name of a restore may mean: every reading of it, and none that was not asked
 * for. */
#include "tests/unit/test.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/diagnosis/code.h"
#include "common/diagnosis/knowledge.h"
#include "common/model/operation.h"

/* `found` as "amr 28, operation 28". */
static void check_find(const char *text, const char *found)
{
	struct code_match matches[CODE_MATCHES_MAX];
	size_t count = code_find(text, matches), length = 0;
	char told[1024] = "";

	for (size_t i = 0; i < count; i++) {
		const struct numbering_info *info = numbering_info(matches[i].code->numbering);

		length += (size_t)snprintf(told + length, sizeof(told) - length,
			info->hex_digits ? "%s%s 0x%" PRIX64 : "%s%s %" PRId64, i ? ", " : "",
			info->word, matches[i].number);
		assert_true(length < sizeof(told));
	}
	if (strcmp(told, found) != 0)
		fail_msg("%s: found \"%s\", due \"%s\"", text, told, found);
}

static void numbers_are_found_in_every_numbering(void **state)
{
	static const struct {
		const char *text, *found;
	} cases[] = {
		{"4013", "itunes 4013"},
		{"4014", "itunes 4014"},
		{"4005", "itunes 4005"},
		{"0xFAD", "itunes 4013"},
		{"9", "amr 9"},
		{"28", "amr 28, operation 28"},
		{"13", "amr 13, operation 13"},
		{"1549", "checkpoint 0x60D"},
		{"0x60D", "checkpoint 0x60D"},
		{"0x060d", "checkpoint 0x60D"},
		{"0X60D", "checkpoint 0x60D"},
		{"1603", "itunes 1603, checkpoint 0x643"},
		{"1607", "itunes 1607, checkpoint 0x647"},
		/* What is said of the one number is said, not what is said of its range. */
		{"3194", "tss 3194"},
		{"3150", "tss 3150"},
		{"9812", "itunes 9812"},
		/* Negative: as it stands, then as what the phone calls positive. */
		{"-1", "itunes -1, amr -1, irecovery -1"},
		{"-9807", "itunes -9807"},
		{"-6", "irecovery -6"},
		{"-53", "amr 53"},
		{"amr -6", "amr 6"},
		/* The same bits, signed or not. */
		{"4294967295", "itunes -1, amr -1, irecovery -1"},
		{"0xFFFFFFFFFFFFFFFF", "itunes -1, amr -1, irecovery -1"},
		{"18446744073709551615", "itunes -1, amr -1, irecovery -1"},
		{"0xE8000004", "service 0xE8000004"},
		{"-402653180", "service 0xE8000004"},
		{"3892314116", "service 0xE8000004"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_find(cases[i].text, cases[i].found);
}

/* Older tools print a checkpoint decimal with flags above its 16 bits; the phone puts 0x1103 there.
 */
static void flags_of_checkpoints_are_passed_over(void **state)
{
	check_find("4294968884", "checkpoint 0x634");
	check_find("18446744069414585944", "checkpoint 0x658");
	check_find("-4294965672", "checkpoint 0x658");
	check_find("-63912", "checkpoint 0x658");
	check_find("4294903384", "checkpoint 0x658");
	check_find("0x1103060D", "checkpoint 0x60D");
	check_find("0x11070624", "checkpoint 0x624");
	check_find("0x2203060D", "");
	check_find("0x1060D", "");
}

static void names_are_found(void **state)
{
	check_find("Waiting for NAND", "operation 28");
	check_find("waiting  for nand", "operation 28");
	check_find("Partition NAND device", "operation 28");
	check_find("WAIT_FOR_NAND", "operation 28");
	check_find("Waiting for NAND (28)", "operation 28");
	check_find("Waiting for NAND (29)", "");
	check_find("wait_for_storage", "checkpoint 0x60D");
	check_find("wait for storage", "checkpoint 0x60D");
	check_find("RESTORED:[0x060D] wait_for_storage", "");
	check_find("[0x060D] wait_for_storage", "checkpoint 0x60D");
	check_find("Checkpoint started   id: 0x60D (wait_for_storage)", "checkpoint 0x60D");
	check_find("Disk Failure", "amr 6");
	check_find("NAND", "");
}

static void words_before_it_narrow(void **state)
{
	check_find("operation 28", "operation 28");
	check_find("OPERATION 28", "operation 28");
	check_find("op 28", "operation 28");
	check_find("operation Waiting for NAND", "operation 28");
	check_find("error 28", "amr 28");
	check_find("amr 28", "amr 28");
	check_find("iTunes error 28", "amr 28");
	check_find("AMRestoreErrorDomain/28", "amr 28");
	check_find("status: 6", "amr 6");
	check_find("checkpoint 1549", "checkpoint 0x60D");
	check_find("checkpoint 0x60D", "checkpoint 0x60D");
	check_find("checkpoint 28", "");
	check_find("checkpoint wait_for_storage", "checkpoint 0x60D");
	check_find("operation wait_for_storage", "");
	check_find("operation error 28", "");
	check_find("operation", "");
	check_find("error", "");
}

static void what_is_not_known_is_not_guessed(void **state)
{
	static const char *const texts[] = {
		"",
		" ",
		"-",
		"--",
		"0x",
		"0xg",
		"4999",
		"99999",
		"-4013000",
		"operation 99",
		"operation -28",
		"operation 0",
		"28a",
		"a28",
		"28 29",
		"28.5",
		"1e3",
		"007 008",
		"18446744073709551616",
		"-9223372036854775809",
		"0x10000000000000000",
		"\xff\xfe",
		"%s%n",
		"operation operation",
		"0",
		"4013;reboot",
	};
	char text[4 * CODE_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (strcmp(texts[i], "0") != 0)
			check_find(texts[i], "");
	check_find("0", "amr 0");
	for (size_t length = CODE_TEXT_MAX - 3; length < sizeof(text); length++) {
		memset(text, '1', length);
		text[length] = '\0';
		check_find(text, "");
	}
	memset(text, ' ', CODE_TEXT_MAX);
	memcpy(text + 100, "4013", 4);
	text[CODE_TEXT_MAX - 1] = '\0';
	check_find(text, "itunes 4013");
	text[CODE_TEXT_MAX - 1] = ' ';
	text[CODE_TEXT_MAX] = '\0';
	check_find(text, "");
}

static void similar_names_are_hints(void **state)
{
	struct code_match matches[CODE_MATCHES_MAX];
	size_t count = code_find_similar("savage", matches);

	assert_true(count >= 3);
	assert_string_equal(matches[0].code->names[0], "Updating Savage");
	for (size_t i = 0; i < count; i++)
		assert_in_range(
			matches[i].code->numbering, NUMBERING_OPERATION, NUMBERING_CHECKPOINT);
	assert_int_equal(code_find_similar("checkpoint savage", matches), count - 2);
	/* No number is near another. */
	assert_int_equal(code_find_similar("4012", matches), 0);
	assert_int_equal(code_find_similar("-1", matches), 0);
	assert_int_equal(code_find_similar("up", matches), 0);
	assert_int_equal(code_find_similar("", matches), 0);
	assert_int_equal(code_find_similar("update", matches), CODE_MATCHES_MAX);
}

static size_t count_of(uint32_t bits)
{
	return (size_t)__builtin_popcount(bits);
}

static const struct code *only(const char *text)
{
	struct code_match matches[CODE_MATCHES_MAX];

	assert_int_equal(code_find(text, matches), 1);
	return matches[0].code;
}

/* The codes that were seen with every cause must not seem to name one. */
static void lost_phones_keep_all_suspects(void **state)
{
	static const char *const texts[] = {"4013", "4014", "4005", "4010", "9"};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		const struct code *code = only(texts[i]);
		bool phases[PHASE_UNDECIDED + 1] = {false};

		for (size_t cause = 0; cause < knowledge_causes_count; cause++)
			if (code->suspects & 1U << cause)
				phases[knowledge_causes[cause].phase] = true;
		assert_true(phases[PHASE_CONNECTION] && phases[PHASE_HARDWARE]);
		assert_true(count_of(code->suspects) >= 5);
	}
	assert_non_null(strstr(only("4013")->note, "decides nothing"));
}

static void like_takes_over_what_is_absent(void **state)
{
	const struct code *model = only("1001"), *code = only("1002");

	assert_string_not_equal(code->means, model->means);
	assert_int_equal(code->suspects, model->suspects);
	assert_string_equal(code->checks[0], model->checks[0]);
	assert_string_equal(code->stage, model->stage);
	assert_string_equal(code->sources[0], model->sources[0]);
}

static void operations_are_told_by_name_and_number(void **state)
{
	assert_string_equal(operation_by_number(28)->name, "Waiting for NAND");
	assert_int_equal(operation_by_name("Partition NAND device"), 28);
	assert_int_equal(operation_by_name("WAIT_FOR_NAND"), 28);
	assert_null(operation_by_number(10));
	assert_int_equal(operation_by_name("wait for nand"), 0);
	assert_non_null(only("operation 28")->exercises);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_found_in_every_numbering),
		cmocka_unit_test(flags_of_checkpoints_are_passed_over),
		cmocka_unit_test(names_are_found),
		cmocka_unit_test(words_before_it_narrow),
		cmocka_unit_test(what_is_not_known_is_not_guessed),
		cmocka_unit_test(similar_names_are_hints),
		cmocka_unit_test(lost_phones_keep_all_suspects),
		cmocka_unit_test(like_takes_over_what_is_absent),
		cmocka_unit_test(operations_are_told_by_name_and_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
