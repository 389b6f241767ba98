/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sync/share.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <json-c/linkhash.h>

#include "common/base/text.h"

#define LABEL_SIZE 192

typedef struct json_object json;

static const char *text_of(json *object, const char *key)
{
	const char *text = "";

	json_get_text(object, key, &text);
	return text;
}

static json *object_of(json *object, const char *key)
{
	json *found = NULL;

	json_get_object(object, key, &found);
	return found;
}

static json *array_of(json *object, const char *key)
{
	json *found = NULL;

	json_get_array(object, key, &found);
	return found;
}

/* json-c accepts no NULL. */
static size_t count_of(json *array)
{
	return array ? json_object_array_length(array) : 0;
}

static void delete_all(json *object, const char *const *keys, size_t count)
{
	for (size_t i = 0; object && i < count; i++)
		json_object_object_del(object, keys[i]);
}

static bool is_one_of(const char *text, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (text_equal(words[i], text))
			return true;
	return false;
}

/* Removes every member but these. */
static void keep_only(json *object, const char *const *keys, size_t count)
{
	const char *names[64];
	size_t found;

	do {
		found = 0;
		json_object_object_foreach(object, key, value)
		{
			(void)value;
			if (!is_one_of(key, keys, count) && found < ARRAY_SIZE(names))
				names[found++] = key;
		}
		delete_all(object, names, found);
	} while (found == ARRAY_SIZE(names));
}

static json *attempt_of(json *change)
{
	json *attempts = array_of(object_of(change, "case"), "attempts");
	json *attempt = count_of(attempts) ? json_object_array_get_idx(attempts, 0) : NULL;

	return json_object_is_type(attempt, json_type_object) ? attempt : NULL;
}

static uint64_t ecid_of(const char *text)
{
	uint64_t ecid = 0;

	return ecid_parse(text, &ecid) == 0 ? ecid : udid_ecid(text);
}

static uint64_t identity_of(json *object)
{
	uint64_t ecid = ecid_of(text_of(object, "ecid"));

	return ecid ? ecid : udid_ecid(text_of(object, "udid"));
}

static bool is_foreign(const struct share_rules *rules, json *change)
{
	const char *writer = text_of(change, "writer");

	return *writer && !text_equal(writer, rules->host_id);
}

enum share_kind share_kind_of(const struct share_rules *rules, struct json_object *change,
	uint64_t *ret_ecid, const char **ret_session)
{
	const char *kind = text_of(change, "kind");
	bool plain_note = text_equal(text_of(change, "noteKind"), "note");

	*ret_ecid = 0;
	*ret_session = NULL;
	if (is_foreign(rules, change))
		return SHARE_NOTHING;
	if (text_equal(kind, "purge"))
		return SHARE_PURGE;
	if (text_equal(kind, "attempt")) {
		*ret_ecid = identity_of(object_of(object_of(change, "case"), "device"));
		return *ret_ecid ? SHARE_ATTEMPT : SHARE_NOTHING;
	}
	if (text_equal(kind, "note")) {
		*ret_ecid = identity_of(change);
		return *ret_ecid && (rules->text || !plain_note) ? SHARE_NOTE : SHARE_NOTHING;
	}
	if (text_equal(kind, "correction") && !text_equal(text_of(change, "key"), "ticket")) {
		*ret_session = text_of(change, "session");
		return SHARE_NOTE;
	}
	if (text_equal(kind, "condition") && !object_of(change, "hostId") &&
		!*text_of(change, "hostId")) {
		*ret_ecid = ecid_of(text_of(change, "place"));
		return *ret_ecid ? SHARE_NOTE : SHARE_NOTHING;
	}
	return SHARE_NOTHING;
}

/* Labels of cables are of a site: the same label elsewhere is another cable. */
static void relabel(const struct share_rules *rules, json *object, const char *key, bool leaves)
{
	const char *label = text_of(object, key);
	size_t length = strlen(rules->site);
	char text[LABEL_SIZE];

	if (!length || !*label || text_equal(label, "unknown"))
		return;
	if (leaves)
		snprintf(text, sizeof(text), "%s/%s", rules->site, label);
	else if (text_starts_with(label, rules->site) && label[length] == '/')
		text_copy(text, sizeof(text), label + length + 1);
	else
		return;
	json_object_object_add(object, key, json_object_new_string(text));
}

static void relabel_change(const struct share_rules *rules, json *change, bool leaves)
{
	if (attempt_of(change))
		relabel(rules, object_of(attempt_of(change), "conditions"), "cable", leaves);
	if (text_equal(text_of(change, "key"), "cable")) {
		relabel(rules, change, "before", leaves);
		relabel(rules, change, "after", leaves);
		relabel(rules, change, "value", leaves);
	}
}

