/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds parts named in the text of an iPhone's panic log, using the tables of knowledge/panics.txt.
 * It reads no file and no JSON, and does not explain why a restore failed. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/model/event.h"

#define PANIC_REASON_SIZE 512 /* stored bytes of the panic's own words, with the NUL */
#define PANIC_SENSORS_MAX 16
#define PANIC_SENSOR_SIZE 32
#define PANIC_FINDINGS_MAX 32
#define PANIC_SHOWN_SIZE 48
#define PANIC_PARTS_MAX 6

/* The last one of each list is NULL. */
struct panic_part {
	const char *models; /* families and product types with spaces between; NULL = any */
	const char *part;
};

/* Words of a panic log, or the name of a missing sensor. */
struct panic_word {
	const char *id;
	bool sensor;
	const char *texts[13];
	const char *means; /* one sentence */
	struct panic_part parts[PANIC_PARTS_MAX + 1];
	const char *sign;    /* sign of an attempt whose saved panic log contains it, or NULL */
	const char *history; /* word of history from a report of a running phone, or NULL */
	const char *unless;  /* id of a more precise word, or NULL */
	bool either;	     /* software is an equally possible cause */
	const char *sure;    /* weak, moderate, strong */
	const char *disputed[3];
	const char *sources[5];
};

/* A number of the system controller's sensor array, or one bit of it. */
struct panic_mask {
	const char *id;
	const char *models;
	uint64_t value;
	bool whole; /* the whole number, not a bit of it */
	const char *part;
	bool either;
	const char *sure;
	const char *disputed[3];
	const char *sources[5];
};

/* One finding. Its texts are static. */
struct panic_finding {
	const char *id;
	char shown[PANIC_SHOWN_SIZE]; /* the text in the log */
	const char *means;
	const char *parts[PANIC_PARTS_MAX + 1]; /* the suspects; none = unknown meaning */
	bool for_model; /* the suspects are specific to this model or family */
	bool either;
	const char *sure; /* NULL if there is no suspect */
	const char *sign;
	const char *history;	     /* the word for the phone's history, or NULL */
	const char *const *disputed; /* ends with NULL; never NULL itself */
	const char *const *sources;
};

struct panic_report {
	char reason[PANIC_REASON_SIZE]; /* the panic's own words in one line; empty = none found */
	char sensors[PANIC_SENSORS_MAX][PANIC_SENSOR_SIZE]; /* named as missing */
	size_t sensor_count;
	struct panic_finding findings[PANIC_FINDINGS_MAX];
	size_t finding_count;
};

/* Reads `length` bytes of a panic's text: the panicString of a panic-full file, the text of an
 * older one, or the panic log that a phone saved. `product` is the product type such as iPhone12,3;
 * empty if unknown. Never fails; unknown text gives no finding, except missing sensors and sensor
 * array numbers, which are reported as unknown. */
void panic_read(const char *text, size_t length, const char *product, struct panic_report *ret);

/* Sends an EVENT_SAVED and, if it is a panic log, an EVENT_SIGN for each sign in it (see
 * panic_word), once each. */
void panic_send_saved(const struct event *saved, event_sink *sink, void *user);
