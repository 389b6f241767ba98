/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `measure`: what a meter prints of a phone's supply, into the restore that runs. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/options.h"
#include "client/output/output.h"
#include "client/resolve.h"
#include "common/base/clock.h"
#include "common/base/text.h"

/* A restore lasts up to an hour, and a session has at most 10000 measurements. */
#define WINDOW_US (USEC_PER_SEC / 2)
#define LINE_BYTES 1024
#define NUMBERS 3
/* Smaller times count from any start; greater ones are milliseconds. */
#define EPOCH_SECONDS_MIN 1e9
#define EPOCH_SECONDS_MAX 1e11
#define VOLTS_MAX 100
#define AMPERES_MAX 100

enum { OPTION_SOURCE = OPTION_OWN };

static const struct command_option own[] = {
	{"source", OPTION_SOURCE, "NAME", "the name of the meter"},
	{0},
};

struct sample {
	uint64_t at_us; /* since 1970 */
	double volts, amperes;
};

struct measuring {
	struct context *context;
	struct connection *connection;
	const char *source;
	struct name device;
	double first;	    /* the first time that is not since 1970 */
	uint64_t first_us;  /* when its line came; 0 = none yet */
	bool waits;	    /* `kept` is not sent yet */
	struct sample kept; /* the one of its window with the highest current */
	uint64_t window_us; /* when the window began */
	int64_t stored, ignored, idle;
};

static int take(void *user, int option, const char *value)
{
	((struct measuring *)user)->source = value;
	return EXIT_DONE;
}

/* -- Lines -- */

/* Makes the separators blanks. A comma is one too, unless others show that it is decimal. */
static void separate(char *line)
{
	bool decimal = strchr(line, ';') || strchr(line, '\t');

	for (char *c = line; *c; c++)
		if (*c == ',')
			*c = decimal ? '.' : ' ';
		else if (*c == ';')
			*c = ' ';
}

/* When a sample was measured. */
static uint64_t time_of(struct measuring *measuring, double seconds, uint64_t now_us)
{
	if (seconds >= EPOCH_SECONDS_MAX)
		seconds /= 1e3;
	if (seconds >= EPOCH_SECONDS_MIN && seconds < EPOCH_SECONDS_MAX)
		return (uint64_t)(seconds * (double)USEC_PER_SEC);
	if (!measuring->first_us || seconds < measuring->first ||
		seconds - measuring->first > EPOCH_SECONDS_MIN) {
		measuring->first = seconds;
		measuring->first_us = now_us;
	}
	return measuring->first_us +
	       (uint64_t)((seconds - measuring->first) * (double)USEC_PER_SEC);
}

/* Reads a time, or "-" for now, volts and amperes. Returns false if the line has no such
 * numbers. */
static bool read_line(struct measuring *measuring, char *line, struct sample *ret)
{
	uint64_t now_us = clock_now().wall_us;
	double numbers[NUMBERS] = {0};
	char *at = line, *end;

	separate(line);
	at += strspn(at, " ");
	for (size_t i = 0; i < NUMBERS; i++, at = end) {
		if (i == 0 && text_starts_with(at, "- ")) {
			end = at + 1;
			continue;
		}
		numbers[i] = strtod(at, &end);
		if (end == at || !isfinite(numbers[i]))
			return false;
	}
	if (numbers[1] < 0 || numbers[1] > VOLTS_MAX || fabs(numbers[2]) > AMPERES_MAX)
		return false;
	*ret = (struct sample){now_us, numbers[1], numbers[2]};
	if (!text_starts_with(line + strspn(line, " "), "- "))
		ret->at_us = time_of(measuring, numbers[0], now_us);
	return true;
}

/* -- The daemon -- */

/* Returns EXIT_DONE, also while no restore runs or the daemon is away, or an exit code after
 * reporting the error. */
