/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/try/notice.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/phrase.h"
#include "client/stream.h"
#include "client/try/keys.h"
#include "common/base/text.h"
#include "common/model/event.h"
#include "common/model/usb_identity.h"

#define TICK_MS 200 /* how soon a key is read */

/* What to do, and how it is said once the phone has left. */
static const struct {
	enum done done;
	const char *first;
	const char *after;
} words[] = {
	{DONE_REPLUGGED, "Unplug the phone, make the change, and plug the phone in again.",
		"The phone is unplugged. Plug it in again."},
	{DONE_PORT, "Plug the phone into another port.",
		"The phone is unplugged. Plug it into another port."},
	{DONE_DIRECT, "Plug the phone into a port of the computer itself.",
		"The phone is unplugged. Plug it into a port of the computer itself."},
	{DONE_RECOVERY, "Put the phone into recovery mode.", NULL},
	{DONE_DFU, "Put the phone into DFU mode.", NULL},
	{DONE_MODE_CHANGE, "Put the phone into the mode that the tool expects.", NULL},
	{DONE_ALONE, "Unplug all other phones.", NULL},
	{DONE_USBMUXD, "Restart usbmuxd.",
		"The phone is gone. Start usbmuxd again, then plug the phone in again."},
};

/* Says something once. */
static void say(struct notice *notice, const char *sentence)
{
	if (!sentence || text_equal(notice->said, sentence))
		return;
	text_copy(notice->said, sizeof(notice->said), sentence);
	layout_put(&notice->context->layout, "%s", sentence);
	layout_line(&notice->context->layout, 0);
	fflush(notice->context->layout.out);
}

static void say_step(struct notice *notice, bool later)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (words[i].done == notice->done)
			say(notice, later ? words[i].after : words[i].first);
}

static int64_t end(struct notice *notice, enum noticed result, int code)
{
	notice->result = result;
	notice->code = code;
	return -ECANCELED;
}

static bool is_phone(const struct notice *notice, struct json_object *object)
{
	const char *ecid = field_text(object, "ecid"), *udid = field_text(object, "udid");

	return (ecid && notice->ecid && text_equal(ecid, notice->ecid)) ||
	       (udid && notice->udid && text_equal(udid, notice->udid));
}

static bool is_here(struct json_object *device)
{
	return !text_equal(field_text_or(device, "mode", ""), "gone");
}

/* The phone as the bench has it now; NULL = it is not there. */
static struct json_object *find_phone(const struct notice *notice)
{
	struct json_object *list = field_list(notice->devices, "devices");

	for (size_t i = 0; i < field_count(list); i++)
		if (is_phone(notice, field_item(list, i)) && is_here(field_item(list, i)))
			return field_item(list, i);
	return NULL;
}

static size_t count_others(const struct notice *notice)
{
	struct json_object *list = field_list(notice->devices, "devices");
	size_t count = 0;

	for (size_t i = 0; i < field_count(list); i++)
		count += !is_phone(notice, field_item(list, i)) && is_here(field_item(list, i));
	return count;
}

/* normal-or-restore is both, until the phone is asked. A phone that was in restore mode may have
 * started its system since. */
static bool is_same_mode(const char *before, const char *now)
{
	const char *both = device_mode_name(MODE_NORMAL_OR_RESTORE);
	const char *normal = device_mode_name(MODE_NORMAL);

	return text_equal(before, now) || (text_equal(before, both) && text_equal(now, normal)) ||
	       (text_equal(before, normal) && text_equal(now, both));
}

/* A phone that comes back in another mode may have restarted by itself, as it does after a restore
 * that failed. A phone that is replugged stays in its mode. */
static bool was_replugged(struct notice *notice, struct json_object *phone)
{
	const char *mode = field_text_or(phone, "mode", "");
	char sentence[192];

	if (!notice->left || is_same_mode(notice->mode, mode))
		return notice->left;
	snprintf(sentence, sizeof(sentence),
		"The phone came in %.20s mode, perhaps by itself. Unplug it, make the change, and "
		"plug it in again%s.",
		phrase_mode(mode), notice->live ? ", or press y if it is made" : "");
	say(notice, sentence);
	notice->left = false;
	return false;
}

/* Where only usbmuxd shows phones, ports are unknown: then replugging is all that can be seen. */
static bool on_another_port(struct notice *notice, struct json_object *phone)
{
	const char *port = field_text(phone, "port");
	char sentence[PORT_SIZE + 128];

	if (!port || !*notice->port)
		return was_replugged(notice, phone);
	if (!text_equal(port, notice->port))
		return true;
	if (notice->left) {
		snprintf(sentence, sizeof(sentence),
			"The phone is on port %s again. Plug it into another port.", port);
		say(notice, sentence);
	}
	return false;
}

