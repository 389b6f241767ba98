/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/io/phone.h"

#include <errno.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/text.h"
#include "common/triage/query.h"
#include "daemon/io/phone_query.h"
#include "daemon/io/worker.h"

#define ASKED_MAX 64 /* phones that were asked and are still there; the oldest makes room */

/* A phone that waits for its turn. */
struct request {
	char udid[UDID_SIZE];
	unsigned asks;
	uint64_t came_us;
};

/* One talk: made in the loop, run in the thread, read in the loop. */
struct talk_job {
	struct worker_job job; /* the first: the worker knows no more */
	struct request request;
	uint64_t limit_us;
	struct phone_answer answer;
};

struct phone {
	struct worker *worker;
	event_sink *sink;
	void *user;
	uint64_t limit_us;
	bool busy; /* the worker has a job, given up or not */
	struct request queue[PHONE_QUEUE_MAX];
	size_t queue_count;
	char asked[ASKED_MAX][UDID_SIZE];
	size_t asked_count;
};

static void tell_source(struct phone *phone, int code, const char *reason)
{
	struct event event = {
		.at = clock_now(),
		.kind = EVENT_SOURCE,
		.source = SOURCE_PHONE,
		.code = code,
		.name = "phone",
	};

	if (code == 0)
		log_info("phone: %s", reason);
	else
		log_warning("phone: %s", reason);
	event_set_text(&event, reason);
	phone->sink(phone->user, &event);
}

static void talk_run(struct worker_job *job)
{
	struct talk_job *talk = (struct talk_job *)job;

	phone_query(talk->request.udid, talk->request.asks, talk->limit_us, &talk->answer);
}

static void talk_free(struct worker_job *job)
{
	free(job);
}

static void start_next(struct phone *phone);

/* An event about the phone that answered. */
static struct event answer_event(const struct talk_job *talk, enum event_kind kind)
{
	const struct phone_answer *answer = &talk->answer;
	struct event event = {.at = clock_now(), .kind = kind, .source = SOURCE_PHONE};

	text_copy(event.udid, sizeof(event.udid), talk->request.udid);
	/* The ECID that USB tells in the UDID is surer than the one that the phone tells. */
	event.ecid = udid_ecid(event.udid);
	if (!event.ecid)
		event.ecid = answer->ecid;
	text_copy(event.product, sizeof(event.product), answer->product);
	return event;
}

static void tell_identity(struct phone *phone, const struct talk_job *talk)
{
	const struct phone_answer *answer = &talk->answer;
	struct event event = answer_event(talk, EVENT_IDENTITY);

	event.mode = answer->kind == PHONE_NORMAL ? MODE_NORMAL : MODE_RESTORE;
	text_copy(event.name, sizeof(event.name), answer->product);
	event_set_text(&event, answer->board);
	phone->sink(phone->user, &event);
	if (!answer->version[0])
		return;
	event = answer_event(talk, EVENT_SYSTEM);
	text_copy(event.name, sizeof(event.name), answer->version);
	event_set_text(&event, answer->build);
	phone->sink(phone->user, &event);
}

static void tell_saved(struct phone *phone, const struct talk_job *talk)
{
	const struct phone_answer *answer = &talk->answer;
	const struct {
		const char *name;
		const char *text;
	} saved[] = {
		{"exit-status", answer->exit_status.text},
		{"usb-log", answer->usb_log.text},
		{"panic-log", answer->panic_log.text},
	};

	for (size_t i = 0; i < ARRAY_SIZE(saved); i++) {
		struct event event = answer_event(talk, EVENT_SAVED);

		if (!*saved[i].text)
			continue;
		text_copy(event.name, sizeof(event.name), saved[i].name);
		event_set_text(&event, saved[i].text);
		phone->sink(phone->user, &event);
	}
}

static void take_answer(struct phone *phone, const struct talk_job *talk)
{
	size_t length = strlen(talk->request.udid);
	/* The journal has more readers than this daemon's socket. */
	const char *udid = talk->request.udid + (length > 4 ? length - 4 : 0);

	switch (talk->answer.kind) {
	case PHONE_NO_ANSWER:
		log_info("phone: the one ending in %s did not answer", udid);
		break;
	case PHONE_NONSENSE:
		log_warning("phone: the one ending in %s answered what is no answer", udid);
		break;
	case PHONE_NORMAL:
		tell_identity(phone, talk);
		break;
	case PHONE_RESTORE:
		tell_identity(phone, talk);
		tell_saved(phone, talk);
		break;
	}
}

