/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The state of a phone that is followed, and the functions of the parts on it. Private to
 * common/link. */
#pragma once

#include "common/link/link_watcher.h"
#include "common/link/message.h"

#define TRANSFERS_MAX 48   /* pending on a device: usbmuxd has some ten; the oldest is dropped */
#define CONNECTIONS_MAX 24 /* of usbmux on a device; the one that was idle longest is dropped */
#define DIALOGUES_MAX 2	   /* that are read at a time on a device */
#define FAULTS_MAX 8	   /* kinds of errors that wait until it is certain that the phone stays */

#define USB_IN 0x80 /* in an endpoint's address */

enum direction { TO_PHONE, FROM_PHONE, DIRECTIONS };

/* A transfer that was submitted and has not completed. */
struct transfer {
	uint64_t id;
	uint64_t since_us; /* monotonic; 0 = a free place */
	uint8_t endpoint;
};

/* A connection of usbmux. */
struct connection {
	uint16_t host_port, phone_port;
	bool open;    /* both sides have agreed, and neither has closed it */
	bool refused; /* its service is not restored: nothing of it is read */
	bool known[DIRECTIONS];
	uint32_t next[DIRECTIONS];    /* the sequence number of the next byte */
	uint8_t repeated[DIRECTIONS]; /* segments before it, one after the other */
	bool window_known;
	uint32_t accepts_to;	  /* the phone accepts bytes up to this sequence number */
	uint32_t acknowledged;	  /* it has acknowledged those up to this one */
	uint64_t closed_since_us; /* the phone's window is full since then; 0 = it is open */
	uint64_t opened_us, used_us;
	uint64_t sent;		   /* bytes to the phone */
	struct dialogue *dialogue; /* NULL = it is only counted */
};

/* A connection that is read. */
struct dialogue {
	struct connection *connection; /* NULL = a free place */
	struct message_reader readers[DIRECTIONS];
	char label[MESSAGE_WORD_SIZE];
};

/* One direction of the mux protocol. */
struct mux_side {
	uint8_t endpoint;	       /* 0 = not found yet */
	uint64_t left;		       /* bytes of the packet that follow in the next transfers */
	struct connection *connection; /* of that packet; NULL = not of TCP */
};

/* A file that iBoot or the boot ROM receives. */
struct upload {
	bool running;
	const char *component; /* NULL = unknown */
	uint64_t total, sent;  /* bytes; total 0 = unknown */
	bool failed;	       /* a transfer of it has */
	bool identified;       /* its beginning was looked at */
};

/* An error that proves a fault of the link if the phone stays. */
struct fault {
	struct stamp at; /* the first one; zero = a free place */
	enum event_kind kind;
	int32_t code;
	uint8_t endpoint;
	uint32_t count;
};

/* Who has to send next. */
enum turn { TURN_UNKNOWN, TURN_PHONE, TURN_HOST };

struct device {
	struct link_watcher *watcher;
	uint32_t bus, address;
	char port[PORT_SIZE];
	enum device_mode mode;
	uint64_t ecid;
	char udid[UDID_SIZE];

	struct stamp now; /* the latest time; never goes back */
	struct transfer transfers[TRANSFERS_MAX];
	struct fault faults[FAULTS_MAX];
	/* Since it was attached, endpoint 0 apart: */
	uint32_t wire_errors; /* that the controller reported */
	uint32_t failures;    /* transfers that such an error ended */
	uint32_t corrected;   /* reported; at most LINK_CORRECTED_MAX */
	bool leaves;	      /* it was asked to leave this mode, or reported its end */
	const char *awaited;  /* the budget for its return after it has left; NULL = none */

	struct mux_side mux[DIRECTIONS];
	uint32_t mux_version; /* 0 = not seen */
	struct connection connections[CONNECTIONS_MAX];
	struct dialogue dialogues[DIALOGUES_MAX];
	struct upload upload;

	/* The restore. */
	enum link_service service;
	uint32_t protocol; /* of restored; 0 = unknown */
	enum restore_stage stage;
	uint32_t operation;
	int32_t permille;
	char program[MESSAGE_WORD_SIZE];
	char component[NAME_SIZE]; /* that the phone requested and does not have yet */
	uint64_t asked_us;	   /* when it requested that */
	struct connection *serves; /* the connection with its data; NULL = not seen */

