/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/model/phone_model.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/base/macro.h"

#define LAST_IPHONE_OF_TABLE 18 /* the largest N of iPhoneN,M in models.txt */

static const struct model_kind model_kinds[] = {
#include "common/knowledge/model_kinds.inc"
};
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

const struct model *model_by_name(const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < ARRAY_SIZE(models); i++) {
		const char *rest = models[i].name + length;

		if (length && strncasecmp(models[i].name, name, length) == 0 &&
			(!*rest || strncmp(rest, " (", 2) == 0))
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

/* The word before the number: iPhone, Watch. */
static size_t word_length(const char *product)
{
	return strcspn(product, "0123456789");
}

uint32_t model_lacks(const char *product, const char *board)
{
	const struct model *model = model_by_product(product);
	size_t length = word_length(product);
	uint32_t has = 0;

	if (!model)
		model = model_by_board(board);
	if (model)
		return ~model->has;
	for (size_t i = 0; i < ARRAY_SIZE(models); i++)
		if (word_length(models[i].product) == length &&
			memcmp(models[i].product, product, length) == 0)
			has |= models[i].has;
	return has ? ~has : 0;
}

bool product_has_face_id(const char *product)
{
	const struct model *model = model_by_product(product);
	unsigned generation, variant;

	if (model)
		return model_has(model, HARDWARE_FACE_ID);
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
