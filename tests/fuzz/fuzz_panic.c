/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Panic reports: any bytes as a file, and its panic read for several models. */
#include "common/logs/panicfile.h"
#include "common/logs/panic.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const char *const products[] = {"", "iPhone10,3", "iPhone13,2", "iPhone14,5"};
	char message[PANICFILE_MESSAGE_SIZE];
	struct panicfile *file = NULL;

	if (panicfile_parse((const char *)bytes, size, &file, message) < 0)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(products); i++) {
		struct panic_report report;

		panic_read(file->text, file->length, products[i], &report);
	}
	panicfile_free(file);
	return 0;
}
