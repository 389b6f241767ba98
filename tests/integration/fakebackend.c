/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/integration/fakebackend.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "common/triage/bench.h"

#define RUNS_MAX 3
#define BUDGET_PERCENT 100
#define STARTED_WALL_US UINT64_C(1795391999000000)

struct kept {
	struct event event;
	char text[EVENT_TEXT_MAX];
};

struct fake {
	struct bench *bench;
	struct api *api;
	struct kept *ring;
	size_t keep;
	uint64_t first; /* number of the oldest that is left */
	uint64_t next;
	uint64_t clock_us;
	bool broken;
	struct {
		struct uuid session;
		uint64_t received;
	} runs[RUNS_MAX];
};

static struct stamp tick(struct fake *fake)
{
	fake->clock_us += 1000;
	return (struct stamp){
		.monotonic_us = fake->clock_us, .wall_us = STARTED_WALL_US + fake->clock_us};
}

static uint64_t record(void *user, const struct event *event)
{
	struct fake *fake = user;
	struct kept *kept = &fake->ring[fake->next % fake->keep];

	kept->event = *event;
	kept->event.sequence = fake->next++;
	kept->event.text = kept->text;
	if (kept->event.text_length > sizeof(kept->text))
		kept->event.text_length = sizeof(kept->text);
	if (event->text_length > 0)
		memcpy(kept->text, event->text, kept->event.text_length);
	if (fake->next - fake->first > fake->keep)
		fake->first = fake->next - fake->keep;
	if (fake->api)
		api_observe(fake->api, &kept->event);
	return kept->event.sequence;
}

static struct uuid make_id(void *user, struct stamp now)
{
	struct fake *fake = user;
	struct uuid id = {{0x01, 0x92, 0, 0, 0, 0, 0x70}};

	id.bytes[8] = 0x80;
	id.bytes[14] = (uint8_t)(fake->next >> 8);
	id.bytes[15] = (uint8_t)fake->next;
	return id;
}

