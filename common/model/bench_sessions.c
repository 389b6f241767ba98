/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The sessions that the bench remembers: finding, adding and forgetting them. */
#include "common/model/bench_private.h"

#include <stdlib.h>
#include <string.h>

size_t bench_session_count(const struct bench *bench)
{
	return bench->session_count;
}

const struct session *bench_session(const struct bench *bench, size_t index)
{
	return bench->sessions[index];
}

struct session *bench_own_session(const struct bench *bench, const struct uuid *id)
{
	for (size_t i = bench->session_count; i > 0; i--)
		if (uuid_equal(&bench->sessions[i - 1]->attempt.id, id))
			return bench->sessions[i - 1];
	return NULL;
}

const struct session *bench_find_session(const struct bench *bench, const struct uuid *id)
{
	return bench_own_session(bench, id);
}

struct session *bench_add_session(struct bench *bench, bool has_tool)
{
	struct session *session = calloc(1, sizeof(*session));

	if (!session)
		return NULL;
	if (bench->session_count == BENCH_SESSIONS_MAX) {
		size_t oldest = 0;

		while (oldest + 1 < BENCH_SESSIONS_MAX && bench->sessions[oldest]->running)
			oldest++;
		free(bench->sessions[oldest]);
		bench->session_count--;
		memmove(bench->sessions + oldest, bench->sessions + oldest + 1,
			(bench->session_count - oldest) * sizeof(bench->sessions[0]));
	}
	session_init(session, has_tool);
	bench->sessions[bench->session_count++] = session;
	return session;
}

struct session *bench_running_session(struct bench *bench, const struct identity *identity)
{
	for (size_t i = bench->session_count; i > 0; i--) {
		struct session *session = bench->sessions[i - 1];

		if (session->running && identity_matches(&session->identity, identity))
			return session;
	}
	return NULL;
}

static bool is_forgotten(
	const struct session *session, const struct identity *identity, uint64_t before_us)
{
	return !session_is_open(session) &&
	       (!identity || identity_matches(&session->identity, identity)) &&
	       (!before_us || session->attempt.started.wall_us < before_us);
}

static bool has_session(const struct bench *bench, const struct identity *identity)
{
	for (size_t i = 0; i < bench->session_count; i++)
		if (identity_matches(&bench->sessions[i]->identity, identity))
			return true;
	return false;
}

size_t bench_forget(struct bench *bench, const struct identity *identity, uint64_t before_us)
{
	size_t kept = 0, count = bench->session_count;

	for (size_t i = 0; i < count; i++) {
		if (is_forgotten(bench->sessions[i], identity, before_us))
			free(bench->sessions[i]);
		else
			bench->sessions[kept++] = bench->sessions[i];
	}
	bench->session_count = kept;
	if (identity && !has_session(bench, identity))
		bench_forget_device(bench, identity);
	return count - kept;
}

void bench_forget_sessions(
	struct bench *bench, bool (*is_gone)(void *user, const struct uuid *session), void *user)
{
	size_t kept = 0;

	for (size_t i = 0; i < bench->session_count; i++) {
		struct session *session = bench->sessions[i];

		if (!session_is_open(session) && is_gone(user, &session->attempt.id))
			free(session);
		else
			bench->sessions[kept++] = session;
	}
	bench->session_count = kept;
}
