/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Checks a foreign property list before libplist parses it. It parses nothing itself. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* True if more than `limit` dicts and arrays of the XML are nested: libplist frees its trees by
 * recursion, so it must not get a list that is too deep. Comments and CDATA sections count as too
 * deep: they could hide the nesting, and no phone and no usbmuxd writes them. */
bool plist_too_deep(const char *text, size_t length, size_t limit);
