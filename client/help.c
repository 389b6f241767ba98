/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `help`: the list of commands, and what each accepts. */
#include <stdio.h>
#include <string.h>

#include "client/options.h"
#include "client/pager.h"
#include "common/base/text.h"

#define CELL_SIZE 96
#define CELL_COLUMNS 40	  /* two fit a terminal */
#define OPTION_COLUMNS 28 /* of an option, before what it does */
#define LETTER_MAX 0xff

static const char *const exit_codes =
	"It exits with 0 no failure, 10 connection, 11 software, 20 hardware,\n"
	"30 undecided, 40 a restore is running, 41 it hangs.\n";

const struct command *const commands[] = {
	&command_status,
	&command_watch,
	&command_sessions,
	&command_log,
	&command_diagnose,
	&command_case,
	&command_report,
	&command_explain,
	&command_conditions,
	&command_note,
	&command_attempt,
	&command_run,
	&command_measure,
	&command_try,
	&command_wait,
	&command_hook,
	&command_import,
	&command_export,
	&command_purge,
	&command_stats,
	&command_metrics,
	&command_doctor,
	&command_panics,
	&command_check_firmware,
	&command_guide,
	&command_help,
	NULL,
};

const struct command *command_find(const char *name)
{
	for (const struct command *const *command = commands; *command; command++)
		if (text_equal(name, (*command)->name))
			return *command;
	return NULL;
}

int command_unknown(const char *name)
{
	const char *nearest = NULL;
	size_t best = TEXT_FAR;

	for (const struct command *const *command = commands; *command; command++)
		if (text_is_nearer(name, (*command)->name, &best))
			nearest = (*command)->name;
	if (nearest)
		report_error("Unknown command %s. Did you mean %s?", name, nearest);
	else
		report_error("Unknown command %s; see `idevicetriage --help`.", name);
	return EXIT_USAGE;
}

/* "-o, --output FILE" */
static int write_option(const struct command_option *option, char text[static CELL_SIZE])
{
	char letter[] = {'-', (char)option->number, ',', ' ', '\0'};

	return snprintf(text, CELL_SIZE, "%s--%s%s%s", option->number <= LETTER_MAX ? letter : "",
		option->name, option->value ? " " : "", option->value ? option->value : "");
}

/* A list in two columns. */
struct cells {
	int name_columns, used;
	size_t count;
};

static void print_cell(struct cells *cells, const char *name, const char *help)
{
	if (cells->count++ % 2)
		printf("%*s", cells->used < CELL_COLUMNS ? CELL_COLUMNS - cells->used : 1, "");
	else if (cells->count > 1)
		putchar('\n');
	cells->used = printf("  %-*s %s%s", cells->name_columns, name,
		(int)strlen(name) > cells->name_columns ? " " : "", help);
}

static void print_list(void)
{
	struct cells names = {.name_columns = 11}, options = {.name_columns = 17};
	char text[CELL_SIZE];

	printf("Usage: idevicetriage [OPTIONS] COMMAND ...\n"
	       "Why an iPhone restore failed, and what to try next.\n\n");
	for (const struct command *const *command = commands; *command; command++)
		print_cell(&names, (*command)->name, (*command)->brief);
	printf("\n\n");
	for (const struct command_option *option = shared_options; option->name; option++) {
		write_option(option, text);
		print_cell(&options, text, option->help);
	}
	printf("\nThe options and examples of a command: idevicetriage help COMMAND\n"
	       "From a fresh machine to the first verdict: man idevicetriage-start\n");
}

static void print_options(const struct command_option *option)
{
	char text[CELL_SIZE];

	if (option)
		putchar('\n');
	for (; option && option->name; option++) {
		bool letter = option->number <= LETTER_MAX;
		int used =
			printf("  %s%s", letter ? "" : "    ", (write_option(option, text), text));

		if (used >= OPTION_COLUMNS)
			printf("\n%*s", OPTION_COLUMNS, "");
		else
			printf("%*s", OPTION_COLUMNS - used, "");
		printf("%s\n", option->help);
	}
}

static void print_command(const struct command *command)
{
	printf("Usage: idevicetriage %s%s%s%s\n\n%s\n", command->name,
		command->options ? " [OPTIONS]" : "", *command->arguments ? " " : "",
		command->arguments, command->summary);
	print_options(command->options);
	printf("\nExamples:\n");
	for (size_t i = 0; i < COMMAND_EXAMPLES_MAX && command->examples[i].line; i++)
		printf("  %s\n      %s\n", command->examples[i].line, command->examples[i].does);
	if (command->exits_with_phase)
		printf("\n%s", exit_codes);
	printf("\nOptions of every command: idevicetriage --help. More: man idevicetriage\n");
}

void help_print(const struct command *command)
{
	if (command)
		print_command(command);
	else
		print_list();
}

static int run_help(struct context *context, int argc, char **argv)
{
	int first = options_read(context, argc, argv, NULL, NULL);
	const struct command *command = NULL;

	if (first < 0)
		return -first;
	if (first + 1 < argc)
		return options_too_many("help", argv[first + 1]);
	if (first < argc && !(command = command_find(argv[first])))
		return command_unknown(argv[first]);
	pager_begin(context);
	help_print(command);
	return EXIT_DONE;
}

const struct command command_help = {
	.name = "help",
	.arguments = "[COMMAND]",
	.brief = "help on a command",
	.summary = "Show all commands, or the options and examples of one.",
	.words = COMPLETE_COMMAND,
	.examples = {{"idevicetriage help", "all commands"},
		{"idevicetriage help run", "one command"}},
	.run = run_help,
};
