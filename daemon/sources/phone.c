/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/sources/phone.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/text.h"
#include "common/logs/panic.h"
#include "common/model/phone_query_policy.h"
#include "daemon/sources/phone_run.h"
#include "daemon/sources/source.h"
#include "phone/answer.h"
#include "phone/program.h"

#define ASKED_MAX 64 /* phones that were queried and are still attached; the oldest is dropped */

/* A phone waiting for its turn. */
struct request {
	char udid[UDID_SIZE];
	unsigned asks;
	uint64_t came_us;
};

/* A running query; free if `run` is NULL. */
struct question {
	struct phone *phone;
	struct phone_run *run;
	struct request request;
};

struct phone {
	struct loop *loop;
	event_sink *sink;
	void *user;
	const char *program;
	uint64_t deadline_us;
	int source; /* the last reported code */
	struct request queue[PHONE_QUEUE_MAX];
	size_t queue_count;
	struct question running[PHONE_RUNNING_MAX];
	char asked[ASKED_MAX][UDID_SIZE];
	size_t asked_count;
};

static void report_source(struct phone *phone, int code, const char *reason)
{
	phone->source = code;
	source_report(SOURCE_PHONE, "phone", code, reason, phone->sink, phone->user);
}

static void report_up(struct phone *phone)
{
	report_source(phone, 0, "queries attached phones");
}

/* Reports the same reason only once. */
static void report_down(struct phone *phone, int code)
{
	char reason[256];

	if (phone->source == code)
		return;
	snprintf(reason, sizeof(reason), "cannot start %s: %s", phone->program, strerror(-code));
	report_source(phone, code, reason);
}

static void start_next(struct phone *phone);

/* An event about the phone that answered. */
static struct event answer_event(
	const char *udid, const struct phone_answer *answer, enum event_kind kind)
{
	struct event event = {.at = clock_now(), .kind = kind, .source = SOURCE_PHONE};

	text_copy(event.udid, sizeof(event.udid), udid);
	/* The ECID in the UDID, which USB also shows, is more reliable than the one in the
	 * answer. */
	event.ecid = udid_ecid(event.udid);
	if (!event.ecid)
		event.ecid = answer->ecid;
	text_copy(event.product, sizeof(event.product), answer->product);
	return event;
}

static void report_identity(
	struct phone *phone, const char *udid, const struct phone_answer *answer)
{
	struct event event = answer_event(udid, answer, EVENT_IDENTITY);

	event.mode = answer->kind == PHONE_NORMAL ? MODE_NORMAL : MODE_RESTORE;
	text_copy(event.name, sizeof(event.name), answer->product);
	event_set_text(&event, answer->board);
	phone->sink(phone->user, &event);
	if (!answer->version[0])
		return;
	event = answer_event(udid, answer, EVENT_SYSTEM);
	text_copy(event.name, sizeof(event.name), answer->version);
	event_set_text(&event, answer->build);
	phone->sink(phone->user, &event);
}

static void report_saved(struct phone *phone, const char *udid, const struct phone_answer *answer)
{
	const struct {
		const char *name;
		const char *text;
	} saved[] = {
		{"exit-status", answer->exit_status.text},
		{"usb-log", answer->usb_log.text},
		{"panic-log", answer->panic_log.text},
	};

	for (size_t i = 0; i < ARRAY_SIZE(saved); i++) {
		struct event event = answer_event(udid, answer, EVENT_SAVED);

		if (!*saved[i].text)
			continue;
		text_copy(event.name, sizeof(event.name), saved[i].name);
		event_set_text(&event, saved[i].text);
		panic_send_saved(&event, phone->sink, phone->user);
	}
}

/* The journal has more readers than this daemon's socket: it gets only the end of a UDID. */
static const char *udid_end(const char *udid)
{
	size_t length = strlen(udid);

	return udid + (length > 4 ? length - 4 : 0);
}

static void take_answer(struct phone *phone, const char *udid, const struct phone_answer *answer)
{
	switch (answer->kind) {
	case PHONE_NO_ANSWER:
		log_info("phone: the one ending in %s did not answer", udid_end(udid));
		break;
	case PHONE_NONSENSE:
		log_warning("phone: the one ending in %s sent an invalid answer", udid_end(udid));
		break;
	case PHONE_NORMAL:
		report_identity(phone, udid, answer);
		break;
	case PHONE_RESTORE:
		report_identity(phone, udid, answer);
		report_saved(phone, udid, answer);
		break;
	}
}

