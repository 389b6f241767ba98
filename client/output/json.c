/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* JSON output for scripts: the daemon's answer with the version of the format, one object per line,
 * each flushed. */
#include "client/output/output.h"

#include <unistd.h>

#include <json-c/linkhash.h>

#include "client/client.h"

struct json_object *json_versioned(struct json_object *object)
{
	struct json_builder builder = {0};
	struct json_object *versioned = json_new_object(&builder);

	json_put_number(&builder, versioned, "formatVersion", JSON_FORMAT_VERSION);
	if (object) {
		json_object_object_foreach(object, key, value)
			json_put(&builder, versioned, key, json_object_get(value));
	}
	return json_finish(&builder, versioned);
}

static void print(FILE *out, struct json_object *object)
{
	CLEANUP(json_object_putp) struct json_object *versioned = json_versioned(object);
	size_t length;
	CLEANUP(freep) char *text = versioned ? json_write_escaped(versioned, &length) : NULL;

	if (text)
		fprintf(out, "%s\n", text);
	fflush(out);
}

static void json_reply(struct layout *layout, struct json_object *reply)
{
	print(layout->out, reply);
}

static void json_change(struct layout *layout, struct json_object *reply, const char *label)
{
	print(layout->out, reply);
}

static void json_diagnosis(struct layout *layout, struct json_object *reply, enum detail detail)
{
	print(layout->out, reply);
}

static void json_panic(struct layout *layout, struct json_object *reply, bool verbose)
{
	print(layout->out, reply);
}

static void json_explanation(struct layout *layout, struct json_object *explanation, bool another)
{
	print(layout->out, explanation);
}

/* The exit status stays the tool's, even if the output cannot be written. */
static void print_end(struct json_object *object)
{
	CLEANUP(json_object_putp) struct json_object *versioned = json_versioned(object);
	size_t length;
	CLEANUP(freep) char *text = versioned ? json_write_escaped(versioned, &length) : NULL;

	if (text && dprintf(STDOUT_FILENO, "%s\n", text) < 0)
		report_error("Cannot write the output (%m).");
}

static void json_noted(struct layout *layout, struct json_object *reply, const char *done)
{
	json_reply(layout, reply);
}

/* At the end it is in `problem`. */
static void json_run_notice(const char *sentence)
{
}

static void json_run_end(const struct run_end *end, bool reveal)
{
	struct json_builder builder = {0};
	CLEANUP(json_object_putp) struct json_object *object = json_new_object(&builder);

	json_put_known_text(&builder, object, "session", end->session);
	json_put_text(&builder, object, "tool", end->tool);
	json_put_number(&builder, object, end->killed ? "signal" : "exitStatus", end->number);
	json_put_text(&builder, object, "log", end->log);
	json_put_known_text(&builder, object, "logProblem", end->log_problem);
	json_put_known_text(&builder, object, "problem", end->problem);
	if (end->result)
		json_put(&builder, object, "result", json_object_get(end->result));
	if (field_object(end->diagnosis, "verdict"))
		json_put(&builder, object, "verdict",
			json_object_get(field_object(end->diagnosis, "verdict")));
	if (end->firmware)
		json_put(&builder, object, "firmware", json_object_get(end->firmware));
	if (!builder.failed)
		print_end(object);
}

const struct output output_json = {
	.status = json_reply,
	.sessions = json_reply,
	.device_case = json_reply,
	.statistics = json_reply,
	.conditions = json_reply,
	.noted = json_noted,
	.told = json_reply,
	.measured = json_reply,
	.amended = json_reply,
	.purged = json_reply,
	.records = json_reply,
	.change = json_change,
	.doctor = json_reply,
	.diagnosis = json_diagnosis,
	.waited = json_reply,
	.guided = json_reply,
	.report = json_reply,
	.explanation = json_explanation,
	.panic = json_panic,
	.run_notice = json_run_notice,
	.run_end = json_run_end,
	.trial = json_reply,
	.imported = json_reply,
	.exchanged = json_reply,
	/* Standard output has only the end. */
	.tool_fd = STDERR_FILENO,
};
