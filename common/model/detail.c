/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/model/detail.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"
#include "common/model/factor.h"
#include "common/model/operation.h"

#define DETAIL_MODEL "model"

/* A number from the whole text. Returns false if it is none. */
static bool read_number(const char *text, int base, int64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoll(text, &end, base);
	return !errno && end != text && !*end;
}

static bool set_outcome(struct attempt *attempt, const char *text)
{
	enum outcome outcome = outcome_from_name(*text ? text : "ended-unknown");

	if (outcome == OUTCOME_UNKNOWN || outcome == OUTCOME_LOST)
		return false;
	attempt->outcome = outcome;
	return true;
}

static void get_outcome(const struct attempt *attempt, char text[static DETAIL_SIZE])
{
	text_copy(text, DETAIL_SIZE, outcome_name(attempt->outcome));
}

/* "idevicerestore 1.0.0-271-g45145e9" is a name and a version. */
static bool set_tool(struct attempt *attempt, const char *text)
{
	size_t length = strcspn(text, " ");
	const char *version = text + length + (text[length] == ' ');

	if (length >= sizeof(attempt->tool) || strlen(version) >= sizeof(attempt->version))
		return false;
	text_clean(text, length, attempt->tool, sizeof(attempt->tool));
	text_copy(attempt->version, sizeof(attempt->version), version);
	return true;
}

static void get_tool(const struct attempt *attempt, char text[static DETAIL_SIZE])
{
	snprintf(text, DETAIL_SIZE, "%s%s%s", attempt->tool, attempt->version[0] ? " " : "",
		attempt->version);
}

static bool set_firmware(struct attempt *attempt, const char *text)
{
	if (!text_copy(attempt->firmware, sizeof(attempt->firmware), text))
		return false;
	/* A build of what it is not would hide the change. */
	attempt->firmware_build[0] = '\0';
	return true;
}

static void get_firmware(const struct attempt *attempt, char text[static DETAIL_SIZE])
{
	text_copy(text, DETAIL_SIZE, attempt->firmware);
}

static bool set_entry(struct attempt *attempt, const char *text)
{
	enum device_mode mode = device_mode_from_name(text);

	if (*text && mode != MODE_NORMAL && mode != MODE_RECOVERY && mode != MODE_DFU &&
		mode != MODE_RESTORE)
		return false;
	attempt->entry = mode;
	return true;
}

static void get_entry(const struct attempt *attempt, char text[static DETAIL_SIZE])
{
	text_copy(text, DETAIL_SIZE, attempt->entry ? device_mode_name(attempt->entry) : "");
}

static bool set_stage(struct attempt *attempt, const char *text)
{
	enum restore_stage stage = restore_stage_from_name(text);

	if (*text && stage == STAGE_NONE)
		return false;
	attempt->stage = stage;
	return true;
}

static void get_stage(const struct attempt *attempt, char text[static DETAIL_SIZE])
{
	text_copy(text, DETAIL_SIZE, attempt->stage ? restore_stage_name(attempt->stage) : "");
}

static bool set_operation(struct attempt *attempt, const char *text)
{
	const struct operation *operation = NULL;
	int64_t number;

	if (!read_number(text, 10, &number))
		number = operation_by_name(text);
	if (number > 0 && number <= UINT32_MAX)
		operation = operation_by_number((uint32_t)number);
	if (*text && !operation)
		return false;
	attempt->operation = operation ? operation->number : 0;
	text_copy(attempt->operation_name, sizeof(attempt->operation_name),
		operation ? operation->name : "");
	attempt->permille = -1;
	if (operation)
		attempt->stage = STAGE_RESTORE;
	return true;
}

static void get_operation(const struct attempt *attempt, char text[static DETAIL_SIZE])
{
	text[0] = '\0';
	if (attempt->operation)
		snprintf(text, DETAIL_SIZE, "%" PRIu32, attempt->operation);
}

