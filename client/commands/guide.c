/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `guide`: how to bring a phone into DFU or recovery mode by its buttons, while the daemon shows
 * what it does on USB. It sends nothing to the phone. */
#include "client/guide.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/options.h"
#include "client/output/output.h"
#include "client/phrase.h"
#include "client/resolve.h"
#include "client/stream.h"
#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/model/event.h"

#define READY_US (5 * USEC_PER_SEC) /* to take the phone into the hand */
#define TICK_MS 200
#define WORDS 2

struct watcher {
	struct context *context;
	struct stream stream;
	struct guide_course course;
	struct json_object *phone;    /* NULL: any phone whose mode changes */
	struct json_object *at_start; /* devices; owned */
	char mode[32];		      /* of the phone, last; empty = not known */
	const char *shown_text;
	unsigned shown_step, shown_left; /* on the terminal; `shown_step` counts from 1 */
};

/* The current line of a terminal: it is written again each second. */
static void show_countdown(struct watcher *watcher, unsigned step, const char *text, unsigned left)
{
	struct layout *layout = &watcher->context->layout;

	if (step == watcher->shown_step && left == watcher->shown_left)
		return;
	/* The bell: both hands hold the phone, and nobody reads. */
	if (step != watcher->shown_step && watcher->shown_step)
		fprintf(layout->out, "\r%s\033[K\a\n", watcher->shown_text);
	fprintf(layout->out, "\r%s (%u s)\033[K", text, left);
	fflush(layout->out);
	watcher->shown_step = step;
	watcher->shown_text = text;
	watcher->shown_left = left;
}

static void show_line(struct watcher *watcher, unsigned step, const char *text, unsigned seconds)
{
	struct layout *layout = &watcher->context->layout;

	if (step == watcher->shown_step)
		return;
	fprintf(layout->out, "%s (%u s)\n", text, seconds);
	fflush(layout->out);
	watcher->shown_step = step;
}

static void show(struct watcher *watcher, uint64_t now_us)
{
	const struct guide_course *course = &watcher->course;
	bool terminal = watcher->context->layout.terminal;
	const char *text = course->guide->steps[course->step].text;
	unsigned step = course->step + 2, left = guide_left(course, now_us);

	if (course->ended || !watcher->context->output->live)
		return;
	if (now_us < course->step_us) {
		text = "Connect the phone to this computer and pick it up.";
		step = 1;
		left = (unsigned)((course->step_us - now_us + USEC_PER_SEC - 1) / USEC_PER_SEC);
	}
	(terminal ? show_countdown : show_line)(watcher, step, text, left);
}

/* After each step: until when to wait. */
static void set_deadline(struct watcher *watcher)
{
	const struct guide_course *course = &watcher->course;
	uint64_t seconds = 0;

	for (unsigned i = course->step; i < GUIDE_STEPS_MAX; i++)
		seconds += course->guide->steps[i].seconds;
	watcher->stream.deadline_us = course->step_us + seconds * USEC_PER_SEC;
}

static void tick(struct context *context, void *user)
{
	struct watcher *watcher = user;
	uint64_t now_us = clock_now().monotonic_us;

	while (guide_pass(&watcher->course, now_us))
		set_deadline(watcher);
	show(watcher, now_us);
}

/* Restore mode is reached only by a restore tool. */
static const char *mode_of(struct json_object *device)
{
	const char *mode = field_text_or(device, "mode", "");

	return text_equal(mode, "normal-or-restore") ? "normal" : mode;
}

static struct json_object *find_device(struct json_object *devices, struct json_object *phone)
{
	for (size_t i = 0; i < field_count(devices); i++)
		if (field_same_phone(field_item(devices, i), phone))
			return field_item(devices, i);
	return NULL;
}

/* Whether a record is of the phone that is guided. */
static bool is_phone(const struct watcher *watcher, struct json_object *record)
{
	return !watcher->phone || field_same_phone(record, watcher->phone);
}

static void take_state(struct watcher *watcher, struct json_object *devices)
{
	struct json_object *device = NULL;

	watcher->at_start = json_object_get(devices);
	if (watcher->phone)
		device = find_device(devices, watcher->phone);
	text_copy(watcher->mode, sizeof(watcher->mode), mode_of(device));
}

static void take_record(struct watcher *watcher, struct json_object *record)
{
	const char *kind = field_text_or(record, "kind", "");
	bool detach = text_equal(kind, event_kind_name(EVENT_DETACH));

	if ((!detach && !text_equal(kind, event_kind_name(EVENT_ATTACH))) ||
		!is_phone(watcher, record))
		return;
	text_copy(watcher->mode, sizeof(watcher->mode), detach ? "gone" : mode_of(record));
	if (guide_see(&watcher->course, watcher->mode, clock_now().monotonic_us))
		set_deadline(watcher);
}

static int64_t hear(struct context *context, void *user, struct json_object *reply)
{
	struct watcher *watcher = user;
	struct json_object *devices = field_list(reply, "devices");
	struct json_object *record = field_object(reply, "record");

	if (devices && !watcher->at_start)
		take_state(watcher, devices);
	if (record)
		take_record(watcher, record);
	if (watcher->course.ended)
		return -ECANCELED;
	tick(context, watcher);
	return field_number_or(reply, "sequence", 0);
}

static void explain_end(const struct watcher *watcher, bool reached, char *out, size_t size)
{
	const struct guide *guide = watcher->course.guide;
	const char *wrong = guide_wrong(guide, watcher->mode);

	if (reached)
		snprintf(out, size, "The phone is in %s mode.",
			text_equal(guide->mode, "dfu") ? "DFU" : guide->mode);
	else if (wrong)
		text_copy(out, size, wrong);
	else if (!*watcher->mode || text_equal(watcher->mode, "gone"))
		snprintf(out, size,
			"No phone has appeared on USB: it may be off or still starting, or "
			"the cable or the port may have failed.");
	else
		snprintf(out, size, "The phone is in %s mode.", watcher->mode);
}

