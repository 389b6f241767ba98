/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/options.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/output/output.h"
#include "client/pager.h"
#include "common/base/text.h"

#define OPTIONS_MAX 48
#define LETTERS_SIZE 64
#define LETTER_MAX 0xff /* greater numbers are no letters */

enum {
	OPTION_SOCKET = 0x100,
	OPTION_STATE_DIR,
	OPTION_JSON,
	OPTION_REVEAL,
	OPTION_COLOR,
	OPTION_NO_PAGER
};

const struct command_option shared_options[] = {
	{"socket", OPTION_SOCKET, "PATH", "the daemon's socket", COMPLETE_FILE},
	{"state-dir", OPTION_STATE_DIR, "PATH", "the daemon's folder", COMPLETE_FOLDER},
	{"json", OPTION_JSON, NULL, "JSON for scripts"},
	{"reveal", OPTION_REVEAL, NULL, "identifiers in full"},
	{"color", OPTION_COLOR, "WHEN", "auto, always, never", COMPLETE_WORDS, "auto always never"},
	{"no-pager", OPTION_NO_PAGER, NULL, "never page output"},
	{"help", 'h', NULL, "help on a command"},
	{"version", 'V', NULL, "the version"},
	{0},
};

/* What getopt_long(3) needs. */
struct table {
	struct option options[OPTIONS_MAX];
	size_t count;
	char letters[LETTERS_SIZE];
};

