/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Short phrases for several outputs: times, durations, names of phones and stages. They are
 * returned by value; nothing is masked. */
#pragma once

#include <stdint.h>

#include "client/fields.h"

#define PHRASE_BYTES 160

struct phrase {
	char text[PHRASE_BYTES];
};

/* `2026-11-22 20:57` in local time; "?" for 0. */
struct phrase phrase_minute(int64_t wall_us);
/* `20:57:11.123` in local time; "?" for 0. */
struct phrase phrase_instant(int64_t wall_us);
/* `20:57` today, else with its day. `now_us` is the current time. */
struct phrase phrase_when(int64_t wall_us, int64_t now_us);
/* `today`, `yesterday`, or its date. `now_us` is the current time. */
struct phrase phrase_day(int64_t wall_us, int64_t now_us);
/* `45 s`, `12 min`, `3 h 05 min`, `4 d 3 h`. */
struct phrase phrase_duration(int64_t us);
/* `16 MiB` and the like. */
struct phrase phrase_bytes(int64_t bytes);
/* The phone of a Device or Session: `iPhone 11 Pro`, `iPhone12,3`, or "phone". */
const char *phrase_model(struct json_object *object);
/* The same, with other words for a model that is not known. */
const char *phrase_model_or(struct json_object *object, const char *unknown);
/* Its identifier, ECID before UDID; NULL if both are unknown. */
const char *phrase_identifier(struct json_object *object);
/* The name of its port in the shop, of a Device, a Session or a Place; NULL = none. */
const char *phrase_slot(struct json_object *object);
/* The last eight characters of a session's identifier, which are enough to select it. */
const char *phrase_session(const char *session);
/* The current or last step of a Session: `Creating filesystem (12)`, or its stage; "" if
 * unknown. */
struct phrase phrase_step(struct json_object *session);
/* The errors that were reported of a Session: `iTunes error 4013, AMR error 11`; "" if there are
 * none beside its iTunes code. */
struct phrase phrase_errors(struct json_object *session);
/* The number that iTunes shows for the end of a Session, derived or reported; 0 = unknown. */
int64_t phrase_itunes_code(struct json_object *session);
/* A stage for people: `booting the restore system`. Unknown words are returned unchanged. */
const char *phrase_stage(const char *stage);
/* A mode of a phone: `recovery`, `DFU`. Unknown words are returned unchanged. */
const char *phrase_mode(const char *mode);
/* Who is silent in the current wait of a session: "phone", "restore tool" or "signing server". */
const char *phrase_silent_one(struct json_object *session);
/* A condition of a Session: `cable L07`, `earpiece flex disconnected`, `port "slot 4"`. */
struct phrase phrase_condition(struct json_object *condition);
/* Whether another condition of the list says more than this one: the number of hubs more than the
 * hub, and the shop's name of a port more than its path. */
bool phrase_condition_is_spare(struct json_object *conditions, struct json_object *condition);

#define PHRASE_FIRMWARE_SIZE 1024
/* The first problem that firmware_check() found, as a sentence with the name of the file. Returns
 * false if `firmware` (may be NULL) has none. */
bool phrase_firmware_problem(
	struct json_object *firmware, char sentence[static PHRASE_FIRMWARE_SIZE]);
