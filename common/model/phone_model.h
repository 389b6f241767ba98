/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The models of phones and tablets: their names in each mode and the relevant hardware. A constant
 * table from knowledge/models.txt; it does not contain faults. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum connector { CONNECTOR_UNKNOWN, CONNECTOR_30_PIN, CONNECTOR_LIGHTNING, CONNECTOR_USB_C };

struct model {
	const char *product; /* product type such as iPhone12,3 */
	const char *board;   /* such as d421ap */
	const char *name;    /* as Apple sells it */
	const char *family;  /* repair family such as iphone_11 */
	uint32_t chip_id;    /* CPID of the serial string in recovery and DFU mode */
	uint32_t board_id;   /* BDID */
	enum connector connector;
	bool has_face_id;
	bool layered_board;
	bool audio_ic_comes_loose;
	bool front_sensor_flex_on_i2c; /* a shorted earpiece flex can fail the restore */
};

/* Each returns the model, which is static, or NULL if unknown. */
const struct model *model_by_product(const char *product);
/* `board` in upper or lower case: lockdown reports D421AP, libirecovery d421ap. */
const struct model *model_by_board(const char *board);
const struct model *model_by_chip(uint32_t chip_id, uint32_t board_id);
/* Every model in the order of the text file. */
const struct model *model_all(size_t *ret_count);

/* Whether the product type unlocks by Face ID. Assumed for iPhones newer than the table: all since
 * iPhone17 have it. */
bool product_has_face_id(const char *product);
/* The year in which Apple released the first iPhone with the product type's first number: it
 * increases by one per year, from iPhone6 in 2013 on. 0 = unknown, or no iPhone. */
int product_year(const char *product);