static int take_color(struct context *context, const char *value)
{
	static const char *const words[] = {
		[COLOR_AUTO] = "auto", [COLOR_ALWAYS] = "always", [COLOR_NEVER] = "never"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (text_equal(value, words[i])) {
			context->color = (enum color_choice)i;
			return EXIT_DONE;
		}
	report_error("--color must be auto, always or never, not %s.", value);
	return EXIT_USAGE;
}

static void prepare_layout(struct context *context)
{
	layout_init(&context->layout, stdout,
		context->color == COLOR_AUTO ? -1 : context->color == COLOR_ALWAYS,
		context->reveal);
}

static _Noreturn void show_help(struct context *context)
{
	prepare_layout(context);
	pager_begin(context);
	help_print(context->command);
	exit(pager_end(context, EXIT_DONE));
}

/* Returns EXIT_DONE or EXIT_USAGE; -1 if the option is not a shared one. */
static int take_shared(struct context *context, int option)
{
	switch (option) {
	case OPTION_SOCKET:
		context->socket = optarg;
		return EXIT_DONE;
	case OPTION_STATE_DIR:
		context->state_dir = optarg;
		return EXIT_DONE;
	case OPTION_JSON:
		context->output = &output_json;
		return EXIT_DONE;
	case OPTION_REVEAL:
		context->reveal = true;
		return EXIT_DONE;
	case OPTION_COLOR:
		return take_color(context, optarg);
	case OPTION_NO_PAGER:
		context->no_pager = true;
		return EXIT_DONE;
	case 'h':
		show_help(context);
	case 'V':
		printf("idevicetriage %s\n", PROJECT_VERSION);
		exit(EXIT_DONE);
	default:
		return -1;
	}
}

static const char *nearest_option(const char *word, const struct option *options)
{
	const char *nearest = NULL;
	size_t best = TEXT_FAR;

	for (; options->name; options++)
		if (text_is_nearer(word + strspn(word, "-"), options->name, &best))
			nearest = options->name;
	return nearest;
}

/* "idevicetriage", or the name of the command. */
static const char *name_of(const struct command *command)
{
	return command ? command->name : "idevicetriage";
}

/* Reports a mistake, and where to look. Returns EXIT_USAGE. */
static int refuse(const struct command *command, const char *what, const char *word)
{
	report_error("%s%s%s; see `idevicetriage %s%s--help`.", name_of(command), what, word,
		command ? command->name : "", command ? " " : "");
	return EXIT_USAGE;
}

/* Reports what is wrong with the option that getopt_long() rejected. getopt(3): the last word read
 * is the option, except for an unknown letter, which may be part of a group. */
static int refuse_option(
	const struct command *command, char **argv, const struct table *table, bool lacks_value)
{
	char letter[] = {'-', (char)optopt, '\0'};
	bool unknown_letter = !lacks_value && optopt > 0 && optopt <= LETTER_MAX &&
			      !strchr(table->letters, optopt);
	const char *word = unknown_letter ? letter : argv[optind - 1];
	const char *nearest;

	if (lacks_value)
		return refuse(command, " needs a value after ", word);
	if (unknown_letter || !(nearest = nearest_option(word, table->options)))
		return refuse(command, " has no option ", word);
	report_error("%s has no option %s. Did you mean --%s?", name_of(command), word, nearest);
	return EXIT_USAGE;
}

static void add_options(struct table *table, const struct command_option *row)
{
	size_t used = strlen(table->letters);

	for (; row && row->name; row++) {
		assert(table->count < OPTIONS_MAX - 1);
		table->options[table->count++] = (struct option){
			.name = row->name,
			.has_arg = row->value ? required_argument : no_argument,
			.val = row->number,
		};
		if (row->number <= LETTER_MAX)
			used += (size_t)snprintf(table->letters + used, LETTERS_SIZE - used, "%c%s",
				row->number, row->value ? ":" : "");
	}
}

static void table_init(struct table *table, const struct command *command)
{
	bool ordered = !command || command->ordered;

	/* getopt(3): + ends the options at the first other word, : tells a missing value from an
	 * unknown option. */
	snprintf(table->letters, LETTERS_SIZE, "%s:", ordered ? "+" : "");
	add_options(table, shared_options);
	add_options(table, command ? command->options : NULL);
}

static const struct command_option *find_option(const struct command_option *row, int option)
{
	for (; row && row->name; row++)
		if (row->number == option)
			return row;
	return NULL;
}

/* An empty value, as of a variable of the shell that is not set: a search for it would only report
 * that there is no such file or session. */
static int check_value(const struct command *command, int option, const char *value)
{
	const struct command_option *row = find_option(shared_options, option);

	if (!row && command)
		row = find_option(command->options, option);
	if (!row || !row->value || *value)
		return EXIT_DONE;
	return row->completion == COMPLETE_FILE || row->completion == COMPLETE_FOLDER ||
			       row->completion == COMPLETE_SESSION
		       ? refuse(command, " needs a value after --", row->name)
		       : EXIT_DONE;
}

/* A command whose options end at the first word starts a program, whose words these are. */
static int check_words(const struct command *command, char **words)
{
	for (; command && !command->ordered && *words; words++)
		if (!**words)
			return refuse(command, " has an empty argument", "");
	return EXIT_DONE;
}

int options_read(struct context *context, int argc, char **argv, option_taker *take, void *user)
{
	struct table table = {0};
	int option, r;

	table_init(&table, context->command);
	optind = 0; /* restarts, and resets the order of words (glibc) */
	while ((option = getopt_long(argc, argv, table.letters, table.options, NULL)) >= 0) {
		if (option == '?' || option == ':')
			return -refuse_option(context->command, argv, &table, option == ':');
		r = check_value(context->command, option, optarg);
		if (r == EXIT_DONE)
			r = take_shared(context, option);
		if (r < 0)
			r = take(user, option, optarg);
		if (r != EXIT_DONE)
			return -r;
	}
	r = check_words(context->command, argv + optind);
	if (r != EXIT_DONE)
		return -r;
	prepare_layout(context);
	return optind;
}

int option_number(const char *name, const char *value, int64_t least, int64_t *ret)
{
	char *end;
	long long number;

	errno = 0;
	number = strtoll(value, &end, 10);
	if (errno || end == value || *end || number < least) {
		report_error(
			"%s must be a number of %" PRId64 " or more, not %s.", name, least, value);
		return EXIT_USAGE;
	}
	*ret = number;
	return EXIT_DONE;
}

static bool is_word(const char *value, const char *words)
{
	size_t length = strlen(value);

	for (const char *word = words; *word; word += strspn(word, " ")) {
		size_t end = strcspn(word, " ");

		if (end == length && strncmp(word, value, length) == 0)
			return true;
		word += end;
	}
	return false;
}

/* "a, b or c" */
static void list_words(const char *words, char *ret, size_t size)
{
	size_t used = 0;

	for (const char *word = words; *word && used < size; word += strspn(word, " ")) {
		int end = (int)strcspn(word, " ");
		const char *before = word == words ? "" : word[end] ? ", " : " or ";

		used += (size_t)snprintf(ret + used, size - used, "%s%.*s", before, end, word);
		word += end;
	}
}

int option_word(const char *name, const char *value, const char *words, const char **ret)
{
	char list[256];

	*ret = value;
	if (is_word(value, words))
		return EXIT_DONE;
	list_words(words, list, sizeof(list));
	report_error("%s must be %s, not %s.", name, list, value);
	return EXIT_USAGE;
}

int options_too_many(const char *command, const char *word)
{
	report_error("%s: unexpected argument %s; see `idevicetriage %.*s --help`.", command, word,
		(int)strcspn(command, " "), command);
	return EXIT_USAGE;
}
