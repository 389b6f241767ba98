/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/model/bench_private.h"

#include <string.h>

#include "common/base/text.h"
#include "common/model/known_tool.h"

#define TOOL_GONE_US                                                                               \
	(60 * USEC_PER_SEC) /* `run` sends something every 5 s; a killed one does not */
/* Measurements: of one session, and how often one is taken. */
#define MEASUREMENTS_MAX 10000
#define MEASURE_EVERY_US (USEC_PER_SEC / 10)
#define CLIENTS_MAX 16 /* programs on usbmuxd to report per session */

struct bench *bench_new(const char *name, const char *host_id, uint32_t budget_percent,
	bench_record *record, bench_make_id *make_id, void *user)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	if (!bench)
		return NULL;
	text_copy(bench->name, sizeof(bench->name), name);
	text_copy(bench->host_id, sizeof(bench->host_id), host_id);
	bench->budget_percent = budget_percent;
	bench->record = record;
	bench->make_id = make_id;
	bench->user = user;
	return bench;
}

/* Of a session that begins here. */
static void name_computer(const struct bench *bench, struct event *begin)
{
	text_copy(begin->name, sizeof(begin->name), bench->name);
	text_copy(begin->by, sizeof(begin->by), bench->host_id);
}

struct bench *bench_free(struct bench *bench)
{
	if (!bench)
		return NULL;
	for (size_t i = 0; i < bench->session_count; i++)
		free(bench->sessions[i]);
	free(bench);
	return NULL;
}

void bench_set_budget_percent(struct bench *bench, uint32_t budget_percent)
{
	bench->budget_percent = budget_percent;
}

/* The phone's newest session, if it has ended and still accepts this event. */
static struct session *late_session(
	struct bench *bench, const struct identity *identity, const struct event *event)
{
	for (size_t i = bench->session_count; i > 0; i--) {
		struct session *session = bench->sessions[i - 1];

		if (identity_matches(&session->identity, identity))
			return session_takes_late(session, event) ? session : NULL;
	}
	return NULL;
}

static uint64_t feed_session(
	struct bench *bench, struct session *session, const struct event *event);

/* Stores a record and folds it into its session. Returns its sequence. */
static uint64_t keep(struct bench *bench, struct session *session, const struct event *event)
{
	struct event kept = *event;

	if (session) {
		kept.session = session->attempt.id;
		if (!kept.ecid)
			kept.ecid = session->identity.ecid;
		if (!kept.udid[0])
			text_copy(kept.udid, sizeof(kept.udid), session->identity.udid);
		if (!kept.product[0])
			text_copy(kept.product, sizeof(kept.product), session->identity.product);
	}
	kept.sequence = bench->record(bench->user, &kept);
	if (session)
		attempt_fold(&session->attempt, &kept);
	return kept.sequence;
}

void bench_keep_effects(
	struct bench *bench, struct session *session, struct event effects[], size_t count)
{
	for (size_t i = 0; i < count; i++)
		keep(bench, session, &effects[i]);
}

/* The attach of a phone that is there, for a session that begins or learns only now that it is
 * about this phone. */
static struct event device_attach(
	const struct bench_device *device, struct stamp at, enum event_source source)
{
	struct event attach = {.at = at,
		.kind = EVENT_ATTACH,
		.source = source,
		.mode = device->mode,
		.hub_depth = usb_hub_depth(device->port)};

	text_copy(attach.port, sizeof(attach.port), device->port);
	return attach;
}

/* The phone of a restore that the tool found in a mode in which older phones show no ECID: the only
 * one that it can be. NULL: it was found otherwise, or there are none or several. */
static struct bench_device *find_remaining(
	struct bench *bench, const struct session *session, struct stamp now)
{
	const struct attempt *attempt = &session->attempt;

	if (attempt->port[0] || !session->identity.ecid || session->identity.udid[0] ||
		(attempt->entry != MODE_RESTORE && attempt->entry != MODE_NORMAL))
		return NULL;
	return bench_claim_device(bench, &session->identity, attempt->entry, now.monotonic_us);
}

