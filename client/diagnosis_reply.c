/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/diagnosis_reply.h"

#include "common/base/text.h"
#include "common/diagnosis/verdict.h"

int diagnosis_phase_code(struct json_object *diagnosis)
{
	static const struct {
		const char *phase;
		enum exit_code code;
	} codes[] = {
		{"none", EXIT_DONE},
		{"phase1-connection", EXIT_CONNECTION},
		{"phase1-software", EXIT_SOFTWARE},
		{"phase2-hardware", EXIT_HARDWARE},
	};
	const char *phase = field_text_or(field_object(diagnosis, "verdict"), "phase", "");

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (text_equal(codes[i].phase, phase))
			return codes[i].code;
	return EXIT_UNDECIDED;
}

int diagnosis_code(struct json_object *diagnosis)
{
	const char *running = field_text(field_object(diagnosis, "verdict"), "running");

	if (running)
		return text_equal(running, "hung") ? EXIT_HUNG : EXIT_RUNNING;
	return diagnosis_phase_code(diagnosis);
}

struct json_object *diagnosis_session(struct json_object *diagnosis, const char *session)
{
	struct json_object *list = field_list(diagnosis, "sessions");

	for (size_t i = 0; session && i < field_count(list); i++)
		if (text_equal(field_text_or(field_item(list, i), "session", ""), session))
			return field_item(list, i);
	return NULL;
}

bool diagnosis_blames_port(struct json_object *diagnosis)
{
	struct json_object *causes = field_list(field_object(diagnosis, "verdict"), "causes");
	struct json_object *first = field_count(causes) ? field_item(causes, 0) : NULL;

	return casts_doubt_on_port(field_text(first, "cause"),
		strength_from_name(field_text_or(first, "strength", "")));
}
