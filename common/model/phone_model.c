/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/model/phone_model.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/base/macro.h"

#define LAST_IPHONE_OF_TABLE 18 /* the largest N of iPhoneN,M in models.txt */

static const struct model models[] = {
#include "common/knowledge/models.inc"
};

const struct model *model_by_product(const char *product)
{
	for (size_t i = 0; i < ARRAY_SIZE(models); i++) {
		if (strcmp(models[i].product, product) == 0)
			return &models[i];
	}
	return NULL;
}

const struct model *model_by_board(const char *board)
{
	for (size_t i = 0; i < ARRAY_SIZE(models); i++) {
		if (strcasecmp(models[i].board, board) == 0)
			return &models[i];
	}
	return NULL;
}

const struct model *model_by_chip(uint32_t chip_id, uint32_t board_id)
{
	for (size_t i = 0; i < ARRAY_SIZE(models); i++) {
		if (models[i].chip_id == chip_id && models[i].board_id == board_id)
			return &models[i];
	}
	return NULL;
}

const struct model *model_all(size_t *ret_count)
{
	assert(ret_count);
	*ret_count = ARRAY_SIZE(models);
	return models;
}

bool product_has_face_id(const char *product)
{
	const struct model *model = model_by_product(product);
	unsigned generation, variant;

	if (model)
		return model->has_face_id;
	return sscanf(product, "iPhone%3u,%3u", &generation, &variant) == 2 &&
	       generation > LAST_IPHONE_OF_TABLE;
}

int product_year(const char *product)
{
	unsigned generation, variant;

	if (sscanf(product, "iPhone%3u,%3u", &generation, &variant) != 2 || generation < 6)
		return 0;
	return (int)generation + 2007;
}
