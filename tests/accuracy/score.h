/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the accuracy test counts, and its tables. Diagnoses nothing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/diagnosis/verdict.h"

#define SCORE_CASES_MAX 4096

/* The words that the truth of a case file may have, as a verdict would say them. */
struct truth {
	enum phase phase; /* PHASE_NONE = the restore succeeded */
	char cause[NAME_SIZE];
	bool confirmed;
};

enum side { SIDE_NONE, SIDE_PHASE_1, SIDE_PHASE_2, SIDE_UNDECIDED, SIDE_COUNT };

struct scored {
	char name[NAME_SIZE];
	struct truth truth;
	enum phase phase;
	enum strength strength;
	bool cause_right; /* the first cause is the true one */
	bool cause_listed;
	char cause[NAME_SIZE];
	char next[NAME_SIZE];
	bool next_resolves; /* the next step tests the true cause */
	bool step_labelled; /* somebody wrote which next steps are right */
	bool step_right;
	bool has_clue; /* something speaks for the true cause, beyond that it was not ruled out */
	char reason[512]; /* why it is not decided, or the next step is another */
	char summary[256];
	enum side baselines[3];
};

/* A number that floors.h holds to a limit. */
struct figure {
	const char *name;
	size_t value;
};

#define FIGURE_COUNT 10

enum side side_of(enum phase phase);
/* Prints all tables to standard output. Returns the verdicts that were wrong at strong or above. */
size_t score_print(const struct scored *cases, size_t count);
/* Prints the cases with a wrong verdict, and why it was reached. */
void score_print_wrong(const struct scored *cases, size_t count);
void score_figures(
	const struct scored *cases, size_t count, struct figure figures[static FIGURE_COUNT]);
