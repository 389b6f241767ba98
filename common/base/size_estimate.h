/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What JSON text would take in memory once it is read: a small text can take hundreds of times its
 * own length. It reads no JSON, and what is none has a weight too. */
#pragma once

#include <stddef.h>

/* About the bytes that json-c (0.16) takes for the text's objects, lists and values. */
size_t json_weight(const char *text, size_t length);