static void learn_identity(struct bench *bench, struct session *session, const struct event *event)
{
	struct event attach;
	struct bench_device *device, *remaining;
	bool was_known = identity_is_known(&session->identity);

	identity_fold(&session->identity, event);
	if (!identity_is_known(&session->identity))
		return;
	device = bench_device_of(bench, &session->identity);
	remaining = device && device->mode != MODE_GONE ? NULL
							: find_remaining(bench, session, event->at);
	if (remaining)
		device = remaining;
	if (!device)
		return;
	identity_merge(&device->identity, &session->identity);
	identity_merge(&session->identity, &device->identity);
	if ((was_known && !remaining) || device->mode == MODE_GONE)
		return;
	/* Tells the session which phone it is about: link events of that phone now belong to it. */
	attach = device_attach(device, event->at, device->on_usb ? SOURCE_USB : SOURCE_USBMUXD);
	feed_session(bench, session, &attach);
}

static uint64_t feed_session(
	struct bench *bench, struct session *session, const struct event *event)
{
	struct event effects[SESSION_EFFECTS_MAX];
	struct event resolved = *event;
	enum device_mode before = session_mode(session);

	uint64_t sequence;

	resolved.mode = session_resolve_mode(session, event->mode, event->at);
	sequence = keep(bench, session, &resolved);
	bench_keep_effects(
		bench, session, effects, session_react(session, &resolved, before, effects));
	return sequence;
}

/* Whether an event of the phone at `at` also belongs to this session, in addition to the newest one
 * on that phone: true for a restore whose tool is still active. A session without a tool yields to
 * one with a tool. */
static bool shares_phone(const struct session *session, const struct session *newest,
	const struct identity *identity, struct stamp at)
{
	return session != newest && session->running && session->has_tool &&
	       identity_matches(&session->identity, identity) &&
	       at.monotonic_us <= session->tool_heard_us + TOOL_GONE_US;
}

/* Feeds an event of the phone to each restore that runs on it: a second tool on the same phone must
 * not take the link events away from the first. Returns the sequence of the newest session's
 * record. */
static uint64_t feed_phone(struct bench *bench, struct session *newest, const struct event *event)
{
	for (size_t i = 0; i < bench->session_count; i++)
		if (shares_phone(bench->sessions[i], newest, &newest->identity, event->at))
			feed_session(bench, bench->sessions[i], event);
	return feed_session(bench, newest, event);
}

/* Begins a session without a tool's log. */
static struct session *begin_watched(struct bench *bench, const struct bench_device *device,
	const struct event *event, const char *why)
{
	struct event begin = {
		.at = event->at, .kind = EVENT_SESSION_BEGIN, .source = SOURCE_DAEMON};
	struct event seen = device_attach(device, device->changed, event->source);
	struct session *session = bench_add_session(bench, false);
	char program[BOOT_PROGRAM_SIZE];

	if (!session)
		return NULL;
	session->identity = device->identity;
	session->attempt.id = bench->make_id(bench->user, event->at);
	name_computer(bench, &begin);
	event_set_text(&begin, why);
	keep(bench, session, &begin);
	seen.mode = device->left_mode;
	boot_program_write(&device->program, program);
	event_set_text(&seen, program);
	feed_session(bench, session, &seen);
	seen.kind = EVENT_DETACH;
	seen.mode = MODE_UNKNOWN;
	event_set_text(&seen, NULL);
	feed_session(bench, session, &seen);
	return session;
}

/* Whether the phone is back at `back_us` from recovery or DFU mode, and no known restore was
 * running when it left. Otherwise its return belongs to the restore whose tool has given up
 * since. */
static bool left_unwatched(
	const struct bench *bench, const struct bench_device *device, uint64_t back_us)
{
	if (!device_mode_is_boot(device->left_mode) ||
		back_us > device->left_us + BENCH_JOIN_WINDOW_US)
		return false;
	for (size_t i = 0; i < bench->session_count; i++) {
		const struct session *session = bench->sessions[i];

		if (identity_matches(&session->identity, &device->identity) &&
			(session->running ||
				session->attempt.ended.monotonic_us >= device->left_us))
			return false;
	}
	return true;
}

/* Whether the attach shows that a computer restores the phone: it runs a program that it does not
 * start by itself. Leaving and returning alone shows nothing: so does a phone that is replugged or
 * restarted with its keys. */
static bool begins_session(const struct bench_device *device, const struct event *event)
{
	struct boot_program program = boot_program_of(event);

	if (event->kind != EVENT_ATTACH || event->mode != MODE_RECOVERY)
		return false;
	return device->left_mode == MODE_RECOVERY ? boot_program_follows(&device->program, &program)
						  : boot_program_is_loaded(&program);
}

static struct session *session_for(
	struct bench *bench, const struct bench_device *device, const struct event *event)
{
	struct session *session = bench_running_session(bench, &device->identity);

