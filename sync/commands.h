/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The commands of idevicetriage-sync. Each returns an exit status. */
#pragma once

#include "sync/settings.h"

/* The version of schema.sql that this program can use, and its text. */
#define SCHEMA_VERSION 1
extern const char sync_schema_text[];

/* `run`: the exchange of a bench with the server, until a signal ends it. */
int program_run(const struct settings *settings);

/* Of the shop's owner: they wait for the server. */
int admin_init(const struct settings *settings);
int admin_enrol(const struct settings *settings, const char *bench);
int admin_check(const struct settings *settings);

/* `status`: what the service last reported. It asks neither the server nor the service. Returns 0
 * if the service is connected and nothing waits, else 1. */
int view_status(const struct settings *settings);
