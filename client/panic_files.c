/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/panic_files.h"

#include <errno.h>

#include "common/logs/panicfile.h"
#include "common/logs/panic.h"

_Static_assert(PANICS_MESSAGE_SIZE == PANICFILE_MESSAGE_SIZE, "the messages are passed through");

static void put_texts(struct json_builder *builder, struct json_object *object, const char *key,
	const char *const *texts)
{
	struct json_object *array = json_new_array(builder);

	for (; *texts; texts++)
		json_add_text(builder, array, *texts);
	json_put(builder, object, key, array);
}

static struct json_object *finding_object(
	struct json_builder *builder, const struct panic_finding *finding)
{
	struct json_object *object = json_new_object(builder);

	json_put_text(builder, object, "id", finding->id);
	json_put_text(builder, object, "shown", finding->shown);
	json_put_known_text(builder, object, "means", finding->means);
	put_texts(builder, object, "parts", finding->parts);
	json_put_bool(builder, object, "forThisModel", finding->for_model);
	json_put_known_text(builder, object, "strength", finding->sure);
	json_put_bool(builder, object, "maybeSoftware", finding->either);
	json_put_known_text(builder, object, "history", finding->history);
	put_texts(builder, object, "disagreements", finding->disputed);
	put_texts(builder, object, "sources", finding->sources);
	return object;
}

static struct json_object *panic_object(
	const char *path, const struct panicfile *file, const struct panic_report *report)
{
	struct json_builder builder = {0};
	struct json_object *object = json_new_object(&builder);
	struct json_object *sensors = json_new_array(&builder);
	struct json_object *findings = json_new_array(&builder);

	json_put_text(&builder, object, "file", path);
	json_put_known_text(&builder, object, "productType", file->product);
	json_put_known_text(&builder, object, "osVersion", file->os);
	json_put_known_text(&builder, object, "date", file->date);
	json_put_known_text(&builder, object, "reason", report->reason);
	for (size_t i = 0; i < report->sensor_count; i++)
		json_add_text(&builder, sensors, report->sensors[i]);
	json_put(&builder, object, "missingSensors", sensors);
	for (size_t i = 0; i < report->finding_count; i++)
		json_add(&builder, findings, finding_object(&builder, &report->findings[i]));
	json_put(&builder, object, "findings", findings);
	return json_finish(&builder, object);
}

static int explain(const char *path, const struct panicfile *file, struct json_object **ret)
{
	struct panic_report report;
	struct json_object *object;

	panic_read(file->text, file->length, file->product, &report);
	object = panic_object(path, file, &report);
	if (!object)
		return -ENOMEM;
	*ret = object;
	return 0;
}

int panics_explain(const char *name, const char *bytes, size_t length, struct json_object **ret,
	char message[static PANICS_MESSAGE_SIZE])
{
	CLEANUP(panicfile_freep) struct panicfile *file = NULL;
	int r = panicfile_parse(bytes, length, &file, message);

	return r < 0 ? r : explain(name, file, ret);
}

int panics_explain_file(
	const char *path, struct json_object **ret, char message[static PANICS_MESSAGE_SIZE])
{
	CLEANUP(panicfile_freep) struct panicfile *file = NULL;
	int r = panicfile_read(path, &file, message);

	return r < 0 ? r : explain(path, file, ret);
}