	if (!session)
		session = late_session(bench, &device->identity, event);
	if (!session && begins_session(device, event) &&
		left_unwatched(bench, device, event->at.monotonic_us))
		session = begin_watched(bench, device, event,
			"the phone came back with a program that a computer has loaded");
	return session;
}

static void feed_link(struct bench *bench, const struct event *event)
{
	struct bench_device *device = bench_locate_device(bench, event);
	struct session *session;

	if (!device) {
		keep(bench, NULL, event);
		return;
	}
	session = session_for(bench, device, event);
	if (session)
		identity_merge(&session->identity, &device->identity);
	bench_update_device(device, session, event);
	if (!session) {
		keep(bench, NULL, event);
	} else if (session->running) {
		feed_phone(bench, session, event);
	} else {
		struct event effects[SESSION_EFFECTS_MAX];

		keep(bench, session, event);
		bench_keep_effects(
			bench, session, effects, session_react_late(session, event, effects));
	}
}

static struct session *begin_run(struct bench *bench, const struct event *event)
{
	struct session *session = bench_add_session(bench, true);
	struct event begin = *event;

	if (!session)
		return NULL;
	session->attempt.id = event->session;
	session->heard_us = session->tool_heard_us = event->at.monotonic_us;
	name_computer(bench, &begin);
	keep(bench, session, &begin);
	return session;
}

static bool is_link(const struct event *event)
{
	return event->kind == EVENT_ATTACH || event->kind == EVENT_DETACH ||
	       event->kind == EVENT_MUX_ATTACH || event->kind == EVENT_MUX_DETACH;
}

void bench_hear_link_end(struct bench *bench, const struct event *event)
{
	if (event->kind != EVENT_SOURCE || event->code == 0 || !text_equal(event->name, "link"))
		return;
	for (size_t i = 0; i < bench->session_count; i++)
		session_unhear(bench->sessions[i]);
}

static void hear_source(struct bench *bench, const struct event *event)
{
	bench_hear_link_end(bench, event);
	if (event->kind != EVENT_SOURCE || !text_equal(event->name, "usbmuxd"))
		return;
	if (bench->mux.up && event->code != 0)
		bench->mux.down_us = event->at.monotonic_us;
	/* The first such event says that usbmuxd runs, not that it has just started. */
	for (size_t i = 0; event->code == 0 && i < bench->device_count; i++) {
		if (bench->mux.known)
			mux_visibility_restart(&bench->devices[i].listing, event->at);
		else
			mux_visibility_wait(&bench->devices[i].listing, event->at);
	}
	bench->mux.known = true;
	bench->mux.up = event->code == 0;
}

/* Records usbmuxd's own error about a phone that it should list. */
static void hear_mux_error(
	struct bench_device *device, const struct event *event, uint64_t sequence)
{
	struct event heard = *event;

	if (!device || event->kind != EVENT_MUX_ERROR)
		return;
	heard.sequence = sequence;
	mux_visibility_hear(&device->listing, &heard);
}

/* The phone reported its mode, one of two that USB cannot distinguish. */
static void hear_phone(struct bench *bench, struct bench_device *device, const struct event *event)
{
	struct event attach;
	struct session *session;

	if (!device || event->kind != EVENT_IDENTITY ||
		(event->source != SOURCE_PHONE && event->source != SOURCE_LINK) ||
		device->mode != MODE_NORMAL_OR_RESTORE)
		return;
	device->mode = event->mode;
	if (event->mode != MODE_RESTORE ||
		!left_unwatched(bench, device, device->changed.monotonic_us))
		return;
	attach = device_attach(device, event->at, SOURCE_USB);
	session =
		begin_watched(bench, device, &attach, "the phone says that it is in restore mode");
	if (session)
		feed_session(bench, session, &attach);
}

/* The bus and the tool's log report the same course of a restore. */
static bool is_course(enum event_kind kind)
{
	return (kind >= EVENT_STAGE && kind <= EVENT_AMR_ERROR) || kind == EVENT_OUTCOME ||
	       kind == EVENT_TOOL_VERSION;
}

/* Whether the session has this from a log: the tool is one whose log is read. */
static bool has_from_log(const struct session *session, const struct event *event)
{
	const struct known_tool *tool = known_tool_of_program(session->attempt.tool);

	return event->source == SOURCE_LINK && is_course(event->kind) && session->has_tool &&
	       tool && tool->role == PROGRAM_TOOL;
}

