/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The diagnosis of a case file, with no daemon. Writes and keeps nothing. */
#pragma once

#include "client/client.h"

struct json_object;

/* Diagnoses the case file at `path` ("-" = standard input) in the shape of Diagnose's reply.
 * Sessions of attempts that name none have no `session`. Returns EXIT_DONE with *ret the caller's,
 * or an exit code after saying why. */
int case_file_diagnosis(const char *path, struct json_object **ret);
