/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `run`: runs a restore tool and lets the daemon watch it. The tool writes into memory and waits
 * for nothing; this program copies the output to the screen and to the daemon, and another process
 * copies it to a file. */
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>

#include "client/live.h"
#include "client/tool_version.h"
#include "client/options.h"
#include "client/output/output.h"
#include "client/phrase.h"
#include "client/run/feed.h"
#include "client/run/plan.h"
#include "client/run/screen.h"
#include "client/run/tool_log.h"
#include "common/base/text.h"
#include "common/model/attempt.h"

#define SHOW_BYTES 65536
#define LIVE_EVERY_US (250 * USEC_PER_MSEC)
/* At the log if the kernel does not report changes, and for a log file of the tool itself, which is
 * looked for more often at first. */
#define LOOK_EVERY_US (200 * USEC_PER_MSEC)
#define FIND_SOON_US (20 * USEC_PER_MSEC)
#define FIND_PERIOD_US (10 * USEC_PER_SEC)
#define ASK_LIVE_US USEC_PER_SEC
#define ASK_QUIET_US (5 * USEC_PER_SEC)
#define POLL_MOST_MS 60000
/* Wait for the tool's version before the session begins. */
#define VERSION_WAIT_US (500 * USEC_PER_MSEC)
/* The same for its package. The session must not begin much later than the restore. */
#define PACKAGE_WAIT_US (100 * USEC_PER_MSEC)
#define VERDICT_WAIT_MS 1000 /* for the daemon's verdict, once the tool has ended */
#define FILE_WAIT_MS 1000    /* for the log's file, after everything else */
/* A tool with libusbmuxd 2.1.0 whose phone has left runs in a loop and reacts to no other
 * signal. */
#define INTERRUPTS_BEFORE_KILL 3

struct run {
	struct context *context;
	struct tool tool;
	struct logfile log;
	struct tool_log tool_log;
	struct tool_signals inherited;
	struct screen screen;
	struct feed feed;
	struct question version;      /* of the tool */
	struct question package;      /* its version */
	struct question check;	      /* of the firmware file */
	struct json_object *firmware; /* what the check has found; NULL = nothing yet */
	const char *name;	      /* of the tool, as in the command line */
	struct layout layout;	      /* standard error, for the live line */
	int signal_fd;
	int64_t shown; /* bytes of the log already on the screen */
	int64_t limit; /* end of the log that belongs to this run */
	uint64_t started_us;
	uint64_t find_us;    /* when to look for a log file of the tool itself */
	uint64_t live_us;    /* time of the next live line */
	uint64_t look_us;    /* no look at new output before */
	bool midline;	     /* the tool's output does not end with a newline */
	bool cut_short;	     /* a signal arrived after the tool's end */
	unsigned interrupts; /* Ctrl-C, or another SIGINT, while the tool was running */
	bool said_tool_lives, said_silent, said_file;
};

