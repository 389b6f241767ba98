/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the sessions and the phones of the bench share. Private to bench*.c. */
#pragma once

#include "common/model/bench.h"

/* The oldest unused device is replaced by a new one. */
#define BENCH_DEVICES_MAX 256

/* A phone that returns at the same port within this time, without a contradicting identifier, is
 * the same phone in another mode: older phones show their UDID in one mode and their ECID in the
 * other. */
#define BENCH_JOIN_WINDOW_US (90 * USEC_PER_SEC)

struct bench {
	char name[NAME_SIZE];
	char host_id[HOST_ID_SIZE];
	uint32_t budget_percent;
	bench_record *record;
	bench_make_id *make_id;
	void *user;
	struct bench_device devices[BENCH_DEVICES_MAX];
	size_t device_count;
	struct session *sessions[BENCH_SESSIONS_MAX];
	size_t session_count;
	struct mux_state mux;
};

/* bench_sessions.c: the newest running session of the phone; NULL if there is none. */
struct session *bench_running_session(struct bench *bench, const struct identity *identity);
/* bench_find_session(), to be changed. */
struct session *bench_own_session(const struct bench *bench, const struct uuid *id);
/* A new session, in place of the oldest one that has ended if there are too many. NULL = out of
 * memory. */
struct session *bench_add_session(struct bench *bench, bool has_tool);

/* bench.c: records the conclusions of a session. */
void bench_keep_effects(
	struct bench *bench, struct session *session, struct event effects[], size_t count);
/* idevicetriage-link has stopped: from here on, nobody hears the restores that only it showed. */
void bench_hear_link_end(struct bench *bench, const struct event *event);

/* bench_devices.c: the phone with one of these keys; NULL if unknown. */
struct bench_device *bench_device_of(struct bench *bench, const struct identity *identity);
/* An empty row; NULL if there is no room. */
struct bench_device *bench_add_device(struct bench *bench);
/* The device of an event; an attach creates one. NULL if unknown. */
struct bench_device *bench_locate_device(struct bench *bench, const struct event *event);
/* Gives an ECID to the phone that was found in `mode`, normal or restore mode, if the bench has
 * only one without an ECID that it can be, now or a moment ago. Returns its row, or NULL. */
struct bench_device *bench_claim_device(struct bench *bench, const struct identity *identity,
	enum device_mode mode, uint64_t now_us);
/* Follows the device's attach or detach. `session` is its session; may be NULL. */
void bench_update_device(
	struct bench_device *device, const struct session *session, const struct event *event);
/* Removes a device that is gone. */
void bench_forget_device(struct bench *bench, const struct identity *identity);
