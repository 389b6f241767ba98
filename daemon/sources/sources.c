/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/sources/sources.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "common/base/log.h"
#include "common/base/text.h"
#include "daemon/sources/journal.h"
#include "daemon/sources/kmsg.h"
#include "daemon/sources/link.h"
#include "daemon/sources/phone.h"
#include "daemon/sources/usb.h"
#include "daemon/sources/usbmux.h"

#define CURSOR_FILE_NAME "journal-cursor"

struct sources {
	struct loop *loop;
	struct recorder *recorder;
	struct source_states *states;
	struct usb *usb;
	struct usbmux *usbmux;
	struct journal *journal;
	struct kmsg *kmsg;	  /* only while the journal is unreadable */
	struct link_source *link; /* only with its socket */
	struct phone *phone;	  /* only if queries are enabled */
	struct query_policy query_policy;
};

static void take_event(void *user, const struct event *event);

static bool find_place(void *user, uint32_t bus, uint32_t address, struct usb_place *ret)
{
	struct sources *sources = user;

	return sources->usb && usb_find_place(sources->usb, bus, address, ret);
}

/* Without a journal, the kernel's own log has at least the kernel's errors. */
static void replace_journal(struct sources *sources, bool replace)
{
	const struct kmsg_options options = {.find_place = find_place, .find_place_user = sources};

	if (!replace && sources->kmsg) {
		sources->kmsg = kmsg_free(sources->kmsg);
		source_states_remove(sources->states, "kmsg");
	} else if (replace && !sources->kmsg &&
		   kmsg_new(sources->loop, &options, take_event, sources, &sources->kmsg) < 0) {
		log_error("Cannot read the kernel's log: out of memory.");
	}
}

/* What a phone that has just appeared may be asked: decided before the bench handles the event. */
static unsigned due_questions(struct sources *sources, const struct event *event)
{
	if (!sources->phone || event->kind != EVENT_MUX_ATTACH)
		return 0;
	return query_due(recorder_bench(sources->recorder), &sources->query_policy, event);
}

static bool has_left(const struct event *event)
{
	return event->kind == EVENT_DETACH || (event->kind == EVENT_MUX_DETACH && event->code == 0);
}

/* Records an event of a source, then acts on it, so that causes come before effects. */
static void take_event(void *user, const struct event *event)
{
	struct sources *sources = user;
	unsigned questions = due_questions(sources, event);

	recorder_feed(sources->recorder, event);
	if (questions)
		phone_ask(sources->phone, event->udid, questions, event->at);
	if (sources->phone && has_left(event))
		phone_forget(sources->phone, event->udid);
	if (event->kind == EVENT_ATTACH && sources->usbmux)
		usbmux_wake(sources->usbmux);
	if (event->kind == EVENT_SOURCE && text_equal(event->name, "journal"))
		replace_journal(sources, event->code != 0);
}

static int start_journal(struct sources *sources, const struct sources_options *options)
{
	char cursor[PATH_MAX + sizeof(CURSOR_FILE_NAME) + 1];
	const struct journal_options journal = {
		.cursor_path = cursor,
		.folder = options->journal_dir,
		.find_place = find_place,
		.find_place_user = sources,
	};

	snprintf(cursor, sizeof(cursor), "%s/" CURSOR_FILE_NAME, options->state_dir);
	return journal_new(sources->loop, &journal, take_event, sources, &sources->journal);
}

int sources_set_queries(struct sources *sources, unsigned queries)
{
	const struct phone_options phone = {0};

	sources->query_policy.allowed = queries;
	if (queries && !sources->phone)
		return phone_new(sources->loop, &phone, take_event, sources, &sources->phone);
	if (!queries && sources->phone) {
		sources->phone = phone_free(sources->phone);
		source_states_remove(sources->states, "phone");
	}
	return 0;
}

static void list_running(void *user, void (*each)(void *context, const char *port), void *context)
{
	struct sources *sources = user;
	const struct bench *bench = recorder_bench(sources->recorder);

	for (size_t i = 0; i < bench_session_count(bench); i++) {
		const struct session *session = bench_session(bench, i);

		if (session_is_open(session) && *session->attempt.port)
			each(context, session->attempt.port);
	}
}

static int start(struct sources *sources, const struct sources_options *options)
{
	const struct usbmux_options usbmux = {
		.address = options->usbmuxd_address,
		.find_place = find_place,
		.find_place_user = sources,
	};
	int r = usb_new(sources->loop, take_event, sources, &sources->usb);

	sources->query_policy.usb_watched_us = clock_now().monotonic_us;
	if (r == 0)
		r = sources_set_queries(sources, options->queries);
	if (r == 0)
		r = usbmux_new(sources->loop, &usbmux, take_event, sources, &sources->usbmux);
	if (r == 0 && options->link_fd >= 0)
		r = link_source_new(sources->loop, options->link_fd, list_running, take_event,
			sources, &sources->link);
	return r < 0 ? r : start_journal(sources, options);
}

int sources_new(struct loop *loop, const struct sources_options *options, struct recorder *recorder,
	struct source_states *states, struct sources **ret)
{
	CLEANUP(sources_freep) struct sources *sources = calloc(1, sizeof(*sources));
	int r;

	if (!sources)
		return -ENOMEM;
	sources->loop = loop;
	sources->recorder = recorder;
	sources->states = states;
	r = start(sources, options);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(sources);
	return 0;
}

struct sources *sources_free(struct sources *sources)
{
	if (!sources)
		return NULL;
	phone_free(sources->phone);
	link_source_free(sources->link);
	journal_free(sources->journal);
	kmsg_free(sources->kmsg);
	usbmux_free(sources->usbmux);
	usb_free(sources->usb);
	free(sources);
	return NULL;
}