/* 4013 is the number of iTunes; others say whose: amr:11. */
static bool read_error(char *word, struct reported_error *ret)
{
	static const char *const domains[] = {"itunes", "amr", "restored", "tool-exit"};
	char *colon = strchr(word, ':');
	const char *domain = colon ? word : domains[0];

	if (colon)
		*colon = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(domains); i++)
		if (text_equal(domain, domains[i])) {
			text_copy(ret->domain, sizeof(ret->domain), domain);
			return read_number(colon ? colon + 1 : word, 0, &ret->code);
		}
	return false;
}

/* The numbers, one after the other. */
static bool set_error(struct attempt *attempt, const char *text)
{
	struct reported_error errors[ATTEMPT_ERRORS_MAX] = {0};
	char words[DETAIL_SIZE], *rest, *word;
	size_t count = 0;

	if (!text_copy(words, sizeof(words), text))
		return false;
	for (word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		if (count == ATTEMPT_ERRORS_MAX || !read_error(word, &errors[count++]))
			return false;
	memcpy(attempt->errors, errors, sizeof(errors));
	attempt->error_count = count;
	return true;
}

static void get_error(const struct attempt *attempt, char text[static DETAIL_SIZE])
{
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < attempt->error_count; i++) {
		const struct reported_error *error = &attempt->errors[i];
		bool of_itunes = text_equal(error->domain, "itunes");

		used += (size_t)snprintf(text + used, DETAIL_SIZE - used, "%s%s%s%" PRId64,
			i ? " " : "", of_itunes ? "" : error->domain, of_itunes ? "" : ":",
			error->code);
	}
}

/* Microseconds since 1970. */
static bool set_started(struct attempt *attempt, const char *text)
{
	int64_t us;

	if (!read_number(text, 10, &us) || us <= 0)
		return false;
	attempt->started.wall_us = (uint64_t)us;
	return true;
}

static void get_started(const struct attempt *attempt, char text[static DETAIL_SIZE])
{
	snprintf(text, DETAIL_SIZE, "%" PRIu64, attempt->started.wall_us);
}

/* Another computer than the one that was seen: its label identifies it. */
static bool set_host(struct attempt *attempt, const char *text)
{
	attempt->host_id[0] = '\0';
	return text_copy(attempt->host, sizeof(attempt->host), text);
}

static void get_host(const struct attempt *attempt, char text[static DETAIL_SIZE])
{
	text_copy(text, DETAIL_SIZE, attempt->host);
}

static bool set_port(struct attempt *attempt, const char *text)
{
	return text_copy(attempt->port, sizeof(attempt->port), text);
}

/* A case file has a port that was not seen on USB among the conditions. */
static void get_port(const struct attempt *attempt, char text[static DETAIL_SIZE])
{
	const char *reported = attempt_condition(attempt, "port");

	text_copy(text, DETAIL_SIZE, reported ? reported : attempt->port);
}

/* What every attempt has. Those of the second table are copied as they are. */
static const struct field {
	const char *key;
	const char *wants;
	bool (*set)(struct attempt *attempt, const char *text);
	void (*get)(const struct attempt *attempt, char text[static DETAIL_SIZE]);
} fields[] = {
	{"outcome", "succeeded, failed, aborted, not-started or ended-unknown", set_outcome,
		get_outcome},
	{"tool", NULL, set_tool, get_tool},
	{"firmware", NULL, set_firmware, get_firmware},
	{"host", NULL, set_host, get_host},
	{"port", NULL, set_port, get_port},
	{"entry", "normal, recovery, dfu or restore", set_entry, get_entry},
	{"stage", "dfu, recovery, boot-ramdisk, restore, reboot or normal", set_stage, get_stage},
	{"operation", "the number or name of a restore's operation", set_operation, get_operation},
	{"error", "a number, or amr:, restored: or tool-exit: and a number", set_error, get_error},
	{"started", "a time", set_started, get_started},
};

static const struct label {
	const char *key;
	size_t offset, size;
	const char *wants;
	const char *values[4]; /* none = any text */
} labels[] = {
#define LABEL(key, member, ...)                                                                    \
	{                                                                                          \
		key, offsetof(struct attempt, member), sizeof(((struct attempt *)0)->member),      \
			__VA_ARGS__                                                                \
	}
	LABEL("hostOs", host_os, "linux, macos or windows", {"linux", "macos", "windows"}),
	LABEL("action", action, "update, erase or boot (only tried to start it)",
		{"update", "erase", ACTION_BOOT}),
	LABEL("ticket", ticket, NULL, {NULL}),
};

