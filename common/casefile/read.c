/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/casefile/casefile.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/file.h"
#include "common/base/json_syntax.h"
#include "common/base/text.h"
#include "common/base/size_estimate.h"
#include "common/casefile/private.h"
#include "common/model/factor.h"

#define DEPTH_MAX 16
#define ATTEMPTS_MAX 10000    /* per case */
#define WEIGHT_MAX (1u << 30) /* bytes of memory for parsing */

/* The receiver of the attempts' events. */
struct recorder {
	session_recorder *record; /* NULL = none */
	void *user;
};

static void json_putp(json **object)
{
	json_object_put(*object);
}

static void tokener_freep(struct json_tokener **tokener)
{
	if (*tokener)
		json_tokener_free(*tokener);
}

static uint64_t read_time(const json *object, const char *key)
{
	char text[64] = "";
	struct tm parts = {0};
	const char *rest;
	uint64_t us = 0, unit = USEC_PER_SEC / 10;
	time_t seconds;

	take_text(object, key, text, sizeof(text));
	rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);
	if (!rest)
		return 0;
	seconds = timegm(&parts);
	if (*rest == '.')
		for (rest++; *rest >= '0' && *rest <= '9'; rest++, unit /= 10)
			us += (uint64_t)(*rest - '0') * unit;
	return seconds > 0 ? (uint64_t)seconds * USEC_PER_SEC + us : 0;
}

/* A file may have any number of conditions; the known ones take precedence. */
static bool drop_unknown(struct attempt *attempt)
{
	for (size_t i = attempt->condition_count; i > 0; i--) {
		struct condition *condition = &attempt->conditions[i - 1];

		if (factor_by_key(condition->key))
			continue;
		*condition = attempt->conditions[--attempt->condition_count];
		return true;
	}
	return false;
}

static void read_condition(struct attempt *attempt, const char *key, const json *value)
{
	char clean_key[CONDITION_KEY_SIZE], clean[CONDITION_VALUE_SIZE];
	const char *text = json_object_is_type(value, json_type_boolean)
				   ? (json_object_get_boolean(value) ? "true" : "false")
				   : json_object_get_string((json *)value);

	if (!text || json_object_is_type(value, json_type_object) ||
		json_object_is_type(value, json_type_array))
		return;
	text_clean(key, strlen(key), clean_key, sizeof(clean_key));
	text_clean(text, strlen(text), clean, sizeof(clean));
	if (attempt_set_condition(attempt, clean_key, clean, 0) < 0 && factor_by_key(clean_key) &&
		drop_unknown(attempt))
		attempt_set_condition(attempt, clean_key, clean, 0);
}

static void read_conditions(struct attempt *attempt, const json *object)
{
	json *conditions = member(object, "conditions", json_type_object);

	if (!conditions)
		return;
	json_object_object_foreach(conditions, key, value)
	{
		read_condition(attempt, key, value);
	}
	take_text(conditions, "firmware", attempt->firmware_build, NAME_SIZE);
	take_text(conditions, "port", attempt->port, PORT_SIZE);
}

/* The sequence of the record behind it; 0 if the file names none. */
static uint64_t read_sequence(const json *object)
{
	json *value = member(object, "sequence", json_type_int);

	return value ? json_object_get_uint64(value) : 0;
}

static void read_error(struct attempt *attempt, const json *object)
{
	struct event event = {.kind = EVENT_REPORTED_ERROR, .source = SOURCE_PERSON};
	json *code = member(object, "code", json_type_int);

	take_text(object, "domain", event.name, sizeof(attempt->errors[0].domain));
	if (!code || !event.name[0])
		return;
	event.code = json_object_get_int64(code);
	event.sequence = read_sequence(object);
	attempt_fold(attempt, &event);
}

static void read_errors(struct attempt *attempt, const json *object)
{
	json *one = member(object, "error", json_type_object);
	json *several = member(object, "errors", json_type_array);

	if (one)
		read_error(attempt, one);
	for (size_t i = 0; several && i < json_object_array_length(several); i++)
		read_error(attempt, json_object_array_get_idx(several, i));
}

/* Splits "idevicerestore 1.0.0-271-g45145e9 (patched)" into name and version. */
static void read_tool(struct attempt *attempt, const json *object)
{
	char tool[2 * NAME_SIZE] = "";
	char *space;

	take_text(object, "tool", tool, sizeof(tool));
	space = strchr(tool, ' ');
	if (space) {
		*space = '\0';
		text_copy(attempt->version, sizeof(attempt->version), space + 1);
	}
	text_copy(attempt->tool, sizeof(attempt->tool), tool);
}

static void read_observed_field(
	struct attempt *attempt, const json *object, const struct observed_field *field)
{
	char *at = (char *)attempt + field->offset;
	json *value;

