/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/accuracy/steps.h"

#include <stdio.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"
#include "common/diagnosis/knowledge.h"

static void closefilep(FILE **file)
{
	if (*file)
		fclose(*file);
}

static bool is_experiment(const char *word)
{
	for (size_t i = 0; i < knowledge_experiments_count; i++)
		if (text_equal(knowledge_experiments[i].word, word))
			return true;
	return false;
}

static struct scored *find_case(struct scored *cases, size_t count, const char *name)
{
	char file[NAME_SIZE];

	snprintf(file, sizeof(file), "%.50s.json", name);
	for (size_t i = 0; i < count; i++)
		if (text_equal(cases[i].name, file))
			return &cases[i];
	return NULL;
}

/* Whether each word is an experiment; sets whether the next step is one of them. */
static bool compare(struct scored *scored, char *words)
{
	char *rest = words;

	scored->step_labelled = true;
	for (char *word; (word = strsep(&rest, " "));) {
		if (!*word)
			continue;
		if (!is_experiment(word))
			return false;
		scored->step_right |= text_equal(word, scored->next);
	}
	return true;
}

static bool read_line(char *line, struct scored *cases, size_t count)
{
	char *colon = strchr(line, ':');
	char *end = colon ? strchr(colon, ';') : NULL;
	struct scored *scored;

	if (!end)
		return false;
	*colon = *end = '\0';
	scored = find_case(cases, count, line);
	return scored && !scored->step_labelled && compare(scored, colon + 1);
}

bool steps_read(const char *path, struct scored *cases, size_t count)
{
	CLEANUP(closefilep) FILE *file = fopen(path, "re");
	char line[512];

	if (!file) {
		fprintf(stderr, "Cannot open %s: %m\n", path);
		return false;
	}
	for (int number = 1; fgets(line, sizeof(line), file); number++) {
		if (line[0] == '#' || line[0] == '\n')
			continue;
		if (!read_line(line, cases, count)) {
			fprintf(stderr, "%s:%d: not a case and its experiments: %s\n", path, number,
				line);
			return false;
		}
	}
	return true;
}

void steps_print_missed(const struct scored *cases, size_t count)
{
	size_t all = 0, right = 0;

	for (size_t i = 0; i < count; i++) {
		all += cases[i].step_labelled;
		right += cases[i].step_right;
	}
	printf("\nNext step as a technician wrote it: %zu of %zu\n", right, all);
	for (size_t i = 0; i < count; i++)
		if (cases[i].step_labelled && !cases[i].step_right)
			printf("  %s: %s\n      %s\n", cases[i].name,
				cases[i].next[0] ? cases[i].next : "-", cases[i].summary);
}
