/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How many of the failure texts of the restore tools are known, and what becomes of a log that ends
 * with one. Each file of texts/ is one tool: '#' begins a comment, '>' the shape of a line with '@'
 * for the text and '|' for the end of a line, any other line is a text. Shapes hold until the
 * next ones. '>>' is the shape of a line in usbmuxd's own log, '>-' that of a line of a library
 * with -d: both end no restore. Usage: failure_texts [-l] FLOORS FILE...; -l lists each text with
 * what is known of it. */
#include <stdio.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"
#include "common/logs/link_log.h"
#include "common/logs/toollog.h"
#include "common/model/session.h"
#include "tests/accuracy/floors.h"

#define LINE_MAX 512
#define SHAPES_MAX 4
#define TOOLS_MAX 16

/* A restore that has begun: what a tool that never began prints is no failure of the phone. */
static const char begun[] = "Found device in Recovery mode\n"
			    "ECID: 7325489102334998\n"
			    "Identified device as d421ap, iPhone12,3\n"
			    "IPSW Product Version: 18.3\n"
			    "Variant: Customer Erase Install (IPSW)\n"
			    "Sending iBEC (1057708 bytes)...\n";

struct reading {
	struct session session;
	char sign[NAME_SIZE]; /* the first one of the last line; empty = none */
};

struct tool {
	char name[32];
	char shapes[SHAPES_MAX][LINE_MAX];
	size_t shape_count;
	bool in_texts;
	bool of_usbmuxd;
	bool ends_nothing;
	size_t all, known, failed;
};

static void closefilep(FILE **file)
{
	if (*file)
		fclose(*file);
}

static uint64_t record(void *user, const struct event *event)
{
	struct reading *reading = user;

	if (event->kind == EVENT_SIGN && !reading->sign[0])
		text_copy(reading->sign, sizeof(reading->sign), event->name);
	return 1;
}

static void hear(void *user, const struct event *event)
{
	struct reading *reading = user;

	session_feed(&reading->session, event, record, reading);
}

/* Reads a log that ends with the lines. Returns whether something is known of the last one. */
static bool read_lines(struct reading *reading, const char *lines)
{
	const char *last = strrchr(lines, '\n');
	CLEANUP(toollog_freep) struct toollog *log = NULL;
	struct event effects[SESSION_EFFECTS_MAX];
	struct stamp now = {.monotonic_us = 1};
	uint64_t understood;
	size_t count;

	session_init(&reading->session, true);
	reading->session.running = true;
	log = toollog_new(hear, reading);
	assert(log);
	last = last ? last + 1 : lines;
	toollog_feed(log, now, begun, strlen(begun));
	toollog_feed(log, now, lines, (size_t)(last - lines));
	understood = toollog_stats(log).understood;
	reading->sign[0] = '\0';
	toollog_feed(log, now, last, strlen(last));
	toollog_feed(log, now, "\n", 1);
	toollog_finish(log, now);
	understood = toollog_stats(log).understood - understood;
	count = session_finish(&reading->session, now, effects);
	session_keep(&reading->session, effects, count, record, reading);
	return understood > 0;
}

/* The line of a text in a shape, with something filled in for %s and %d. */
static void write_line(const char *shape, const char *text, char line[static LINE_MAX])
{
	const char *at = strchr(shape, '@');
	int used = snprintf(line, LINE_MAX, "%.*s", (int)(at - shape), shape);

	for (char *end = line; (end = strchr(end, '|'));)
		*end = '\n';
	for (; *text && used < LINE_MAX - 8; text++) {
		if (*text != '%' || (text[1] != 's' && text[1] != 'd')) {
			line[used++] = *text;
			continue;
		}
		used += snprintf(line + used, 8, "%s", *++text == 's' ? "thing" : "7");
	}
	line[used] = '\0';
}

static bool has_failed(const struct reading *reading)
{
	enum outcome outcome = reading->session.attempt.outcome;

	return outcome == OUTCOME_FAILED || outcome == OUTCOME_NOT_STARTED;
}

