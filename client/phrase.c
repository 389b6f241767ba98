/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/phrase.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/model/budget.h"
#include "common/model/factor.h"
#include "common/model/phone_model.h"

#define SESSION_END_CHARACTERS 8

static struct phrase format_time(int64_t wall_us, const char *format)
{
	struct phrase phrase = {"?"};
	time_t seconds = (time_t)(wall_us / (int64_t)USEC_PER_SEC);
	struct tm tm;

/* The formats are this file's own. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	if (wall_us > 0 && localtime_r(&seconds, &tm))
		strftime(phrase.text, sizeof(phrase.text), format, &tm);
#pragma GCC diagnostic pop
	return phrase;
}

struct phrase phrase_minute(int64_t wall_us)
{
	return format_time(wall_us, "%Y-%m-%d %H:%M");
}

struct phrase phrase_instant(int64_t wall_us)
{
	struct phrase phrase = format_time(wall_us, "%H:%M:%S");
	size_t length = strlen(phrase.text);

	if (wall_us > 0)
		snprintf(phrase.text + length, sizeof(phrase.text) - length, ".%03" PRId64,
			wall_us / (int64_t)USEC_PER_MSEC % 1000);
	return phrase;
}

struct phrase phrase_when(int64_t wall_us, int64_t now_us)
{
	struct phrase day = format_time(wall_us, "%Y-%m-%d");
	struct phrase today = format_time(now_us, "%Y-%m-%d");

	return text_equal(day.text, today.text) ? format_time(wall_us, "%H:%M")
						: phrase_minute(wall_us);
}

struct phrase phrase_day(int64_t wall_us, int64_t now_us)
{
	/* Noon yesterday: a day may have 23 or 25 hours. */
	static const int64_t half_day_us = INT64_C(43200) * (int64_t)USEC_PER_SEC;
	struct phrase day = format_time(wall_us, "%Y-%m-%d");
	time_t now = (time_t)(now_us / (int64_t)USEC_PER_SEC);
	int64_t noon_us = now_us;
	struct tm tm;

	if (localtime_r(&now, &tm))
		noon_us -= (tm.tm_hour * INT64_C(3600) + tm.tm_min * 60) * (int64_t)USEC_PER_SEC +
			   half_day_us;
	if (text_equal(day.text, format_time(now_us, "%Y-%m-%d").text))
		return (struct phrase){"today"};
	if (text_equal(day.text, format_time(noon_us, "%Y-%m-%d").text))
		return (struct phrase){"yesterday"};
	return day;
}

struct phrase phrase_duration(int64_t us)
{
	int64_t s = us / (int64_t)USEC_PER_SEC;
	struct phrase phrase;
	char *out = phrase.text;

	if (s < 120)
		snprintf(out, PHRASE_BYTES, "%" PRId64 " s", s < 0 ? 0 : s);
	else if (s < 7200)
		snprintf(out, PHRASE_BYTES, "%" PRId64 " min", s / 60);
	else if (s < 172800)
		snprintf(out, PHRASE_BYTES, "%" PRId64 " h %02" PRId64 " min", s / 3600,
			s / 60 % 60);
	else
		snprintf(
			out, PHRASE_BYTES, "%" PRId64 " d %" PRId64 " h", s / 86400, s / 3600 % 24);
	return phrase;
}

struct phrase phrase_bytes(int64_t bytes)
{
	static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
	struct phrase phrase;
	size_t unit = 0;

	while (bytes >= 10240 && unit + 1 < ARRAY_SIZE(units)) {
		bytes /= 1024;
		unit++;
	}
	snprintf(phrase.text, sizeof(phrase.text), "%" PRId64 " %s", bytes, units[unit]);
	return phrase;
}

const char *phrase_model_or(struct json_object *object, const char *unknown)
{
	const char *name = field_text(object, "name"), *product = field_text(object, "productType");
	const struct model *model = product ? model_by_product(product) : NULL;

	if (name)
		return name;
	return model ? model->name : product ? product : unknown;
}

const char *phrase_model(struct json_object *object)
{
	return phrase_model_or(object, "phone");
}

const char *phrase_identifier(struct json_object *object)
{
	const char *ecid = field_text(object, "ecid");

	return ecid ? ecid : field_text(object, "udid");
}

const char *phrase_slot(struct json_object *object)
{
	struct json_object *conditions = field_list(object, "conditions");

	for (size_t i = 0; i < field_count(conditions); i++)
		if (text_equal(field_text_or(field_item(conditions, i), "key", ""), "portName"))
			return field_text(field_item(conditions, i), "value");
	return field_text(object, "portName");
}

const char *phrase_session(const char *session)
{
	size_t length = strlen(session);

	return length > SESSION_END_CHARACTERS ? session + length - SESSION_END_CHARACTERS
					       : session;
}

const char *phrase_silent_one(struct json_object *session)
{
	static const char *const names[] = {[SILENCE_OF_PHONE] = "phone",
		[SILENCE_OF_TOOL] = "restore tool",
		[SILENCE_OF_SERVER] = "signing server"};
	const struct budget *budget = budget_find(field_text_or(session, "budget", ""));

	return names[budget ? budget->of : SILENCE_OF_PHONE];
}

/* Looks up a word in a table of pairs; a word that is missing is returned unchanged. */
static const char *look_up(const char *const pairs[][2], size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++)
		if (text_equal(word, pairs[i][0]))
			return pairs[i][1];
	return word;
}

const char *phrase_stage(const char *stage)
{
	static const char *const stages[][2] = {
		{"dfu", "DFU"},
		{"recovery", "recovery"},
		{"boot-ramdisk", "booting the restore system"},
		{"restore", "restoring"},
		{"reboot", "rebooting"},
		{"normal", "started normally"},
		{"none", ""},
		{"unknown", ""},
	};

	return look_up(stages, ARRAY_SIZE(stages), stage);
}

