/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sync/commands.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/text.h"
#include "sync/puller.h"
#include "sync/pusher.h"

#define IDLE_US (2 * USEC_PER_SEC)
#define MINUTE_US (60 * USEC_PER_SEC)
#define HOUR_US (3600 * USEC_PER_SEC)
/* After something happened: the daemon stores a session a moment after its end. */
static const uint64_t looks_us[] = {
	50 * USEC_PER_MSEC, 400 * USEC_PER_MSEC, 500 * USEC_PER_MSEC, 2 * USEC_PER_SEC};

struct program {
	struct context context;
	struct pusher pusher;
	struct puller puller;
	struct secrets secrets;
	struct target *target;
	struct loop_timer *timer;
	struct loop_signal *signals[2];
	size_t look;			/* index of the next one; ARRAY_SIZE = idle */
	uint64_t counted_us, recall_us; /* when it counted; when to recall, 0 = now */
	size_t hours;
	char host_id[HOST_ID_SIZE];
	int version; /* of the schema on the server */
	bool greeted;
	char refusal[SERVER_REASON_SIZE];
	char pushed[PUSHER_CURSOR_SIZE];
	int64_t purged;
	int written; /* errno of the last report */
};

int context_call(struct context *context, const char *method, struct json_builder *builder,
	struct json_object *parameters, struct json_object **ret, char error[static 64])
{
	int r = local_call(context->local, method, builder, parameters, ret, error);

	if (r < 0) {
		log_debug("Cannot ask the daemon: %s: %s", method, strerror(-r));
		report_error_text(&context->report, "Cannot reach the daemon on this computer");
	}
	return r;
}

bool context_committed(struct context *context, const char *state, const char *reason)
{
	if (!state) {
		context->report.contact_us = clock_now().wall_us;
		return true;
	}
	log_warning("The server refused: %s (%s).", reason, state);
	report_error_text(&context->report, reason);
	return false;
}

static void write_report(struct program *program)
{
	int r = report_write(&program->context.report);

	if (r < 0 && r != program->written)
		log_warning("Cannot write %s: %s.", program->context.report.path, strerror(-r));
	program->written = r;
}

static void set_state(struct program *program, const char *state)
{
	program->context.report.state = state;
	write_report(program);
}

/* Who this computer is; it may have changed with the daemon. */
static bool ask_host_id(struct program *program)
{
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	struct json_builder builder = {0};
	const char *host_id = "";
	char error[64];

	if (context_call(&program->context, "GetStatus", &builder, NULL, &reply, error) != 0)
		return false;
	json_get_text(reply, "hostId", &host_id);
	return host_id_is_valid(host_id) &&
	       text_copy(program->host_id, sizeof(program->host_id), host_id);
}

static void on_version(void *user, const PGresult *row)
{
	struct program *program = user;

	program->version = server_text(row, 0) ? atoi(server_text(row, 0)) : 0;
}

static void on_hello(void *user, const PGresult *row)
{
	struct program *program = user;
	const char *refusal = server_text(row, 0), *pushed = server_text(row, 1);
	const char *purged = server_text(row, 2), *now = server_text(row, 3);
	int64_t now_us = now ? strtoll(now, NULL, 10) : 0;

	program->greeted = true;
	text_copy(program->refusal, sizeof(program->refusal), refusal ? refusal : "");
	text_copy(program->pushed, sizeof(program->pushed), pushed ? pushed : "");
	program->purged = purged ? strtoll(purged, NULL, 10) : 0;
	if (now_us > 0)
		program->context.report.clock_ahead_seconds =
			((int64_t)clock_now().wall_us - now_us) / (int64_t)USEC_PER_SEC;
}

static void refuse(struct program *program, const char *reason)
{
	server_refuse(program->context.server, reason);
	set_state(program, "refused");
}

static void look_soon(struct program *program)
{
	program->look = 0;
	loop_timer_start(program->timer, looks_us[0]);
}

/* The server's answer to the greeting. */
static void on_greeted(void *user, const char *state, const char *reason)
{
	struct program *program = user;
	struct context *context = &program->context;
	char text[SERVER_REASON_SIZE];

	if (program->version > SCHEMA_VERSION) {
		snprintf(text, sizeof(text),
			"The server has schema version %d; this program knows %d. Upgrade "
			"idevicetriage-sync. Nothing is lost until then.",
			program->version, SCHEMA_VERSION);
		refuse(program, text);
		return;
	}
	if (state || !program->greeted || program->refusal[0]) {
		text_copy(text, sizeof(text),
			state		      ? reason
			: program->refusal[0] ? program->refusal
					      : "The server has no schema of idevicetriage");
		refuse(program, text);
		return;
	}
	log_info("Connected to the server as %s.", context->report.bench);
	server_accept(context->server);
	context->ready = true;
	context->report.contact_us = clock_now().wall_us;
	pusher_begin(&program->pusher, program->pushed);
	puller_begin(&program->puller, program->purged);
	set_state(program, "connected");
	program->recall_us = program->counted_us = 0;
	look_soon(program);
}

static void on_up(void *user)
{
	struct program *program = user;
	struct server *server = program->context.server;
	int r;

	program->version = 0;
	program->greeted = false;
	program->refusal[0] = '\0';
	if (!ask_host_id(program)) {
		server_drop(server, "Cannot reach the daemon on this computer");
		return;
	}
	r = server_query(server, "SELECT version FROM idevicetriage.schema_version", 0, NULL,
		on_version, program);
	if (r == 0)
		r = server_query(server,
			"SELECT refusal, pushed, purged, now_us FROM idevicetriage.hello($1)", 1,
			(const char *const[]){program->host_id}, on_hello, program);
	if (r == 0)
		r = server_query(server, "LISTEN idevicetriage", 0, NULL, NULL, NULL);
	if (r == 0)
		r = server_commit(server, on_greeted, program);
	if (r < 0)
		server_drop(server, "Cannot send to the server");
}

