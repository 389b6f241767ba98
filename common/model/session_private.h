/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The questions of the session machine about the course of its attempt. Private to session*.c. */
#pragma once

#include "common/model/session.h"

/* Event codes, not parsed from text: iTunes' numbers for a phone found in a wrong mode when its
 * restore ramdisk was due, or after it was lost (Apple's support page 102561 lists them together;
 * the meanings are in knowledge/). */
#define CODE_IN_RECOVERY 4013
#define CODE_IN_DFU 4014
#define CODE_NOT_BACK 4005
#define CODE_RAMDISK_LOST 4010

/* Without `run`, a restore shows only its mode changes and boot programs. A phone in recovery mode
 * gets iBEC and returns in recovery mode once; after that it should return in restore mode. */
#define RECOVERY_ATTACHES_BEFORE_RAMDISK 2

bool session_was_in_restore_mode(const struct attempt *attempt);
/* The number of attaches in recovery mode. Without a tool that reports its steps, only a change of
 * the program counts: a phone with an unknown program may have been replugged each time. */
size_t session_count_recoveries(const struct session *session);
/* Whether the phone may leave now: the restore has reached its reboot, or the phone has reported
 * its final status. */
bool session_may_leave(const struct attempt *attempt);
bool session_reported_failure(const struct attempt *attempt);
/* Whether the phone should be in restore mode next. */
bool session_ramdisk_was_due(const struct session *session);
/* The mode at the end of a session: none if the phone did not return. */
enum device_mode session_end_mode(const struct session *session);
/* The number that iTunes shows for such a failure; 0 = none. */
int64_t session_itunes_code(const struct session *session);
/* Whether it is a restore. Earlier versions began a session at every replug in recovery mode, and
 * recorded no boot program. */
bool session_shows_restore(const struct session *session);
/* The outcome once the tool has ended, or will not be heard any more; the reason is static. */
enum outcome session_judge_tool(const struct attempt *attempt, const char **ret_why);
