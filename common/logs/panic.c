/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/logs/panic.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"
#include "common/model/phone_model.h"

#define NUMBERS_MAX 64 /* per sensor array */
#define NUMBER_BYTES 24

static const struct panic_word words[] = {
#include "common/knowledge/panic_words.inc"
};

static const struct panic_mask masks[] = {
#include "common/knowledge/panic_masks.inc"
};

static const char *const nothing[] = {NULL};

/* A text with an end instead of a NUL. */
struct span {
	const char *text;
	size_t length;
};

static bool is_word_byte(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static const char *find(struct span span, const char *text)
{
	return memmem(span.text, span.length, text, strlen(text));
}

static struct span rest_from(struct span span, const char *at)
{
	return (struct span){at, span.length - (size_t)(at - span.text)};
}

/* Finds the text as whole words; NULL if it is missing. */
static const char *find_words(struct span span, const char *text)
{
	size_t size = strlen(text);
	const char *first = span.text, *end = span.text + span.length, *at;

	while ((at = find(span, text))) {
		bool begins = at == first || !is_word_byte(at[-1]) || !is_word_byte(text[0]);
		bool ends = at + size == end || !is_word_byte(at[size]) ||
			    !is_word_byte(text[size - 1]);

		if (begins && ends)
			return at;
		span = rest_from(span, at + 1);
	}
	return NULL;
}

/* The reason of the panic: the rest (registers, versions, loaded drivers) names chips in every
 * panic. */
static struct span find_reason(struct span log)
{
	static const char *const ends[] = {"Debugger message:", "Kernel version:"};
	const char *at = find(log, "panic(cpu");

	if (at)
		log = rest_from(log, at);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		at = find(log, ends[i]);
		if (at)
			log.length = (size_t)(at - log.text);
	}
	return log;
}

static void write_reason(struct span reason, char out[static PANIC_REASON_SIZE])
{
	char line[PANIC_REASON_SIZE];
	size_t length = 0;

	for (size_t i = 0; i < reason.length && length < sizeof(line); i++) {
		bool blank = isspace((unsigned char)reason.text[i]);

		if (blank && (length == 0 || line[length - 1] == ' '))
			continue;
		line[length++] = blank ? ' ' : reason.text[i];
	}
	while (length && line[length - 1] == ' ')
		length--;
	text_clean(line, length, out, PANIC_REASON_SIZE);
}

/* Whether a list of families and product types includes the model; `product` may be empty. */
static bool models_have(const char *models, const char *product)
{
	const struct model *model = model_by_product(product);

	while (*models) {
		size_t length = strcspn(models, " ");

		if ((strlen(product) == length && memcmp(models, product, length) == 0) ||
			(model && strlen(model->family) == length &&
				memcmp(models, model->family, length) == 0))
			return true;
		models += length + strspn(models + length, " ");
	}
	return false;
}

static struct panic_finding *add_finding(
	struct panic_report *report, const char *id, const char *shown, size_t length)
{
	struct panic_finding *finding;

	if (report->finding_count == PANIC_FINDINGS_MAX)
		return NULL;
	finding = &report->findings[report->finding_count++];
	*finding = (struct panic_finding){.id = id, .disputed = nothing, .sources = nothing};
	text_clean(shown, length, finding->shown, sizeof(finding->shown));
	return finding;
}

/* Chooses the suspects for this model if the word has any, else the general ones. */
static void choose_parts(
	const struct panic_word *word, const char *product, struct panic_finding *finding)
{
	size_t count = 0;

	for (const struct panic_part *part = word->parts; part->part; part++)
		if (part->models && models_have(part->models, product))
			finding->parts[count++] = part->part;
	finding->for_model = count > 0;
	for (const struct panic_part *part = word->parts; part->part && !finding->for_model; part++)
		if (!part->models)
			finding->parts[count++] = part->part;
}

static void add_word(struct panic_report *report, const struct panic_word *word,
	const char *product, const char *shown, size_t length)
{
	struct panic_finding *finding = add_finding(report, word->id, shown, length);

	if (!finding)
		return;
	finding->means = word->means;
	finding->either = word->either;
	finding->sure = word->sure;
	finding->sign = word->sign;
	finding->history = word->history;
	finding->disputed = word->disputed;
	finding->sources = word->sources;
	choose_parts(word, product, finding);
}

static bool word_has_sensor(const struct panic_word *word, const char *name)
{
	for (size_t i = 0; word->sensor && word->texts[i]; i++)
		if (strcasecmp(word->texts[i], name) == 0)
			return true;
	return false;
}

static void add_sensor(struct panic_report *report, const char *product, struct span name)
{
	char *kept;

	if (report->sensor_count == PANIC_SENSORS_MAX)
		return;
	kept = report->sensors[report->sensor_count];
	text_clean(name.text, name.length, kept, PANIC_SENSOR_SIZE);
	for (size_t i = 0; i < report->sensor_count; i++)
		if (strcasecmp(report->sensors[i], kept) == 0)
			return;
	report->sensor_count++;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (word_has_sensor(&words[i], kept)) {
			add_word(report, &words[i], product, kept, strlen(kept));
			return;
		}
	}
	add_finding(report, "sensor", kept, strlen(kept));
}

static bool is_name_byte(char c)
{
	return is_word_byte(c) || c == '-' || c == '.';
}

