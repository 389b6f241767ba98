/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The release years of restore tools and firmware: a tool cannot support what came after it. It
 * diagnoses nothing. */
#pragma once

#include <stdbool.h>

/* The year of a version that is too old for later firmware, by a table of releases or by a date in
 * the version itself ("git-2020-06", "1.0.0+git20210623"); 0 = not known. */
int tool_version_year(const char *name, const char *version);
/* The year in which a firmware such as 16.4.1 came out with its first number; 0 = not known. iOS 13
 * to 18 are of 2019 to 2024, 26 is of 2025 (Apple numbers them by years since then). */
int firmware_year(const char *version);
/* The same of a build such as 19H12: the number before the letter counts up by one a year, 14 (iOS
 * 10) in 2016 and 23 (iOS 26) in 2025. */
int firmware_build_year(const char *build);
/* Whether a firmware is older than another: builds such as 13B143, or versions such as 9.1. False
 * where one is a build and the other a version, or one is neither. */
bool firmware_is_older(const char *firmware, const char *other);
