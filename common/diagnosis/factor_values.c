/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/diagnosis/factor_values.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"

#define COMPUTERS_MAX 32 /* more than one phone visits */

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* FNV-1a, in either case; 0 is for unknown. */
static uint64_t hash_text(const char *text)
{
	uint64_t hash = UINT64_C(14695981039346656037);

	if (!text || !*text)
		return 0;
	for (; *text; text++)
		hash = (hash ^ (uint8_t)lower(*text)) * UINT64_C(1099511628211);
	return hash | 2; /* never FACTOR_VALUE_USUAL */
}

/* Where git says of which commit a build is: "-gb05d50c" in "1.0.0-229-gb05d50c". 0 = nowhere. */
static size_t commit_length(const char *text)
{
	size_t digits;

	if (!text_starts_with(text, "-g"))
		return 0;
	digits = strspn(text + 2, "0123456789abcdef");
	return digits >= 4 ? 2 + digits : 0;
}

/* A version without its commit, which the number of commits before it tells too, and without the
 * libraries or its package in brackets, which are compared by themselves. */
static const char *core_version(const char *version, char out[static FACTOR_VALUE_SIZE])
{
	const char *libraries = strstr(version, "(lib"), *package = strstr(version, "(package");
	size_t used = 0;

	while (*version && version != libraries && version != package &&
		used + 1 < FACTOR_VALUE_SIZE) {
		size_t skipped = commit_length(version);

		if (skipped)
			version += skipped;
		else
			out[used++] = *version++;
	}
	while (used && out[used - 1] == ' ')
		used--;
	out[used] = '\0';
	return out;
}

static const char *read_hub_depth(const struct attempt *attempt, char out[static FACTOR_VALUE_SIZE])
{
	if (!attempt->health.hub_depth_known)
		return NULL;
	snprintf(out, FACTOR_VALUE_SIZE, "%u", (unsigned)attempt->health.hub_depth);
	return out;
}

/* Only trying to start the phone is no kind of restore. */
bool only_starts(const struct attempt *attempt)
{
	return word_is(attempt->action, ACTION_BOOT);
}

typedef const char *value_reader(
	const struct attempt *attempt, char buffer[static FACTOR_VALUE_SIZE]);

static const char *read_version(const struct attempt *attempt, char out[static FACTOR_VALUE_SIZE])
{
	return core_version(attempt->version, out);
}

static const char *read_libraries(const struct attempt *attempt, char out[static FACTOR_VALUE_SIZE])
{
	(void)out;
	return strstr(attempt->version, "(lib");
}

static const char *read_package(const struct attempt *attempt, char out[static FACTOR_VALUE_SIZE])
{
	(void)out;
	return strstr(attempt->version, "(package");
}

static const char *read_action(const struct attempt *attempt, char out[static FACTOR_VALUE_SIZE])
{
	(void)out;
	return only_starts(attempt) ? NULL : attempt->action;
}

static const char *read_restored(const struct attempt *attempt, char out[static FACTOR_VALUE_SIZE])
{
	(void)out;
	return only_starts(attempt) ? "no" : "yes";
}

/* What an attempt itself knows: a text of its own, or what `read` makes of it. */
static const struct known_value {
	const char *name;
	size_t offset;
	value_reader *read;
} known_values[] = {
	{"host", offsetof(struct attempt, host), NULL},
	{"port", offsetof(struct attempt, port), NULL},
	{"hubDepth", 0, read_hub_depth},
	{"tool", offsetof(struct attempt, tool), NULL},
	{"version", 0, read_version},
	{"libraries", 0, read_libraries},
	{"package", 0, read_package},
	{"firmware", offsetof(struct attempt, firmware), NULL},
	{"build", offsetof(struct attempt, firmware_build), NULL},
	{"action", 0, read_action},
	{"restored", 0, read_restored},
};

/* NULL where an attempt knows nothing of that name. */
static const struct known_value *find_known(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(known_values); i++)
		if (word_is(name, known_values[i].name))
			return &known_values[i];
	return NULL;
}

/* A person's word for the firmware is its build. */
static const char *condition_of(const struct attempt *attempt, const char *name)
{
	if (word_is(name, "firmware"))
		return NULL;
	return attempt_condition(attempt, word_is(name, "build") ? "firmware" : name);
}