static void on_news(void *user, enum worker_news news, struct worker_job *job)
{
	struct phone *phone = user;

	if (news == WORKER_OVERDUE) {
		phone->queue_count = 0;
		tell_source(phone, -ETIMEDOUT,
			"a question is stuck in usbmuxd; no phone is asked until it returns");
		return;
	}
	phone->busy = false;
	if (news == WORKER_BACK)
		tell_source(phone, 0, "the stuck question has returned; phones are asked again");
	else
		take_answer(phone, (struct talk_job *)job);
	start_next(phone);
}

static void start_next(struct phone *phone)
{
	while (!phone->busy && phone->queue_count > 0) {
		struct request request = phone->queue[0];
		struct talk_job *talk;

		phone->queue_count--;
		memmove(phone->queue, phone->queue + 1, phone->queue_count * sizeof(request));
		/* A restore may have begun on it by now. */
		if (clock_now().monotonic_us > request.came_us + QUERY_WINDOW_US)
			continue;
		talk = calloc(1, sizeof(*talk));
		if (!talk)
			return;
		talk->job = (struct worker_job){talk_run, talk_free};
		talk->request = request;
		talk->limit_us = phone->limit_us;
		phone->busy = worker_start(phone->worker, &talk->job) == 0;
		if (!phone->busy) {
			talk_free(&talk->job);
			return;
		}
	}
}

static bool was_asked(const struct phone *phone, const char *udid)
{
	for (size_t i = 0; i < phone->asked_count; i++)
		if (text_equal(phone->asked[i], udid))
			return true;
	return false;
}

static void note_asked(struct phone *phone, const char *udid)
{
	if (phone->asked_count == ASKED_MAX)
		memmove(phone->asked, phone->asked + 1, --phone->asked_count * UDID_SIZE);
	text_copy(phone->asked[phone->asked_count++], UDID_SIZE, udid);
}

void phone_ask(struct phone *phone, const char *udid, unsigned asks, struct stamp came)
{
	struct request *request;

	if (was_asked(phone, udid) || phone->queue_count == PHONE_QUEUE_MAX)
		return;
	note_asked(phone, udid);
	request = &phone->queue[phone->queue_count++];
	*request = (struct request){.asks = asks, .came_us = came.monotonic_us};
	text_copy(request->udid, sizeof(request->udid), udid);
	start_next(phone);
}

void phone_forget(struct phone *phone, const char *udid)
{
	for (size_t i = 0; i < phone->asked_count; i++) {
		if (!text_equal(phone->asked[i], udid))
			continue;
		phone->asked_count--;
		memmove(phone->asked + i, phone->asked + i + 1,
			(phone->asked_count - i) * UDID_SIZE);
		break;
	}
	for (size_t i = 0; i < phone->queue_count; i++) {
		if (!text_equal(phone->queue[i].udid, udid))
			continue;
		phone->queue_count--;
		memmove(phone->queue + i, phone->queue + i + 1,
			(phone->queue_count - i) * sizeof(*phone->queue));
		break;
	}
}

int phone_new(struct loop *loop, const struct phone_options *options, event_sink *sink, void *user,
	struct phone **ret)
{
	CLEANUP(phone_freep) struct phone *phone = NULL;
	int r;

	assert(loop && options && sink && ret);
	phone = calloc(1, sizeof(*phone));
	if (!phone)
		return -ENOMEM;
	phone->sink = sink;
	phone->user = user;
	phone->limit_us = options->limit_us ? options->limit_us : PHONE_LIMIT_US;
	r = worker_new(loop, options->overdue_us ? options->overdue_us : PHONE_OVERDUE_US, on_news,
		phone, &phone->worker);
	if (r < 0)
		return r;
	tell_source(phone, 0, "asks phones that come");
	*ret = TAKE_PTR(phone);
	return 0;
}

struct phone *phone_free(struct phone *phone)
{
	if (!phone)
		return NULL;
	worker_free(phone->worker);
	free(phone);
	return NULL;
}