static void on_down(void *user, const char *reason)
{
	struct program *program = user;
	struct context *context = &program->context;

	if (context->ready || !text_equal(context->report.error, reason))
		log_warning("No connection to the server: %s.", reason);
	context->ready = false;
	pusher_stop(&program->pusher);
	puller_stop(&program->puller);
	report_error_text(&context->report, reason);
	set_state(program, "waiting");
}

static void on_notified(void *user, const char *payload)
{
	struct program *program = user;
	struct phone *phone = phones_find_key(&program->context.phones, payload);

	if (text_equal(payload, "purge"))
		program->puller.purges_wanted = true;
	else if (phone)
		phone->wanted = true;
	else
		return;
	puller_work(&program->puller);
}

/* Once an hour everything that is new is read, whatever was announced. */
static void recall(struct program *program, uint64_t now_us)
{
	int r;

	if (!program->context.ready || now_us < program->recall_us)
		return;
	r = phones_recall(&program->context.phones, program->context.local);
	program->recall_us = now_us + (r < 0 ? MINUTE_US : HOUR_US);
	puller_want_all(&program->puller);
	program->puller.failures_wanted = program->hours++ % 24 == 0;
}

static void on_timer(void *user)
{
	struct program *program = user;
	struct context *context = &program->context;
	uint64_t now_us = clock_now().monotonic_us;

	if (program->look < ARRAY_SIZE(looks_us))
		program->look++;
	loop_timer_start(program->timer,
		program->look < ARRAY_SIZE(looks_us) ? looks_us[program->look] : IDLE_US);
	if (context->ready) {
		phones_look(&context->phones, context->local);
		puller_work(&program->puller);
		recall(program, now_us);
		puller_work(&program->puller);
		pusher_work(&program->pusher);
	}
	if (program->puller.put_off && !program->puller.running) {
		program->puller.put_off = false;
		if (program->recall_us > now_us + MINUTE_US)
			program->recall_us = now_us + MINUTE_US;
	}
	if (!program->counted_us || now_us >= program->counted_us + MINUTE_US) {
		program->counted_us = now_us;
		pusher_count(&program->pusher);
	}
	write_report(program);
}

static void on_changed(void *user)
{
	look_soon(user);
}

static void on_signal(void *user)
{
	struct program *program = user;

	loop_quit(program->context.loop, 0);
}

/* The server had got that far when an earlier run reported it. */
static void recall_report(struct program *program)
{
	CLEANUP(json_object_putp) struct json_object *report = NULL;
	int64_t number = 0;

	if (report_read(program->context.report.path, &report) < 0)
		return;
	json_get_number(report, "lastContactUSec", &number);
	program->context.report.contact_us = (uint64_t)number;
}

static int start(struct program *program, const struct settings *settings)
{
	static const int numbers[] = {SIGTERM, SIGINT};
	struct context *context = &program->context;
	const struct server_callbacks callbacks = {
		.up = on_up, .down = on_down, .notified = on_notified, .user = program};
	int r = loop_new(&context->loop);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(numbers); i++)
		r = loop_signal_new(
			context->loop, numbers[i], on_signal, program, &program->signals[i]);
	if (r == 0)
		r = loop_timer_new(context->loop, on_timer, program, &program->timer);
	if (r == 0)
		r = local_new(
			context->loop, settings->socket, on_changed, program, &context->local);
	if (r == 0)
		r = server_new(context->loop, program->target, &callbacks, &context->server);
	if (r < 0)
		return r;
	recall_report(program);
	set_state(program, "starting");
	look_soon(program);
	return 0;
}

static void finish(struct program *program)
{
	struct context *context = &program->context;

	server_free(context->server);
	local_free(context->local);
	loop_timer_free(program->timer);
	for (size_t i = 0; i < ARRAY_SIZE(program->signals); i++)
		loop_signal_free(program->signals[i]);
	if (context->loop)
		loop_free(context->loop);
	puller_done(&program->puller);
	phones_done(&context->phones);
	json_object_put(context->report.shop);
	target_free(program->target);
}

static void prepare(struct program *program, const struct settings *settings)
{
	struct context *context = &program->context;
	const char *host = target_value(program->target, "host");

	context->rules = (struct share_rules){
		.host_id = program->host_id, .site = settings->site, .text = settings->share_text};
	context->phones.shop_key = program->secrets.shop_key;
	context->report = (struct report){.path = settings->status, .backlog = -1};
	text_copy(context->report.bench, sizeof(context->report.bench),
		target_value(program->target, "user"));
	text_copy(context->report.server, sizeof(context->report.server),
		*host ? host : "this computer");
	program->pusher = (struct pusher){.context = context, .limit = 1};
	program->puller = (struct puller){.context = context};
}

int program_run(const struct settings *settings)
{
	static struct program program;
	char reason[TARGET_REASON_SIZE] = "out of memory";
	int r = secrets_read(&program.secrets);

	if (r < 0)
		return 1;
	if (settings->server[0])
		r = target_new(settings->server, &program.secrets, &program.target, reason);
	else
		snprintf(reason, sizeof(reason), "it has no `server`");
	if (!program.target) {
		log_error(
			"Cannot use the configuration: %s. Correct %s.", reason, settings->config);
		return 1;
	}
	prepare(&program, settings);
	r = start(&program, settings);
	if (r == 0)
		r = loop_run(program.context.loop);
	if (r < 0)
		log_error("Cannot run: %s.", strerror(-r));
	set_state(&program, "stopped");
	finish(&program);
	return r < 0 ? 1 : r;
}
