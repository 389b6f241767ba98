/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/report/course.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"

/* An error this short a time before a disconnect belongs to it (as in common/model/attempt.c). */
#define MASK_US ((int64_t)USEC_PER_SEC)
/* Records may be slightly out of order; one this far back is from another boot. */
#define OTHER_BOOT_US (60 * (int64_t)USEC_PER_SEC)

/* The end of a reported attempt may be at a time that nobody observed. */
#define END_UNSEEN_US (24 * 3600 * (int64_t)USEC_PER_SEC)

/* Limits per kind, so that no kind displaces the others. */
static const size_t room[MOMENT_KINDS] = {
	[MOMENT_OPERATION] = 100,
	[MOMENT_SILENCE] = 40,
	[MOMENT_USB_ERROR] = 100,
	[MOMENT_MUX_ERROR] = 40,
	[MOMENT_DETACH] = 40,
	[MOMENT_LINK_LOST] = 20,
	[MOMENT_CHECKPOINT] = 20,
	[MOMENT_LAST_WORD] = 10,
	[MOMENT_TOOL_END] = 10,
	[MOMENT_END] = 10,
	[MOMENT_TRANSFER_ERROR] = 60,
};

/* Microseconds from the first record to this one, by the monotonic clock if both are from one
 * boot. */
static int64_t offset_of(struct course *course, struct json_object *record)
{
	int64_t wall = field_number_or(record, "timeUSec", 0);
	int64_t monotonic = field_number_or(record, "monotonicUSec", 0);
	int64_t offset;

	if (course->records == 0) {
		course->first_wall_us = wall;
		course->first_monotonic_us = monotonic;
	}
	if (monotonic > 0 && course->first_monotonic_us > 0 &&
		!__builtin_sub_overflow(monotonic, course->first_monotonic_us, &offset) &&
		offset > -OTHER_BOOT_US)
		return offset > 0 ? offset : 0;
	if (wall <= 0 || __builtin_sub_overflow(wall, course->first_wall_us, &offset))
		return course->end_us;
	return offset > 0 ? offset : 0;
}

static struct moment *add(
	struct course *course, enum moment_kind kind, int64_t at_us, const char *label)
{
	struct moment *moment;

	if (course->counts[kind] == room[kind] || course->count == COURSE_MOMENTS_MAX) {
		course->left_out[kind]++;
		return NULL;
	}
	course->counts[kind]++;
	moment = &course->moments[course->count++];
	*moment = (struct moment){.kind = kind, .from_us = at_us, .over_us = at_us, .to_us = at_us};
	text_copy(moment->label, sizeof(moment->label), label);
	return moment;
}

/* The newest open moment of a kind; NULL if there is none. */
static struct moment *open_moment(struct course *course, enum moment_kind kind)
{
	for (size_t i = course->count; i > 0; i--)
		if (course->moments[i - 1].kind == kind)
			return course->moments[i - 1].to_us < 0 ? &course->moments[i - 1] : NULL;
	return NULL;
}

static void close_moment(struct course *course, enum moment_kind kind, int64_t at_us)
{
	struct moment *moment = open_moment(course, kind);

	if (moment)
		moment->to_us = at_us > moment->over_us ? at_us : moment->over_us;
}

static const char *text_of(struct json_object *record)
{
	return field_text_or(record, "text", "");
}

static const char *name_of(struct json_object *record)
{
	return field_text_or(record, "name", "");
}

static void take_operation(struct course *course, struct json_object *record, int64_t at_us)
{
	struct moment *open = open_moment(course, MOMENT_OPERATION);
	int64_t number = field_number_or(record, "number", 0);
	struct moment *moment;

	if (open && open->number == number)
		return;
	close_moment(course, MOMENT_OPERATION, at_us);
	moment = add(course, MOMENT_OPERATION, at_us, name_of(record));
	if (!moment)
		return;
	moment->number = number;
	moment->to_us = -1;
}

/* The record arrives when the budget is used up: the silence began that much earlier. */
static void take_silence(struct course *course, struct json_object *record, int64_t at_us)
{
	const char *what = text_of(record);
	struct moment *moment = add(course, MOMENT_SILENCE, at_us, *what ? what : name_of(record));
	int64_t seconds = field_number_or(record, "number", 0);

	if (!moment)
		return;
	if (seconds < 0 || seconds > at_us / (int64_t)USEC_PER_SEC)
		seconds = at_us / (int64_t)USEC_PER_SEC;
	moment->number = field_number_or(record, "number", 0);
	moment->from_us = at_us - seconds * (int64_t)USEC_PER_SEC;
	moment->to_us = -1;
}