static bool is_on_good_parts(const struct attempt *attempt)
{
	return word_is(attempt_condition(attempt, "minimalBoot"), "good-parts");
}

bool only_minimal(const struct attempt *attempt)
{
	return word_is(attempt_condition(attempt, "minimalBoot"), "true") ||
	       is_on_good_parts(attempt);
}

const char *factor_state(const struct attempt_view *a, const struct factor *factor)
{
	const char *told = attempt_condition(a->attempt, factor->key);

	if (!told && factor->minimal_off && only_minimal(a->attempt))
		return "disconnected";
	if (!told && factor->minimal_good && is_on_good_parts(a->attempt))
		return "known-good";
	return told;
}

/* What an attempt itself knows goes before what was reported. */
static const char *text_of(const struct attempt *attempt, const char *name,
	const struct known_value *known, char buffer[static FACTOR_VALUE_SIZE])
{
	const char *text = NULL;

	if (known)
		text = known->read ? known->read(attempt, buffer)
				   : (const char *)attempt + known->offset;
	return text && *text ? text : condition_of(attempt, name);
}

const char *factor_text(
	const struct attempt *attempt, const char *name, char buffer[static FACTOR_VALUE_SIZE])
{
	return text_of(attempt, name, find_known(name), buffer);
}

static uint64_t value_of(const struct factor *factor, const char *text)
{
	if (factor->has_usual && (!text || word_is(text, "connected") || word_is(text, "original")))
		return FACTOR_VALUE_USUAL;
	return hash_text(text);
}

static size_t find_factor(const struct case_analysis *view, const char *key)
{
	for (size_t f = 0; f < view->factor_count; f++)
		if (word_is(view->factors[f].key, key))
			return f;
	return CASE_FACTORS_MAX;
}

/* A condition that the table does not have is a factor of its own, of no side. */
static size_t add_unnamed(struct case_analysis *view, const char *key)
{
	view->unnamed_count++;
	if (view->factor_count == CASE_FACTORS_MAX)
		return CASE_FACTORS_MAX;
	view->factors[view->factor_count] = (struct factor){
		.key = key, .name = key, .reads = {key}, .side = FACTOR_UNNAMED, .has_usual = true};
	return view->factor_count++;
}

static uint64_t factor_of_key(struct case_analysis *view, const char *key)
{
	size_t f = find_factor(view, key);

	if (f == CASE_FACTORS_MAX)
		f = add_unnamed(view, key);
	return f < CASE_FACTORS_MAX ? FACTOR_BIT(f) : 0;
}

static void collect_factors(struct case_analysis *view)
{
	const struct factor *table = factor_all(&view->factor_count);

	assert(view->factor_count < CASE_FACTORS_MAX);
	memcpy(view->factors, table, view->factor_count * sizeof(*table));
	for (size_t i = 0; i < view->count; i++) {
		const struct attempt *attempt = view->attempts[i].attempt;

		for (size_t j = 0; j < attempt->condition_count; j++)
			view->told |= factor_of_key(view, attempt->conditions[j].key);
	}
}

/* What is left of an attempt's conditions where there are too many factors: one for all. */
static uint64_t read_rest(const struct case_analysis *view, const struct attempt_view *a)
{
	uint64_t rest = 0;

	for (size_t j = 0; j < a->attempt->condition_count; j++) {
		const struct condition *condition = &a->attempt->conditions[j];

		if (find_factor(view, condition->key) == CASE_FACTORS_MAX)
			rest += hash_text(condition->key) * 31 + hash_text(condition->value);
	}
	return rest;
}

/* Reads one of its values in all attempts. */
static void read_values(struct case_analysis *view, size_t f, size_t k, bool told)
{
	const struct factor *factor = &view->factors[f];
	const struct known_value *known = find_known(factor->reads[k]);
	char buffer[FACTOR_VALUE_SIZE];

	for (size_t i = 0; i < view->count; i++) {
		struct attempt_view *a = &view->attempts[i];
		const char *text = NULL;

		if (factor->side != FACTOR_PART)
			text = text_of(a->attempt, factor->reads[k], known, buffer);
		else if (told)
			text = factor_state(a, factor);
		a->values[f][k] = value_of(factor, text);
	}
}

