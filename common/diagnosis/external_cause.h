/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether what ended a restore lies outside the phone whatever computer and cable are used: Apple's
 * server, the firmware file, what tool and firmware understand of each other, or a host that did
 * not find the phone. It names no cause: that is the rules' work. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/model/attempt.h"

/* `code` is what iTunes calls it, `phone_code` the number that the phone gave; 0 = unknown. Numbers
 * as in knowledge/errors.txt. */
bool external_cause_ended(const struct attempt *attempt, int64_t code, int64_t phone_code);
/* Whether `code` or `phone_code` is of Apple's server or the way to it. As above. */
bool outside_is_server(int64_t code, int64_t phone_code);
/* Whether the phone stood in restore mode for as long as its restore system waits for a computer,
 * and the tool says that it never came (procedure.md, error codes 4005). */
bool outside_overlooked(const struct attempt *attempt);
