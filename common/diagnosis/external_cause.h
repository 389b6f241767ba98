/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether the end of a restore has a cause outside the phone, independent of computer and cable:
 * Apple's server, the firmware file, an incompatibility of tool and firmware, or a host that did
 * not find the phone. The rules name the cause. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/diagnosis/case_analysis.h"

/* Whether it has such a cause, by its numbers (knowledge/errors.txt) or its log. */
bool external_cause_ended(const struct attempt_view *a);
/* Whether its log's words name such a cause, or the tool crashed, and nothing shows that the
 * connection broke: no cable or port can be the cause. */
bool external_cause_off_link(const struct attempt_view *a);
/* Whether `code` (of iTunes) or `phone_code` (the phone's own; 0 = unknown) is about Apple's server
 * or the network path to it. */
bool outside_is_server(int64_t code, int64_t phone_code);
/* Whether the phone was in restore mode for as long as its restore system waits for a computer, and
 * the tool reports that it never appeared (procedure.md, error codes 4005). */
bool outside_overlooked(const struct attempt *attempt);
