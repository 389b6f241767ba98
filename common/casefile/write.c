/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/casefile/casefile.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/text.h"
#include "common/casefile/private.h"
#include "common/wire/json.h"

static void put_time(struct json_builder *builder, json *object, const char *key, uint64_t wall_us)
{
	time_t seconds = (time_t)(wall_us / USEC_PER_SEC);
	char text[40];
	size_t used;
	struct tm parts;

	if (!wall_us || !gmtime_r(&seconds, &parts))
		return;
	used = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
	snprintf(text + used, sizeof(text) - used, ".%06" PRIu64 "Z", wall_us % USEC_PER_SEC);
	json_put_text(builder, object, key, text);
}

static void put_observed_field(struct json_builder *builder, json *object,
	const struct attempt *attempt, const struct observed_field *field)
{
	const char *at = (const char *)attempt + field->offset;

	switch (field->type) {
	case OBSERVED_U32:
		json_put_number(builder, object, field->name, *(const uint32_t *)at);
		break;
	case OBSERVED_I32:
		json_put_number(builder, object, field->name, *(const int32_t *)at);
		break;
	case OBSERVED_I64:
		json_put_number(builder, object, field->name, *(const int64_t *)at);
		break;
	case OBSERVED_U64:
		json_put(builder, object, field->name,
			json_object_new_uint64(*(const uint64_t *)at));
		break;
	case OBSERVED_BOOL:
		json_put_bool(builder, object, field->name, *(const bool *)at);
		break;
	case OBSERVED_TEXT:
		json_put_text(builder, object, field->name, at);
		break;
	}
}

/* Adds the sequence of the record behind it, if there is one. */
static void put_sequence(
	struct json_builder *builder, json *object, const char *key, uint64_t sequence)
{
	if (sequence)
		json_put(builder, object, key, json_object_new_uint64(sequence));
}

/* Adds an object to the array, which owns it. */
static json *next_object(struct json_builder *builder, json *array)
{
	json *object = json_new_object(builder);

	json_add(builder, array, object);
	return object;
}

static json *signs_array(struct json_builder *builder, const struct attempt *attempt)
{
	json *array = json_new_array(builder);

	for (size_t i = 0; i < attempt->sign_count; i++) {
		const struct seen_sign *sign = &attempt->signs[i];
		json *object = next_object(builder, array);

		json_put_known_text(builder, object, "sign", sign->id);
		json_put_known_number(builder, object, "code", sign->code);
		json_put_number(builder, object, "count", sign->count);
		put_sequence(builder, object, "sequence", sign->first_sequence);
	}
	return array;
}

static json *overruns_array(struct json_builder *builder, const struct attempt *attempt)
{
	json *array = json_new_array(builder);

	for (size_t i = 0; i < attempt->overrun_count; i++) {
		const struct overrun *overrun = &attempt->overruns[i];
		json *object = next_object(builder, array);

		json_put_known_text(builder, object, "wait", overrun->wait);
		json_put_known_text(builder, object, "step", overrun->step);
		json_put_number(builder, object, "seconds", overrun->seconds);
		json_put_number(builder, object, "allowedSeconds", overrun->allowed_seconds);
		json_put_number(builder, object, "transfers", overrun->transfers);
		json_put_number(builder, object, "quiet", overrun->quiet);
		put_sequence(builder, object, "sequence", overrun->sequence);
	}
	return array;
}

static json *failed_steps_array(struct json_builder *builder, const struct attempt *attempt)
{
	json *array = json_new_array(builder);

	for (size_t i = 0; i < attempt->failed_step_count; i++) {
		const struct failed_step *step = &attempt->failed_steps[i];
		json *object = next_object(builder, array);

		json_put_number(builder, object, "checkpoint", step->checkpoint);
		json_put_known_text(builder, object, "name", step->name);
		json_put_number(builder, object, "result", step->result);
		put_sequence(builder, object, "sequence", step->sequence);
	}
	return array;
}

