/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The release years of restore tools and firmware: a tool cannot support firmware that was released
 * later. It diagnoses nothing. */
#pragma once

#include <stdbool.h>

/* Year and month of a tool version as a number, such as 202106: from a date in the version itself
 * or in that of its package ("git-2020-06", "1.0.1 (package 1.0.0+git20210623-1)"), or from a table
 * of releases that are too old for later firmware, where only the year is known and its last month
 * stands for it. 0 = unknown. */
int tool_version_month(const char *name, const char *version);
/* The year of tool_version_month(); 0 = unknown. */
int tool_version_year(const char *name, const char *version);
/* Whether the tool is older than a device that was released in that month; false if unknown. */
bool tool_precedes(const char *name, const char *version, int released);
/* The year in which Apple released the first version with the firmware's first number, for example
 * of 16.4.1; 0 = unknown. iOS 13 to 18 are from 2019 to 2024, 26 is from 2025 (Apple numbers them
 * by year since then). */
int firmware_year(const char *version);
/* The same for a build such as 19H12: the number before the letter increases by one per year, from
 * 14 (iOS 10) in 2016 to 23 (iOS 26) in 2025. */
int firmware_build_year(const char *build);
/* Whether a firmware is older than another: builds such as 13B143, or versions such as 9.1. False
 * if one is a build and the other a version, or one is neither. */
bool firmware_is_older(const char *firmware, const char *other);
