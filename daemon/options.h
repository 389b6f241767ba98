/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The administrator's settings: defaults, then the configuration file, then the command line. It
 * opens only that file. */
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
	char link_socket[PATH_MAX]; /* for idevicetriage-link; empty = none */
	char state_dir[PATH_MAX];
	char bench_name[NAME_SIZE];
	uint64_t ring_bytes;
	uint32_t budget_percent;
	uint32_t keep_records_days;  /* for sealed sessions; 0 = for ever */
	uint32_t keep_attempts_days; /* with everything about them; 0 = for ever */
	uint64_t casebook_bytes;     /* for what people add; 0 = no limit */
	uint64_t daily_bytes;	     /* the same that one user adds in a day */
	unsigned queries;	     /* allowed questions to phones: enum query bits */
	bool verbose;
};

/* Reads the settings. On an error it writes one sentence to standard error. Returns 0, 1 if it
 * printed the help or the version, or -EINVAL. */
int options_read(int argc, char **argv, struct options *ret);
/* Whether they differ in a setting that only a new start changes. */
bool options_need_restart(const struct options *running, const struct options *fresh);
