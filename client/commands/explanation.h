/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a word of the field means, as JSON from the knowledge that is built in. Asks no daemon and
 * judges no phone. */
#pragma once

#include "client/fields.h"

/* Everything that `text` may mean: `query`, `meanings` (codes), `models`, and `similar` (names with
 * it in them, where there is no meaning). Lists may be empty. Blanks before `text` are left out.
 * Returns NULL when out of memory. */
struct json_object *explanation_new(const char *text);
/* Whether it has a meaning. */
bool explanation_found(struct json_object *explanation);
