/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A tool's log, in pieces whose size its first byte tells, split into attempts and diagnosed:
 * records are numbered without a gap, every line is of one attempt, and the case has a verdict. */
#include <string.h>

#include "common/base/text.h"
#include "common/logs/logsplit.h"
#include "common/diagnosis/verdict.h"
#include "tests/fuzz/fuzz.h"

#define ATTEMPTS_MAX 64 /* that are diagnosed together */

struct heard {
	struct triage_case *c;
	uint64_t records;
	uint64_t lines;
};

static void take_record(void *user, const struct event *event)
{
	struct heard *heard = user;

	if (event->sequence != ++heard->records || event->text_length > EVENT_TEXT_MAX ||
		!text_is_utf8(event->text ? event->text : "", event->text_length))
		abort();
}

static void take_attempt(void *user, const struct logsplit_attempt *told)
{
	struct heard *heard = user;
	struct attempt *attempt;

	if (told->records != heard->records || told->lines == 0 || !told->attempt->ended_seen)
		abort();
	heard->records = 0;
	heard->lines += told->lines;
	if (heard->c->attempt_count == ATTEMPTS_MAX)
		return;
	attempt = triage_case_add(heard->c);
	if (!attempt)
		abort();
	*attempt = *told->attempt;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct logsplit_taker taker = {take_record, take_attempt};
	static struct verdict verdict;
	struct heard heard = {.c = triage_case_new()};
	struct logsplit *split = logsplit_new(&taker, &heard);
	size_t piece = size ? data[0] + 1u : 1;

	if (!split || !heard.c)
		abort();
	for (size_t at = 0; at < size; at += piece)
		logsplit_feed(
			split, (const char *)data + at, size - at < piece ? size - at : piece);
	logsplit_finish(split);
	if (heard.lines != logsplit_stats(split).lines || diagnose(heard.c, &verdict) < 0)
		abort();
	logsplit_free(split);
	triage_case_free(heard.c);
	return 0;
}
