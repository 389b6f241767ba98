/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `diagnose`: why restores of a phone fail, and what to try next. */
#include <errno.h>

#include "client/diagnosis_reply.h"
#include "client/import/import.h"
#include "client/resolve.h"
#include "client/options.h"
#include "client/output/output.h"
#include "client/pager.h"
#include "common/base/text.h"
#include "common/casefile/casefile.h"
#include "common/model/phone_model.h"
#include "common/wire/records.h"

enum { OPTION_SHORT = OPTION_OWN, OPTION_ALL, OPTION_CASE, OPTION_LOG };

static const struct command_option own[] = {
	{"short", OPTION_SHORT, NULL, "one line: the verdict and the next step"},
	{"all", OPTION_ALL, NULL, "every suspect with all its reasons"},
	{"verbose", 'v', NULL, "and the rule and the source of each sentence"},
	{"case", OPTION_CASE, "FILE", "the phone in a case file, without the daemon",
		COMPLETE_FILE},
	{"log", OPTION_LOG, "FILE", "the phone in a tool's log, without the daemon", COMPLETE_FILE},
	{0},
};

struct wanted {
	enum detail detail;
	const char *file; /* a case file, or a log; NULL = ask the daemon */
	bool is_log;
};

static int take(void *user, int option, const char *value)
{
	struct wanted *wanted = user;

	switch (option) {
	case OPTION_SHORT:
		wanted->detail = DETAIL_SHORT;
		break;
	case OPTION_ALL:
		wanted->detail = DETAIL_ALL;
		break;
	case 'v':
		wanted->detail = DETAIL_VERBOSE;
		break;
	default:
		if (wanted->file) {
			report_error("diagnose takes one --case or --log.");
			return EXIT_USAGE;
		}
		wanted->file = value;
		wanted->is_log = option == OPTION_LOG;
	}
	return EXIT_DONE;
}

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

static int read_case_file(const char *path, struct triage_case **ret)
{
	char message[CASEFILE_MESSAGE_SIZE] = "";
	int r = casefile_read(text_equal(path, "-") ? "/dev/stdin" : path, ret, message);

	if (r == -ENOMEM)
		return report_no_memory();
	if (r < 0) {
		report_error("Cannot read a case from %s: %s. The option for the log of a restore "
			     "tool is --log.",
			path, message);
		return EXIT_REFUSED;
	}
	return EXIT_DONE;
}

/* Diagnoses a file ("-" = standard input) without a daemon, in the format of Diagnose's reply.
 * Attempts without a session get no `session`. Returns EXIT_DONE with *ret owned by the caller, or
 * an exit code after reporting the error. */
static int diagnose_file(
	struct context *context, const struct wanted *wanted, struct json_object **ret)
{
	CLEANUP(triage_case_freep) struct triage_case *c = NULL;
	CLEANUP(freep) struct verdict *verdict = malloc(sizeof(*verdict));
	int r = wanted->is_log ? import_read_case(context, wanted->file, &c)
			       : read_case_file(wanted->file, &c);

	if (r != EXIT_DONE)
		return r;
	if (!verdict || diagnose(c, verdict) < 0)
		return report_no_memory();
	*ret = reply_new(c, verdict);
	return *ret ? EXIT_DONE : report_no_memory();
}

/* Which computer this is, so that the output can say what happened on others. */
static int ask_here(struct context *context, struct connection *connection)
{
	CLEANUP(json_object_putp) struct json_object *status = NULL;
	int r;

	if (connection_offline(connection))
		return EXIT_DONE;
	r = rpc_call_plain(context, connection, "GetStatus", &status);
	text_copy(context->layout.here, sizeof(context->layout.here),
		field_text_or(status, "hostId", ""));
	return r;
}

static int ask_or_read(struct context *context, const char *text, struct json_object **ret)
{
	CLEANUP(connection_freep) struct connection *connection = NULL;
	int r = rpc_open_reading(context, &connection);

	if (r == EXIT_DONE)
		r = ask_diagnosis(context, connection, text, ret);
	return r == EXIT_DONE ? ask_here(context, connection) : r;
}

static int run_diagnose(struct context *context, int argc, char **argv)
{
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	struct wanted wanted = {.detail = DETAIL_NORMAL};
	int r, first = options_read(context, argc, argv, take, &wanted);
	const char *text;

	if (first < 0)
		return -first;
	if (first + 1 < argc)
		return options_too_many("diagnose", argv[first + 1]);
	text = first < argc ? argv[first] : NULL;
	if (wanted.file && text)
		return options_too_many(wanted.is_log ? "diagnose --log" : "diagnose --case", text);
	r = wanted.file ? diagnose_file(context, &wanted, &reply)
			: ask_or_read(context, text, &reply);
	if (r != EXIT_DONE)
		return r;
	pager_begin(context);
	context->output->diagnosis(&context->layout, reply, wanted.detail);
	return diagnosis_code(reply);
}

const struct command command_diagnose = {
	.name = "diagnose",
	.arguments = "[DEVICE|SESSION]",
	.brief = "why restores fail",
	.summary = "Show why restores of a phone fail, and what to try next.",
	.options = own,
	.words = COMPLETE_DEVICE_OR_SESSION,
	.exits_with_phase = true,
	.examples = {{"idevicetriage diagnose", "the phone of the newest restore"},
		{"idevicetriage diagnose --log restore.log",
			"the log of a restore tool, from any computer"}},
	.run = run_diagnose,
};
