/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the program that talks to phones may print: any bytes. What is read writes back the same. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"
#include "phone/answer.h"

static void check(const char *text, size_t size)
{
	assert(memchr(text, '\0', size));
	assert(text_is_utf8(text, strlen(text)));
	for (const char *c = text; *c; c++)
		assert((unsigned char)*c >= 0x20);
}

static void check_answer(const char *bytes, size_t size)
{
	static struct phone_answer answer, again;
	CLEANUP(freep) char *line = NULL, *line_again = NULL;

	memset(&answer, 0, sizeof(answer));
	if (phone_answer_read(bytes, size, &answer) < 0)
		return;
	check(answer.product, sizeof(answer.product));
	check(answer.board, sizeof(answer.board));
	check(answer.version, sizeof(answer.version));
	check(answer.build, sizeof(answer.build));
	check(answer.exit_status.text, sizeof(answer.exit_status.text));
	check(answer.usb_log.text, sizeof(answer.usb_log.text));
	check(answer.panic_log.text, sizeof(answer.panic_log.text));
	line = phone_answer_write(&answer);
	assert(line && phone_answer_read(line, strlen(line), &again) == 0);
	line_again = phone_answer_write(&again);
	assert(line_again && text_equal(line, line_again));
}

static void check_head(const char *bytes, size_t size)
{
	CLEANUP(freep) char *line = NULL, *line_again = NULL;
	struct phone_head head, again;

	if (phone_head_read(bytes, size, &head) < 0)
		return;
	assert(head.last || phone_report_name_ok(head.name));
	check(head.message, sizeof(head.message));
	line = phone_head_write(&head);
	assert(line && phone_head_read(line, strlen(line), &again) == 0);
	line_again = phone_head_write(&again);
	assert(line_again && text_equal(line, line_again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_answer((const char *)data, size);
	check_head((const char *)data, size);
	return 0;
}
