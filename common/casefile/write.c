/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/casefile/casefile.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/text.h"
#include "common/casefile/private.h"

typedef struct json_object json;

static void json_putp(json **object)
{
	json_object_put(*object);
}

/* Adds a member; the object takes ownership. */
static int add(json *object, const char *key, json *value)
{
	if (!value)
		return -ENOMEM;
	if (json_object_object_add(object, key, value) == 0)
		return 0;
	json_object_put(value);
	return -ENOMEM;
}

static int add_text(json *object, const char *key, const char *text)
{
	return *text ? add(object, key, json_object_new_string(text)) : 0;
}

static int add_time(json *object, const char *key, uint64_t wall_us)
{
	time_t seconds = (time_t)(wall_us / USEC_PER_SEC);
	char text[40];
	size_t used;
	struct tm parts;

	if (!wall_us || !gmtime_r(&seconds, &parts))
		return 0;
	used = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
	snprintf(text + used, sizeof(text) - used, ".%06" PRIu64 "Z", wall_us % USEC_PER_SEC);
	return add_text(object, key, text);
}

static json *observed_value(const struct attempt *attempt, const struct observed_field *field)
{
	const char *at = (const char *)attempt + field->offset;

	switch (field->type) {
	case OBSERVED_U32:
		return json_object_new_int64(*(const uint32_t *)at);
	case OBSERVED_I32:
		return json_object_new_int64(*(const int32_t *)at);
	case OBSERVED_I64:
		return json_object_new_int64(*(const int64_t *)at);
	case OBSERVED_U64:
		return json_object_new_uint64(*(const uint64_t *)at);
	case OBSERVED_BOOL:
		return json_object_new_boolean(*(const bool *)at);
	case OBSERVED_TEXT:
		return json_object_new_string(at);
	}
	return NULL;
}

/* Adds the sequence of the record behind it, if there is one. */
static int add_sequence(json *object, uint64_t sequence)
{
	return sequence ? add(object, "sequence", json_object_new_uint64(sequence)) : 0;
}

static json *signs_array(const struct attempt *attempt)
{
	CLEANUP(json_putp) json *array = json_object_new_array();

	for (size_t i = 0; array && i < attempt->sign_count; i++) {
		CLEANUP(json_putp) json *sign = json_object_new_object();

		if (!sign || add_text(sign, "sign", attempt->signs[i].id) < 0 ||
			(attempt->signs[i].code &&
				add(sign, "code", json_object_new_int64(attempt->signs[i].code)) <
					0) ||
			add(sign, "count", json_object_new_int64(attempt->signs[i].count)) < 0 ||
			add_sequence(sign, attempt->signs[i].first_sequence) < 0 ||
			json_object_array_add(array, sign) < 0)
			return NULL;
		TAKE_PTR(sign);
	}
	return TAKE_PTR(array);
}

static json *overruns_array(const struct attempt *attempt)
{
	CLEANUP(json_putp) json *array = json_object_new_array();

	for (size_t i = 0; array && i < attempt->overrun_count; i++) {
		const struct overrun *overrun = &attempt->overruns[i];
		CLEANUP(json_putp) json *object = json_object_new_object();

		if (!object || add_text(object, "wait", overrun->wait) < 0 ||
			add_text(object, "step", overrun->step) < 0 ||
			add(object, "seconds", json_object_new_int64(overrun->seconds)) < 0 ||
			add(object, "allowedSeconds",
				json_object_new_int64(overrun->allowed_seconds)) < 0 ||
			add(object, "transfers", json_object_new_int64(overrun->transfers)) < 0 ||
			add_sequence(object, overrun->sequence) < 0 ||
			json_object_array_add(array, object) < 0)
			return NULL;
		TAKE_PTR(object);
	}
	return TAKE_PTR(array);
}

static json *failed_steps_array(const struct attempt *attempt)
{
	CLEANUP(json_putp) json *array = json_object_new_array();

	for (size_t i = 0; array && i < attempt->failed_step_count; i++) {
		const struct failed_step *step = &attempt->failed_steps[i];
		CLEANUP(json_putp) json *object = json_object_new_object();

		if (!object ||
			add(object, "checkpoint", json_object_new_int64(step->checkpoint)) < 0 ||
			add_text(object, "name", step->name) < 0 ||
			add(object, "result", json_object_new_int64(step->result)) < 0 ||
			add_sequence(object, step->sequence) < 0 ||
			json_object_array_add(array, object) < 0)
			return NULL;
		TAKE_PTR(object);
	}
	return TAKE_PTR(array);
}