static void take_checkpoint(struct course *course, struct json_object *record, int64_t at_us)
{
	struct moment *moment;

	if (!text_equal(field_text_or(record, "state", ""), "failure"))
		return;
	moment = add(course, MOMENT_CHECKPOINT, at_us, name_of(record));
	if (moment)
		moment->number = field_number_or(record, "number", 0);
}

static void take_transfer_error(struct course *course, struct json_object *record, int64_t at_us)
{
	struct moment *moment = add(course, MOMENT_TRANSFER_ERROR, at_us, name_of(record));

	if (!moment)
		return;
	moment->number = field_number_or(record, "number", 1);
	snprintf(moment->label, sizeof(moment->label), "%.40s, error %" PRId64, name_of(record),
		field_number_or(record, "code", 0));
}

/* The record arrives when its data has moved. */
static void take_rate(struct course *course, struct json_object *record, int64_t at_us)
{
	int64_t bytes = field_number_or(record, "code", 0);
	int64_t lasted_us, lasted_ms = field_number_or(record, "number", 0);
	struct rate *rate;

	if (bytes <= 0 || lasted_ms <= 0 ||
		__builtin_mul_overflow(lasted_ms, (int64_t)USEC_PER_MSEC, &lasted_us))
		return;
	if (course->rate_count == COURSE_RATES_MAX) {
		rate = &course->rates[COURSE_RATES_MAX - 1];
		if (__builtin_add_overflow(rate->bytes, bytes, &rate->bytes))
			rate->bytes = INT64_MAX;
		if (at_us > rate->to_us)
			rate->lasted_us += at_us - rate->to_us;
		rate->to_us = at_us;
		return;
	}
	rate = &course->rates[course->rate_count++];
	*rate = (struct rate){.from_us = lasted_us < at_us ? at_us - lasted_us : 0,
		.to_us = at_us,
		.bytes = bytes,
		.lasted_us = lasted_us};
	text_copy(rate->label, sizeof(rate->label), name_of(record));
}

/* Halves the samples: of two, the one with the higher current stays. */
static void thin_samples(struct course *course)
{
	for (size_t i = 0; i < COURSE_SAMPLES_MAX / 2; i++) {
		const struct sample *pair = &course->samples[2 * i];

		course->samples[i] = pair[pair[1].microamperes > pair[0].microamperes];
	}
	course->sample_count = COURSE_SAMPLES_MAX / 2;
	course->sample_stride *= 2;
}

static void take_sample(struct course *course, struct json_object *record, int64_t at_us)
{
	struct sample sample = {
		at_us, field_number_or(record, "number", 0), field_number_or(record, "code", 0)};
	struct sample *last;

	if (course->samples_read == 0) {
		course->sample_stride = 1;
		course->millivolts_min = course->millivolts_max = sample.millivolts;
		text_copy(course->meter, sizeof(course->meter), name_of(record));
	}
	if (sample.millivolts < course->millivolts_min)
		course->millivolts_min = sample.millivolts;
	if (sample.millivolts > course->millivolts_max)
		course->millivolts_max = sample.millivolts;
	if (course->samples_read++ % course->sample_stride == 0) {
		if (course->sample_count == COURSE_SAMPLES_MAX)
			thin_samples(course);
		course->samples[course->sample_count++] = sample;
		return;
	}
	last = &course->samples[course->sample_count - 1];
	if (sample.microamperes > last->microamperes)
		*last = sample;
}

/* Kinds described by their text, or by name and code. */
static void take_plainly(struct course *course, struct json_object *record, int64_t at_us)
{
	static const struct {
		const char *kind;
		enum moment_kind moment;
		bool named; /* the name is better than the text */
	} kinds[] = {
		{"usb-error", MOMENT_USB_ERROR, false},
		{"mux-error", MOMENT_MUX_ERROR, false},
		{"status", MOMENT_LAST_WORD, true},
		{"tool-end", MOMENT_TOOL_END, false},
		{"session-end", MOMENT_END, false},
	};
	const char *kind = field_text_or(record, "kind", "");

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct moment *moment;

		if (!text_equal(kind, kinds[i].kind))
			continue;
		moment = add(course, kinds[i].moment, at_us,
			kinds[i].named ? name_of(record) : text_of(record));
		if (moment)
			moment->number = field_number_or(record, "code", 0);
	}
}