static const struct field *find_field(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (text_equal(fields[i].key, key))
			return &fields[i];
	return NULL;
}

static const struct label *find_label(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(labels); i++)
		if (text_equal(labels[i].key, key))
			return &labels[i];
	return NULL;
}

bool detail_is_key(const char *key)
{
	static const char small[] = "abcdefghijklmnopqrstuvwxyz";
	static const char all[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

	return strspn(key, small) > 0 && !key[strspn(key, all)];
}

bool detail_is_condition(const char *key)
{
	return !find_field(key) && !find_label(key) && !text_equal(key, DETAIL_MODEL);
}

const char *detail_wants(const char *key)
{
	const struct field *field = find_field(key);
	const struct label *label = find_label(key);

	if (text_equal(key, DETAIL_MODEL))
		return "a product type such as iPhone12,3";
	return field ? field->wants : label ? label->wants : NULL;
}

static bool set_label(struct attempt *attempt, const struct label *label, const char *text)
{
	bool known = !label->values[0] || !*text;

	for (size_t i = 0; i < ARRAY_SIZE(label->values) && label->values[i]; i++)
		known = known || text_equal(label->values[i], text);
	if (!known || strlen(text) >= label->size)
		return false;
	return text_copy((char *)attempt + label->offset, label->size, text);
}

static bool set_model(struct identity *identity, const char *text)
{
	if (!*text || strlen(text) >= sizeof(identity->product))
		return false;
	if (identity)
		text_copy(identity->product, sizeof(identity->product), text);
	return true;
}

static void drop_condition(struct attempt *attempt, const char *key)
{
	size_t kept = 0;

	for (size_t i = 0; i < attempt->condition_count; i++)
		if (!text_equal(attempt->conditions[i].key, key))
			attempt->conditions[kept++] = attempt->conditions[i];
	attempt->condition_count = kept;
}

static int set_condition(
	struct attempt *attempt, const char *key, const char *text, uint64_t sequence)
{
	if (!*key || strlen(key) >= CONDITION_KEY_SIZE || strlen(text) >= CONDITION_VALUE_SIZE)
		return -EINVAL;
	if (*text)
		return attempt_set_condition(attempt, key, text, sequence);
	drop_condition(attempt, key);
	return 0;
}

int detail_set(struct attempt *attempt, struct identity *identity, const char *key,
	const char *text, uint64_t sequence)
{
	const struct field *field = find_field(key);
	const struct label *label = find_label(key);
	struct attempt changed;

	if (text_equal(key, DETAIL_MODEL))
		return set_model(identity, text) ? 0 : -EINVAL;
	if (!field && !label)
		return set_condition(attempt, key, text, sequence);
	changed = *attempt;
	if (field ? !field->set(&changed, text) : !set_label(&changed, label, text))
		return -EINVAL;
	/* A case file may have it among the conditions as well. */
	drop_condition(&changed, key);
	*attempt = changed;
	return 0;
}

void detail_get(const struct attempt *attempt, const struct identity *identity, const char *key,
	char text[static DETAIL_SIZE])
{
	const struct field *field = find_field(key);
	const struct label *label = find_label(key);
	const char *value = "";

	if (field) {
		field->get(attempt, text);
		return;
	}
	if (label)
		value = (const char *)attempt + label->offset;
	else if (text_equal(key, DETAIL_MODEL))
		value = identity ? identity->product : "";
	for (size_t i = 0; !label && i < attempt->condition_count; i++)
		if (text_equal(attempt->conditions[i].key, key))
			value = attempt->conditions[i].value;
	text_copy(text, DETAIL_SIZE, value);
}

bool detail_takes(const char *key, const char *text)
{
	struct attempt scratch;

	attempt_init(&scratch);
	return detail_set(&scratch, NULL, key, text, 0) == 0;
}
