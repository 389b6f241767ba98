/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Hides ECIDs, UDIDs and serial numbers in text that may be read over a shoulder. Not a proof of
 * anonymity: it knows the forms that phones and restore tools write. */
#pragma once

#include <stdbool.h>

/* Returns a copy of `text` in which all but the last four characters of each identifier are one
 * ellipsis (`…`, or `..` without `utf8`); the caller frees it. NULL when out of memory. Hidden are:
 * runs of 13 or more hex digits and 0x with 7 or more (ECIDs, UDIDs, IMEIs), except the 36
 * characters of a session's UUID and kernel addresses (0xffff…); and what follows SRNM:[ and
 * "serial number" (libirecovery, idevicerestore). */
char *mask_identifiers(const char *text, bool utf8);
