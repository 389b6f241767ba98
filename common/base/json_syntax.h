/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Checks whether a text is JSON (RFC 8259). It builds no objects; json-c does, but json-c's strict
 * mode accepts any quotes, NaN and overlong UTF-8, and version 0.18 rejects everything that is not
 * ASCII. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define JSON_SYNTAX_DEPTH_MAX 64

/* Whether `text` is one JSON value in UTF-8, surrounded only by blanks, with at most `depth_max`
 * (up to JSON_SYNTAX_DEPTH_MAX) nested objects and lists. If not, *ret_at is the offset of the
 * error. */
bool json_syntax_check(const char *text, size_t length, unsigned depth_max, size_t *ret_at);
