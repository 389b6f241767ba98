/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The settings of idevicetriage-sync: defaults, the configuration file, the command line; and the
 * secrets, which systemd passes as files. It connects to nothing. */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/macro.h"

#define SETTINGS_CONFIG_PATH "/etc/idevicetriage/sync.conf"
#define SETTINGS_SOCKET_PATH "/run/idevicetriage/io.github.idevicetriage"
#define SETTINGS_STATUS_PATH "/run/idevicetriage-sync/status.json"
#define SETTINGS_FOLDER "idevicetriage-shop"

struct settings {
	char server[1024]; /* a connection string of libpq */
	char site[64];	   /* before cable labels on the server; empty = none */
	bool share_text;   /* notes and words of logs go to the server too */
	char config[PATH_MAX];
	char socket[PATH_MAX]; /* of the daemon */
	char status[PATH_MAX]; /* where `run` reports its state */
	char folder[PATH_MAX]; /* of `init` and `enrol` */
	char host[256];	       /* of the server, for the benches; empty = this computer */
	char ca[PATH_MAX];     /* certificate that the benches trust; empty = the system's */
	bool again;
	bool json;
	bool verbose;
};

/* Reads the file and the options that follow the command. Returns the index of the first other
 * argument; 0 if it printed the help or the version, or -EINVAL after a sentence on standard error.
 */
int settings_read(int argc, char **argv, struct settings *ret);

#define SECRET_SIZE 256
#define SHOP_KEY_BYTES 32

struct secrets {
	unsigned char shop_key[SHOP_KEY_BYTES];
	char password[SECRET_SIZE]; /* empty = none */
	char ca[PATH_MAX];	    /* paths; empty = none */
	char certificate[PATH_MAX];
	char private_key[PATH_MAX];
};

/* Reads them from $CREDENTIALS_DIRECTORY, without systemd from /etc/idevicetriage/sync. Returns 0,
 * or -EINVAL after a sentence on standard error.
 */
int secrets_read(struct secrets *ret);
/* Reads a shop key: 64 hex digits. Returns 0 or a negative errno. */
int shop_key_read(const char *path, unsigned char ret[static SHOP_KEY_BYTES]);
