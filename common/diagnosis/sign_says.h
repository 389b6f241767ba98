/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds signs of an attempt by what they say, so that no code lists signs. */
#pragma once

#include <stdbool.h>

#include "common/model/attempt.h"
#include "common/model/says.h"

/* Whether the attempt shows a sign with this word: see `says` in knowledge/signs.txt and
 * linksigns.txt. */
bool attempt_says(const struct attempt *attempt, enum says says);
/* Whether the sign itself has the word. */
bool sign_says(const char *sign, enum says says);
