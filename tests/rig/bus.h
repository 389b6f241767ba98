/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Makes the records that usbmon shows of a phone on a bus, as a restore program, usbmuxd and the
 * phone would cause them, and plays them to a watcher with time that passes between them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/link/link_watcher.h"

#define BUS_ENDPOINT_OUT 0x04
#define BUS_ENDPOINT_IN 0x85
#define BUS_PRODUCT_NORMAL 0x12a8
#define BUS_PRODUCT_RECOVERY 0x1281
#define BUS_PRODUCT_DFU 0x1227
#define BUS_UDID "00008030001C2D6A3C8A802E"
#define BUS_IBOOT_SERIAL                                                                           \
	"CPID:8030 CPRV:11 CPFM:03 SCEP:01 BDID:06 ECID:001C2D6A3C8A802E IBFL:3D SRNM:[F2LXK]"
#define BUS_IBEC_SERIAL                                                                            \
	"CPID:8030 CPRV:11 CPFM:03 SCEP:01 BDID:06 ECID:001C2D6A3C8A802E IBFL:3C SRNM:[F2LXK]"
#define BUS_START_US (100 * USEC_PER_SEC) /* monotonic */
#define BUS_WALL_US UINT64_C(1700000000000000)

enum bus_way { BUS_TO_PHONE, BUS_FROM_PHONE };

enum bus_item_kind { BUS_RECORD, BUS_ATTACH, BUS_DETACH, BUS_LOST, BUS_CORRECTED, BUS_PASS };

struct bus_item {
	enum bus_item_kind kind;
	uint64_t at_us; /* monotonic */
	uint32_t bus, address, records;
	uint16_t vendor, product;
	const char *serial; /* static */
	uint8_t *bytes;
	size_t length;
};

struct bus {
	struct bus_item *items;
	size_t count, room;
	uint64_t now_us;
	uint32_t number, address;
	uint64_t last_id;
	uint16_t last_port;
	uint16_t mux_sequence;
	uint32_t mux_version; /* 2 at first */
	bool acknowledges;    /* each segment is acknowledged at once */
	uint16_t window;      /* of the phone, in units of 256 bytes */
	size_t captured_max;  /* bytes of a payload that usbmon copies */
	size_t transfer_max;  /* bytes of a transfer; a packet may need several */
};

struct bus_connection {
	uint16_t host_port, phone_port;
	uint32_t next[2];
};

void bus_init(struct bus *bus);
void bus_done(struct bus *bus);
void bus_pass(struct bus *bus, uint64_t milliseconds);
void bus_attach(struct bus *bus, uint16_t product, const char *serial);
void bus_detach(struct bus *bus);
void bus_lost(struct bus *bus, uint32_t records);
void bus_corrected(struct bus *bus);

/* A transfer. The bytes of one from the phone come with its completion. */
uint64_t bus_submit(struct bus *bus, uint8_t endpoint, const void *bytes, size_t length);
void bus_complete(struct bus *bus, uint64_t id, uint8_t endpoint, int status, const void *bytes,
	size_t length);
void bus_transfer(struct bus *bus, uint8_t endpoint, int status, const void *bytes, size_t length);
void bus_request(struct bus *bus, uint8_t type, uint8_t request, int status, const void *bytes,
	size_t length);
/* A record as it is, for malformed ones. */
void bus_add_record(struct bus *bus, const void *bytes, size_t length);

/* usbmuxd and the phone agree on the version. */
void bus_greet(struct bus *bus);
struct bus_connection bus_open(struct bus *bus, uint16_t phone_port);
void bus_close(struct bus *bus, struct bus_connection *connection);
/* Bytes in one segment. */
void bus_send(struct bus *bus, struct bus_connection *connection, enum bus_way way,
	const void *bytes, size_t length);
/* A message of restored: `dict` stands in <dict>. */
void bus_say(
	struct bus *bus, struct bus_connection *connection, enum bus_way way, const char *dict);
/* The same with any body. */
void bus_say_body(struct bus *bus, struct bus_connection *connection, enum bus_way way,
	const void *body, size_t length, uint32_t announced);

/* A whole restore up to that point, without a fault. */
enum bus_point {
	BUS_AT_UPLOAD,	  /* the ramdisk is being sent to iBoot */
	BUS_AT_BOOT,	  /* the phone was told to start the restore system, and has left */
	BUS_AT_QUERY,	  /* restored has answered */
	BUS_AT_OPERATION, /* in operation 12, at 30 % */
	BUS_AT_REQUEST,	  /* restored has asked for data */
	BUS_AT_IMAGE,	  /* in the middle of the system image */
	BUS_AT_STATUS,	  /* restored has reported success */
};
/* Returns the connection with restored, and sets the one that brings the image. */
struct bus_connection bus_restore(
	struct bus *bus, enum bus_point point, struct bus_connection *ret_image);

/* Feeds item `i`. Time before it passes with ticks at each deadline. */
void bus_play_item(const struct bus *bus, size_t i, struct link_watcher *watcher);
void bus_play(const struct bus *bus, struct link_watcher *watcher);

/* A sink that writes events as lines into text: "KIND name number code flag permille". */
struct bus_lines {
	char text[65536];
	size_t length, count;
};
void bus_write_line(void *user, const struct event *event);
