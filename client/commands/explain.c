/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `explain`: the meaning of a code, an operation, a checkpoint or a model, from built-in
 * knowledge. */
#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "client/fields.h"
#include "client/options.h"
#include "client/output/output.h"
#include "client/pager.h"
#include "common/base/text.h"
#include "common/diagnosis/code.h"
#include "common/diagnosis/knowledge.h"
#include "common/model/phone_model.h"

#define TITLE_BYTES 96
#define QUOTED_BYTES 64
#define HINTS_MAX 4
#define MODELS_MAX 12 /* that a loose name may mean */
#define HINT_BYTES 512

static void put_title(
	struct json_builder *builder, struct json_object *object, const struct code_match *match)
{
	const struct numbering_info *info = numbering_info(match->code->numbering);
	char title[TITLE_BYTES];

	if (info->hex_digits)
		snprintf(title, sizeof(title), "%s 0x%0*" PRIX64, info->title, info->hex_digits,
			(uint64_t)match->number);
	else
		snprintf(title, sizeof(title), "%s %" PRId64, info->title, match->number);
	json_put_text(builder, object, "title", title);
	json_put_text(builder, object, "numbering", info->word);
	json_put_number(builder, object, "number", match->number);
}

/* `texts` ends at `size`, or at a NULL before that. */
static struct json_object *list_texts(
	struct json_builder *builder, const char *const *texts, size_t size)
{
	struct json_object *list = json_new_array(builder);

	for (size_t i = 0; i < size && texts[i]; i++)
		json_add_text(builder, list, texts[i]);
	return list;
}

static struct json_object *list_suspects(struct json_builder *builder, uint32_t suspects)
{
	struct json_object *list = json_new_array(builder);

	for (size_t i = 0; i < knowledge_causes_count; i++) {
		const struct cause_info *cause = &knowledge_causes[i];
		struct json_object *suspect;

		if (!(suspects & 1U << i))
			continue;
		suspect = json_new_object(builder);
		json_put_text(builder, suspect, "cause", cause->word);
		json_put_text(builder, suspect, "title", cause->title);
		json_put_text(builder, suspect, "phase", phase_name(cause->phase));
		json_add(builder, list, suspect);
	}
	return list;
}

static struct json_object *list_experiments(struct json_builder *builder, uint64_t experiments)
{
	struct json_object *list = json_new_array(builder);

	for (size_t i = 0; i < knowledge_experiments_count; i++) {
		const struct experiment *known = &knowledge_experiments[i];
		struct json_object *experiment;

		if (!(experiments & UINT64_C(1) << i))
			continue;
		experiment = json_new_object(builder);
		json_put_text(builder, experiment, "experiment", known->word);
		json_put_text(builder, experiment, "title", known->title);
		json_put_number(builder, experiment, "minutes", known->minutes);
		json_put_number(builder, experiment, "risk", known->risk);
		json_add(builder, list, experiment);
	}
	return list;
}

static struct json_object *meaning_of(struct json_builder *builder, const struct code_match *match)
{
	const struct code *code = match->code;
	const struct numbering_info *info = numbering_info(code->numbering);
	struct json_object *meaning = json_new_object(builder);

	put_title(builder, meaning, match);
	json_put(builder, meaning, "names", list_texts(builder, code->names, CODE_NAMES_MAX));
	json_put_text(builder, meaning, "means", code->means);
	json_put_text(builder, meaning, "toldBy", info->told_by);
	json_put_known_text(builder, meaning, "stage", code->stage);
	json_put_known_text(builder, meaning, "exercises", code->exercises);
	json_put(builder, meaning, "suspects", list_suspects(builder, code->suspects));
	json_put(builder, meaning, "checks", list_texts(builder, code->checks, CODE_CHECKS_MAX));
	json_put(builder, meaning, "experiments", list_experiments(builder, code->experiments));
	json_put_known_text(builder, meaning, "note", code->note);
	json_put_text(builder, meaning, "caution", info->caution);
	json_put(builder, meaning, "sources", list_texts(builder, code->sources, CODE_SOURCES_MAX));
	return meaning;
}

static struct json_object *list_meanings(struct json_builder *builder, const char *text)
{
	struct code_match matches[CODE_MATCHES_MAX];
	struct json_object *list = json_new_array(builder);
	size_t count = code_find(text, matches);

	for (size_t i = 0; i < count; i++)
		json_add(builder, list, meaning_of(builder, &matches[i]));
	return list;
}

static const char *connector_name(enum connector connector)
{
	static const char *const names[] = {
		[CONNECTOR_UNKNOWN] = "",
		[CONNECTOR_30_PIN] = "30-pin",
		[CONNECTOR_LIGHTNING] = "Lightning",
		[CONNECTOR_USB_C] = "USB-C",
		[CONNECTOR_MICRO_USB] = "micro-USB",
		[CONNECTOR_ADAPTER] = "adapter",
		[CONNECTOR_NONE] = "none",
	};

	return names[connector];
}

