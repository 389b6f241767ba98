/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The methods over what is kept of a device: its case, attempts that are added and exported,
 * purges. They keep nothing themselves. */
#pragma once

#include "daemon/api/request.h"

/* Each is a method's handler (methods.c). */
int keep_get_case(struct request *request);
int keep_add_attempt(struct request *request);
int keep_add_records(struct request *request);
int keep_export_attempt(struct request *request);
int keep_purge(struct request *request);
