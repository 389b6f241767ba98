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
	assert_true(model_has(model, HARDWARE_FACE_ID) && model_has(model, HARDWARE_LAYERED) &&
		    model_has(model, HARDWARE_FLEX_I2C));
	assert_ptr_equal(model_by_board("D421AP"), model);
	assert_ptr_equal(model_by_chip(0x8030, 0x06), model);
}

static void models_without_face_id(void **state)
{
	const struct model *model = model_by_product("iPhone12,8");

	assert_non_null(model);
	assert_string_equal(model->family, "iphone_se23");
	assert_false(model_has(model, HARDWARE_FACE_ID) || model_has(model, HARDWARE_LAYERED) ||
		     model_has(model, HARDWARE_FLEX_I2C));
	assert_false(model_has(model, HARDWARE_AUDIO_IC));
	assert_true(model_has(model, HARDWARE_HOME_BUTTON));
	assert_true(model_has(model_by_product("iPhone9,1"), HARDWARE_AUDIO_IC));
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

	assert_true(count >= 318);
	for (size_t i = 0; i < count; i++) {
		assert_non_null(models[i].product);
		assert_int_not_equal(models[i].connector, CONNECTOR_UNKNOWN);
		assert_ptr_equal(model_by_board(models[i].board), &models[i]);
		if (models[i].connector != CONNECTOR_NONE &&
			sscanf(models[i].product, "iPhone%u", &generation) == 1 &&
			generation > newest)
			newest = generation;
		/* The flex is part of the Face ID assembly. */
		assert_true(model_has(&models[i], HARDWARE_FACE_ID) ||
			    !model_has(&models[i], HARDWARE_FLEX_I2C));
	}
	assert_int_equal(newest, 18);
}

static void devices_have_their_parts(void **state)
{
	const uint32_t earpiece = HARDWARE_FRONT_FLEX | HARDWARE_FLEXES | HARDWARE_MODEM;

	assert_int_equal(model_lacks("iPhone12,3", "") & earpiece, 0);
	assert_int_equal(model_lacks("Mac16,10", "") & earpiece, earpiece);
	assert_int_equal(model_lacks("", "J273aAP") & earpiece, earpiece);
	assert_true(model_lacks("Mac16,10", "") & HARDWARE_BATTERY);
	assert_false(model_lacks("Mac16,12", "") & HARDWARE_BATTERY);
	assert_true(model_lacks("iPad7,11", "") & HARDWARE_MODEM);
	assert_false(model_lacks("iPad7,12", "") & HARDWARE_MODEM);
	/* A model that is not in the table has what others of its kind may have. */
	assert_int_equal(model_lacks("iPhone99,1", "") & earpiece, 0);
	assert_int_equal(model_lacks("Mac99,1", "") & (earpiece | HARDWARE_BATTERY), earpiece);
	assert_int_equal(model_lacks("", ""), 0);
	assert_int_equal(model_lacks("?", "?"), 0);
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
		cmocka_unit_test(devices_have_their_parts),
	};

	return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
