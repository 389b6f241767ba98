/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Looks at a foreign property list before libplist does. It parses nothing itself. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* True where more than `limit` dicts and arrays of the XML stand in each other: libplist frees its
 * trees by recursion, so what is too deep must not get that far. Comments and CDATA sections, which
 * no phone and no usbmuxd writes, count as too deep: they could hide what stands in what. */
bool plist_too_deep(const char *text, size_t length, size_t limit);
