/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What identifies a computer among several benches: a half of its machine id, a dash, and a half
 * that the daemon draws when it first starts. Names change, and computers cloned from one image
 * share them. */
#pragma once

#include <stdbool.h>

#define HOST_ID_HALF_SIZE 13 /* 12 hex digits, NUL */
#define HOST_ID_SIZE (2 * HOST_ID_HALF_SIZE)

bool host_id_is_valid(const char *text);
/* Whether two ids share only one half. Nobody can say whether they are of one computer: a clone
 * shares the machine id or the drawn half, a computer that was installed again has a new one. */
bool host_id_is_ambiguous(const char *a, const char *b);
