/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a phone may answer: any bytes as the answer to each question. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"
#include "phone/values.h"

static void check(const char *text, size_t size)
{
	assert(memchr(text, '\0', size));
	assert(text_is_utf8(text, strlen(text)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct phone_answer answer;
	plist_t reply;

	if (size > PHONE_VALUES_MAX ||
		phone_values_parse((const char *)data, (uint32_t)size, &reply) < 0)
		return 0;
	answer = (struct phone_answer){.kind = phone_values_kind(reply)};
	for (size_t i = 0; phone_values_key(i); i++)
		phone_values_read_one(&answer, i, reply);
	phone_values_read_hardware(&answer, reply);
	phone_values_read_saved(&answer, reply);
	plist_free(reply);
	check(answer.product, sizeof(answer.product));
	check(answer.board, sizeof(answer.board));
	check(answer.version, sizeof(answer.version));
	check(answer.build, sizeof(answer.build));
	check(answer.exit_status.text, sizeof(answer.exit_status.text));
	check(answer.usb_log.text, sizeof(answer.usb_log.text));
	check(answer.panic_log.text, sizeof(answer.panic_log.text));
	return 0;
}