static struct json_object *list_hardware(struct json_builder *builder, const struct model *model)
{
	static const struct {
		enum hardware hardware;
		const char *name;
	} parts[] = {
		{HARDWARE_BATTERY, "battery"},
		{HARDWARE_SCREEN, "screen"},
		{HARDWARE_MODEM, "modem"},
		{HARDWARE_NFC, "NFC chip"},
	};
	struct json_object *list = json_new_array(builder);

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (model_has(model, parts[i].hardware))
			json_add_text(builder, list, parts[i].name);
	return list;
}

static struct json_object *model_object(struct json_builder *builder, const struct model *model)
{
	struct json_object *object = json_new_object(builder);
	const char *at = model->connector == CONNECTOR_ADAPTER ? model->kind->adapter
			 : model->connector == CONNECTOR_NONE  ? model->kind->without
							       : "";
	char text[16];

	json_put_text(builder, object, "product", model->product);
	json_put_text(builder, object, "board", model->board);
	json_put_text(builder, object, "name", model->name);
	json_put_text(builder, object, "kind", model->kind->word);
	json_put_text(builder, object, "family", model->family);
	snprintf(text, sizeof(text), "%04" PRIX32, model->chip_id);
	json_put_text(builder, object, "chipId", text);
	snprintf(text, sizeof(text), "%02" PRIX32, model->board_id);
	json_put_text(builder, object, "boardId", text);
	snprintf(text, sizeof(text), "%04d-%02d", model->released / 100, model->released % 100);
	json_put_text(builder, object, "released", text);
	json_put_known_text(builder, object, "connector", connector_name(model->connector));
	json_put_known_text(builder, object, "connectorAt", at);
	json_put(builder, object, "parts", list_hardware(builder, model));
	json_put_bool(builder, object, "handheld", model_has(model, HARDWARE_FLEXES));
	json_put_bool(builder, object, "faceId", model_has(model, HARDWARE_FACE_ID));
	json_put_bool(builder, object, "homeButton", model_has(model, HARDWARE_HOME_BUTTON));
	json_put_bool(builder, object, "layeredBoard", model_has(model, HARDWARE_LAYERED));
	json_put_bool(builder, object, "frontSensorFlexOnI2c", model_has(model, HARDWARE_FLEX_I2C));
	json_put_known_text(builder, object, "enterRecovery", model->kind->enter);
	return object;
}

typedef bool model_test(const struct model *model, const char *text);

static bool is_named(const struct model *model, const char *text)
{
	return strcasecmp(text, model->product) == 0 || strcasecmp(text, model->board) == 0 ||
	       strcasecmp(text, model->name) == 0;
}

/* The name without what follows it in brackets: "iPhone X" of "iPhone X (GSM)". */
static bool is_short_name(const struct model *model, const char *text)
{
	size_t length = strcspn(model->name, "(");

	while (length && model->name[length - 1] == ' ')
		length--;
	return strlen(text) == length && strncasecmp(text, model->name, length) == 0;
}

/* The length of the word at the beginning of `*text`, after other characters; 0 at the end. */
static size_t next_word(const char **text)
{
	size_t length = 0;

	while (**text && !isalnum((unsigned char)**text))
		(*text)++;
	while (isalnum((unsigned char)(*text)[length]))
		length++;
	return length;
}

/* "6" is "6th" too. */
static bool is_word(const char *word, size_t length, const char *other, size_t other_length)
{
	static const char *const ends[] = {"st", "nd", "rd", "th"};
	bool number = isdigit((unsigned char)word[0]) && other_length == length + 2;

	if (other_length < length || strncasecmp(word, other, length) != 0)
		return false;
	for (size_t i = 0; number && i < ARRAY_SIZE(ends); i++)
		if (strncasecmp(other + length, ends[i], 2) == 0)
			return true;
	return other_length == length;
}

static bool has_word(const char *name, const char *word, size_t length)
{
	size_t other;

	for (; (other = next_word(&name)) > 0; name += other)
		if (is_word(word, length, name, other))
			return true;
	return false;
}

/* Whether the name has all words of the text, and these are more than numbers. */
static bool has_words(const struct model *model, const char *text)
{
	bool any = false;
	size_t length;

	for (; (length = next_word(&text)) > 0; text += length) {
		if (!has_word(model->name, text, length))
			return false;
		any |= isalpha((unsigned char)text[0]) && length >= 3;
	}
	return any;
}

static size_t count_models(const char *text, model_test *test)
{
	size_t count, found = 0;
	const struct model *models = model_all(&count);

	for (size_t i = 0; i < count; i++)
		found += test(&models[i], text);
	return found;
}