/* A restore that has just begun may not have learned its phone yet. */
static bool may_be_of_run(const struct bench *bench)
{
	for (size_t i = 0; i < bench->session_count; i++)
		if (bench->sessions[i]->running && bench->sessions[i]->has_tool &&
			!identity_is_known(&bench->sessions[i]->identity))
			return true;
	return false;
}

/* The bus shows a restore that nobody reported: a program sends a phone its restore system, or
 * talks to the phone's restore program. */
static struct session *begin_heard(
	struct bench *bench, const struct bench_device *device, const struct event *event)
{
	struct event begin = {
		.at = event->at, .kind = EVENT_SESSION_BEGIN, .source = SOURCE_DAEMON};
	struct event seen = device_attach(device, device->changed, SOURCE_USB);
	char program[BOOT_PROGRAM_SIZE];
	struct session *session;

	if (event->source != SOURCE_LINK || may_be_of_run(bench) ||
		(event->kind != EVENT_STAGE &&
			!(event->kind == EVENT_TRANSFER && event->flag == STEP_BEGIN)))
		return NULL;
	session = bench_add_session(bench, false);
	if (!session)
		return NULL;
	session->identity = device->identity;
	session->attempt.id = bench->make_id(bench->user, event->at);
	name_computer(bench, &begin);
	event_set_text(&begin, "a program restores the phone");
	keep(bench, session, &begin);
	boot_program_write(&device->program, program);
	event_set_text(&seen, program);
	feed_session(bench, session, &seen);
	return session;
}

/* The session of an event that names none. */
static struct session *session_of(
	struct bench *bench, const struct bench_device *device, const struct event *event)
{
	const struct identity identity = device ? device->identity : event_identity(event);
	struct session *session = bench_running_session(bench, &identity);

	if (!session && device)
		session = begin_heard(bench, device, event);
	/* An error that keeps the phone from returning, or of which it is known only now that the
	 * phone stayed, may arrive after the tool has given up. */
	if (!session && (event->kind == EVENT_USB_ERROR || event->kind == EVENT_LINK_ERROR))
		session = late_session(bench, &identity, event);
	return session;
}

static bool is_tool_of(const struct session *session, const char *program)
{
	const char *tool = session->attempt.tool, *slash = strrchr(tool, '/');
	const struct known_tool *known = known_tool_of_program(tool);

	return text_equal(slash ? slash + 1 : tool, program) ||
	       (known && known->process && text_starts_with(program, known->process));
}

/* Records a foreign program on usbmuxd in the running restores. If the restore tool is unknown,
 * this may be it. */
static void feed_client(struct bench *bench, const struct event *event)
{
	for (size_t i = 0; i < bench->session_count; i++) {
		struct session *session = bench->sessions[i];
		const struct seen_sign *seen = attempt_sign(&session->attempt, SIGN_OTHER_PROGRAM);

		if (session->running && session->has_tool && session->attempt.tool[0] &&
			!is_tool_of(session, event->name) && (!seen || seen->count < CLIENTS_MAX))
			keep(bench, session, event);
	}
}

void bench_feed(struct bench *bench, const struct event *event)
{
	struct session *session = NULL;
	struct bench_device *device = NULL;
	uint64_t sequence;

	if (event->kind == EVENT_MUX_CLIENT) {
		if (program_role(event->name) == PROGRAM_OTHER)
			feed_client(bench, event);
		return;
	}
	hear_source(bench, event);
	if (!uuid_is_none(&event->session)) {
		session = bench_own_session(bench, &event->session);
		if (!session && event->kind == EVENT_SESSION_BEGIN) {
			begin_run(bench, event);
			return;
		}
	} else if (is_link(event)) {
		feed_link(bench, event);
		return;
	} else {
		device = bench_locate_device(bench, event);
		hear_phone(bench, device, event);
		session = session_of(bench, device, event);
		if (session && has_from_log(session, event))
			return;
	}
	if (session && event->source == SOURCE_TOOL)
		session->tool_heard_us = event->at.monotonic_us;
	if (!session)
		sequence = keep(bench, NULL, event);
	else if (device && session->running)
		sequence = feed_phone(bench, session, event);
	else
		sequence = feed_session(bench, session, event);
	hear_mux_error(device, event, sequence);
	if (session)
		learn_identity(bench, session, event);
}

enum bench_measured bench_measure(
	struct bench *bench, const struct event *event, struct stamp now, struct uuid *ret)
{
	struct identity identity = {.ecid = event->ecid};
	struct event measured = *event;
	struct session *session;

