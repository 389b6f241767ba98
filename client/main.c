/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command for people and scripts. It queries the daemon; only `panics` talks to a phone. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/client.h"
#include "client/options.h"
#include "client/output/output.h"
#include "common/base/text.h"

#define DEFAULT_SOCKET "/run/idevicetriage/io.github.idevicetriage"
#define DEFAULT_STATE_DIR "/var/lib/idevicetriage"

static int command_help(struct context *context, int argc, char **argv);

static const struct command commands[] = {
	{"status", "", "Show the daemon, phones, running restores", command_status},
	{"watch", "", "Show events as they happen", command_watch},
	{"sessions", "[DEVICE]", "List the restore attempts", command_sessions},
	{"log", "[-f] [SESSION]", "Show the records of a session, or of all", command_log},
	{"diagnose", "[DEVICE|SESSION]", "Show why restores fail, and the next step",
		command_diagnose},
	{"case", "DEVICE", "Show everything stored about a phone", command_case},
	{"report", "[-o F] [DEVICE|SESSION]", "Write the diagnosis for the customer",
		command_report},
	{"explain", "CODE|STEP|MODEL ...", "Explain an error code, step or model", command_explain},
	{"conditions", "[PORT|DEVICE] ...", "Show or set the conditions of restores",
		command_conditions},
	{"note", "DEVICE [TEXT ...]", "Add a note about a phone", command_note},
	{"attempt", "DEVICE --outcome O ...", "Add a restore done elsewhere", command_attempt},
	{"run", "[CONDITIONS] -- TOOL ...", "Run a restore tool and watch its log", command_run},
	{"hook", "[--on EVENTS] -- CMD ...", "Run a command for each event", command_hook},
	{"import", "[CONDITIONS] FILE ...", "Add attempts from logs and case files",
		command_import},
	{"export", "DEVICE|SESSION", "Write a phone's attempts as a case file", command_export},
	{"purge", "[DEVICE]", "Delete a phone, or old attempts", command_purge},
	{"stats", "", "Count failures by port, cable, model ...", command_stats},
	{"metrics", "[-o F]", "Write the counts for node_exporter", command_metrics},
	{"doctor", "", "Find problems of this bench", command_doctor},
	{"panics", "DEVICE|--file FILE ...", "Show which parts panic reports point to",
		command_panics},
	{"help", "[COMMAND]", "Show this text, or the usage of a command", command_help},
};

static void help(void)
{
	printf("Usage: idevicetriage [OPTIONS] COMMAND ...\n\n"
	       "Why an iPhone restore failed, and what to try next.\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %-10s %-24s  %s\n", commands[i].name, commands[i].arguments,
			commands[i].summary);
	printf("\nOptions, before or after the command:\n"
	       "  --socket PATH     the daemon's socket (else $IDEVICETRIAGE_SOCKET)\n"
	       "  --state-dir PATH  its folder, for use without the daemon\n"
	       "  --json            JSON for scripts\n"
	       "  --reveal          ECIDs, UDIDs and serial numbers in full\n"
	       "  --color WHEN      auto, always or never\n"
	       "  -h, --help        this text\n"
	       "  -V, --version     the version\n\n"
	       "Conditions of run and import: --cable L --port P --earpiece-flex S --display S\n"
	       "  --battery S --minimal-boot --condition KEY=VALUE --ticket T; only run:\n"
	       "  --ecid E --log FILE; only import: --device D --host H --tool T --dry-run\n"
	       "To correct a past attempt: attempt or conditions with --session S and the new\n"
	       "  values, --unset KEY or --remove\n\n"
	       "hook: --on session-ended,diagnosis-changed,port-suspect --cursor F --timeout S\n\n"
	       "diagnose --short prints one line, --all every suspect; --case FILE and --log FILE\n"
	       "judge a case file or a tool's log without the daemon.\n"
	       "diagnose exits with 0 no failure, 10 connection, 11 software, 20 hardware,\n"
	       "30 undecided, 40 a restore is running, 41 it hangs. More: man idevicetriage\n");
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (text_equal(name, commands[i].name))
			return &commands[i];
	return NULL;
}

static int unknown_command(const char *name)
{
	const char *nearest = NULL;
	size_t best = TEXT_FAR;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (text_is_nearer(name, commands[i].name, &best))
			nearest = commands[i].name;
	if (nearest)
		report_error("Unknown command %s. Did you mean %s?", name, nearest);
	else
		report_error("Unknown command %s; see `idevicetriage --help`.", name);
	return EXIT_USAGE;
}

static int command_help(struct context *context, int argc, char **argv)
{
	int first = options_read(context, argc, argv, "", NULL, NULL, NULL);
	const struct command *command;

	if (first < 0)
		return -first;
	if (first + 1 < argc)
		return options_too_many("help", argv[first + 1]);
	if (first == argc) {
		help();
		return EXIT_DONE;
	}
	command = find_command(argv[first]);
	if (!command)
		return unknown_command(argv[first]);
	printf("Usage: idevicetriage [OPTIONS] %s%s%s\n\n%s\n\nMore: man idevicetriage\n",
		command->name, *command->arguments ? " " : "", command->arguments,
		command->summary);
	return EXIT_DONE;
}

/* A write error on standard output, such as a full disk or a closed pipe, must not look like
 * success. */
static int close_output(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	report_error("Cannot write the output (%m).");
	return code == EXIT_DONE ? EXIT_REFUSED : code;
}

int main(int argc, char **argv)
{
	const char *socket = getenv("IDEVICETRIAGE_SOCKET");
	struct context context = {
		.socket = socket && *socket ? socket : DEFAULT_SOCKET,
		.state_dir = DEFAULT_STATE_DIR,
		.output = &output_text,
		.help = help,
	};
	const struct command *command;
	int first;

	setlocale(LC_CTYPE, "");
	first = options_read(&context, argc, argv, "+", NULL, NULL, NULL);
	if (first < 0)
		return -first;
	if (first == argc) {
		report_error("No command; see `idevicetriage --help`.");
		return EXIT_USAGE;
	}
	command = find_command(argv[first]);
	if (!command)
		return unknown_command(argv[first]);
	return close_output(command->run(&context, argc - first, argv + first));
}