/* Reads the names after "Missing sensor(s):" up to the end of the line. */
static void read_sensors(struct panic_report *report, const char *product, struct span reason)
{
	static const char head[] = "issing sensor(s):";
	const char *end = reason.text + reason.length, *at;

	while ((at = find(reason, head))) {
		const char *name = at + strlen(head);

		while (name < end) {
			const char *stop;

			while (name < end && (*name == ' ' || *name == ',' || *name == '\t'))
				name++;
			for (stop = name; stop < end && is_name_byte(*stop); stop++)
				;
			if (stop == name)
				break;
			add_sensor(report, product, (struct span){name, (size_t)(stop - name)});
			name = stop;
		}
		reason = rest_from(reason, name);
	}
}

static void add_mask(struct panic_report *report, const struct panic_mask *mask, uint64_t value)
{
	char shown[PANIC_SHOWN_SIZE];
	struct panic_finding *finding;

	if (value == mask->value)
		snprintf(shown, sizeof(shown), "sensor array 0x%" PRIx64, value);
	else
		snprintf(shown, sizeof(shown), "0x%" PRIx64 " of sensor array 0x%" PRIx64,
			mask->value, value);
	finding = add_finding(report, mask->id, shown, strlen(shown));
	if (!finding)
		return;
	finding->means = "The system controller misses a sensor.";
	finding->parts[0] = mask->part;
	finding->for_model = true;
	finding->either = mask->either;
	finding->sure = mask->sure;
	finding->disputed = mask->disputed;
	finding->sources = mask->sources;
}

static bool read_whole(struct panic_report *report, const char *product, uint64_t value)
{
	for (size_t i = 0; i < ARRAY_SIZE(masks); i++) {
		if (masks[i].whole && masks[i].value == value &&
			models_have(masks[i].models, product)) {
			add_mask(report, &masks[i], value);
			return true;
		}
	}
	return false;
}

static void read_number(struct panic_report *report, const char *product, uint64_t value)
{
	char shown[PANIC_SHOWN_SIZE];
	uint64_t left = value;

	if (read_whole(report, product, value))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(masks); i++) {
		if (masks[i].whole || !(masks[i].value & value) ||
			!models_have(masks[i].models, product))
			continue;
		left &= ~masks[i].value;
		add_mask(report, &masks[i], value);
	}
	if (!left)
		return;
	snprintf(shown, sizeof(shown), "sensor array 0x%" PRIx64, left);
	add_finding(report, "sensor-array", shown, strlen(shown));
}

/* Removes the number at the start of the span. Newer systems write decimal numbers. Returns false
 * if there is none. */
static bool take_number(struct span *span, uint64_t *ret)
{
	char digits[NUMBER_BYTES];
	size_t length = span->length < sizeof(digits) - 1 ? span->length : sizeof(digits) - 1;
	char *end;

	if (length == 0 || !isdigit((unsigned char)*span->text))
		return false;
	memcpy(digits, span->text, length);
	digits[length] = '\0';
	errno = 0;
	*ret = strtoull(digits, &end, strncasecmp(digits, "0x", 2) == 0 ? 16 : 10);
	*span = rest_from(*span, span->text + (end - digits));
	return errno == 0;
}

/* Reads "S.sensor array 0 - 6 is 0x0, 0x1000, 0x0". */
static void read_arrays(struct panic_report *report, const char *product, struct span reason)
{
	const char *at;

	while ((at = find(reason, "ensor array"))) {
		struct span line = rest_from(reason, at);
		const char *newline = memchr(line.text, '\n', line.length), *is;
		uint64_t value;

		reason = rest_from(reason, at + 1);
		if (newline)
			line.length = (size_t)(newline - line.text);
		is = find(line, " is ");
		if (!is)
			continue;
		line = rest_from(line, is + strlen(" is "));
		for (size_t i = 0; i < NUMBERS_MAX && take_number(&line, &value); i++) {
			if (value)
				read_number(report, product, value);
			while (line.length && (*line.text == ',' || *line.text == ' '))
				line = rest_from(line, line.text + 1);
		}
	}
}

static const char *word_in(const struct panic_word *word, struct span reason)
{
	for (size_t i = 0; !word->sensor && word->texts[i]; i++)
		if (find_words(reason, word->texts[i]))
			return word->texts[i];
	return NULL;
}

/* In the table, better descriptions of the same finding come first. */
static bool has_finding(const struct panic_report *report, const char *id)
{
	for (size_t i = 0; id && i < report->finding_count; i++)
		if (text_equal(report->findings[i].id, id))
			return true;
	return false;
}

void panic_read(const char *text, size_t length, const char *product, struct panic_report *ret)
{
	struct span reason = find_reason((struct span){text, length});

	*ret = (struct panic_report){0};
	write_reason(reason, ret->reason);
	read_sensors(ret, product, reason);
	read_arrays(ret, product, reason);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		const char *found = word_in(&words[i], reason);

		if (found && !has_finding(ret, words[i].unless))
			add_word(ret, &words[i], product, found, strlen(found));
	}
}

void panic_send_saved(const struct event *saved, event_sink *sink, void *user)
{
	struct span reason = find_reason((struct span){saved->text, saved->text_length});
	struct event sign = *saved;

	sink(user, saved);
	if (!saved->text_length || !text_equal(saved->name, "panic-log"))
		return;
	sign.kind = EVENT_SIGN;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (!words[i].sign || !word_in(&words[i], reason))
			continue;
		text_copy(sign.name, sizeof(sign.name), words[i].sign);
		sink(user, &sign);
	}
}