	text_copy(identity.udid, sizeof(identity.udid), event->udid);
	session = bench_running_session(bench, &identity);
	if (!session)
		return BENCH_NO_RESTORE;
	*ret = session->attempt.id;
	if (measured.at.wall_us < session->attempt.started.wall_us ||
		measured.at.monotonic_us > now.monotonic_us)
		measured.at = now;
	if (session->measured == MEASUREMENTS_MAX ||
		measured.at.monotonic_us < session->measured_us + MEASURE_EVERY_US)
		return BENCH_THINNED;
	session->measured++;
	session->measured_us = measured.at.monotonic_us;
	keep(bench, session, &measured);
	return BENCH_MEASURED;
}

/* Records that usbmuxd does not list the phone, in the affected restore if there is one. */
static void tell_unlisted(struct bench *bench, struct bench_device *device, struct stamp now)
{
	struct event error = mux_visibility_tell(&device->listing, &bench->mux, now);
	struct session *session = bench_running_session(bench, &device->identity);

	error.ecid = device->identity.ecid;
	text_copy(error.udid, sizeof(error.udid), device->identity.udid);
	text_copy(error.port, sizeof(error.port), device->port);
	if (!session)
		session = late_session(bench, &device->identity, &error);
	for (size_t i = 0; session && session->running && i < bench->session_count; i++)
		if (shares_phone(bench->sessions[i], session, &session->identity, now))
			keep(bench, bench->sessions[i], &error);
	/* Without a tool's log, this may be the end. */
	error.sequence = session && session->running && !session->has_tool
				 ? feed_session(bench, session, &error)
				 : keep(bench, session, &error);
	mux_visibility_hear(&device->listing, &error);
}

const struct mux_fault *bench_mux_fault(
	const struct bench *bench, const struct bench_device *device)
{
	return mux_visibility_fault(&device->listing, &bench->mux);
}

/* Returns the time of the next report about a phone; 0 = none. */
static uint64_t tick_devices(struct bench *bench, struct stamp now)
{
	uint64_t next = 0;

	for (size_t i = 0; bench->mux.known && i < bench->device_count; i++) {
		struct bench_device *device = &bench->devices[i];
		uint64_t deadline = mux_visibility_deadline(&device->listing);

		if (deadline && deadline <= now.monotonic_us)
			tell_unlisted(bench, device, now);
		else if (deadline && (!next || deadline < next))
			next = deadline;
	}
	return next;
}

uint64_t bench_tick(struct bench *bench, struct stamp now)
{
	uint64_t next = tick_devices(bench, now);

	for (size_t i = 0; i < bench->session_count; i++) {
		struct session *session = bench->sessions[i];
		struct event effects[SESSION_EFFECTS_MAX];
		uint64_t deadline;

		bench_keep_effects(bench, session, effects,
			session_tick(session, now, bench->budget_percent, effects));
		deadline = session_deadline(session, bench->budget_percent);
		if (deadline && (!next || deadline < next))
			next = deadline;
	}
	return next;
}

void bench_look(struct bench *bench, struct stamp now, bench_read_port *read, void *user)
{
	for (size_t i = 0; i < bench->session_count; i++) {
		struct session *session = bench->sessions[i];
		struct event effects[PORTWATCH_EFFECTS_MAX], heard[SESSION_EFFECTS_MAX];
		struct port_facts facts;
		size_t count;

		if (!session->running || !session->attempt.port[0] ||
			!read(user, session->attempt.port, &facts))
			continue;
		count = port_health_take(
			&session->portwatch, now, session->attempt.port, &facts, effects);
		bench_keep_effects(bench, session, effects, count);
		bench_keep_effects(
			bench, session, heard, session_hear_transfers(session, now, heard));
	}
}

void bench_hear(struct bench *bench, const struct uuid *id, struct stamp now)
{
	struct session *session = bench_own_session(bench, id);

	if (session)
		session->heard_us = session->tool_heard_us = now.monotonic_us;
}

bool bench_waiting(const struct bench *bench, const struct session *session, struct stamp now,
	uint64_t *ret_waited_us, uint64_t *ret_budget_us)
{
	if (!session->running || !session->budget || now.monotonic_us < session->waiting_since_us)
		return false;
	*ret_waited_us = now.monotonic_us - session->waiting_since_us;
	*ret_budget_us =
		(uint64_t)session->budget->seconds * USEC_PER_SEC / 100 * bench->budget_percent;
	return true;
}