static json *modes_array(struct json_builder *builder, const struct attempt *attempt)
{
	json *array = json_new_array(builder);

	for (size_t i = 0; i < attempt->mode_count; i++) {
		json *object = next_object(builder, array);

		json_put_text(builder, object, "mode", device_mode_name(attempt->modes[i].mode));
		put_sequence(builder, object, "sequence", attempt->modes[i].sequence);
	}
	return array;
}

/* The records behind the conditions; the conditions themselves are plain words. */
static json *condition_sequences(struct json_builder *builder, const struct attempt *attempt)
{
	json *object = json_new_object(builder);

	for (size_t i = 0; i < attempt->condition_count; i++)
		if (attempt->conditions[i].sequence)
			json_put_named(builder, object, attempt->conditions[i].key,
				json_object_new_uint64(attempt->conditions[i].sequence));
	return object;
}

static json *observed_object(struct json_builder *builder, const struct attempt *attempt)
{
	json *object = json_new_object(builder);

	for (size_t i = 0; i < ARRAY_SIZE(observed_fields); i++)
		put_observed_field(builder, object, attempt, &observed_fields[i]);
	json_put_text(builder, object, "cameBack", device_mode_name(attempt->came_back));
	json_put_text(builder, object, "grade", health_grade_name(attempt->health.grade));
	json_put(builder, object, "signs", signs_array(builder, attempt));
	json_put(builder, object, "overruns", overruns_array(builder, attempt));
	json_put(builder, object, "failedSteps", failed_steps_array(builder, attempt));
	json_put(builder, object, "modes", modes_array(builder, attempt));
	json_put(builder, object, "conditionSequences", condition_sequences(builder, attempt));
	return object;
}

/* The conditions, each as text, number or boolean. */
static json *conditions_object(struct json_builder *builder, const struct attempt *attempt)
{
	json *object = json_new_object(builder);

	for (size_t i = 0; i < attempt->condition_count; i++)
		if (attempt->conditions[i].value[0])
			json_put_named(builder, object, attempt->conditions[i].key,
				json_new_text(attempt->conditions[i].value));
	if (!attempt_condition(attempt, "port"))
		json_put_known_text(builder, object, "port", attempt->port);
	return object;
}

static json *errors_array(struct json_builder *builder, const struct attempt *attempt)
{
	json *array = json_new_array(builder);

	for (size_t i = 0; i < attempt->error_count; i++) {
		json *object = next_object(builder, array);

		json_put_known_text(builder, object, "domain", attempt->errors[i].domain);
		json_put_number(builder, object, "code", attempt->errors[i].code);
		put_sequence(builder, object, "sequence", attempt->errors[i].sequence);
	}
	return array;
}

static void put_tool(struct json_builder *builder, json *object, const struct attempt *attempt)
{
	char tool[2 * NAME_SIZE + 1];

	snprintf(tool, sizeof(tool), "%s%s%s", attempt->tool, attempt->version[0] ? " " : "",
		attempt->version);
	json_put_known_text(builder, object, "tool", tool);
}

/* Who corrected it may be a person's name. */
static json *amendments_array(struct json_builder *builder, const struct attempt *attempt,
	enum casefile_identity identity)
{
	json *array = json_new_array(builder);

	for (size_t i = 0; i < attempt->amendment_count; i++) {
		const struct amendment *amendment = &attempt->amendments[i];
		json *object;

		if (identity == CASEFILE_MASK && text_equal(amendment->key, "ticket"))
			continue;
		object = next_object(builder, array);
		put_time(builder, object, "at", amendment->at_us);
		if (identity == CASEFILE_REVEAL)
			json_put_known_text(builder, object, "by", amendment->by);
		json_put_known_text(builder, object, "key", amendment->key);
		json_put_known_text(builder, object, "before", amendment->before);
		json_put_known_text(builder, object, "after", amendment->after);
		put_sequence(builder, object, "sequence", amendment->sequence);
	}
	return array;
}

