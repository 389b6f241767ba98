/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files in which `run` keeps the logs of tools, when their restores are purged. */
#pragma once

#include <json-c/json_object.h>

/* Deletes the files in `toolLogs` of a reply, each with the rights of its user, and adds to each in
 * the reply whether it is deleted. Reports what stays. Returns an exit code. */
int tool_logs_delete(struct json_object *reply);
