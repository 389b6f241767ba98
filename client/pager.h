/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shows output that is longer than the terminal through a pager. It never changes the output. */
#pragma once

#include "client/client.h"

/* Collects standard output from here on, if it is text on a terminal and a pager is wanted. */
void pager_begin(struct context *context);
/* Flushes standard output and shows what was collected: through the pager if it is longer than the
 * screen, else or without a pager directly. Returns `code`, or an error after reporting that the
 * output cannot be written. */
int pager_end(struct context *context, int code);
