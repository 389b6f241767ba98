/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Estimates the memory that a JSON text needs after parsing: up to hundreds of times its length. It
 * does not parse; an invalid text has an estimate too. */
#pragma once

#include <stddef.h>

/* The approximate number of bytes that json-c (0.16) allocates for the text's objects, lists and
 * values. */
size_t json_weight(const char *text, size_t length);