/* Returns EXIT_DONE if the phone is in the wanted mode. */
static int print_end(struct watcher *watcher, const struct model *model)
{
	const struct guide *guide = watcher->course.guide;
	struct json_builder builder = {0};
	CLEANUP(json_object_putp) struct json_object *end = json_new_object(&builder);
	struct json_object *steps = json_new_array(&builder);
	bool reached = text_equal(watcher->mode, guide->mode);
	char text[256];

	for (size_t i = 0; i < GUIDE_STEPS_MAX && guide->steps[i].text; i++) {
		struct json_object *step = json_new_object(&builder);

		json_put_number(&builder, step, "seconds", guide->steps[i].seconds);
		json_put_known_text(&builder, step, "until",
			guide->steps[i].until ? guide->steps[i].until : "");
		json_put_text(&builder, step, "text", guide->steps[i].text);
		json_add(&builder, steps, step);
	}
	explain_end(watcher, reached, text, sizeof(text));
	json_put_text(&builder, end, "target", guide->target);
	json_put_text(&builder, end, "productType", model->product);
	json_put(&builder, end, "steps", steps);
	json_put_known_text(&builder, end, "mode", watcher->mode);
	json_put_bool(&builder, end, "reached", reached);
	json_put_text(&builder, end, "text", text);
	if (builder.failed)
		return report_no_memory();
	if (watcher->shown_step && watcher->context->layout.terminal)
		fputc('\n', watcher->context->layout.out);
	watcher->context->output->guided(&watcher->context->layout, end);
	return reached ? EXIT_DONE : EXIT_REFUSED;
}

static int follow(struct context *context, struct connection *connection, const char *target,
	const struct model *model, struct json_object *phone)
{
	struct watcher watcher = {
		.context = context,
		.phone = phone,
		.course = {.guide = guide_find(target, model),
			.step_us = clock_now().monotonic_us + READY_US},
	};
	struct json_builder builder = {0};
	int r;

	if (!watcher.course.guide) {
		connection_free(connection);
		report_error("Cannot guide to %s: no key sequence is known for %s.%s%s", target,
			model->name, *model->kind->enter ? " " : "", model->kind->enter);
		return EXIT_REFUSED;
	}
	watcher.stream = (struct stream){.method = "Watch",
		.show = hear,
		.tick = tick,
		.tick_ms = TICK_MS,
		.user = &watcher};
	set_deadline(&watcher);
	r = stream_run(context, connection, &watcher.stream, &builder, json_new_object(&builder));
	if (r == -ETIME || watcher.course.ended)
		r = print_end(&watcher, model);
	json_object_put(watcher.at_start);
	return r;
}

/* The phone that was typed: its model and identity are in *reply, which the caller owns. */
static int ask_phone(struct context *context, struct connection *connection, const char *device,
	struct json_object **reply, const struct model **ret)
{
	struct json_builder builder = {0};
	struct json_object *parameters;
	struct name name;
	int r = ask_name(context, connection, device, NAME_DEVICE, &name);

	if (r != EXIT_DONE)
		return r;
	parameters = json_new_object(&builder);
	json_put_text(&builder, parameters, "device", name.text);
	r = rpc_call(context, connection, "GetCase", &builder, parameters, reply);
	if (r != EXIT_DONE)
		return r;
	*ret = model_by_product(field_text_or(field_object(*reply, "device"), "productType", ""));
	if (*ret)
		return EXIT_DONE;
	report_error("The model of %s is not known. Name it in place of the phone, such as "
		     "iPhone12,3.",
		device);
	return EXIT_UNKNOWN_NAME;
}

static int guide(struct context *context, const char *target, const char *name)
{
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	CLEANUP(connection_freep) struct connection *connection = NULL;
	const struct model *model = model_by_product(name);
	int r;

	if (!model)
		model = model_by_name(name);
	r = rpc_open(context, &connection);

	if (r == EXIT_DONE && !model)
		r = ask_phone(context, connection, name, &reply, &model);
	if (r != EXIT_DONE)
		return r;
	return follow(context, TAKE_PTR(connection), target, model, field_object(reply, "device"));
}

static int run_guide(struct context *context, int argc, char **argv)
{
	int first = options_read(context, argc, argv, NULL, NULL);

	if (first < 0)
		return -first;
	if (argc - first < WORDS) {
		report_error("guide needs dfu, recovery or leave-recovery, and a phone or its "
			     "model; see `idevicetriage help guide`.");
		return EXIT_USAGE;
	}
	if (argc - first > WORDS)
		return options_too_many("guide", argv[first + WORDS]);
	if (!guide_is_target(argv[first])) {
		report_error(
			"Cannot guide to %s: choose dfu, recovery or leave-recovery.", argv[first]);
		return EXIT_USAGE;
	}
	return guide(context, argv[first], argv[first + 1]);
}

const struct command command_guide = {
	.name = "guide",
	.arguments = "MODE DEVICE",
	.brief = "a phone into DFU mode",
	.summary = "Show which buttons bring a phone into DFU or recovery mode, or out of it.",
	.words = COMPLETE_DEVICE,
	.examples = {{"idevicetriage guide dfu iPhone12,3",
			     "counts the seconds and says which mode came"},
		{"idevicetriage guide leave-recovery iPhone8,1", "back to the normal system"}},
	.run = run_guide,
};