	/* Silence. */
	enum turn turn;
	uint64_t turn_us;
	uint64_t heard_us[DIRECTIONS]; /* the last data; from the phone without bare headers */
	uint64_t lives_us;	       /* the last bytes from the phone, also bare headers */
	uint64_t quiet_since_us;       /* of the silence that was reported last */
	uint64_t quiet_reported_s;     /* seconds of it that were reported */

	/* Rate. */
	char step[NAME_SIZE];
	uint64_t moved_bytes;		   /* not reported yet */
	uint64_t moved_total;		   /* since it was attached */
	uint64_t moved_since_us, moved_us; /* the begin of the measurement, and the last data */
	uint64_t moved_silence_us;

	/* Limit of events. */
	uint32_t tokens;
	uint64_t tokens_us;
};

struct link_watcher {
	event_sink *sink;
	void *user;
	struct device *devices[LINK_DEVICES_MAX];
	struct link_watcher_stats stats;
};

/* Creates an event of that device. */
struct event device_event(const struct device *device, struct stamp at, enum event_kind kind);
/* Passes it to the sink, unless the device is over its limit of events. */
void device_emit(struct device *device, const struct event *event);
void device_emit_number(
	struct device *device, struct stamp at, enum event_kind kind, uint32_t number);
void device_emit_name(
	struct device *device, struct stamp at, enum event_kind kind, const char *name);
/* Reports a stage that has changed. */
void device_set_stage(struct device *device, struct stamp at, enum restore_stage stage);
/* Sets who has to send next, from `at` on. */
void device_set_turn(struct device *device, struct stamp at, enum turn turn);
/* The restore enters a step: the rate is measured for each. */
void device_set_step(struct device *device, struct stamp at, const char *step);

/* transfer.c */
void transfers_submitted(struct device *device, struct stamp at, uint64_t id, uint8_t endpoint);
/* A transfer has ended after `bytes`: `status` is 0 or a negative errno. */
void transfers_completed(struct device *device, struct stamp at, uint64_t id, uint8_t endpoint,
	int32_t status, uint32_t bytes);
/* Records are missing: drops all pending transfers, whose ends may be among them. */
void transfers_forget(struct device *device);
/* Counts an error; it is reported once the phone has stayed on the bus long enough. */
void fault_add(struct device *device, struct stamp at, enum event_kind kind, int32_t code,
	uint8_t endpoint);
/* Reports the silences and errors that are due. */
void transfers_tick(struct device *device, struct stamp now);
/* The monotonic time of the next one; 0 = none. */
uint64_t transfers_deadline(const struct device *device);
/* Reports the data that moved since the last report. */
void rate_report(struct device *device, struct stamp at);

/* mux.c: reads a bulk transfer; `captured` of its `length` bytes are at `bytes`. */
void mux_feed(struct device *device, struct stamp at, uint8_t endpoint, const uint8_t *bytes,
	size_t captured, size_t length);
/* Records are missing: the conversations in open packets have a gap. */
void mux_gap(struct device *device);

/* dialogue.c: reads bytes of a connection to PORT_RESTORED. */
#define PORT_RESTORED 62078
void dialogue_feed(struct device *device, struct stamp at, struct connection *connection,
	enum direction direction, const uint8_t *bytes, size_t length);
void dialogue_gap(struct connection *connection, enum direction direction);
void dialogue_end(struct dialogue *dialogue);
/* A connection sent data to the phone, or closed. */
void dialogue_data(struct device *device, struct stamp at, struct connection *connection);
void dialogue_closed(struct device *device, struct stamp at, struct connection *connection);

/* iboot.c: reads the requests of a phone in recovery or DFU mode. */
void iboot_request(struct device *device, struct stamp at, const uint8_t setup[static 8],
	const uint8_t *bytes, size_t length);
void iboot_bulk(struct device *device, struct stamp at, const uint8_t *bytes, size_t length);
/* A transfer to the phone has ended with that status, after the phone accepted `bytes` of it. */
void iboot_completed(struct device *device, struct stamp at, int32_t status, uint32_t bytes);
