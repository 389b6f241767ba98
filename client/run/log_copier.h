/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The process that copies a tool's output from memory to a file. It ends with the tool and not with
 * `run`, and a disk that hangs holds nobody but it. It gives old memory back. */
#pragma once

#include "client/run/logfile.h"

/* Copies until the tool has ended and all is in the file, or cannot be; then exits. `run` is the
 * process that starts the tool. Only for a process of its own. */
_Noreturn void log_copier_run(struct logfile *log, pid_t run);