/* A phone goes into recovery and is restored. */
static void tell_story(struct fake *fake)
{
	static const struct {
		enum event_kind kind;
		enum event_source source;
		enum device_mode mode;
		uint32_t number;
		const char *name;
		const char *text;
	} story[] = {
		{EVENT_BENCH, SOURCE_DAEMON, MODE_UNKNOWN, 0, "bench-1", "test"},
		{EVENT_ATTACH, SOURCE_USB, MODE_RECOVERY, 0, "", ""},
		{EVENT_DETACH, SOURCE_USB, MODE_RECOVERY, 0, "", ""},
		{EVENT_ATTACH, SOURCE_USB, MODE_RESTORE, 0, "", ""},
		{EVENT_OPERATION, SOURCE_TOOL, MODE_UNKNOWN, 28, "Creating filesystem", ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(story); i++) {
		struct event event = {.at = tick(fake),
			.kind = story[i].kind,
			.source = story[i].source,
			.mode = story[i].mode,
			.number = story[i].number};

		if (event.kind != EVENT_BENCH) {
			ecid_parse(FAKE_ECID, &event.ecid);
			text_copy(event.product, sizeof(event.product), "iPhone12,3");
			text_copy(event.port, sizeof(event.port), "1-2");
		}
		text_copy(event.name, sizeof(event.name), story[i].name);
		event_set_text(&event, story[i].text);
		bench_feed(fake->bench, &event);
	}
}

struct fake *fake_new(size_t keep, uint64_t first)
{
	struct fake *fake = calloc(1, sizeof(*fake));

	if (!fake)
		return NULL;
	fake->keep = keep;
	fake->first = fake->next = first;
	fake->clock_us = 1000000;
	fake->ring = calloc(keep, sizeof(*fake->ring));
	fake->bench = bench_new("bench-1", BUDGET_PERCENT, record, make_id, fake);
	if (!fake->ring || !fake->bench)
		return fake_free(fake);
	tell_story(fake);
	return fake;
}

struct fake *fake_free(struct fake *fake)
{
	if (!fake)
		return NULL;
	bench_free(fake->bench);
	free(fake->ring);
	free(fake);
	return NULL;
}

void fake_attach(struct fake *fake, struct api *api)
{
	fake->api = api;
}

void fake_break(struct fake *fake)
{
	fake->broken = true;
}

void fake_publish(struct fake *fake, size_t count, size_t bytes)
{
	char text[EVENT_TEXT_MAX];

	if (bytes > sizeof(text))
		bytes = sizeof(text);
	for (size_t i = 0; i < count; i++) {
		struct event event = {
			.at = tick(fake), .kind = EVENT_NOTE, .source = SOURCE_PERSON};
		char head[24];
		int length = snprintf(head, sizeof(head), "%llu ", (unsigned long long)fake->next);

		memset(text, 'x', sizeof(text));
		memcpy(text, head, (size_t)length);
		event.text = text;
		event.text_length = bytes < (size_t)length ? (size_t)length : bytes;
		record(fake, &event);
	}
}

static void status(void *user, struct api_status *ret)
{
	struct fake *fake = user;

	ret->bench = "bench-1";
	ret->started_us = STARTED_WALL_US;
	ret->sources[0] = (struct api_source){"usbmuxd", true, NULL};
	ret->sources[1] = (struct api_source){"usb", false, "no udev"};
	ret->source_count = 2;
	ret->ring_bytes = fake->keep * sizeof(struct kept);
	ret->first_sequence = fake->first;
	ret->last_sequence = fake->next - 1;
}

static struct session_record session_view(const struct session *session)
{
	return (struct session_record){.attempt = &session->attempt,
		.identity = &session->identity,
		.running = session->running};
}

static struct device_record device_view(const struct bench_device *device)
{
	return (struct device_record){
		.identity = &device->identity, .port = device->port, .mode = device->mode};
}

static void devices(void *user, api_visit_device *visit, void *context)
{
	struct fake *fake = user;

	for (size_t i = 0; i < bench_device_count(fake->bench); i++) {
		struct device_record view = device_view(bench_device(fake->bench, i));

		if (!visit(context, &view))
			return;
	}
}

static int sessions(
	void *user, const struct api_sessions *query, api_visit_session *visit, void *context)
{
	struct fake *fake = user;
	struct identity identity;

	if (query->device && !bench_find_identity(fake->bench, query->device, &identity))
		return -ENODEV;
	for (size_t i = bench_session_count(fake->bench); i > 0; i--) {
		const struct session *session = bench_session(fake->bench, i - 1);
		struct session_record view = session_view(session);

		if (query->device && !identity_matches(&identity, &session->identity))
			continue;
		if (query->running && !session->running)
			continue;
		if (!visit(context, &view))
			return 0;
	}
	return 0;
}

static int session(void *user, const struct uuid *id, api_visit_session *visit, void *context)
{
	struct fake *fake = user;
	const struct session *found = bench_find_session(fake->bench, id);
	struct session_record view;

	if (!found)
		return -ENOENT;
	view = session_view(found);
	visit(context, &view);
	return 0;
}

static int records(void *user, const struct uuid *session_id, uint64_t after,
	api_visit_record *visit, void *context, uint64_t *ret_lost)
{
	struct fake *fake = user;
	uint64_t begin = after >= fake->first ? after + 1 : fake->first;

	if (fake->broken)
		return -EIO;
	*ret_lost = after > 0 && after < fake->first ? fake->first - after - 1 : 0;
	for (uint64_t i = begin; i < fake->next; i++) {
		const struct event *event = &fake->ring[i % fake->keep].event;

		if (session_id && !uuid_equal(session_id, &event->session))
			continue;
		if (!visit(context, event))
			break;
	}
	return 0;
}

static int find_case(struct fake *fake, const struct api_diagnose *query,
	struct identity *ret_identity, struct triage_case **ret)
{
	const struct session *found;

	if (query->device) {
		if (!bench_find_identity(fake->bench, query->device, ret_identity))
			return -ENODEV;
		return bench_case(fake->bench, ret_identity, ret);
	}
	if (query->session)
		found = bench_find_session(fake->bench, query->session);
	else
		found = bench_session(fake->bench, bench_session_count(fake->bench) - 1);
	if (!found)
		return -ENOENT;
	*ret_identity = found->identity;
	return bench_session_case(fake->bench, found, ret);
}

static int diagnose_query(void *user, const struct api_diagnose *query, struct verdict *ret,
	api_visit_device *device, api_visit_session *attempt, void *context)
{
	struct fake *fake = user;
	CLEANUP(triage_case_freep) struct triage_case *c = NULL;
	struct identity identity = {0};
	struct device_record view = {.identity = &identity, .mode = MODE_GONE};
	int r = find_case(fake, query, &identity, &c);

	if (r >= 0)
		r = diagnose(c, ret);
	if (r < 0)
		return r;
	device(context, &view);
	for (size_t i = c->attempt_count; i > 0; i--) {
		struct session_record session_of = {
			.attempt = c->attempts[i - 1], .identity = &identity};

		if (!attempt(context, &session_of))
			break;
	}
	return 0;
}

static int begin_run(void *user, const struct api_run *run, struct uuid *ret)
{
	struct fake *fake = user;
	struct event event = {.at = tick(fake), .source = SOURCE_TOOL};

	for (size_t i = 0; i < RUNS_MAX; i++) {
		if (!uuid_is_none(&fake->runs[i].session))
			continue;
		event.session = fake->runs[i].session = make_id(fake, event.at);
		fake->runs[i].received = 0;
		event.kind = EVENT_SESSION_BEGIN;
		bench_feed(fake->bench, &event);
		event.kind = EVENT_TOOL_START;
		text_clean(run->tool, strlen(run->tool), event.name, sizeof(event.name));
		bench_feed(fake->bench, &event);
		event.kind = EVENT_CONDITION;
		for (size_t j = 0; j < run->condition_count; j++) {
			text_copy(event.name, sizeof(event.name), run->conditions[j].key);
			event_set_text(&event, run->conditions[j].value);
			bench_feed(fake->bench, &event);
		}
		*ret = event.session;
		return 0;
	}
	return -EBUSY;
}

static int append_log(void *user, const struct uuid *id, uint64_t offset, const char *bytes,
	size_t length, uint64_t *ret_offset)
{
	struct fake *fake = user;

	for (size_t i = 0; i < RUNS_MAX; i++) {
		if (!uuid_equal(&fake->runs[i].session, id) || uuid_is_none(id))
			continue;
		if (offset <= fake->runs[i].received && offset + length > fake->runs[i].received)
			fake->runs[i].received = offset + length;
		*ret_offset = fake->runs[i].received;
		return 0;
	}
	return bench_find_session(fake->bench, id) ? -ESHUTDOWN : -ENOENT;
}

static int end_run(void *user, const struct uuid *id, int64_t code)
{
	struct fake *fake = user;
	struct event event = {.at = tick(fake),
		.kind = EVENT_TOOL_END,
		.source = SOURCE_TOOL,
		.session = *id,
		.code = code};

	for (size_t i = 0; i < RUNS_MAX; i++) {
		if (!uuid_equal(&fake->runs[i].session, id) || uuid_is_none(id))
			continue;
		fake->runs[i].session = (struct uuid){{0}};
		bench_feed(fake->bench, &event);
		return 0;
	}
	return bench_find_session(fake->bench, id) ? -ESHUTDOWN : -ENOENT;
}

/* One port has a cable. */
static int conditions(void *user, const char *place, api_visit_place *visit, void *context)
{
	const struct identity nobody = {0};
	const struct condition cable = {.key = "cable", .value = "L07"};
	const struct api_place port = {"1-2", &nobody, &cable, 1};

	if (place && !text_equal(place, "1-2"))
		return -ENODEV;
	visit(context, &port);
	return 0;
}

static int set_conditions(
	void *user, const char *place, const struct condition *given, size_t count)
{
	return text_equal(place, "1-2") ? 0 : -ENODEV;
}

/* There is no casebook. */
static int get_case(void *user, const char *device, api_visit_device *visit_device,
	api_visit_record *visit_note, api_visit_session *visit_session, void *context)
{
	return -ENODEV;
}

static int statistics(void *user, const char *by, uint64_t since_us, api_visit_group *visit,
	void *context, uint64_t *ret_most)
{
	const struct group_record group = {.key = "1-2", .attempts = 3, .failed = 2, .phones = 2};

	if (!text_equal(by, "port"))
		return -EDOM;
	*ret_most = 100;
	visit(context, &group);
	return 0;
}

static int add_note(void *user, const char *device, const char *kind, const char *text)
{
	return -ENODEV;
}

static int add_attempt(void *user, const char *text, size_t length, struct uuid *ret_session)
{
	return -ENOLINK;
}

static int add_records(void *user, const struct uuid *session, api_next_record *next, void *context)
{
	struct event event;
	int r;

	while ((r = next(context, &event)) > 0)
		;
	return r < 0 ? r : -EPERM;
}

static int export_attempt(void *user, const struct uuid *session, char **ret)
{
	return -ENOENT;
}

static int purge(void *user, const struct api_purge *query, uint64_t *ret_attempts)
{
	return -EINPROGRESS;
}

void fake_backend(struct fake *fake, struct api_backend *ret)
{
	*ret = (struct api_backend){
		.user = fake,
		.running_max = RUNS_MAX,
		.status = status,
		.devices = devices,
		.sessions = sessions,
		.session = session,
		.records = records,
		.diagnose = diagnose_query,
		.begin_run = begin_run,
		.append_log = append_log,
		.end_run = end_run,
		.conditions = conditions,
		.set_conditions = set_conditions,
		.get_case = get_case,
		.statistics = statistics,
		.add_note = add_note,
		.add_attempt = add_attempt,
		.add_records = add_records,
		.export_attempt = export_attempt,
		.purge = purge,
	};
}
