/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The records of earlier runs of the daemon: what was there when it stopped, and what goes on. */
#include "common/model/bench_private.h"

#include <stdlib.h>

#include "common/base/text.h"

void bench_replay(struct bench *bench, const struct event *event)
{
	struct session *session;

	bench_hear_link_end(bench, event);
	if (uuid_is_none(&event->session))
		return;
	session = bench_own_session(bench, &event->session);
	/* A verdict or a correction may be the last record of its session in the ring. */
	if (!session && (event->kind == EVENT_DIAGNOSIS || event->kind == EVENT_AMENDMENT))
		return;
	if (!session) {
		session = bench_add_session(bench, false);
		if (!session)
			return;
		session->attempt.id = event->session;
		session->partial = event->kind != EVENT_SESSION_BEGIN;
	}
	/* Any record from a tool is enough: the ring may have overwritten the first. */
	if (event->source == SOURCE_TOOL)
		session->has_tool = true;
	if (event->source == SOURCE_LINK && event_phone_speaks(event->kind))
		session->bus_heard_us = event->at.monotonic_us;
	if (event->kind == EVENT_MEASUREMENT)
		session->measured++;
	if (event->kind == EVENT_SESSION_END)
		session->running = false;
	if (event->kind == EVENT_MUX_ATTACH)
		session->listed = true;
	if (event->kind == EVENT_DETACH && event->source == SOURCE_USB)
		session->listed = false;
	identity_fold(&session->identity, event);
	attempt_fold(&session->attempt, event);
	/* A record of a version without ids is of this computer too. */
	if (event->kind == EVENT_SESSION_BEGIN && !event->by[0])
		text_copy(
			session->attempt.host_id, sizeof(session->attempt.host_id), bench->host_id);
	if (event->kind == EVENT_SESSION_END || event->kind == EVENT_TOOL_END)
		session->tool_lives = session->has_tool && !session->running &&
				      session->attempt.outcome == OUTCOME_FAILED &&
				      !session->attempt.exit_known;
}

void bench_drop_partial(
	struct bench *bench, bool (*is_kept)(void *user, const struct uuid *session), void *user)
{
	size_t kept = 0;

	for (size_t i = 0; i < bench->session_count; i++) {
		struct session *session = bench->sessions[i];

		if (session->partial && !session_is_open(session) &&
			is_kept(user, &session->attempt.id))
			free(session);
		else
			bench->sessions[kept++] = session;
	}
	bench->session_count = kept;
}

/* The sources report the phones that are there; the phone of a running restore may be known by its
 * port alone, such as an older one whose mode has changed since its last record. */
static void remember_device(struct bench *bench, const struct session *session, struct stamp now)
{
	struct bench_device *device;

	if (!identity_is_known(&session->identity) || bench_device_of(bench, &session->identity))
		return;
	device = bench_add_device(bench);
	if (!device)
		return;
	device->identity = session->identity;
	device->changed = now;
	device->listing.shown = session->listed;
	text_copy(device->port, sizeof(device->port), session->attempt.port);
}

void bench_resume(struct bench *bench, struct stamp now)
{
	for (size_t i = 0; i < bench->session_count; i++) {
		struct session *session = bench->sessions[i];
		struct event effects[SESSION_EFFECTS_MAX];

		/* The bus goes on showing a restore that it showed before. */
		bool unseen = !session->has_tool && !session->bus_heard_us;

		session_resume(session, now);
		if (session->running && unseen)
			bench_keep_effects(bench, session, effects,
				session_lose(session, now,
					"the daemon was restarted during the session", effects));
		if (session->running)
			remember_device(bench, session, now);
	}
}

void bench_abandon(struct bench *bench)
{
	for (size_t i = 0; i < bench->session_count; i++) {
		struct session *session = bench->sessions[i];
		struct event effects[SESSION_EFFECTS_MAX];

		if (session->running)
			bench_keep_effects(
				bench, session, effects, session_abandon(session, effects));
	}
}
