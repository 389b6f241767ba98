/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `explain`: what a code, an operation, a checkpoint or a model is; from what is built in. */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "client/commands/explanation.h"
#include "client/options.h"
#include "client/output/output.h"
#include "common/base/text.h"
#include "common/diagnosis/code.h"

#define QUOTED_BYTES 64
#define HINTS_MAX 4
#define HINT_BYTES 512

static void free_words(char ***words)
{
	for (char **word = *words; word && *word; word++)
		free(*word);
	free(*words);
}

/* A number such as -9807 is no option: a blank before it keeps getopt() from taking it for one. */
static char **spare_numbers(int argc, char **argv)
{
	char **words = calloc((size_t)argc + 1, sizeof(*words));

	for (int i = 0; words && i < argc; i++) {
		bool number = argv[i][0] == '-' && isdigit((unsigned char)argv[i][1]);

		if (asprintf(&words[i], "%s%s", number ? " " : "", argv[i]) < 0) {
			words[i] = NULL;
			free_words(&words);
			return NULL;
		}
	}
	return words;
}

/* The words with a blank between them. The caller owns it; NULL when out of memory. */
static char *join(char **words, int count)
{
	size_t size = 1;
	char *joined;

	for (int i = 0; i < count; i++)
		size += strlen(words[i]) + 1;
	joined = calloc(1, size);
	for (int i = 0; joined && i < count; i++) {
		strcat(joined, words[i]);
		if (i + 1 < count)
			strcat(joined, " ");
	}
	return joined;
}

/* All that may be said of it in one clean sentence on standard error. */
static void say_unknown(struct json_object *explanation, const char *text)
{
	struct json_object *similar = field_list(explanation, "similar");
	size_t count = field_count(similar), length = 0;
	char quoted[QUOTED_BYTES], hints[HINT_BYTES] = "";
	bool cut = !text_copy(quoted, sizeof(quoted), text + strspn(text, " "));

	for (size_t i = 0; i < count && i < HINTS_MAX && length < sizeof(hints); i++) {
		struct json_object *item = field_item(similar, i);

		length += (size_t)snprintf(hints + length, sizeof(hints) - length, "%s%s (%s)",
			i ? ", " : " Names with it are ", field_text_or(item, "name", "?"),
			field_text_or(item, "title", "?"));
	}
	report_error("Cannot explain \"%s%s\": no error code, operation, checkpoint or model has "
		     "this number or name.%s%s",
		quoted, cut ? "..." : "", hints,
		count > HINTS_MAX ? " and more."
		: count		  ? "."
				  : "");
}

/* What was asked for so far. */
struct answers {
	struct context *context;
	bool any;
	int worst; /* exit code */
};

static void show(struct answers *answers, struct json_object *explanation, const char *text)
{
	answers->context->output->explanation(&answers->context->layout, explanation, answers->any);
	if (explanation_found(explanation)) {
		answers->any = true;
		return;
	}
	say_unknown(explanation, text);
	answers->worst = EXIT_UNKNOWN_NAME;
}

/* Answers the words as one question. Where `known` is set and they mean nothing it returns false
 * and says nothing. */
static bool explain(struct answers *answers, char **words, int count, bool known)
{
	CLEANUP(freep) char *text = join(words, count);
	CLEANUP(json_object_putp)
	struct json_object *explanation = text ? explanation_new(text) : NULL;

	if (!explanation) {
		answers->worst = report_no_memory();
		return true;
	}
	if (known && !explanation_found(explanation))
		return false;
	show(answers, explanation, text);
	return true;
}

int command_explain(struct context *context, int argc, char **argv)
{
	CLEANUP(free_words) char **words = spare_numbers(argc, argv);
	struct answers answers = {.context = context, .worst = EXIT_DONE};
	int first = words ? options_read(context, argc, words, NULL, NULL, NULL, NULL) : 0;

	if (!words)
		return report_no_memory();
	if (first < 0)
		return -first;
	if (first == argc) {
		report_error(
			"explain needs an error code, an operation, a checkpoint or a model, such "
			"as `explain 4013`.");
		return EXIT_USAGE;
	}
	/* A name of several words needs no quotes where it is all, nor does "operation 28". */
	if (explain(&answers, words + first, argc - first, true))
		return answers.worst;
	while (first < argc) {
		int count = first + 1 < argc && code_is_prefix(words[first]) ? 2 : 1;

		explain(&answers, words + first, count, false);
		first += count;
	}
	return answers.worst;
}
