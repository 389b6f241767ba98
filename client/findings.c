/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/findings.h"

#include <stdio.h>
#include <string.h>

#include "common/base/text.h"

#define SENTENCE_SIZE 1024 /* bytes of one finding; longer ones are truncated */

static const char *result_name(enum finding_result result)
{
	static const char *const names[] = {
		[FINDING_OK] = "ok",
		[FINDING_UNKNOWN] = "not-checkable",
		[FINDING_WARNING] = "warning",
		[FINDING_PROBLEM] = "problem",
	};

	assert((size_t)result < ARRAY_SIZE(names));
	return names[result];
}

void findings_add(struct findings *findings, const char *id, const char *title,
	enum finding_result result, const char *advice, const char *format, va_list arguments)
{
	struct json_builder *builder = &findings->builder;
	struct json_object *finding = json_new_object(builder);
	char raw[SENTENCE_SIZE], text[SENTENCE_SIZE];

	if (!findings->list)
		findings->list = json_new_array(builder);
	vsnprintf(raw, sizeof(raw), format, arguments);
	text_clean(raw, strlen(raw), text, sizeof(text));
	json_put_text(builder, finding, "check", id);
	json_put_text(builder, finding, "title", title);
	json_put_text(builder, finding, "result", result_name(result));
	json_put_text(builder, finding, "text", text);
	json_put_known_text(builder, finding, "advice", advice ? advice : "");
	json_add(builder, findings->list, finding);
	findings->counts[result]++;
}

struct json_object *findings_finish(struct findings *findings)
{
	struct json_builder *builder = &findings->builder;
	struct json_object *all = json_new_object(builder);

	json_put(builder, all, "checks", findings->list ? findings->list : json_new_array(builder));
	json_put_number(builder, all, "problems", (int64_t)findings->counts[FINDING_PROBLEM]);
	json_put_number(builder, all, "warnings", (int64_t)findings->counts[FINDING_WARNING]);
	json_put_number(builder, all, "notCheckable", (int64_t)findings->counts[FINDING_UNKNOWN]);
	return json_finish(builder, all);
}
