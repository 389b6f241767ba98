/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/case_file.h"

#include <errno.h>

#include "common/base/text.h"
#include "common/casefile/casefile.h"
#include "common/model/phone_model.h"
#include "common/wire/records.h"

static struct json_object *sessions_of(struct json_builder *builder, const struct triage_case *c)
{
	struct json_object *list = json_new_array(builder);

	for (size_t i = c->attempt_count; i > 0; i--)
		json_add(builder, list,
			session_to_json(builder, &(struct session_record){
							 .attempt = c->attempts[i - 1],
							 .identity = &c->identity,
						 }));
	return list;
}

static struct json_object *reply_new(const struct triage_case *c, const struct verdict *verdict)
{
	struct json_builder builder = {0};
	struct json_object *reply = json_new_object(&builder);
	const struct model *model = model_by_product(c->identity.product);
	const struct device_record device = {
		.identity = &c->identity, .name = model ? model->name : NULL, .mode = MODE_UNKNOWN};

	json_put(&builder, reply, "verdict", verdict_to_json(&builder, verdict));
	json_put(&builder, reply, "device", device_to_json(&builder, &device));
	json_put(&builder, reply, "sessions", sessions_of(&builder, c));
	return json_finish(&builder, reply);
}

int case_file_diagnosis(const char *path, struct json_object **ret)
{
	CLEANUP(triage_case_freep) struct triage_case *c = NULL;
	CLEANUP(freep) struct verdict *verdict = malloc(sizeof(*verdict));
	char message[CASEFILE_MESSAGE_SIZE] = "";
	int r = casefile_read(text_equal(path, "-") ? "/dev/stdin" : path, &c, message);

	if (r < 0 && r != -ENOMEM) {
		report_error("Cannot read a case from %s: %s.", path, message);
		return EXIT_REFUSED;
	}
	if (r < 0 || !verdict || diagnose(c, verdict) < 0)
		return report_no_memory();
	*ret = reply_new(c, verdict);
	return *ret ? EXIT_DONE : report_no_memory();
}
