/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A firmware file's BuildManifest.plist: for which devices it is, and which files it needs. It
 * reads bytes; the archive is archive.h. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/macro.h"

#define FIRMWARE_DIGEST_MAX 48 /* SHA-384; older devices have SHA-1 */
#define FIRMWARE_PATH_SIZE 256
#define FIRMWARE_NAME_SIZE 96

/* A file that the manifest names. */
struct component {
	char name[FIRMWARE_NAME_SIZE]; /* such as iBSS */
	char path[FIRMWARE_PATH_SIZE]; /* in the archive */
	uint8_t digest[FIRMWARE_DIGEST_MAX];
	size_t digest_length; /* 0 = the manifest has none */
};

struct manifest {
	char version[FIRMWARE_NAME_SIZE]; /* such as 14.8.1 */
	char build[FIRMWARE_NAME_SIZE];
	char (*products)[FIRMWARE_NAME_SIZE]; /* product types */
	size_t product_count;
	char (*boards)[FIRMWARE_NAME_SIZE]; /* of the build identities */
	size_t board_count;
	struct component *components; /* each path once for each digest */
	size_t component_count;
};

/* Reads the bytes of the file. Returns 0 with *ret owned by the caller, -EBADMSG if it is no build
 * manifest, -E2BIG if it lists too much, or -ENOMEM. */
int manifest_read(const char *bytes, size_t length, struct manifest **ret);
struct manifest *manifest_free(struct manifest *manifest);
DEFINE_FREEP(struct manifest, manifest_free)
