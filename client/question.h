/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A short question to another program, beside other work: its output is the answer. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define QUESTION_ANSWER_SIZE 8192

struct question {
	pid_t pid;
	int fd; /* readable when there is output, or at its end; -1 = no program is running */
	char answer[QUESTION_ANSWER_SIZE]; /* of its standard output and error, with a NUL */
	size_t length;
	bool complete;
};

/* Starts a program that is searched for in PATH, without waiting. Returns 0, -ENOENT if there is no
 * such program, or another negative errno; then `ret` is a question without a program and without
 * an answer. The caller must call question_end(). */
int question_start(const char *const *argv, struct question *ret);
/* Reads the available output. Returns true when it is complete, or no program is running. */
bool question_hear(struct question *question);
/* The same, and waits for at most `limit_us`. */
bool question_wait(struct question *question, uint64_t limit_us);
/* Ends the program, if it still runs; `fd` is then -1. The answer stays. */
void question_end(struct question *question);
