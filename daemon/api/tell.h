/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The methods by which people tell what they know, conditions that stand and notes; and what was
 * counted of it all. */
#pragma once

#include "daemon/api/request.h"

int tell_get_conditions(struct request *request);
int tell_set_conditions(struct request *request);
int tell_add_note(struct request *request);
int tell_get_statistics(struct request *request);