static bool on_computer_itself(struct notice *notice, struct json_object *phone)
{
	const char *port = field_text(phone, "port");
	char sentence[PORT_SIZE + 128];

	if (!port)
		return was_replugged(notice, phone);
	if (usb_hub_depth(port) == 0)
		return true;
	if (notice->left) {
		snprintf(sentence, sizeof(sentence),
			"Port %s is behind a hub. Plug the phone into a port of the computer "
			"itself.",
			port);
		say(notice, sentence);
	}
	return false;
}

static bool is_alone(struct notice *notice)
{
	size_t others = count_others(notice);
	char sentence[96];

	snprintf(sentence, sizeof(sentence),
		others == 1 ? "1 other phone is still connected."
			    : "%zu other phones are still connected.",
		others);
	if (others > 0)
		say(notice, sentence);
	return others == 0;
}

static bool is_done(struct notice *notice, struct json_object *phone)
{
	const char *mode = field_text_or(phone, "mode", "");

	switch (notice->done) {
	case DONE_REPLUGGED:
		return was_replugged(notice, phone);
	case DONE_PORT:
		return on_another_port(notice, phone);
	case DONE_DIRECT:
		return on_computer_itself(notice, phone);
	case DONE_RECOVERY:
		return text_equal(mode, "recovery");
	case DONE_DFU:
		return text_equal(mode, "dfu");
	case DONE_MODE_CHANGE:
		return !text_equal(mode, notice->mode);
	case DONE_ALONE:
		return is_alone(notice);
	case DONE_USBMUXD:
		return notice->restarted;
	default:
		return true;
	}
}

static bool is_of_mode(enum done done)
{
	return done == DONE_RECOVERY || done == DONE_DFU || done == DONE_MODE_CHANGE;
}

/* What was seen, for people. */
static void say_seen(struct notice *notice, struct json_object *phone)
{
	const char *port = field_text(phone, "port");
	char sentence[PORT_SIZE + 64];

	if (notice->done == DONE_USBMUXD)
		snprintf(sentence, sizeof(sentence), "Seen: usbmuxd has restarted.");
	else if (notice->done == DONE_ALONE)
		snprintf(sentence, sizeof(sentence), "Seen: this phone is alone.");
	else if (is_of_mode(notice->done))
		snprintf(sentence, sizeof(sentence), "Seen: the phone is in %.20s mode.",
			phrase_mode(field_text_or(phone, "mode", "unknown")));
	else if (port)
		snprintf(sentence, sizeof(sentence), "Seen: the phone is on port %s.", port);
	else
		snprintf(sentence, sizeof(sentence), "Seen: the phone is back.");
	say(notice, sentence);
}

static bool is_of_link(enum done done)
{
	return done == DONE_REPLUGGED || done == DONE_PORT || done == DONE_DIRECT;
}

/* A restore over a slow link shows nothing new of the cable or port. A person may want it still:
 * the phone itself may be slow. */
static bool is_slow(struct notice *notice)
{
	char sentence[160];

	if (!notice->live || !is_of_link(notice->done) || !notice->speed_mbps ||
		notice->speed_mbps >= USB_PHONE_MBPS)
		return false;
	snprintf(sentence, sizeof(sentence),
		"The phone connects at %u Mbit/s instead of %d. Use another cable or port, or "
		"press y to restore all the same.",
		notice->speed_mbps, USB_PHONE_MBPS);
	say(notice, sentence);
	return true;
}

/* Whether a person may say that it is done: the bench cannot see a cable, and sees no port where
 * only usbmuxd shows phones. */
static bool may_be_said(const struct notice *notice)
{
	struct json_object *phone = find_phone(notice);

	return notice->done == DONE_REPLUGGED || notice->slow ||
	       (is_of_link(notice->done) && phone && !field_text(phone, "port"));
}

static void say_keys(struct notice *notice)
{
	if (!notice->live)
		return;
	layout_paint(&notice->context->layout, PAINT_DIM);
	layout_put(&notice->context->layout, "%s",
		may_be_said(notice)
			? "Waiting for it. Press y if you have done it already, q to stop."
			: "Waiting for it. Press q to stop.");
	layout_paint(&notice->context->layout, PAINT_NONE);
	layout_line(&notice->context->layout, 0);
	fflush(notice->context->layout.out);
}

/* usbmuxd loses a phone that is unplugged before the bus does: that is no mode of the phone. */
static void remember_mode(struct notice *notice, struct json_object *phone)
{
	const char *mode = field_text_or(phone, "mode", "");

	if (!text_equal(mode, device_mode_name(MODE_USB_ONLY)))
		text_copy(notice->mode, sizeof(notice->mode), mode);
}

/* Whether the change is made, from the phone as it is now; NULL = it is not there. Returns 0, or an
 * error for stream_run(). */
