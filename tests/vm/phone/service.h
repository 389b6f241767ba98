/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The service on port 62078: lockdownd in normal mode, restored in restore mode. */
/* It answers single requests, in messages of a 4-byte length and a property list; it pairs with
 * nobody, starts no service, and restores nothing: how far a restore is, is told by the scenario.
 * Report: "request NAME". Source of the messages: libimobiledevice 1.3.0 (lockdown.c, restore.c).
 */
#pragma once

#include "tests/vm/phone/bytes.h"
#include "tests/vm/phone/identity.h"
#include "tests/vm/phone/report.h"

#include <stdbool.h>

#define SERVICE_PORT 62078
#define SERVICE_MESSAGE_MAXIMUM_BYTES (256 * 1024)

/* One connection to the service. */
struct systemd {
	const struct report *report;
	const struct identity *identity;
	enum mode mode;
	bool restoring;	    /* restored was told to start here, and tells its progress here */
	struct bytes input; /* what has come of a message that is not yet complete */
};

/* Starts the service for one connection; `identity` and `report` must outlive it. */
void service_init(struct systemd *service, const struct identity *identity, enum mode mode,
	const struct report *report);
void service_done(struct systemd *service);

/* Takes what came from the host and appends the answers to `reply`. Returns 0, -EBADMSG when it is
 * no message of the service, -ENOBUFS or -ENOMEM: the connection has to be closed then. */
int service_feed(struct systemd *service, const uint8_t *data, size_t size, struct bytes *reply);

/* Append restored's message that `operation` (its own number) is at `percent`, or that the restore
 * ended with `status` (0: success; its own number). Return 0 or a negative errno. */
int service_add_progress(struct bytes *reply, uint64_t operation, uint64_t percent);
int service_add_status(struct bytes *reply, uint64_t status);

/* Appends restored's request for data of that type, such as "SystemImageData". Returns 0 or a
 * negative errno. */
int service_add_data_request(struct bytes *reply, const char *type);

/* Appends restored's message with the log of an earlier restore. Returns 0 or a negative errno. */
int service_add_log(struct bytes *reply, const char *text);
