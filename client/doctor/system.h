/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads small files, folders and processes of a system under a root folder: "" is this system;
 * tests use others. It writes nothing and evaluates nothing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/macro.h"
#include "common/model/event.h"
#include "common/model/phone_model.h"

#define SYSTEM_NAME_SIZE 256 /* bytes of a file or program name with the NUL */

/* Whether a file exists at `path`. */
bool system_exists(const char *root, const char *path);
/* The content of a file, up to 64 KiB, terminated by NUL; the caller frees it. Returns NULL with
 * errno set. *ret_length is set if `ret_length` is not NULL. */
char *system_read(const char *root, const char *path, size_t *ret_length);
/* The first line of a file, cleaned. Returns false with *out empty if there is none. */
bool system_read_line(const char *root, const char *path, char *out, size_t size);
/* The number in a file; -1 if there is none. */
long long system_read_number(const char *root, const char *path, int base);

/* Calls `visit` for each name in a folder, in order, except those that begin with a dot, until it
 * returns false. Returns 0, or a negative errno. */
typedef bool system_visit(void *user, const char *name);
int system_each(const char *root, const char *folder, system_visit *visit, void *user);

/* A process as /proc shows it. Texts are cleaned. */
struct system_process {
	int pid;
	char name[SYSTEM_NAME_SIZE]; /* of the program's file if known, else its comm */
};

/* Calls `visit` for each process until it returns false. */
typedef bool system_visit_process(void *user, const struct system_process *process);
int system_each_process(const char *root, system_visit_process *visit, void *user);
/* Reads the target of the link at `path`; false if it is unreadable. */
bool system_read_link(const char *root, const char *path, char *out, size_t size);

/* An Apple phone or tablet on USB. */
struct system_phone {
	char port[PORT_SIZE];
	int bus, address;
	enum device_mode mode;
	const struct model *model; /* in recovery or DFU mode; NULL = not shown or unknown */
};

#define SYSTEM_PHONES_MAX 64

/* Lists the phones on USB. Returns their number, or a negative errno if sysfs has no USB. */
int system_phones(const char *root, struct system_phone phones[static SYSTEM_PHONES_MAX]);

/* unix_peers.c: the peers of a Unix socket, from the kernel (sock_diag(7)). */

#define UNIX_PEERS_MAX 256

/* Finds the inode numbers of the sockets that are connected to the one at `path`. Returns their
 * number, or a negative errno if the kernel does not answer. */
int unix_peers(const char *path, uint32_t peers[static UNIX_PEERS_MAX]);