static int64_t judge(struct notice *notice, struct json_object *phone)
{
	bool done;

	if (!notice->looked) {
		say_step(notice, false);
		say_keys(notice);
		remember_mode(notice, phone);
	}
	if (!phone) {
		notice->left = true;
		say_step(notice, true);
	}
	notice->looked = true;
	done = phone && is_done(notice, phone);
	notice->slow = done && is_slow(notice);
	if (done && !notice->slow) {
		say_seen(notice, phone);
		return end(notice, NOTICED_CHANGE, EXIT_DONE);
	}
	if (!notice->left)
		remember_mode(notice, phone);
	return 0;
}

/* Asks which phones are there. Returns 0, or an error for stream_run(). */
static int64_t look(struct notice *notice)
{
	struct varlink_reply reply = {0};
	struct json_builder builder = {0};
	int r = rpc_ask_beside(notice->context, &notice->connection, "ListDevices", &builder,
		json_new_object(&builder), &reply);

	if (r == -EBADMSG)
		report_error("The daemon sent an invalid answer to ListDevices.");
	if (r < 0)
		return r == -EBADMSG ? end(notice, NOTICED_FAILURE, EXIT_REFUSED) : r;
	if (reply.error) {
		r = rpc_refused(&reply);
		varlink_reply_done(&reply);
		return end(notice, NOTICED_FAILURE, r);
	}
	json_object_put(notice->devices);
	notice->devices = json_object_get(reply.parameters);
	varlink_reply_done(&reply);
	return judge(notice, find_phone(notice));
}

/* The phone may leave and return between two looks. */
static void hear_record(struct notice *notice, struct json_object *record)
{
	const char *kind = field_text_or(record, "kind", "");
	const char *port = field_text(find_phone(notice), "port");

	if (text_equal(kind, event_kind_name(EVENT_ATTACH)) && is_phone(notice, record))
		notice->speed_mbps = (uint32_t)field_number_or(record, "speedMegabitsPerSecond", 0);
	if (text_equal(kind, event_kind_name(EVENT_DETACH)) ||
		(!port && text_equal(kind, event_kind_name(EVENT_MUX_DETACH))))
		notice->left |= is_phone(notice, record) ||
				(port && text_equal(field_text_or(record, "port", ""), port));
	if (text_equal(kind, event_kind_name(EVENT_SOURCE)) &&
		text_equal(field_text_or(record, "name", ""), "usbmuxd") &&
		text_equal(field_text_or(record, "state", ""), "up"))
		notice->restarted = true;
}

/* Reads a key. Returns 0, or an error for stream_run(). */
static int64_t hear_keys(struct notice *notice)
{
	int key = notice->live ? keys_pressed() : 0;

	if (key == 'q' || keys_stopped())
		return end(notice, NOTICED_STOP, EXIT_DONE);
	if (key == 'y' && may_be_said(notice) && find_phone(notice))
		return end(notice, NOTICED_WORD, EXIT_DONE);
	return 0;
}

static int64_t hear(struct context *context, void *user, struct json_object *reply)
{
	struct notice *notice = user;
	struct json_object *record = field_object(reply, "record");
	int64_t r;

	if (record && notice->looked)
		hear_record(notice, record);
	/* Lines of other restores' logs change nothing here. */
	if (text_equal(field_text_or(record, "source", ""), "tool"))
		return field_number_or(reply, "sequence", 0);
	r = look(notice);
	if (r == 0)
		r = hear_keys(notice);
	return r < 0 ? r : field_number_or(reply, "sequence", 0);
}

/* A key ends the stream by its deadline. */
static void tick(struct context *context, void *user)
{
	struct notice *notice = user;

	if (hear_keys(notice) < 0)
		notice->stream.deadline_us = 1;
}

enum noticed notice_wait(struct notice *notice)
{
	CLEANUP(connection_freep) struct connection *connection = NULL;
	struct json_builder builder = {0};
	int r = rpc_open(notice->context, &connection);

	notice->stream = (struct stream){
		.method = "Watch", .show = hear, .tick = tick, .tick_ms = TICK_MS, .user = notice};
	notice->result = NOTICED_FAILURE;
	/* On such a port it was already: what is left to change is the cable. */
	if (notice->done == DONE_DIRECT && *notice->port && usb_hub_depth(notice->port) == 0)
		notice->done = DONE_REPLUGGED;
	if (r == EXIT_DONE) {
		if (notice->live)
			keys_raw();
		r = stream_run(notice->context, TAKE_PTR(connection), &notice->stream, &builder,
			json_new_object(&builder));
		keys_cooked();
	}
	if (notice->result == NOTICED_FAILURE && !notice->code)
		notice->code = r > 0 ? r : EXIT_REFUSED;
	notice->connection = connection_free(notice->connection);
	json_object_put(notice->devices);
	notice->devices = NULL;
	return notice->result;
}