static void read_output(struct phone *phone, const char *udid, const char *output, size_t length)
{
	struct phone_answer answer;

	if (phone_answer_read(output, length, &answer) < 0)
		log_warning("phone: %s printed an invalid answer of the one ending in %s",
			phone->program, udid_end(udid));
	else
		take_answer(phone, udid, &answer);
}

static void on_ended(void *user, enum phone_run_result result, const char *output, size_t length)
{
	struct question *question = user;
	struct phone *phone = question->phone;
	const char *udid = question->request.udid;

	switch (result) {
	case PHONE_RUN_DONE:
		read_output(phone, udid, output, length);
		break;
	case PHONE_RUN_OVERDUE:
		log_warning("phone: the one ending in %s did not answer in time; %s was killed",
			udid_end(udid), phone->program);
		break;
	case PHONE_RUN_FAILED:
	case PHONE_RUN_TOO_LONG:
		log_warning(
			"phone: %s failed at the one ending in %s", phone->program, udid_end(udid));
		break;
	case PHONE_RUN_CANCELLED:
		break;
	}
	question->run = phone_run_free(question->run);
	start_next(phone);
}

/* Starts the program; if that fails, the phone is not queried. */
static void start(struct phone *phone, struct question *question, const struct request *request)
{
	const char *arguments[6] = {"idevicetriage-phone", "ask", question->request.udid};
	size_t count = 3;
	int r;

	question->phone = phone;
	question->request = *request;
	if (request->asks & QUERY_NORMAL)
		arguments[count++] = "normal";
	if (request->asks & QUERY_RESTORE)
		arguments[count++] = "restore";
	r = phone_run_start(phone->loop, phone->program, arguments, phone->deadline_us, on_ended,
		question, &question->run);
	if (r < 0)
		report_down(phone, r);
	else if (phone->source != 0)
		report_up(phone);
}

static struct question *find_running(struct phone *phone, const char *udid)
{
	for (size_t i = 0; i < PHONE_RUNNING_MAX; i++)
		if (phone->running[i].run && text_equal(phone->running[i].request.udid, udid))
			return &phone->running[i];
	return NULL;
}

static struct question *find_free(struct phone *phone)
{
	for (size_t i = 0; i < PHONE_RUNNING_MAX; i++)
		if (!phone->running[i].run)
			return &phone->running[i];
	return NULL;
}

static void drop_request(struct phone *phone, size_t i)
{
	phone->queue_count--;
	memmove(phone->queue + i, phone->queue + i + 1,
		(phone->queue_count - i) * sizeof(*phone->queue));
}

/* One query at a time per phone: one that is being killed still counts. */
static void start_next(struct phone *phone)
{
	size_t i = 0;

	while (i < phone->queue_count) {
		struct request request = phone->queue[i];
		struct question *question = find_free(phone);

		if (!question)
			return;
		if (find_running(phone, request.udid)) {
			i++;
			continue;
		}
		drop_request(phone, i);
		/* Meanwhile a restore may have begun on it. */
		if (clock_now().monotonic_us <= request.came_us + QUERY_WINDOW_US)
			start(phone, question, &request);
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
	struct question *question = find_running(phone, udid);

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
		drop_request(phone, i);
		break;
	}
	if (question)
		phone_run_cancel(question->run);
}

int phone_new(struct loop *loop, const struct phone_options *options, event_sink *sink, void *user,
	struct phone **ret)
{
	CLEANUP(phone_freep) struct phone *phone = NULL;

	assert(loop && options && sink && ret);
	phone = calloc(1, sizeof(*phone));
	if (!phone)
		return -ENOMEM;
	phone->loop = loop;
	phone->sink = sink;
	phone->user = user;
	phone->program = options->program ? options->program : phone_program_path();
	phone->deadline_us = options->deadline_us ? options->deadline_us : PHONE_DEADLINE_US;
	if (access(phone->program, X_OK) < 0)
		report_down(phone, -errno);
	else
		report_up(phone);
	*ret = TAKE_PTR(phone);
	return 0;
}

struct phone *phone_free(struct phone *phone)
{
	if (!phone)
		return NULL;
	for (size_t i = 0; i < PHONE_RUNNING_MAX; i++)
		phone_run_free(phone->running[i].run);
	free(phone);
	return NULL;
}