/* Corrections of the ticket, and who corrected it. */
static void strip_amendments(json *attempt)
{
	json *amendments = array_of(attempt, "amendments");

	for (size_t i = count_of(amendments); i > 0; i--) {
		json *amendment = json_object_array_get_idx(amendments, i - 1);

		if (text_equal(text_of(amendment, "key"), "ticket"))
			json_object_array_del_idx(amendments, i - 1, 1);
		else if (json_object_is_type(amendment, json_type_object))
			json_object_object_del(amendment, "by");
	}
}

static void strip_attempt(const struct share_rules *rules, json *change)
{
	static const char *const of_case[] = {"format", "version", "device", "history", "attempts"};
	static const char *const of_device[] = {"productType", "model"};
	static const char *const of_attempt[] = {"ticket", "log", "records"};
	static const char *const of_logs[] = {"complaint", "failureText"};
	json *whole = object_of(change, "case"), *device = object_of(whole, "device");
	json *attempt = attempt_of(change);

	keep_only(whole, of_case, ARRAY_SIZE(of_case));
	if (device)
		keep_only(device, of_device, ARRAY_SIZE(of_device));
	delete_all(attempt, of_attempt, ARRAY_SIZE(of_attempt));
	if (!rules->text)
		delete_all(object_of(attempt, "observed"), of_logs, ARRAY_SIZE(of_logs));
	strip_amendments(attempt);
}

void share_strip(const struct share_rules *rules, struct json_object *change)
{
	static const char *const identifiers[] = {
		"ecid", "udid", "serial", "ticket", "by", "salt", "ecidHash", "udidHash"};

	delete_all(change, identifiers, ARRAY_SIZE(identifiers));
	if (text_equal(text_of(change, "kind"), "condition"))
		json_object_object_del(change, "place");
	if (object_of(change, "case"))
		strip_attempt(rules, change);
	relabel_change(rules, change, true);
}

/* Whether the change is of a kind that other benches may send, and has the shape of it. */
static int check(const struct share_rules *rules, json *change, const char *id)
{
	static const char *const kinds[] = {"attempt", "note", "correction", "condition"};
	const char *kind = text_of(change, "kind"), *writer = text_of(change, "writer");
	json *device = object_of(object_of(change, "case"), "device");

	if (!is_one_of(kind, kinds, ARRAY_SIZE(kinds)) || !text_equal(text_of(change, "id"), id))
		return -EBADMSG;
	if (text_equal(writer, rules->host_id))
		return -EALREADY;
	if (!text_equal(kind, "attempt"))
		return 0;
	if (!device || !attempt_of(change) ||
		count_of(array_of(object_of(change, "case"), "attempts")) != 1)
		return -EBADMSG;
	/* Nobody but this bench says what it watched. */
	return text_equal(text_of(attempt_of(change), "session"), id) ? 0 : -EBADMSG;
}

static void identify(json *change, uint64_t ecid)
{
	json *device = object_of(object_of(change, "case"), "device");
	const char *kind = text_of(change, "kind");
	char text[ECID_TEXT_SIZE];

	ecid_format(ecid, text);
	if (device)
		json_object_object_add(device, "ecid", json_object_new_string(text));
	else if (text_equal(kind, "note"))
		json_object_object_add(change, "ecid", json_object_new_string(text));
	else if (text_equal(kind, "condition"))
		json_object_object_add(change, "place", json_object_new_string(text));
}

int share_accept(const struct share_rules *rules, const char *id, uint64_t ecid, const char *text,
	struct json_object **ret)
{
	/* Of the texts, this bench decides only what it sends. */
	const struct share_rules accepted = {.host_id = rules->host_id, .site = "", .text = true};
	CLEANUP(json_object_putp) json *change = NULL;
	size_t length = strlen(text);
	int r = length <= SHARE_BYTES_MAX ? json_read(text, length, &change) : -EBADMSG;

	if (r == 0)
		r = check(rules, change, id);
	if (r < 0)
		return r;
	share_strip(&accepted, change);
	json_object_object_del(change, "hostId");
	identify(change, ecid);
	relabel_change(rules, change, false);
	if (!json_write(change, &length))
		return -ENOMEM;
	if (length > SHARE_BYTES_MAX)
		return -EBADMSG;
	*ret = TAKE_PTR(change);
	return 0;
}

static const char *known(json *object, const char *key)
{
	const char *text = text_of(object, key);

	return *text ? text : NULL;
}

void share_read_columns(struct json_object *change, struct share_columns *ret)
{
	json *attempt = attempt_of(change), *conditions = object_of(attempt, "conditions");

	*ret = (struct share_columns){
		.outcome = known(attempt, "outcome"),
		.started = known(attempt, "startedAt"),
		.port = known(conditions, "port"),
		.cable = known(conditions, "cable"),
		.product = known(object_of(object_of(change, "case"), "device"), "productType"),
		.tool = known(attempt, "tool"),
	};
}