	if (field->type == OBSERVED_TEXT) {
		take_text(object, field->name, at, field->size);
		return;
	}
	value = member(object, field->name,
		field->type == OBSERVED_BOOL ? json_type_boolean : json_type_int);
	if (!value)
		return;
	switch (field->type) {
	case OBSERVED_U32:
		*(uint32_t *)at = (uint32_t)json_object_get_int64(value);
		break;
	case OBSERVED_I32:
		*(int32_t *)at = (int32_t)json_object_get_int64(value);
		break;
	case OBSERVED_I64:
		*(int64_t *)at = json_object_get_int64(value);
		break;
	case OBSERVED_U64:
		*(uint64_t *)at = json_object_get_uint64(value);
		break;
	default:
		*(bool *)at = json_object_get_boolean(value);
	}
}

static void read_signs(struct attempt *attempt, const json *observed)
{
	json *signs = member(observed, "signs", json_type_array);

	for (size_t i = 0; signs && i < json_object_array_length(signs); i++) {
		json *object = json_object_array_get_idx(signs, i);
		struct seen_sign *sign = &attempt->signs[attempt->sign_count];
		json *count, *code;

		if (attempt->sign_count == ATTEMPT_SIGNS_MAX)
			return;
		*sign = (struct seen_sign){.count = 1};
		if (!take_word(object, "sign", sign->id)[0])
			continue;
		code = member(object, "code", json_type_int);
		if (code)
			sign->code = (int32_t)json_object_get_int(code);
		count = member(object, "count", json_type_int);
		if (count && json_object_get_int64(count) > 0)
			sign->count = (uint32_t)json_object_get_int64(count);
		sign->first_sequence = read_sequence(object);
		attempt->sign_count++;
	}
}

static uint32_t read_u32(const json *object, const char *name)
{
	json *value = member(object, name, json_type_int);
	int64_t number = value ? json_object_get_int64(value) : 0;

	return number > 0 && number <= UINT32_MAX ? (uint32_t)number : 0;
}

static void read_overruns(struct attempt *attempt, const json *observed)
{
	json *overruns = member(observed, "overruns", json_type_array);

	for (size_t i = 0; overruns && i < json_object_array_length(overruns) &&
			   attempt->overrun_count < ATTEMPT_OVERRUNS_MAX;
		i++) {
		json *object = json_object_array_get_idx(overruns, i);
		struct overrun *overrun = &attempt->overruns[attempt->overrun_count];
		uint32_t transfers = read_u32(object, "transfers");
		uint32_t quiet = read_u32(object, "quiet");

		*overrun = (struct overrun){
			.seconds = read_u32(object, "seconds"),
			.allowed_seconds = read_u32(object, "allowedSeconds"),
			.transfers = transfers <= SILENCE_TRANSFERS
					     ? (enum silence_transfers)transfers
					     : SILENCE_TRANSFERS_UNKNOWN,
			.quiet = quiet <= LINK_QUIET_ONLY_SENDS ? (enum link_quiet)quiet
								: LINK_QUIET_UNKNOWN,
			.sequence = read_sequence(object),
		};
		take_text(object, "step", overrun->step, sizeof(overrun->step));
		if (take_word(object, "wait", overrun->wait)[0])
			attempt->overrun_count++;
	}
}

static void read_failed_steps(struct attempt *attempt, const json *observed)
{
	json *steps = member(observed, "failedSteps", json_type_array);

	for (size_t i = 0; steps && i < json_object_array_length(steps) &&
			   attempt->failed_step_count < ATTEMPT_FAILED_STEPS_MAX;
		i++) {
		json *object = json_object_array_get_idx(steps, i);
		json *result = member(object, "result", json_type_int);
		struct failed_step *step = &attempt->failed_steps[attempt->failed_step_count];

		*step = (struct failed_step){.checkpoint = read_u32(object, "checkpoint"),
			.result = result ? json_object_get_int64(result) : -1,
			.sequence = read_sequence(object)};
		take_word(object, "name", step->name);
		if (step->checkpoint)
			attempt->failed_step_count++;
	}
}

static void read_modes(struct attempt *attempt, const json *observed)
{
	json *modes = member(observed, "modes", json_type_array);

	for (size_t i = 0; modes && i < json_object_array_length(modes); i++) {
		json *object = json_object_array_get_idx(modes, i);
		struct seen_mode *mode = &attempt->modes[attempt->mode_count];
		char word[NAME_SIZE];

		if (attempt->mode_count == ATTEMPT_MODES_MAX)
			return;
		mode->mode = device_mode_from_name(take_word(object, "mode", word));
		mode->sequence = read_sequence(object);
		attempt->mode_count++;
	}
}