/* The models with that name; if there are none, with that short name. `coded`: the text has another
 * meaning, so that it is no loose name. */
static struct json_object *list_models(struct json_builder *builder, const char *text, bool coded)
{
	struct json_object *list = json_new_array(builder);
	model_test *test = is_named;
	size_t count;
	const struct model *models = model_all(&count);

	if (!count_models(text, test))
		test = is_short_name;
	if (!count_models(text, test) && !coded && count_models(text, has_words) <= MODELS_MAX)
		test = has_words;
	for (size_t i = 0; i < count; i++)
		if (test(&models[i], text))
			json_add(builder, list, model_object(builder, &models[i]));
	return list;
}

static struct json_object *list_similar(struct json_builder *builder, const char *text)
{
	struct code_match matches[CODE_MATCHES_MAX];
	struct json_object *list = json_new_array(builder);
	size_t count = code_find_similar(text, matches);

	for (size_t i = 0; i < count; i++) {
		struct json_object *similar = json_new_object(builder);

		put_title(builder, similar, &matches[i]);
		json_put_text(builder, similar, "name", matches[i].code->names[0]);
		json_add(builder, list, similar);
	}
	return list;
}

/* Whether it has a meaning. */
static bool explanation_found(struct json_object *explanation)
{
	return field_count(field_list(explanation, "meanings")) > 0 ||
	       field_count(field_list(explanation, "models")) > 0;
}

/* All meanings of `text`: `query`, `meanings` (codes), `models`, and, if there is no meaning,
 * `similar` (names that contain it). Lists may be empty. Leading blanks are ignored. Returns NULL
 * when out of memory. */
static struct json_object *explanation_new(const char *text)
{
	struct json_builder builder = {0};
	struct json_object *explanation = json_new_object(&builder);
	struct json_object *meanings;

	text += strspn(text, " ");
	json_put_text(&builder, explanation, "query", text);
	meanings = list_meanings(&builder, text);
	json_put(&builder, explanation, "models",
		list_models(&builder, text, field_count(meanings) > 0));
	json_put(&builder, explanation, "meanings", meanings);
	if (!builder.failed && !explanation_found(explanation))
		json_put(&builder, explanation, "similar", list_similar(&builder, text));
	return json_finish(&builder, explanation);
}

static void free_words(char ***words)
{
	for (char **word = *words; word && *word; word++)
		free(*word);
	free(*words);
}

/* A number such as -9807 is not an option: a blank before it hides it from getopt(). */
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

/* Joins the words with blanks. The caller owns the result; NULL when out of memory. */
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

/* Reports that the text has no meaning, in one clean sentence on standard error. */
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
	if (!count && count_models(text, has_words))
		snprintf(hints, sizeof(hints),
			" %zu models have it in their names: add the generation, size or year",
			count_models(text, has_words));
	report_error("Cannot explain \"%s%s\": no error code, operation, checkpoint or model has "
		     "this number or name.%s%s",
		quoted, cut ? "..." : "", hints,
		count > HINTS_MAX ? " and more."
		: hints[0]	  ? "."
				  : "");
}

/* The answers so far. */
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

/* Answers the words as one question. With `known` set, it prints nothing and returns false if they
 * have no meaning and stand in no name of a model. */
static bool explain(struct answers *answers, char **words, int count, bool known)
{
	CLEANUP(freep) char *text = join(words, count);
	CLEANUP(json_object_putp)
	struct json_object *explanation = text ? explanation_new(text) : NULL;

	if (!explanation) {
		answers->worst = report_no_memory();
		return true;
	}
	if (known && !explanation_found(explanation) && !count_models(text, has_words))
		return false;
	show(answers, explanation, text);
	return true;
}

static int run_explain(struct context *context, int argc, char **argv)
{
	CLEANUP(free_words) char **words = spare_numbers(argc, argv);
	struct answers answers = {.context = context, .worst = EXIT_DONE};
	int first = words ? options_read(context, argc, words, NULL, NULL) : 0;

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
	pager_begin(context);
	/* A name of several words needs no quotes if it is the only one; the same for "operation
	 * 28". */
	if (explain(&answers, words + first, argc - first, true))
		return answers.worst;
	while (first < argc) {
		int count = first + 1 < argc && code_is_prefix(words[first]) ? 2 : 1;

		explain(&answers, words + first, count, false);
		first += count;
	}
	return answers.worst;
}

const struct command command_explain = {
	.name = "explain",
	.arguments = "CODE|STEP|MODEL ...",
	.brief = "a code, step or model",
	.summary = "Explain an error code, a step of a restore or a model.",
	.examples = {{"idevicetriage explain 4013", "an error number of iTunes or Finder"},
		{"idevicetriage explain iPhone12,3", "a model: connector, parts, buttons"}},
	.run = run_explain,
};
