/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/commands/explanation.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/diagnosis/code.h"
#include "common/diagnosis/knowledge.h"
#include "common/model/phone_model.h"

#define TITLE_BYTES 96

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

/* `texts` end at `size`, or at NULL before. */
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

static struct json_object *list_experiments(struct json_builder *builder, uint32_t experiments)
{
	struct json_object *list = json_new_array(builder);

	for (size_t i = 0; i < knowledge_experiments_count; i++) {
		const struct experiment *known = &knowledge_experiments[i];
		struct json_object *experiment;

		if (!(experiments & 1U << i))
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
	};

	return names[connector];
}

static struct json_object *list_models(struct json_builder *builder, const char *text)
{
	struct json_object *list = json_new_array(builder);
	size_t count;
	const struct model *models = model_all(&count);

	for (size_t i = 0; i < count; i++) {
		const struct model *model = &models[i];
		struct json_object *object;

		if (strcasecmp(text, model->product) != 0 && strcasecmp(text, model->board) != 0 &&
			strcasecmp(text, model->name) != 0)
			continue;
		object = json_new_object(builder);
		json_put_text(builder, object, "product", model->product);
		json_put_text(builder, object, "board", model->board);
		json_put_text(builder, object, "name", model->name);
		json_put_text(builder, object, "family", model->family);
		json_put_known_text(builder, object, "connector", connector_name(model->connector));
		json_put_bool(builder, object, "faceId", model->has_face_id);
		json_put_bool(builder, object, "layeredBoard", model->layered_board);
		json_put_bool(
			builder, object, "frontSensorFlexOnI2c", model->front_sensor_flex_on_i2c);
		json_add(builder, list, object);
	}
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

struct json_object *explanation_new(const char *text)
{
	struct json_builder builder = {0};
	struct json_object *explanation = json_new_object(&builder);

	text += strspn(text, " ");
	json_put_text(&builder, explanation, "query", text);
	json_put(&builder, explanation, "meanings", list_meanings(&builder, text));
	json_put(&builder, explanation, "models", list_models(&builder, text));
	if (!builder.failed && !explanation_found(explanation))
		json_put(&builder, explanation, "similar", list_similar(&builder, text));
	return json_finish(&builder, explanation);
}

bool explanation_found(struct json_object *explanation)
{
	return field_count(field_list(explanation, "meanings")) > 0 ||
	       field_count(field_list(explanation, "models")) > 0;
}