static json *modes_array(const struct attempt *attempt)
{
	CLEANUP(json_putp) json *array = json_object_new_array();

	for (size_t i = 0; array && i < attempt->mode_count; i++) {
		CLEANUP(json_putp) json *mode = json_object_new_object();

		if (!mode || add_text(mode, "mode", device_mode_name(attempt->modes[i].mode)) < 0 ||
			add_sequence(mode, attempt->modes[i].sequence) < 0 ||
			json_object_array_add(array, mode) < 0)
			return NULL;
		TAKE_PTR(mode);
	}
	return TAKE_PTR(array);
}

/* The records behind the conditions; the conditions themselves are plain words. */
static json *condition_sequences(const struct attempt *attempt)
{
	CLEANUP(json_putp) json *object = json_object_new_object();

	for (size_t i = 0; object && i < attempt->condition_count; i++) {
		const struct condition *condition = &attempt->conditions[i];

		if (condition->sequence && add(object, condition->key,
						   json_object_new_uint64(condition->sequence)) < 0)
			return NULL;
	}
	return TAKE_PTR(object);
}

static json *observed_object(const struct attempt *attempt)
{
	CLEANUP(json_putp) json *object = json_object_new_object();

	for (size_t i = 0; object && i < ARRAY_SIZE(observed_fields); i++)
		if (add(object, observed_fields[i].name,
			    observed_value(attempt, &observed_fields[i])) < 0)
			return NULL;
	if (!object || add_text(object, "cameBack", device_mode_name(attempt->came_back)) < 0 ||
		add_text(object, "grade", health_grade_name(attempt->health.grade)) < 0 ||
		add(object, "signs", signs_array(attempt)) < 0 ||
		add(object, "overruns", overruns_array(attempt)) < 0 ||
		add(object, "failedSteps", failed_steps_array(attempt)) < 0 ||
		add(object, "modes", modes_array(attempt)) < 0 ||
		add(object, "conditionSequences", condition_sequences(attempt)) < 0)
		return NULL;
	return TAKE_PTR(object);
}

/* The conditions, each as text, number or boolean. */
static json *conditions_object(const struct attempt *attempt)
{
	CLEANUP(json_putp) json *object = json_object_new_object();

	for (size_t i = 0; object && i < attempt->condition_count; i++)
		if (add_text(object, attempt->conditions[i].key, attempt->conditions[i].value) < 0)
			return NULL;
	if (object && attempt->port[0] && !attempt_condition(attempt, "port") &&
		add_text(object, "port", attempt->port) < 0)
		return NULL;
	return TAKE_PTR(object);
}

static json *errors_array(const struct attempt *attempt)
{
	CLEANUP(json_putp) json *array = json_object_new_array();

	for (size_t i = 0; array && i < attempt->error_count; i++) {
		CLEANUP(json_putp) json *error = json_object_new_object();

		if (!error || add_text(error, "domain", attempt->errors[i].domain) < 0 ||
			add(error, "code", json_object_new_int64(attempt->errors[i].code)) < 0 ||
			add_sequence(error, attempt->errors[i].sequence) < 0 ||
			json_object_array_add(array, error) < 0)
			return NULL;
		TAKE_PTR(error);
	}
	return TAKE_PTR(array);
}

static int add_tool(json *object, const struct attempt *attempt)
{
	char tool[2 * NAME_SIZE + 1];

	snprintf(tool, sizeof(tool), "%s%s%s", attempt->tool, attempt->version[0] ? " " : "",
		attempt->version);
	return add_text(object, "tool", tool);
}

/* Who corrected it may be a person's name. */
static json *amendment_object(const struct amendment *amendment, enum casefile_identity identity)
{
	CLEANUP(json_putp) json *object = json_object_new_object();

	if (!object || add_time(object, "at", amendment->at_us) < 0 ||
		(identity == CASEFILE_REVEAL && add_text(object, "by", amendment->by) < 0) ||
		add_text(object, "key", amendment->key) < 0 ||
		add_text(object, "before", amendment->before) < 0 ||
		add_text(object, "after", amendment->after) < 0 ||
		add_sequence(object, amendment->sequence) < 0)
		return NULL;
	return TAKE_PTR(object);
}

