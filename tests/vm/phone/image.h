/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The service that takes the system image in restore mode (ASR, Apple Software Restore). */
/* It counts the image and throws it away; it checks no sums, and what comes of the restore is told
 * by the scenario. Report: "image N percent", at each quarter. Source of the messages:
 * idevicerestore 1.0.0 (asr.c). */
#pragma once

#include "tests/vm/phone/bytes.h"
#include "tests/vm/phone/report.h"

#include <stdbool.h>

#define IMAGE_PORT 12345

enum image_state {
	IMAGE_PACKETS, /* the host tells how large the image is, as a property list */
	IMAGE_SAMPLE,  /* the host sends the piece that was asked for as a trial */
	IMAGE_PAYLOAD, /* the host sends the image */
};

/* One connection to the service. */
struct image {
	const struct report *report;
	enum image_state state;
	struct bytes input; /* what has come of a property list that is not yet complete */
	uint64_t size;	    /* of the image, once the host told it */
	uint64_t received;  /* of the sample or of the image */
	unsigned quarters;  /* of the image that were reported */
};

/* Starts the service for one connection, which begins: its first word is appended to `reply`.
 * `report` must outlive it. Returns 0 or a negative errno. */
int image_init(struct image *image, const struct report *report, struct bytes *reply);
void image_done(struct image *image);

/* Takes what came from the host and appends the answers to `reply`. Returns 0, -EBADMSG when it is
 * nothing of this service, -ENOBUFS or -ENOMEM: the connection has to be closed then. */
int image_feed(struct image *image, const uint8_t *data, size_t size, struct bytes *reply);
