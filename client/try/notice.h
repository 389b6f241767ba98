/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waits until the bench sees what a person changes: the phone on another port, in another mode,
 * replugged. It reads the daemon's stream and touches nothing. */
#pragma once

#include "client/stream.h"
#include "common/base/id.h"
#include "common/diagnosis/knowledge.h"

enum noticed {
	NOTICED_CHANGE,
	NOTICED_WORD,	 /* a person says so; only where the bench cannot see it */
	NOTICED_STOP,	 /* q or Ctrl-C */
	NOTICED_FAILURE, /* reported; `code` is the exit code */
};

struct notice {
	struct context *context;
	enum done done;
	bool live;		 /* a person is at the terminal */
	const char *ecid, *udid; /* of the phone; NULL = unknown */
	char port[PORT_SIZE];	 /* where the last attempt was; empty = unknown */
	int code;
	/* Its own. */
	struct stream stream;
	struct connection *connection;
	struct json_object *devices;
	char mode[32];	     /* before it left; empty = it was not there */
	uint32_t speed_mbps; /* 0 = unknown */
	bool left, restarted, looked;
	bool slow; /* the change is made, and the link is slow */
	enum noticed result;
	char said[PORT_SIZE + 160];
};

/* Says what it waits for, and waits. */
enum noticed notice_wait(struct notice *notice);
