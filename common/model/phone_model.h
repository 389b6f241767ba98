/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The models of phones, tablets and the other devices that a restore tool restores: their names in
 * each mode and the relevant hardware. Constant tables from knowledge/kinds.txt and
 * knowledge/models.txt; they do not contain faults. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum connector {
	CONNECTOR_UNKNOWN,
	CONNECTOR_30_PIN,
	CONNECTOR_LIGHTNING,
	CONNECTOR_USB_C,
	CONNECTOR_MICRO_USB,
	CONNECTOR_ADAPTER, /* contacts that need an adapter: see the kind */
	CONNECTOR_NONE,
};

/* The words of kinds.txt, as bits. */
enum hardware {
	HARDWARE_BATTERY = 1 << 0,
	HARDWARE_SCREEN = 1 << 1,
	HARDWARE_MODEM = 1 << 2,
	HARDWARE_NFC = 1 << 3,
	HARDWARE_HOME_BUTTON = 1 << 4,
	HARDWARE_FACE_ID = 1 << 5,
	HARDWARE_FLEXES = 1 << 6,
	HARDWARE_FRONT_FLEX = 1 << 7,
	HARDWARE_FLEX_I2C = 1 << 8, /* a shorted earpiece flex can fail the restore */
	HARDWARE_LAYERED = 1 << 9,
	HARDWARE_AUDIO_IC = 1 << 10, /* it comes loose */
};

/* An empty text says nothing. */
struct model_kind {
	const char *word;
	const char *enter;   /* recovery or DFU mode by hand */
	const char *adapter; /* where the contacts are */
	const char *without; /* how one with no connector is restored */
};

struct model {
	const char *product; /* product type such as iPhone12,3 */
	const char *board;   /* such as d421ap */
	const char *name;    /* as Apple sells it */
	const char *family;  /* repair family such as iphone_11 */
	const struct model_kind *kind;
	uint32_t chip_id;  /* CPID of the serial string in recovery and DFU mode */
	uint32_t board_id; /* BDID */
	int released;	   /* year and month as a number: 201909 */
	enum connector connector;
	uint32_t has; /* enum hardware */
};

/* Each returns the model, which is static, or NULL if unknown. */
const struct model *model_by_product(const char *product);
/* `board` in upper or lower case: lockdown reports D421AP, libirecovery d421ap. */
const struct model *model_by_board(const char *board);
/* The name as Apple sells it, in upper or lower case, with or without what is in brackets: the
 * first of several. */
const struct model *model_by_name(const char *name);
const struct model *model_by_chip(uint32_t chip_id, uint32_t board_id);
/* Every model in the order of the text file. */
const struct model *model_all(size_t *ret_count);

static inline bool model_has(const struct model *model, enum hardware hardware)
{
	return model && model->has & (uint32_t)hardware;
}

/* The hardware that a device does not have, as bits; of a model that is not in the table, what no
 * model with the same word before its number has. 0 if nothing is known. */
uint32_t model_lacks(const char *product, const char *board);
/* Whether the product type unlocks by Face ID. Assumed for iPhones newer than the table: all since
 * iPhone17 have it. */
bool product_has_face_id(const char *product);
/* The year in which Apple released the first iPhone with the product type's first number: it
 * increases by one per year, from iPhone6 in 2013 on. 0 = unknown, or no iPhone. */
int product_year(const char *product);
