/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a reply of Diagnose says to a script. It asks nothing and prints nothing. */
#pragma once

#include "client/client.h"
#include "client/fields.h"

/* The exit code of `diagnose`: while a restore of the phone is running, the verdict is not
 * final. */
int diagnosis_code(struct json_object *diagnosis);
/* The same from the phase alone, whatever restore is running. */
int diagnosis_phase_code(struct json_object *diagnosis);
/* The session with this identifier, borrowed; NULL if it is not in the reply. */
struct json_object *diagnosis_session(struct json_object *diagnosis, const char *session);
/* Whether the first suspect is the port or its hub, with the evidence that the daemon's message in
 * the journal requires. */
bool diagnosis_blames_port(struct json_object *diagnosis);
