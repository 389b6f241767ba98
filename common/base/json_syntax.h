/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether a text is JSON (RFC 8259). It builds nothing of it; json-c does, whose own strict mode
 * takes any quotes, NaN and overlong UTF-8, and in version 0.18 refuses all that is not ASCII. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define JSON_SYNTAX_DEPTH_MAX 64

/* Whether `text` is one JSON value in UTF-8, with nothing but blanks around it and at most
 * `depth_max` (to JSON_SYNTAX_DEPTH_MAX) objects and lists in one another. Where it is not, *ret_at
 * is the byte at which that shows. */
bool json_syntax_check(const char *text, size_t length, unsigned depth_max, size_t *ret_at);