/* The signals that people and supervisors use to end programs. */
static const int passed_on[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

/* Blocks the signals. Returns a signalfd for them, or a negative errno; *before, which is set in
 * each case, is for the tool. */
static int take_signals(const struct context *context, struct tool_signals *before)
{
	const struct sigaction ignore = {.sa_handler = SIG_IGN};
	sigset_t set;
	int fd;

	sigaction(SIGPIPE, &ignore, &before->pipe);
	before->child.sa_handler = context->ignores_children ? SIG_IGN : SIG_DFL;
	sigemptyset(&set);
	/* In the background, the kernel may stop the tool too because of what we write. */
	sigaddset(&set, SIGTTOU);
	if (sigprocmask(SIG_BLOCK, &set, &before->mask) < 0)
		return -errno;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (size_t i = 0; i < ARRAY_SIZE(passed_on); i++)
		sigaddset(&set, passed_on[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

/* Ends the current line, before a sentence of ours. */
static void make_room(struct run *run)
{
	screen_live(&run->screen, "");
	if (run->midline && isatty(STDOUT_FILENO) && isatty(STDERR_FILENO))
		fputc('\n', stderr);
	run->midline = false;
}

static void say(struct run *run, const char *sentence)
{
	make_room(run);
	run->context->output->run_notice(sentence);
}

/* A shell starts what it runs in the background so: Ctrl-C is for others, and not for the tool. */
static bool ignores_interrupts(void)
{
	struct sigaction action;

	return sigaction(SIGINT, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

/* Forwards a signal. A signal from the terminal (Ctrl-C) has already reached the tool. */
static void pass_on(struct run *run, const struct signalfd_siginfo *info)
{
	run->interrupts += info->ssi_signo == SIGINT && !ignores_interrupts();
	if (info->ssi_signo == SIGINT && run->interrupts >= INTERRUPTS_BEFORE_KILL)
		kill(run->tool.pid, SIGKILL);
	else if (info->ssi_code != SI_KERNEL)
		kill(run->tool.pid, (int)info->ssi_signo);
	if (info->ssi_signo == SIGINT && run->interrupts == INTERRUPTS_BEFORE_KILL - 1)
		say(run, "The tool is still running. The next Ctrl-C kills it.");
}

static void handle_signals(struct run *run)
{
	struct signalfd_siginfo info;

	while (read(run->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			continue;
		if (run->tool.ended)
			run->cut_short = true;
		else
			pass_on(run, &info);
	}
	tool_reap(&run->tool);
}

/* Writes new output to the screen, as much as possible now. */
static void show_log(struct run *run)
{
	static char bytes[SHOW_BYTES];

	while (run->shown < run->limit) {
		int64_t left = run->limit - run->shown;
		size_t wanted = left < SHOW_BYTES ? (size_t)left : SHOW_BYTES;
		size_t length = logfile_read(&run->log, run->shown, bytes, wanted), n;

		if (length == 0) {
			run->shown = run->limit;
			return;
		}
		n = screen_write(&run->screen, bytes, length);
		run->shown += (int64_t)n;
		if (n > 0)
			run->midline = bytes[n - 1] != '\n';
		/* After a large piece, the daemon gets its turn. */
		if (n < length || length == SHOW_BYTES)
			return;
	}
}

static void show_live(struct run *run, uint64_t now_us)
{
	char line[LIVE_BYTES];

	if (run->screen.live_fd < 0 || now_us < run->live_us)
		return;
	run->live_us = now_us + LIVE_EVERY_US;
	run->layout.width = layout_terminal_width(STDERR_FILENO);
	live_line(&run->layout, NULL, run->feed.progress, (int64_t)(now_us - run->feed.progress_us),
		(int64_t)(now_us - run->started_us), line);
	screen_live(&run->screen, run->tool.ended ? "" : line);
}

static void say_notice(struct run *run)
{
	if (!run->feed.notice[0])
		return;
	say(run, run->feed.notice);
	run->feed.notice[0] = '\0';
}

/* A restore that has ended while its tool still runs: see INTERRUPTS_BEFORE_KILL. */
static const struct {
	const char *outcome, *sentence;
} tool_lives[] = {
	{"failed", "The restore has failed: the phone left and did not return. "},
	{"succeeded", "The restore has succeeded: the phone reported that it has finished. "},
};

static void say_tool_lives(struct run *run, const char *outcome)
{
	char sentence[256];

	for (size_t i = 0; i < ARRAY_SIZE(tool_lives); i++) {
		if (!text_equal(outcome, tool_lives[i].outcome))
			continue;
		run->said_tool_lives = run->said_silent = true;
		snprintf(sentence, sizeof(sentence),
			"%sThe tool is still running: press Ctrl-C to stop it; the third Ctrl-C "
			"kills it.",
			tool_lives[i].sentence);
		say(run, sentence);
	}
}

/* Reports once that the restore has ended while its tool runs, and once that a wait exceeds its
 * time. */
static void say_overruns(struct run *run)
{
	struct json_object *session = run->feed.progress;
	int64_t silent, budget;
	char sentence[512];

	if (run->tool.ended || !session)
		return;
	if (!run->said_tool_lives)
		say_tool_lives(run, field_text_or(session, "outcome", ""));
	if (run->said_silent || !field_number(session, "silentUSec", &silent) ||
		!field_number(session, "budgetUSec", &budget) || budget <= 0 || silent <= budget)
		return;
	run->said_silent = true;
	snprintf(sentence, sizeof(sentence),
		"The %s has been silent for %s (limit: %s); the restore may hang.",
		phrase_silent_one(session), phrase_duration(silent).text,
		phrase_duration(budget).text);
	say(run, sentence);
}

static const char *file_problem(int error)
{
	if (error == -ENODATA)
		return "another program shortened it";
	if (error == -EINPROGRESS)
		return "the disk is slow, and a process still writes to it";
	return error == -ETIMEDOUT ? "the disk is slower than the tool" : strerror(-error);
}

/* Reports once that the log file cannot be written. The tool and the daemon do not need it. */
static void say_file_failure(struct run *run)
{
	char sentence[PATH_MAX + 256];
	int r = logfile_error(&run->log);

	if (r == 0 || run->said_file)
		return;
	run->said_file = true;
	snprintf(sentence, sizeof(sentence),
		"Cannot write the log of the restore tool to %s: %s. The restore continues.",
		run->log.path, file_problem(r));
	say(run, sentence);
}

/* Queries the tool's version in parallel to the restore: only the start of the session waits for
 * it, briefly. */
static void ask_version(struct run *run)
{
	if (tool_may_be_asked(run->name))
		tool_version_start(run->name, &run->version);
	if (tool_is_known(run->name))
		tool_package_start(run->name, &run->package);
	if (run->version.fd >= 0 || run->package.fd >= 0)
		feed_hold(&run->feed, run->started_us + PACKAGE_WAIT_US);
}

static void hear_version(struct run *run, uint64_t now_us)
{
	char version[TOOL_VERSION_SIZE] = "", package[TOOL_PACKAGE_SIZE] = "";
	char both[TOOL_VERSION_SIZE];
	bool heard;

	if (run->version.fd < 0 && run->package.fd < 0)
		return;
	heard = question_hear(&run->version);
	if (now_us < run->started_us + PACKAGE_WAIT_US)
		heard &= question_hear(&run->package);
	if (!heard && !run->tool.ended && now_us < run->started_us + VERSION_WAIT_US) {
		if (now_us >= run->started_us + PACKAGE_WAIT_US)
			feed_hold(&run->feed, run->started_us + VERSION_WAIT_US);
		return;
	}
	question_hear(&run->package);
	tool_version_end(&run->version, run->name, version);
	tool_package_end(&run->package, package);
	tool_version_join(version, package, both);
	feed_release(&run->feed, both);
}

/* The firmware file of the command line is checked too, without its contents: the check reads
 * little, has the lowest priority, and nothing waits for it. */
static void ask_firmware(struct run *run, char **argv)
{
	const char *file = NULL;
	const char *self = "/proc/self/exe";

	for (; *argv && !file; argv++)
		if (fnmatch("*.ipsw", *argv, FNM_CASEFOLD) == 0)
			file = *argv;
	if (file)
		question_start((const char *[]){self, "--json", "check-firmware", "--quick", "--",
				       file, NULL},
			&run->check);
}

static void hear_firmware(struct run *run)
{
	char sentence[PHRASE_FIRMWARE_SIZE];

	if (run->check.fd < 0 || !question_hear(&run->check))
		return;
	question_end(&run->check);
	if (json_read(run->check.answer, run->check.length, &run->firmware) == 0 &&
		phrase_firmware_problem(run->firmware, sentence))
		say(run, sentence);
}

/* The daemon gets the tool's own log file too, if it writes one. */
static void find_tool_log(struct run *run, uint64_t now_us)
{
	const struct feed *feed = &run->feed;
	bool new = now_us < run->started_us + USEC_PER_SEC;

	if (run->tool_log.fd >= 0 || run->tool.ended || now_us < run->find_us)
		return;
	run->find_us = now_us + (new ? FIND_SOON_US : LOOK_EVERY_US);
	tool_log_find(&run->tool_log, &run->log, run->tool.pid,
		feed->sent_to > feed->offset ? feed->sent_to : feed->offset);
}

static void feed_daemon(struct run *run, bool is_final, uint64_t now_us)
{
	struct tool_log *own = &run->tool_log;

	find_tool_log(run, now_us);
	if (own->fd < 0) {
		feed_work(&run->feed, &run->log, run->limit, &run->tool, now_us);
		return;
	}
	if (!is_final)
		tool_log_merge(own, &run->log, run->limit, run->tool.ended);
	feed_work(&run->feed, &own->merged, own->size, &run->tool, now_us);
	tool_log_release(own, run->feed.offset);
}

/* Waits until there is something to do. Returns whether new output is to be looked at. */
static bool wait_for_work(struct run *run, uint64_t now_us)
{
	bool behind = run->shown < run->limit && !run->screen.broken;
	bool pause = now_us < run->look_us;
	struct pollfd fds[] = {
		{.fd = run->signal_fd, .events = POLLIN},
		{.fd = pause ? -1 : run->log.watch_fd, .events = POLLIN},
		{.fd = feed_fd(&run->feed), .events = feed_events(&run->feed)},
		{.fd = behind ? run->screen.fd : -1, .events = POLLOUT},
		{.fd = run->version.complete ? -1 : run->version.fd, .events = POLLIN},
		{.fd = run->package.complete ? -1 : run->package.fd, .events = POLLIN},
		{.fd = run->check.fd, .events = POLLIN},
	};
	uint64_t next = feed_next(&run->feed), wait_ms = POLL_MOST_MS;

	if (run->screen.live_fd >= 0 && !run->tool.ended && run->live_us < next)
		next = run->live_us;
	if (pause && run->look_us < next)
		next = run->look_us;
	if (run->log.watch_fd < 0 && now_us + LOOK_EVERY_US < next)
		next = now_us + LOOK_EVERY_US;
	if (run->tool_log.fd < 0 && now_us < run->started_us + FIND_PERIOD_US &&
		run->find_us < next)
		next = run->find_us;
	if (next <= now_us)
		wait_ms = 0;
	else if ((next - now_us) / USEC_PER_MSEC < POLL_MOST_MS)
		wait_ms = (next - now_us) / USEC_PER_MSEC + 1;
	poll(fds, ARRAY_SIZE(fds), (int)wait_ms);
	if (fds[1].revents) {
		logfile_noticed(&run->log);
		run->look_us = clock_now().monotonic_us + LOGFILE_PAUSE_MS * USEC_PER_MSEC;
	}
	return !pause;
}

static bool is_finished(const struct run *run)
{
	return run->tool.ended &&
	       (run->cut_short || (run->feed.state == FEED_OVER && run->shown >= run->limit));
}

static void follow_tool(struct run *run)
{
	bool limit_final = false;

	tool_log_init(&run->tool_log);
	while (!is_finished(run)) {
		uint64_t now_us = clock_now().monotonic_us;
		bool look = wait_for_work(run, now_us);

		handle_signals(run);
		/* Output that others write into the log after the tool's end does not count. */
		if (!limit_final && (look || run->tool.ended))
			run->limit = logfile_size(&run->log);
		logfile_limit(&run->log);
		now_us = clock_now().monotonic_us;
		show_log(run);
		hear_version(run, now_us);
		hear_firmware(run);
		feed_daemon(run, limit_final, now_us);
		limit_final = run->tool.ended;
		say_notice(run);
		say_overruns(run);
		say_file_failure(run);
		show_live(run, now_us);
	}
}

static int say_log_failure(int error, const char *path)
{
	report_error(error == -EBUSY
			     ? "Cannot use the log %s: another run writes to it. Name another "
			       "with --log."
			     : "Cannot use the log %s: it is not empty, or not a regular "
			       "file. Name another with --log.",
		path);
	return EXIT_REFUSED;
}

static int say_start_failure(int error, const char *tool)
{
	report_error("Cannot start %s (%s).", tool, strerror(-error));
	return error == -ENOENT ? TOOL_NOT_FOUND : TOOL_NOT_EXECUTABLE;
}

/* Whether this process has not what it needs to follow the tool. */
static bool lacks_means(int error)
{
	return error == -ENOMEM || error == -EMFILE || error == -ENFILE || error == -EAGAIN;
}

/* A restore does not fail because nobody can watch it: the tool takes the place of this process.
 * Returns only if it cannot. */
static int run_unwatched(struct run *run, int error, char **argv)
{
	logfile_abandon(&run->log);
	report_error("Cannot record the output of %s: %s. It runs without a record.", argv[0],
		strerror(-error));
	return say_start_failure(tool_become(argv, &run->inherited), argv[0]);
}

/* Diagnose's reply for the session; NULL if the daemon does not answer at once. */
static struct json_object *ask_verdict(struct run *run)
{
	CLEANUP(connection_freep) struct connection *connection = NULL;
	struct varlink_reply reply;
	struct json_builder builder = {0};
	struct json_object *parameters, *diagnosis;

	if (!run->feed.session[0] || run->feed.problem[0] || run->cut_short ||
		connection_open(run->context->socket, &connection) < 0)
		return NULL;
	parameters = json_new_object(&builder);
	json_put_text(&builder, parameters, "session", run->feed.session);
	if (connection_send(connection, &builder, "Diagnose", parameters, false) < 0 ||
		connection_wait(connection, VERDICT_WAIT_MS, &reply) < 0)
		return NULL;
	diagnosis = reply.error ? NULL : json_object_get(reply.parameters);
	varlink_reply_done(&reply);
	return diagnosis;
}

static void say_end(struct run *run, const char *tool, int file_error)
{
	const struct feed *feed = &run->feed;
	CLEANUP(json_object_putp) struct json_object *diagnosis = ask_verdict(run);
	struct run_end end = {
		.session = feed->session[0] ? feed->session : NULL,
		.tool = tool,
		.log = run->log.path,
		.problem = feed->problem[0] ? feed->problem : NULL,
		.killed = run->tool.killed,
		.number = run->tool.number,
		.result = feed->progress,
		.diagnosis = diagnosis,
		.firmware = run->firmware,
	};

	if (!end.problem && !feed->ended_told)
		end.problem = "a signal interrupted it";
	if (file_error < 0)
		end.log_problem = file_problem(file_error);
	run->context->output->run_end(&end, run->context->reveal);
}

/* Names the file of the log, for a purge. A path that the daemon cannot store is left out. */
static void name_log(struct json_object *begin, const struct logfile *log)
{
	CLEANUP(freep) char *path = log->file_fd < 0 ? NULL : realpath(log->path, NULL);
	char clean[TOOL_LOG_SIZE];
	struct json_builder builder = {0};

	if (!path)
		return;
	text_clean(path, strlen(path), clean, sizeof(clean));
	if (text_equal(path, clean))
		json_put_text(&builder, begin, "log", path);
}

/* Starts the tool and follows it. Returns the exit status. */
static int run_tool(struct run *run, struct json_object *begin, char **argv)
{
	int r;

	name_log(begin, &run->log);
	logfile_copy(&run->log);
	r = tool_start(&run->tool, argv, run->log.tool_fd, &run->inherited, &run->log.copy->tool);
	if (lacks_means(r))
		return run_unwatched(run, r, argv);
	if (r < 0)
		return say_start_failure(r, argv[0]);
	logfile_give_way();
	run->started_us = clock_now().monotonic_us;
	run->live_us = run->started_us + LIVE_EVERY_US;
	screen_init(&run->screen, run->context->output->tool_fd, run->context->output->live);
	layout_init(&run->layout, stderr, -1, run->context->reveal);
	feed_init(&run->feed, run->context->socket, json_object_get(begin),
		run->screen.live_fd >= 0 ? ASK_LIVE_US : ASK_QUIET_US);
	ask_version(run);
	ask_firmware(run, argv);
	follow_tool(run);
	question_end(&run->check);
	tool_log_done(&run->tool_log);
	make_room(run);
	screen_done(&run->screen);
	say_end(run, argv[0], logfile_finish(&run->log, run->limit, FILE_WAIT_MS));
	feed_done(&run->feed);
	return tool_exit_code(&run->tool);
}

static int run_tool_command(struct context *context, int argc, char **argv)
{
	struct run run = {.context = context,
		.signal_fd = -1,
		.version.fd = -1,
		.package.fd = -1,
		.check.fd = -1};
	CLEANUP(json_object_putp) struct json_object *begin = NULL;
	struct plan plan = {0};
	int r, first = plan_read(&plan, context, argc, argv);

	if (first >= 0 && first < argc)
		begin = plan_begin(&plan, argv + first);
	plan_done(&plan);
	if (first < 0)
		return -first;
	if (first == argc) {
		report_error("run needs a restore tool; see `idevicetriage help run`.");
		return EXIT_USAGE;
	}
	run.name = *tool_word(argv + first);
	run.signal_fd = take_signals(context, &run.inherited);
	r = begin ? run.signal_fd : -ENOMEM;
	if (r >= 0)
		r = logfile_open(plan.log, argv[first], &run.log);
	if (r == -EEXIST || r == -EBUSY)
		r = say_log_failure(r, run.log.path);
	else if (r < 0)
		r = run_unwatched(&run, r, argv + first);
	else
		r = run_tool(&run, begin, argv + first);
	closep(&run.signal_fd);
	json_object_put(run.firmware);
	logfile_done(&run.log);
	return r;
}

const struct command command_run = {
	.name = "run",
	.arguments = "-- TOOL ...",
	.brief = "run a restore tool",
	.summary = "Run a restore tool and send its log to the daemon.",
	.options = plan_options,
	.words = COMPLETE_PROGRAM,
	.ordered = true,
	.examples = {{"idevicetriage run -- idevicerestore firmware.ipsw",
			     "exits with the status of the tool"},
		{"idevicetriage run --cable L12 -- idevicerestore firmware.ipsw",
			"the same with another cable"}},
	.run = run_tool_command,
};