static int send(struct measuring *measuring)
{
	const struct sample *sample = &measuring->kept;
	struct varlink_reply reply = {0};
	struct json_builder builder = {0};
	struct json_object *parameters = json_new_object(&builder);
	int r;

	measuring->waits = false;
	json_put_text(&builder, parameters, "device", measuring->device.text);
	json_put_text(&builder, parameters, "source", measuring->source);
	json_put_number(&builder, parameters, "timeUSec", (int64_t)sample->at_us);
	json_put_number(&builder, parameters, "millivolts", (int64_t)(sample->volts * 1e3 + 0.5));
	json_put_number(&builder, parameters, "microamperes", (int64_t)(sample->amperes * 1e6));
	r = rpc_ask_beside(measuring->context, &measuring->connection, "AddMeasurement", &builder,
		parameters, &reply);
	/* The phone may come back. */
	if (r == 0 && reply.error && !text_equal(reply.error, INTERFACE "NoSuchDevice"))
		r = rpc_refused(&reply);
	else
		r = EXIT_DONE;
	if (field_true(reply.parameters, "stored"))
		measuring->stored++;
	else
		measuring->idle++;
	varlink_reply_done(&reply);
	return r;
}

/* Of the samples of a window, that with the highest current is kept: a short peak says most. */
static int take_sample(struct measuring *measuring, const struct sample *sample)
{
	bool same = measuring->waits && sample->at_us >= measuring->window_us &&
		    sample->at_us < measuring->window_us + WINDOW_US;
	int r = measuring->waits && !same ? send(measuring) : EXIT_DONE;

	if (!same)
		measuring->window_us = sample->at_us;
	if (!same || sample->amperes > measuring->kept.amperes)
		measuring->kept = *sample;
	measuring->waits = true;
	return r;
}

/* Reads a line; a longer one is cut. Returns false at the end. */
static bool next_line(char line[static LINE_BYTES])
{
	int c = 0;

	if (!fgets(line, LINE_BYTES, stdin))
		return false;
	while (!strchr(line, '\n') && c != '\n' && c != EOF)
		c = getchar();
	return true;
}

static int read_all(struct measuring *measuring)
{
	char line[LINE_BYTES];
	int r = EXIT_DONE;

	while (r == EXIT_DONE && next_line(line)) {
		struct sample sample;

		if (read_line(measuring, line, &sample))
			r = take_sample(measuring, &sample);
		else
			measuring->ignored++;
	}
	return r == EXIT_DONE && measuring->waits ? send(measuring) : r;
}

static int report(const struct measuring *measuring)
{
	CLEANUP(json_object_putp) struct json_object *counts = NULL;
	struct json_builder builder = {0};
	struct json_object *object = json_new_object(&builder);

	json_put_number(&builder, object, "stored", measuring->stored);
	json_put_number(&builder, object, "notStored", measuring->idle);
	json_put_number(&builder, object, "linesIgnored", measuring->ignored);
	counts = json_finish(&builder, object);
	if (!counts)
		return report_no_memory();
	measuring->context->output->measured(&measuring->context->layout, counts);
	return EXIT_DONE;
}

/* Finds the phone. One that was never seen may come. */
static int find_phone(struct measuring *measuring, const char *text)
{
	struct name whole;
	int r = ask_name(
		measuring->context, measuring->connection, text, NAME_DEVICE, &measuring->device);

	if (r != EXIT_DONE || name_take(measuring->device.text, NAME_DEVICE, &whole) == 1)
		return r;
	return report_unknown_device(text);
}

static int run_measure(struct context *context, int argc, char **argv)
{
	struct measuring measuring = {.context = context};
	int r, first = options_read(context, argc, argv, take, &measuring);

	if (first < 0)
		return -first;
	if (first + 1 < argc)
		return options_too_many("measure", argv[first + 1]);
	if (first == argc || !measuring.source || !*measuring.source) {
		report_error(first == argc ? "measure needs a device, such as 1-2.3."
					   : "measure needs --source NAME, the name of the meter.");
		return EXIT_USAGE;
	}
	r = rpc_open(context, &measuring.connection);
	if (r == EXIT_DONE)
		r = find_phone(&measuring, argv[first]);
	if (r == EXIT_DONE)
		r = read_all(&measuring);
	connection_free(measuring.connection);
	return r == EXIT_DONE ? report(&measuring) : r;
}

const struct command command_measure = {
	.name = "measure",
	.arguments = "DEVICE --source NAME",
	.brief = "voltage and current",
	.summary = "Record a phone's voltage and current from a meter during a restore.",
	.options = own,
	.words = COMPLETE_DEVICE,
	.examples = {{"idevicetriage measure 1-2.3 --source meter",
			     "lines from the meter's own program"},
		{"idevicetriage measure 5E6F --source supply < meter.txt", "lines from a file"}},
	.run = run_measure,
};