/* A detach counts if the daemon counted it; several sources report the same one. */
static void fold_link(struct course *course, struct json_object *record, int64_t at_us)
{
	size_t before = course->fold.mode_count;
	struct event event = {
		.kind = event_kind_from_name(field_text_or(record, "kind", "")),
		.source = event_source_from_name(field_text_or(record, "source", "")),
		.mode = device_mode_from_name(field_text_or(record, "mode", "")),
		.code = field_number_or(record, "code", 0),
		.at = {.monotonic_us = (uint64_t)at_us, .wall_us = (uint64_t)at_us},
	};

	switch (event.kind) {
	case EVENT_ATTACH:
	case EVENT_DETACH:
	case EVENT_MUX_ATTACH:
	case EVENT_MUX_DETACH:
	case EVENT_ENTRY:
		attempt_fold(&course->fold, &event);
		if (course->fold.mode_count > before &&
			course->fold.modes[before].mode == MODE_GONE)
			add(course, MOMENT_DETACH, at_us, "");
		break;
	case EVENT_LINK_LOST:
		add(course, MOMENT_LINK_LOST, at_us, "");
		break;
	default:
		break;
	}
	if (event_phone_speaks(event.kind))
		close_moment(course, MOMENT_SILENCE, at_us);
}

void course_take(struct course *course, struct json_object *record)
{
	const char *kind = field_text_or(record, "kind", "");
	int64_t at_us = offset_of(course, record);

	/* Conclusions of the daemon and corrections by people come later: not part of the course.
	 */
	if (text_equal(kind, "diagnosis") || text_equal(kind, "amendment"))
		return;
	if (text_equal(kind, "measurement")) {
		take_sample(course, record, at_us);
		return;
	}
	if (course->records++ == 0)
		attempt_init(&course->fold);
	fold_link(course, record, at_us);
	if (text_equal(kind, "operation"))
		take_operation(course, record, at_us);
	else if (text_equal(kind, "silence"))
		take_silence(course, record, at_us);
	else if (text_equal(kind, "checkpoint"))
		take_checkpoint(course, record, at_us);
	else if (text_equal(kind, "link-error"))
		take_transfer_error(course, record, at_us);
	else if (text_equal(kind, "link-rate"))
		take_rate(course, record, at_us);
	else
		take_plainly(course, record, at_us);
	if (text_equal(kind, "session-end") || text_equal(kind, "link-lost")) {
		close_moment(course, MOMENT_OPERATION, at_us);
		close_moment(course, MOMENT_SILENCE, at_us);
	}
	if (at_us > course->end_us)
		course->end_us = at_us;
	if (at_us > course->heard_us && !text_equal(kind, "session-end") &&
		!text_equal(kind, "tool-end"))
		course->heard_us = at_us;
}

static bool is_masked(const struct course *course, int64_t at_us)
{
	const struct attempt *fold = &course->fold;

	for (size_t i = 0; i < fold->mode_count; i++) {
		int64_t gone_us = (int64_t)fold->modes[i].monotonic_us;

		if (fold->modes[i].mode == MODE_GONE && gone_us >= at_us &&
			gone_us - at_us <= MASK_US)
			return true;
	}
	return false;
}

/* A loss is reported right after its detach: one of the two is enough. */
static bool is_told_as_loss(const struct course *course, const struct moment *detach)
{
	for (size_t i = 0; i < course->count; i++)
		if (course->moments[i].kind == MOMENT_LINK_LOST &&
			course->moments[i].from_us == detach->from_us)
			return true;
	return false;
}

static int compare(const void *a, const void *b)
{
	const struct moment *left = a, *right = b;

	if (left->from_us != right->from_us)
		return left->from_us < right->from_us ? -1 : 1;
	return (int)left->kind - (int)right->kind;
}

/* Removes the time before an unobserved end. */
static void cut_end(struct course *course)
{
	if (course->end_us - course->heard_us < END_UNSEEN_US)
		return;
	course->end_us = course->heard_us;
	for (size_t i = 0; i < course->count; i++) {
		struct moment *moment = &course->moments[i];

		if (moment->from_us > course->end_us)
			moment->from_us = moment->over_us = course->end_us;
		if (moment->to_us > course->end_us)
			moment->to_us = course->end_us;
	}
}

void course_finish(struct course *course)
{
	size_t kept = 0;

	cut_end(course);
	for (size_t i = 0; i < course->count; i++) {
		struct moment *moment = &course->moments[i];

		if (moment->to_us < 0)
			moment->to_us =
				course->end_us > moment->over_us ? course->end_us : moment->over_us;
		moment->masked =
			moment->kind == MOMENT_USB_ERROR && is_masked(course, moment->from_us);
		if (moment->kind == MOMENT_DETACH && is_told_as_loss(course, moment))
			continue;
		course->moments[kept++] = *moment;
	}
	course->count = kept;
	qsort(course->moments, course->count, sizeof(course->moments[0]), compare);
}

size_t course_left_out(const struct course *course)
{
	size_t sum = 0;

	for (size_t i = 0; i < MOMENT_KINDS; i++)
		sum += course->left_out[i];
	return sum;
}