/* Whether usbmuxd's line shows a sign or is known to mean nothing. */
static bool read_mux_line(struct reading *reading, const char *line)
{
	struct link_finding finding;

	reading->sign[0] = '\0';
	if (!link_pattern_read(LINK_USBMUXD, line, &finding))
		return link_line_is_noise(LINK_USBMUXD, line);
	text_copy(reading->sign, sizeof(reading->sign), finding.sign->id);
	return true;
}

/* A text is known, or ends the log as it must, only where it does so in each shape of its line. */
static void try_text(struct tool *tool, const char *text, bool list)
{
	struct reading reading;
	bool known = true, failed = true;

	for (size_t i = 0; i < tool->shape_count; i++) {
		char line[LINE_MAX];

		write_line(tool->shapes[i], text, line);
		if (tool->of_usbmuxd) {
			known &= read_mux_line(&reading, line);
			continue;
		}
		known &= read_lines(&reading, line);
		failed &= has_failed(&reading) != tool->ends_nothing;
	}
	tool->all++;
	tool->known += known;
	tool->failed += failed;
	if (list || !known || !failed)
		printf("  %-8s %-20s %s: %s\n",
			!known		  ? "unknown"
			: !failed	  ? "no end"
			: reading.sign[0] ? "sign"
					  : "noise",
			reading.sign, tool->name, text);
}

static void take_line(struct tool *tool, char *line, bool list)
{
	line[strcspn(line, "\n")] = '\0';
	if (*line == '#' || !*line)
		return;
	if (*line != '>') {
		tool->in_texts = true;
		try_text(tool, line, list);
		return;
	}
	if (tool->in_texts)
		tool->shape_count = 0;
	tool->in_texts = false;
	tool->of_usbmuxd = line[1] == '>';
	tool->ends_nothing = line[1] == '-';
	assert(tool->shape_count < SHAPES_MAX && strchr(line, '@'));
	text_copy(tool->shapes[tool->shape_count++], LINE_MAX, strchr(line, ' ') + 1);
}

static int read_tool(const char *path, struct tool *tool, bool list)
{
	CLEANUP(closefilep) FILE *file = fopen(path, "re");
	const char *name = strrchr(path, '/');
	char line[LINE_MAX];

	name = name ? name + 1 : path;
	*tool = (struct tool){0};
	snprintf(tool->name, sizeof(tool->name), "%.*s", (int)strcspn(name, "."), name);
	if (!file) {
		fprintf(stderr, "Cannot open %s: %m\n", path);
		return -1;
	}
	while (fgets(line, sizeof(line), file))
		take_line(tool, line, list);
	return 0;
}

/* Floors are percentages, rounded down: 100 is all. */
static size_t add_figures(const struct tool *tool, struct figure *figures)
{
	static char names[2 * TOOLS_MAX][40];
	static size_t used;
	const size_t counts[] = {tool->known, tool->failed};
	static const char *const words[] = {"known", "failed"};

	for (size_t i = 0; i < (tool->of_usbmuxd ? 1 : ARRAY_SIZE(counts)); i++) {
		snprintf(names[used], sizeof(names[used]), "%s-%s", tool->name, words[i]);
		figures[i] = (struct figure){names[used++], counts[i]};
	}
	return tool->of_usbmuxd ? 1 : ARRAY_SIZE(counts);
}

int main(int argc, char **argv)
{
	bool list = argc > 1 && text_equal(argv[1], "-l");
	struct figure figures[2 * TOOLS_MAX];
	size_t count = 0;

	argv += list;
	argc -= list;
	if (argc < 3 || argc > 2 + TOOLS_MAX) {
		fprintf(stderr, "usage: failure_texts [-l] FLOORS FILE...\n");
		return 2;
	}
	for (int i = 2; i < argc; i++) {
		struct tool tool;

		if (read_tool(argv[i], &tool, list) < 0)
			return 1;
		printf("%-24s known %zu/%zu", tool.name, tool.known, tool.all);
		if (!tool.of_usbmuxd)
			printf(", ends as failed %zu/%zu", tool.failed, tool.all);
		printf("\n");
		count += add_figures(&tool, figures + count);
	}
	return floors_hold(argv[1], figures, count) ? 0 : 1;
}
