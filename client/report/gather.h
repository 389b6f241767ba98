/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Gathers what a report is made of from the daemon or, where none answers, from
 * what it left in its state directory. */
#pragma once

#include "client/client.h"
#include "client/report/report_data.h"

/* Fills *ret for the device or session that `text` names (NULL = the newest session's phone).
 * Returns an exit code, after saying why it is another than EXIT_DONE; report_done() in any case.
 */
int report_gather(struct context *context, const char *text, struct report *ret);