const char *phrase_mode(const char *mode)
{
	static const char *const modes[][2] = {
		{"dfu", "DFU"},
		{"wtf", "WTF"},
		{"usb-only", "unseen by usbmuxd"},
		{"port-dfu", "port DFU"},
		{"normal-or-restore", "normal or restore"},
		{"unknown", "not known"},
	};

	return look_up(modes, ARRAY_SIZE(modes), mode);
}

struct phrase phrase_step(struct json_object *session)
{
	struct phrase phrase = {""};
	const char *name = field_text(session, "operationName");
	int64_t number;

	if (!field_number(session, "operation", &number) || number == 0)
		text_copy(phrase.text, sizeof(phrase.text),
			phrase_stage(field_text_or(session, "stage", "")));
	else if (!name || !*name)
		snprintf(phrase.text, sizeof(phrase.text), "operation %" PRId64, number);
	else if (strchr(name, '('))
		text_copy(phrase.text, sizeof(phrase.text), name);
	else
		snprintf(phrase.text, sizeof(phrase.text), "%.120s (%" PRId64 ")", name, number);
	return phrase;
}

static bool is_itunes(struct json_object *error)
{
	return text_equal(field_text_or(error, "domain", ""), "itunes");
}

int64_t phrase_itunes_code(struct json_object *session)
{
	struct json_object *errors = field_list(session, "errors");
	int64_t code = field_number_or(session, "itunesCode", 0);

	for (size_t i = 0; !code && i < field_count(errors); i++)
		if (is_itunes(field_item(errors, i)))
			code = field_number_or(field_item(errors, i), "code", 0);
	return code;
}

struct phrase phrase_errors(struct json_object *session)
{
	static const char *const domains[][2] = {
		{"itunes", "iTunes error"},
		{"amr", "AMR error"},
		{"restored", "restored error"},
		{"ramrod", "ramrod error"},
		{"tool-exit", "exit status"},
		{"", "error"},
	};
	struct json_object *errors = field_list(session, "errors");
	int64_t shown = field_number_or(session, "itunesCode", 0);
	struct phrase phrase = {""};
	size_t used = 0;

	for (size_t i = 0; i < field_count(errors); i++) {
		struct json_object *error = field_item(errors, i);
		int64_t code = field_number_or(error, "code", 0);

		if ((is_itunes(error) && code == shown) || used >= PHRASE_BYTES)
			continue;
		used += (size_t)snprintf(phrase.text + used, PHRASE_BYTES - used,
			"%s%.15s %" PRId64, used ? ", " : "",
			look_up(domains, ARRAY_SIZE(domains), field_text_or(error, "domain", "")),
			code);
	}
	return phrase;
}

static struct phrase phrase_hubs(const char *number)
{
	struct phrase phrase = {"no hub"};

	if (!text_equal(number, "0"))
		snprintf(phrase.text, PHRASE_BYTES, "behind %.20s hub%s", number,
			text_equal(number, "1") ? "" : "s");
	return phrase;
}

/* "replaced battery", but "battery disconnected". */
static bool comes_before_the_part(const char *state)
{
	static const char *const states[] = {"replaced", "known-good", "third-party", "original"};

	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (text_equal(state, states[i]))
			return true;
	return false;
}

struct phrase phrase_condition(struct json_object *condition)
{
	const char *key = field_text_or(condition, "key", "?");
	const char *value = field_text_or(condition, "value", "?");
	const struct factor *factor = factor_by_key(key);
	const char *name = factor ? factor->name : key;
	struct phrase phrase;

	if (text_equal(key, "hubDepth"))
		return phrase_hubs(value);
	if (text_equal(key, "minimalBoot") && text_equal(value, "true"))
		text_copy(phrase.text, PHRASE_BYTES, "only the parts needed to start");
	else if (text_equal(key, "hub"))
		snprintf(phrase.text, PHRASE_BYTES, "behind a hub (%.100s)", value);
	else if (text_equal(key, "portName"))
		snprintf(phrase.text, PHRASE_BYTES, "port \"%.100s\"", value);
	else if (factor && factor->side == FACTOR_PART && comes_before_the_part(value))
		snprintf(phrase.text, PHRASE_BYTES, "%.100s %.40s", value, name);
	else
		snprintf(phrase.text, PHRASE_BYTES, "%.40s %.100s", name, value);
	return phrase;
}

bool phrase_condition_is_spare(struct json_object *conditions, struct json_object *condition)
{
	static const char *const better[][2] = {{"hub", "hubDepth"}, {"port", "portName"}};
	const char *key = field_text_or(condition, "key", "");

	for (size_t i = 0; i < ARRAY_SIZE(better); i++)
		for (size_t j = 0; j < field_count(conditions); j++)
			if (text_equal(key, better[i][0]) &&
				text_equal(field_text_or(field_item(conditions, j), "key", ""),
					better[i][1]))
				return true;
	return false;
}

bool phrase_firmware_problem(
	struct json_object *firmware, char sentence[static PHRASE_FIRMWARE_SIZE])
{
	struct json_object *checks = field_list(firmware, "checks");

	for (size_t i = 0; i < field_count(checks); i++) {
		struct json_object *check = json_object_array_get_idx(checks, i);

		if (!text_equal(field_text_or(check, "result", ""), "problem"))
			continue;
		snprintf(sentence, PHRASE_FIRMWARE_SIZE, "The firmware file %s: %s %s",
			field_text_or(firmware, "file", "?"), field_text_or(check, "text", "?"),
			field_text_or(check, "advice", ""));
		return true;
	}
	return false;
}
