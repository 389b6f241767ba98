/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/model/phone_model.h"

#include <stdio.h>
#include <string.h>

#include "common/base/macro.h"
#include "tests/unit/test.h"

static void found_by_each_name(void **state)
{
	const struct model *model = model_by_product("iPhone12,3");

	assert_non_null(model);
	assert_string_equal(model->board, "d421ap");
	assert_string_equal(model->name, "iPhone 11 Pro");
	assert_string_equal(model->family, "iphone_11");
	assert_int_equal(model->connector, CONNECTOR_LIGHTNING);
	assert_true(model->has_face_id && model->layered_board && model->front_sensor_flex_on_i2c);
	assert_ptr_equal(model_by_board("D421AP"), model);
	assert_ptr_equal(model_by_chip(0x8030, 0x06), model);
}

static void models_without_face_id(void **state)
{
	const struct model *model = model_by_product("iPhone12,8");

	assert_non_null(model);
	assert_string_equal(model->family, "iphone_se23");
	assert_false(model->has_face_id || model->layered_board || model->front_sensor_flex_on_i2c);
	assert_false(model->audio_ic_comes_loose);
	assert_true(model_by_product("iPhone9,1")->audio_ic_comes_loose);
}

static void unknown_is_null(void **state)
{
	assert_null(model_by_product("iPhone12"));
	assert_null(model_by_product(""));
	assert_null(model_by_board("d421"));
	assert_null(model_by_chip(0x8030, 0xff));
}

/* A product type with two chips: the board decides, the type alone finds the first. */
static void two_chips_of_one_product(void **state)
{
	assert_string_equal(model_by_product("iPhone8,1")->board, "n71ap");
	assert_string_equal(model_by_chip(0x8003, 0x04)->board, "n71map");
	assert_string_equal(model_by_chip(0x8003, 0x04)->product, "iPhone8,1");
}

static void face_id_of_newer_phones(void **state)
{
	assert_true(product_has_face_id("iPhone10,3"));
	assert_false(product_has_face_id("iPhone10,1"));
	assert_false(product_has_face_id("iPhone14,6"));
	assert_true(product_has_face_id("iPhone99,1"));
	assert_false(product_has_face_id("iPhone18,99"));
	assert_false(product_has_face_id("iPad99,1"));
	assert_false(product_has_face_id("iPhone"));
}

/* The rule for newer phones begins after the last generation of the table. */
static void table_is_whole(void **state)
{
	unsigned generation, newest = 0;
	size_t count;
	const struct model *models = model_all(&count);

	assert_true(count > 150);
	for (size_t i = 0; i < count; i++) {
		assert_non_null(models[i].product);
		assert_int_not_equal(models[i].connector, CONNECTOR_UNKNOWN);
		assert_ptr_equal(model_by_board(models[i].board), &models[i]);
		if (sscanf(models[i].product, "iPhone%u", &generation) == 1 && generation > newest)
			newest = generation;
		/* The flex is part of the Face ID assembly. */
		assert_true(models[i].has_face_id || !models[i].front_sensor_flex_on_i2c);
	}
	assert_int_equal(newest, 18);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found_by_each_name),
		cmocka_unit_test(models_without_face_id),
		cmocka_unit_test(unknown_is_null),
		cmocka_unit_test(two_chips_of_one_product),
		cmocka_unit_test(face_id_of_newer_phones),
		cmocka_unit_test(table_is_whole),
	};

	return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
