/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/output/output.h"
#include "common/base/text.h"

#define OPTIONS_MAX 48

/* Options without a letter. */
enum { OPTION_SOCKET = 0x100, OPTION_STATE_DIR, OPTION_JSON, OPTION_REVEAL, OPTION_COLOR };

static const struct option shared[] = {
	{"socket", required_argument, NULL, OPTION_SOCKET},
	{"state-dir", required_argument, NULL, OPTION_STATE_DIR},
	{"json", no_argument, NULL, OPTION_JSON},
	{"reveal", no_argument, NULL, OPTION_REVEAL},
	{"color", required_argument, NULL, OPTION_COLOR},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
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
	case 'h':
		context->help();
		exit(EXIT_DONE);
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

/* Reports what is wrong with the option that getopt_long() rejected. getopt(3): the last word read
 * is the option, except for an unknown letter, which may be part of a group. */
static int refuse_option(const char *command, char **argv, const char *letters,
	const struct option *options, bool lacks_value)
{
	char letter[] = {'-', (char)optopt, '\0'};
	bool unknown_letter =
		!lacks_value && optopt > 0 && optopt < OPTION_SOCKET && !strchr(letters, optopt);
	const char *word = unknown_letter ? letter : argv[optind - 1];
	const char *nearest;

	if (lacks_value)
		report_error("%s: %s needs a value; see `idevicetriage --help`.", command, word);
	else if (!unknown_letter && (nearest = nearest_option(word, options)))
		report_error("%s has no option %s. Did you mean --%s?", command, word, nearest);
	else
		report_error("%s has no option %s; see `idevicetriage --help`.", command, word);
	return EXIT_USAGE;
}

int options_read(struct context *context, int argc, char **argv, const char *letters,
	const struct option *own, option_taker *take, void *user)
{
	struct option all[OPTIONS_MAX] = {0};
	size_t count = ARRAY_SIZE(shared);
	bool ordered = letters && *letters == '+';
	const char *command = ordered && !own ? "idevicetriage" : argv[0];
	char all_letters[64];
	int option, r;

	memcpy(all, shared, sizeof(shared));
	for (; own && own->name && count < OPTIONS_MAX - 1; own++)
		all[count++] = *own;
	snprintf(all_letters, sizeof(all_letters), "%s:%shV", ordered ? "+" : "",
		letters ? letters + ordered : "");
	optind = 0; /* restarts, and resets the order of words (glibc) */
	while ((option = getopt_long(argc, argv, all_letters, all, NULL)) >= 0) {
		if (option == '?' || option == ':')
			return -refuse_option(command, argv, all_letters, all, option == ':');
		r = take_shared(context, option);
		if (r < 0)
			r = take(user, option, optarg);
		if (r != EXIT_DONE)
			return -r;
	}
	layout_init(&context->layout, stdout,
		context->color == COLOR_AUTO ? -1 : context->color == COLOR_ALWAYS,
		context->reveal);
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

int options_too_many(const char *command, const char *word)
{
	report_error("%s: unexpected argument %s; see `idevicetriage --help`.", command, word);
	return EXIT_USAGE;
}
