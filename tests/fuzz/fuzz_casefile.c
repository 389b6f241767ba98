/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Untrusted case files: each one that is read must be diagnosed, written and read back
 * unchanged. */
#include <stdlib.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/casefile/casefile.h"
#include "common/diagnosis/verdict.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(triage_case_freep) struct triage_case *c = NULL;
	CLEANUP(triage_case_freep) struct triage_case *again = NULL;
	CLEANUP(freep) struct verdict *verdicts = calloc(2, sizeof(*verdicts));
	CLEANUP(freep) char *text = NULL;
	char message[CASEFILE_MESSAGE_SIZE];

	if (!verdicts || casefile_parse((const char *)data, size, &c, message) < 0)
		return 0;
	if (diagnose(c, &verdicts[0]) < 0 || casefile_write(c, CASEFILE_REVEAL, &text) < 0)
		return 0;
	if (casefile_parse(text, strlen(text), &again, message) < 0)
		abort();
	if (diagnose(again, &verdicts[1]) < 0)
		return 0;
	if (verdicts[0].phase != verdicts[1].phase || verdicts[0].strength != verdicts[1].strength)
		abort();
	return 0;
}