static void read_condition_sequences(struct attempt *attempt, const json *observed)
{
	json *sequences = member(observed, "conditionSequences", json_type_object);

	for (size_t i = 0; sequences && i < attempt->condition_count; i++) {
		json *value = member(sequences, attempt->conditions[i].key, json_type_int);

		if (value)
			attempt->conditions[i].sequence = json_object_get_uint64(value);
	}
}

/* Reads the daemon's observations directly: nothing is derived again. */
static void read_observed(struct attempt *attempt, const json *observed)
{
	char word[NAME_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(observed_fields); i++)
		read_observed_field(attempt, observed, &observed_fields[i]);
	attempt->came_back = device_mode_from_name(take_word(observed, "cameBack", word));
	take_word(observed, "grade", word);
	for (int grade = HEALTH_UNKNOWN; grade <= HEALTH_LOST; grade++)
		if (text_equal(word, health_grade_name((enum health_grade)grade)))
			attempt->health.grade = (enum health_grade)grade;
	read_signs(attempt, observed);
	read_overruns(attempt, observed);
	read_failed_steps(attempt, observed);
	read_modes(attempt, observed);
	read_condition_sequences(attempt, observed);
}

static void read_amendments(struct attempt *attempt, const json *object)
{
	json *amendments = member(object, "amendments", json_type_array);

	for (size_t i = 0; amendments && i < json_object_array_length(amendments) &&
			   attempt->amendment_count < ATTEMPT_AMENDMENTS_MAX;
		i++) {
		json *item = json_object_array_get_idx(amendments, i);
		struct amendment *amendment = &attempt->amendments[attempt->amendment_count];

		*amendment = (struct amendment){
			.at_us = read_time(item, "at"), .sequence = read_sequence(item)};
		take_text(item, "key", amendment->key, sizeof(amendment->key));
		take_text(item, "before", amendment->before, sizeof(amendment->before));
		take_text(item, "after", amendment->after, sizeof(amendment->after));
		take_text(item, "by", amendment->by, sizeof(amendment->by));
		attempt->amendment_count += amendment->key[0] != '\0';
	}
}

/* Reads the file's statements about the whole attempt: they override its log fragments. */
static void read_told(struct attempt *attempt, const json *object)
{
	char word[NAME_SIZE];
	enum restore_stage stage = restore_stage_from_name(take_word(object, "stage", word));

	if (take_word(object, "outcome", word)[0])
		attempt->outcome = outcome_from_name(word);
	if (take_word(object, "action", word)[0])
		text_copy(attempt->action, sizeof(attempt->action), word);
	if (take_word(object, "entry", word)[0])
		attempt->entry = device_mode_from_name(word);
	if (take_word(object, "firmware", word)[0])
		text_copy(attempt->firmware, sizeof(attempt->firmware), word);
	if (take_word(object, "firmwareBuild", word)[0])
		text_copy(attempt->firmware_build, sizeof(attempt->firmware_build), word);
	if (stage > attempt->stage)
		attempt->stage = stage;
	attempt->ended_seen = true;
}

static void read_attempt(
	struct attempt *attempt, const json *object, const struct recorder *recorder)
{
	json *observed = member(object, "observed", json_type_object);
	char word[NAME_SIZE];

	if (take_word(object, "session", word)[0])
		uuid_parse(word, &attempt->id);
	attempt->started.wall_us = read_time(object, "startedAt");
	attempt->ended.wall_us = read_time(object, "endedAt");
	take_text(object, "ticket", attempt->ticket, sizeof(attempt->ticket));
	text_copy(attempt->host, sizeof(attempt->host), take_word(object, "host", word));
	if (host_id_is_valid(take_word(object, "hostId", word)))
		text_copy(attempt->host_id, sizeof(attempt->host_id), word);
	take_text(object, "hostOs", attempt->host_os, sizeof(attempt->host_os));
	read_tool(attempt, object);
	read_conditions(attempt, object);
	read_errors(attempt, object);
	if (observed)
		read_observed(attempt, observed);
	else
		watched_fold(attempt, object, recorder->record, recorder->user);
	read_told(attempt, object);
	read_amendments(attempt, object);
}

static int refuse(char message[static CASEFILE_MESSAGE_SIZE], const char *reason)
{
	snprintf(message, CASEFILE_MESSAGE_SIZE, "%s", reason);
	return -EBADMSG;
}

static void read_device(struct triage_case *c, const json *object)
{
	json *device = member(object, "device", json_type_object);
	char ecid[NAME_SIZE], udid[NAME_SIZE];

	if (!device)
		return;
	ecid_parse(take_word(device, "ecid", ecid), &c->identity.ecid);
	udid_normalize(take_word(device, "udid", udid), c->identity.udid);
	if (!c->identity.ecid)
		c->identity.ecid = udid_ecid(c->identity.udid);
	take_word(device, "productType", c->identity.product);
	take_word(device, "model", c->identity.board);
}