static int add_amendments(
	json *object, const struct attempt *attempt, enum casefile_identity identity)
{
	CLEANUP(json_putp) json *array = NULL;

	if (attempt->amendment_count == 0)
		return 0;
	array = json_object_new_array();
	for (size_t i = 0; array && i < attempt->amendment_count; i++) {
		json *amendment = amendment_object(&attempt->amendments[i], identity);

		if (!amendment)
			return -ENOMEM;
		if (json_object_array_add(array, amendment) < 0) {
			json_object_put(amendment);
			return -ENOMEM;
		}
	}
	return add(object, "amendments", TAKE_PTR(array));
}

/* Adds its session, and the shop's ticket, which may name a customer. */
static int add_names(json *object, const struct attempt *attempt, enum casefile_identity identity)
{
	char session[UUID_TEXT_SIZE];

	uuid_format(&attempt->id, session);
	if (!uuid_is_none(&attempt->id) && add_text(object, "session", session) < 0)
		return -ENOMEM;
	return identity == CASEFILE_REVEAL ? add_text(object, "ticket", attempt->ticket) : 0;
}

static json *attempt_object(const struct attempt *attempt, enum casefile_identity identity)
{
	CLEANUP(json_putp) json *object = json_object_new_object();

	if (!object || add_names(object, attempt, identity) < 0 ||
		add_time(object, "startedAt", attempt->started.wall_us) < 0 ||
		add_time(object, "endedAt", attempt->ended.wall_us) < 0 ||
		add_text(object, "host", attempt->host) < 0 ||
		add_text(object, "hostOs", attempt->host_os) < 0 || add_tool(object, attempt) < 0 ||
		add_text(object, "action", attempt->action) < 0 ||
		add_text(object, "firmware", attempt->firmware) < 0 ||
		add_text(object, "firmwareBuild", attempt->firmware_build) < 0 ||
		add_text(object, "entry", device_mode_name(attempt->entry)) < 0 ||
		add_text(object, "outcome", outcome_name(attempt->outcome)) < 0 ||
		add_text(object, "stage", restore_stage_name(attempt->stage)) < 0 ||
		add(object, "conditions", conditions_object(attempt)) < 0 ||
		add(object, "errors", errors_array(attempt)) < 0 ||
		add(object, "observed", observed_object(attempt)) < 0 ||
		add_amendments(object, attempt, identity) < 0)
		return NULL;
	return TAKE_PTR(object);
}

static json *device_object(const struct triage_case *c, enum casefile_identity identity)
{
	CLEANUP(json_putp) json *object = json_object_new_object();
	char ecid[ECID_TEXT_SIZE];

	if (!object)
		return NULL;
	ecid_format(c->identity.ecid, ecid);
	if (identity == CASEFILE_REVEAL && (add_text(object, "ecid", ecid) < 0 ||
						   add_text(object, "udid", c->identity.udid) < 0))
		return NULL;
	if (add_text(object, "productType", c->identity.product) < 0 ||
		add_text(object, "model", c->identity.board) < 0)
		return NULL;
	return TAKE_PTR(object);
}

static json *history_array(const struct triage_case *c)
{
	CLEANUP(json_putp) json *array = json_object_new_array();

	for (size_t i = 0; array && i < c->history_count; i++)
		if (json_object_array_add(array, json_object_new_string(c->history[i])) < 0)
			return NULL;
	return TAKE_PTR(array);
}

static json *attempts_array(const struct triage_case *c, enum casefile_identity identity)
{
	CLEANUP(json_putp) json *array = json_object_new_array();

	for (size_t i = 0; array && i < c->attempt_count; i++) {
		json *attempt = attempt_object(c->attempts[i], identity);

		if (!attempt)
			return NULL;
		if (json_object_array_add(array, attempt) < 0) {
			json_object_put(attempt);
			return NULL;
		}
	}
	return TAKE_PTR(array);
}

int casefile_write(const struct triage_case *c, enum casefile_identity identity, char **ret)
{
	CLEANUP(json_putp) json *object = json_object_new_object();
	const char *text;
	char *copy;

	assert(c && ret);
	if (!object || add_text(object, "format", "idevicetriage-case") < 0 ||
		add(object, "version", json_object_new_int(CASEFILE_VERSION)) < 0 ||
		add(object, "device", device_object(c, identity)) < 0 ||
		add(object, "history", history_array(c)) < 0 ||
		add(object, "attempts", attempts_array(c, identity)) < 0)
		return -ENOMEM;
	text = json_object_to_json_string_ext(
		object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	copy = text ? strdup(text) : NULL;
	if (!copy)
		return -ENOMEM;
	*ret = copy;
	return 0;
}
