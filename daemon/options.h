/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the administrator chose: defaults, the configuration file, the command line, in this order.
 * It opens nothing but that file. */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/model/event.h"

#define OPTIONS_CONFIG_PATH "/etc/idevicetriage/idevicetriaged.conf"
#define OPTIONS_SOCKET_PATH "/run/idevicetriage/io.github.idevicetriage"
#define OPTIONS_STATE_DIR "/var/lib/idevicetriage"

struct options {
	char socket[PATH_MAX];
	char state_dir[PATH_MAX];
	char bench_name[NAME_SIZE];
	uint64_t ring_bytes;
	uint32_t budget_percent;
	uint32_t keep_records_days;  /* of sealed sessions; 0 = for ever */
	uint32_t keep_attempts_days; /* with what is known of them; 0 = for ever */
	unsigned queries;	     /* what phones may be asked: enum query bits */
	bool verbose;
};

/* Reads the choices. On trouble one sentence is written to standard error. Returns 0, 1 where help
 * or the version was asked for and printed, or -EINVAL. */
int options_read(int argc, char **argv, struct options *ret);
