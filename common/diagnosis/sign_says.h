/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a sign says by itself, so that no code lists signs. */
#pragma once

#include <stdint.h>

#include "common/model/says.h"

/* The words of a sign as bits of enum says: see `says` in knowledge/signs.txt and linksigns.txt. */
uint64_t sign_says(const char *sign);