/* Adds its session, and the shop's ticket, which may name a customer. */
static void put_names(struct json_builder *builder, json *object, const struct attempt *attempt,
	enum casefile_identity identity)
{
	char session[UUID_TEXT_SIZE];

	uuid_format(&attempt->id, session);
	if (!uuid_is_none(&attempt->id))
		json_put_text(builder, object, "session", session);
	if (identity == CASEFILE_REVEAL)
		json_put_known_text(builder, object, "ticket", attempt->ticket);
}

static void put_attempt(struct json_builder *builder, json *object, const struct attempt *attempt,
	enum casefile_identity identity)
{
	put_names(builder, object, attempt, identity);
	put_time(builder, object, "startedAt", attempt->started.wall_us);
	put_time(builder, object, "endedAt", attempt->ended.wall_us);
	json_put_known_text(builder, object, "host", attempt->host);
	json_put_known_text(builder, object, "hostId", attempt->host_id);
	json_put_known_text(builder, object, "hostOs", attempt->host_os);
	put_tool(builder, object, attempt);
	json_put_known_text(builder, object, "action", attempt->action);
	json_put_known_text(builder, object, "firmware", attempt->firmware);
	json_put_known_text(builder, object, "firmwareBuild", attempt->firmware_build);
	json_put_text(builder, object, "entry", device_mode_name(attempt->entry));
	json_put_text(builder, object, "outcome", outcome_name(attempt->outcome));
	json_put_text(builder, object, "stage", restore_stage_name(attempt->stage));
	json_put(builder, object, "conditions", conditions_object(builder, attempt));
	json_put(builder, object, "errors", errors_array(builder, attempt));
	json_put(builder, object, "observed", observed_object(builder, attempt));
	if (attempt->amendment_count)
		json_put(builder, object, "amendments",
			amendments_array(builder, attempt, identity));
}

static json *device_object(
	struct json_builder *builder, const struct triage_case *c, enum casefile_identity identity)
{
	json *object = json_new_object(builder);
	char ecid[ECID_TEXT_SIZE];

	ecid_format(c->identity.ecid, ecid);
	if (identity == CASEFILE_REVEAL) {
		json_put_known_text(builder, object, "ecid", ecid);
		json_put_known_text(builder, object, "udid", c->identity.udid);
	}
	json_put_known_text(builder, object, "productType", c->identity.product);
	json_put_known_text(builder, object, "model", c->identity.board);
	return object;
}

struct json_object *casefile_to_json(const struct triage_case *c, enum casefile_identity identity)
{
	struct json_builder builder = {0};
	json *history = json_new_array(&builder), *attempts = json_new_array(&builder);
	json *object = json_new_object(&builder);

	assert(c);
	json_put_text(&builder, object, "format", "idevicetriage-case");
	json_put_number(&builder, object, "version", CASEFILE_VERSION);
	json_put(&builder, object, "device", device_object(&builder, c, identity));
	json_put(&builder, object, "history", history);
	json_put(&builder, object, "attempts", attempts);
	for (size_t i = 0; i < c->history_count; i++)
		json_add_text(&builder, history, c->history[i]);
	for (size_t i = 0; i < c->attempt_count; i++)
		put_attempt(&builder, next_object(&builder, attempts), c->attempts[i], identity);
	return json_finish(&builder, object);
}

int casefile_write(const struct triage_case *c, enum casefile_identity identity, char **ret)
{
	CLEANUP(json_object_putp) json *object = casefile_to_json(c, identity);
	const char *text;
	size_t length;
	char *copy;

	assert(ret);
	text = object ? json_write(object, &length) : NULL;
	copy = text ? strdup(text) : NULL;
	if (!copy)
		return -ENOMEM;
	*ret = copy;
	return 0;
}
