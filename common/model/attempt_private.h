/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the parts of the fold share. Private to attempt*.c: attempt.c has the table of folds. */
#pragma once

#include "common/model/attempt.h"

/* Folds an event of one kind. */
typedef void attempt_folder(struct attempt *attempt, const struct event *event);

/* attempt.c */
attempt_folder fold_sign;
/* Copies the event's text, without a NUL, into a field with one. */
void attempt_copy_text(char *out, size_t size, const struct event *event);
/* Counts the sign once more. Returns NULL if there is no room. */
struct seen_sign *attempt_see_sign(
	struct attempt *attempt, const char *id, int32_t code, uint64_t sequence);
/* A stage never goes back. */
void attempt_reach_stage(struct attempt *attempt, enum restore_stage stage);

/* attempt_link.c */
attempt_folder fold_attach, fold_detach, fold_link_lost, fold_usb_error, fold_link_error,
	fold_link_corrected, fold_link_rate, fold_link_quiet, fold_mux_error, fold_mux_client;
/* Whether a mode that was one of two is now known: the same attach in more detail. */
bool attempt_refine_mode(struct attempt *attempt, enum device_mode mode);

/* attempt_course.c */
attempt_folder fold_operation, fold_progress, fold_checkpoint, fold_status, fold_amr_error,
	fold_reported_error, fold_tool_start, fold_tool_version, fold_tool_end, fold_log,
	fold_firmware, fold_action, fold_entry, fold_stage, fold_outcome, fold_complaint,
	fold_touch, fold_wait;