static int read_case(const json *object, struct triage_case *c, const struct recorder *recorder,
	char message[static CASEFILE_MESSAGE_SIZE])
{
	json *history = member(object, "history", json_type_array);
	json *attempts = member(object, "attempts", json_type_array);
	size_t count = attempts ? json_object_array_length(attempts) : 0;

	if (count > ATTEMPTS_MAX)
		return refuse(message, "the case has too many attempts");
	read_device(c, object);
	for (size_t i = 0; history && i < json_object_array_length(history); i++) {
		json *item = json_object_array_get_idx(history, i);
		char word[HISTORY_WORD_SIZE];

		if (!json_object_is_type(item, json_type_string))
			continue;
		text_clean(json_object_get_string(item), (size_t)json_object_get_string_len(item),
			word, sizeof(word));
		triage_case_add_history(c, word);
	}
	for (size_t i = 0; i < count; i++) {
		json *item = json_object_array_get_idx(attempts, i);
		struct attempt *attempt;

		if (!json_object_is_type(item, json_type_object))
			return refuse(message, "an attempt is not an object");
		attempt = triage_case_add(c);
		if (!attempt)
			return -ENOMEM;
		read_attempt(attempt, item, recorder);
	}
	return 0;
}

static int check_format(const json *object, char message[static CASEFILE_MESSAGE_SIZE])
{
	json *version = member(object, "version", json_type_int);
	char format[NAME_SIZE];

	if (!json_object_is_type(object, json_type_object))
		return refuse(message, "not a JSON object");
	if (!text_equal(take_word(object, "format", format), "idevicetriage-case"))
		return refuse(message, "not a case file: \"format\" is not \"idevicetriage-case\"");
	if (!version || json_object_get_int64(version) != CASEFILE_VERSION)
		return refuse(message, "a case file of another version");
	return 0;
}

static int refuse_syntax(
	const char *text, size_t length, size_t at, char message[static CASEFILE_MESSAGE_SIZE])
{
	if (!text_is_utf8(text, length))
		return refuse(message, "not JSON: its text is not UTF-8");
	if (at == length)
		return refuse(message, "not JSON: it ends too early");
	snprintf(message, CASEFILE_MESSAGE_SIZE, "not JSON: syntax error at byte %zu", at);
	return -EBADMSG;
}

/* Reads a case from its JSON object. */
static int read_object(const json *object, const struct recorder *recorder,
	struct triage_case **ret, char message[static CASEFILE_MESSAGE_SIZE])
{
	CLEANUP(triage_case_freep) struct triage_case *c = triage_case_new();
	int r = c ? check_format(object, message) : -ENOMEM;

	if (r == 0)
		r = read_case(object, c, recorder, message);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(c);
	return 0;
}

int casefile_from_json(const struct json_object *object, struct triage_case **ret,
	char message[static CASEFILE_MESSAGE_SIZE])
{
	const struct recorder nobody = {NULL, NULL};

	return read_object(object, &nobody, ret, message);
}

int casefile_parse_recording(const char *text, size_t length, session_recorder *record, void *user,
	struct triage_case **ret, char message[static CASEFILE_MESSAGE_SIZE])
{
	const struct recorder recorder = {record, user};
	CLEANUP(tokener_freep) struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
	CLEANUP(json_putp) json *object = NULL;
	size_t at;

	assert(text && ret);
	if (!tokener)
		return -ENOMEM;
	if (length > CASEFILE_BYTES_MAX)
		return refuse(message, "the file is too large");
	if (json_weight(text, length) > WEIGHT_MAX)
		return refuse(message, "the case has too many values");
	if (!json_syntax_check(text, length, JSON_SYNTAX_DEPTH_MAX, &at))
		return refuse_syntax(text, length, at, message);
	object = json_tokener_parse_ex(tokener, text, (int)length);
	if (json_tokener_get_error(tokener) != json_tokener_success)
		return refuse(message, "not a case: lists are nested too deeply");
	return read_object(object, &recorder, ret, message);
}

int casefile_parse(const char *text, size_t length, struct triage_case **ret,
	char message[static CASEFILE_MESSAGE_SIZE])
{
	return casefile_parse_recording(text, length, NULL, NULL, ret, message);
}

int casefile_read(
	const char *path, struct triage_case **ret, char message[static CASEFILE_MESSAGE_SIZE])
{
	CLEANUP(freep) char *text = NULL;
	size_t length;
	int r = file_read(path, 0, CASEFILE_BYTES_MAX, &text, &length);

	if (r > 0)
		r = -EFBIG;
	if (r < 0) {
		snprintf(message, CASEFILE_MESSAGE_SIZE, "%s", strerror(-r));
		return r;
	}
	return casefile_parse(text, length, ret, message);
}
