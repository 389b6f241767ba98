/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/sources/phone_run.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/wait.h>

#include "phone/program.h"

struct phone_run {
	struct phone_process process;
	bool lives;
	struct loop_io *output, *end;
	struct loop_timer *deadline;
	phone_run_ended *ended;
	void *user;
	bool killed; /* by us; `result` has the reason */
	enum phone_run_result result;
	size_t length;
	char bytes[PHONE_RUN_OUTPUT_MAX];
};

/* on_end() handles the end as usual. */
static void kill_it(struct phone_run *run, enum phone_run_result result)
{
	if (run->killed)
		return;
	run->killed = true;
	run->result = result;
	run->output = loop_io_free(run->output);
	phone_process_kill(&run->process);
}

/* Reads once. Returns false if there is nothing more to read for now. */
static bool read_some(struct phone_run *run)
{
	ssize_t n;

	/* At the limit, one more byte is too many. */
	if (run->length == sizeof(run->bytes)) {
		kill_it(run, PHONE_RUN_TOO_LONG);
		return false;
	}
	n = read(run->process.output, run->bytes + run->length, sizeof(run->bytes) - run->length);
	if (n > 0)
		run->length += (size_t)n;
	else if (n == 0)
		run->output = loop_io_free(run->output);
	return n > 0;
}

static void on_output(void *user, unsigned ready)
{
	read_some(user);
}

/* The program has ended. Its children may still have its output open: they are killed, and the rest
 * of the output is not awaited. */
static void on_end(void *user, unsigned ready)
{
	struct phone_run *run = user;
	int status;

	while (!run->killed && read_some(run))
		;
	run->output = loop_io_free(run->output);
	run->end = loop_io_free(run->end);
	loop_timer_stop(run->deadline);
	status = phone_process_end(&run->process);
	run->lives = false;
	if (!run->killed)
		run->result = WIFEXITED(status) && WEXITSTATUS(status) == 0 ? PHONE_RUN_DONE
									    : PHONE_RUN_FAILED;
	run->ended(run->user, run->result, run->bytes, run->length);
}

static void on_deadline(void *user)
{
	kill_it(user, PHONE_RUN_OVERDUE);
}

int phone_run_start(struct loop *loop, const char *program, const char *const arguments[],
	uint64_t deadline_us, phone_run_ended *ended, void *user, struct phone_run **ret)
{
	CLEANUP(phone_run_freep) struct phone_run *run = NULL;
	int r;

	assert(loop && program && arguments && deadline_us && ended && ret);
	run = calloc(1, sizeof(*run));
	if (!run)
		return -ENOMEM;
	run->ended = ended;
	run->user = user;
	r = phone_process_start(program, arguments, &run->process);
	if (r < 0)
		return r;
	run->lives = true;
	r = loop_watch(loop, run->process.output, LOOP_READ, on_output, run, &run->output);
	if (r == 0)
		r = loop_watch(loop, run->process.end, LOOP_READ, on_end, run, &run->end);
	if (r == 0)
		r = loop_timer_new(loop, on_deadline, run, &run->deadline);
	if (r == 0)
		r = loop_timer_start(run->deadline, deadline_us);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(run);
	return 0;
}

void phone_run_cancel(struct phone_run *run)
{
	kill_it(run, PHONE_RUN_CANCELLED);
}

struct phone_run *phone_run_free(struct phone_run *run)
{
	if (!run)
		return NULL;
	loop_io_free(run->output);
	loop_io_free(run->end);
	loop_timer_free(run->deadline);
	if (run->lives)
		phone_process_end(&run->process);
	free(run);
	return NULL;
}