static void fill_bits(struct case_analysis *view, struct attempt_view *a)
{
	for (size_t f = 0; f < view->factor_count; f++) {
		const uint64_t *values = a->values[f];
		uint64_t any = 0;

		for (size_t k = 0; k < FACTOR_READS_MAX; k++)
			any |= values[k];
		if (any)
			a->known |= FACTOR_BIT(f);
		if (any == FACTOR_VALUE_USUAL)
			a->usual |= FACTOR_BIT(f);
		else if (view->factors[f].side == FACTOR_PART && !view->factors[f].needed &&
			 word_is(factor_state(a, &view->factors[f]), "disconnected"))
			a->parts_off |= FACTOR_BIT(f);
	}
	view->unusual |= a->known & ~a->usual;
}

bool factor_is_known(const struct attempt_view *a, size_t factor)
{
	return a->known & FACTOR_BIT(factor);
}

/* Whether one of its values is known of both and not the same. */
bool factor_differs(const struct attempt_view *a, const struct attempt_view *b, size_t factor)
{
	for (size_t k = 0; k < FACTOR_READS_MAX; k++) {
		uint64_t x = a->values[factor][k], y = b->values[factor][k];

		if (x && y && x != y)
			return true;
	}
	return false;
}

/* The computers of a case: attempts that differ in the id or name of theirs. */
struct computers {
	const struct attempt *known[COMPUTERS_MAX];
	size_t count;
};

static void add_computer(struct computers *computers, const struct attempt *attempt)
{
	if (!attempt->host_id[0] || computers->count == COMPUTERS_MAX)
		return;
	for (size_t i = 0; i < computers->count; i++)
		if (text_equal(computers->known[i]->host_id, attempt->host_id) &&
			word_is(computers->known[i]->host, attempt->host))
			return;
	computers->known[computers->count++] = attempt;
}

/* Where two ids may be of one computer, it is not known. */
static uint64_t id_value(const struct computers *computers, const char *id)
{
	for (size_t i = 0; i < computers->count; i++)
		if (host_id_is_ambiguous(id, computers->known[i]->host_id))
			return 0;
	return hash_text(id);
}

/* An attempt without an id is of the computer that has its name elsewhere in the case: 0 if two
 * have it, `value` (of the name) if none has it. */
static uint64_t name_value(const struct computers *computers, const char *name, uint64_t value)
{
	const char *id = NULL;

	for (size_t i = 0; i < computers->count; i++) {
		const struct attempt *known = computers->known[i];

		if (!word_is(known->host, name))
			continue;
		if (id && !text_equal(id, known->host_id))
			return 0;
		id = known->host_id;
	}
	return id ? id_value(computers, id) : value;
}

static void read_computers(struct case_analysis *view)
{
	struct computers computers = {.count = 0};

	for (size_t i = 0; i < view->count; i++)
		add_computer(&computers, view->attempts[i].attempt);
	for (size_t i = 0; i < view->count; i++) {
		const struct attempt *attempt = view->attempts[i].attempt;
		uint64_t *value = &view->attempts[i].values[FACTOR_ID_HOST][0];

		*value = attempt->host_id[0] ? id_value(&computers, attempt->host_id)
					     : name_value(&computers, attempt->host, *value);
	}
}

void factor_values_read(struct case_analysis *view)
{
	const uint64_t minimal = FACTOR_BIT(FACTOR_ID_MINIMAL_BOOT);

	collect_factors(view);
	for (size_t f = 0; f < view->factor_count; f++)
		for (size_t k = 0; k < FACTOR_READS_MAX && view->factors[f].reads[k]; k++)
			read_values(view, f, k, view->told & (FACTOR_BIT(f) | minimal));
	for (size_t i = 0; i < view->count; i++)
		view->attempts[i].values[CASE_FACTORS_MAX - 1][0] +=
			read_rest(view, &view->attempts[i]);
	read_computers(view);
	for (size_t i = 0; i < view->count; i++)
		fill_bits(view, &view->attempts[i]);
}
