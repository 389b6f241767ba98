/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A command as data: getopt's tables, --help and the completion of all shells are made from it. */
#pragma once

#include "client/client.h"

#define COMMAND_EXAMPLES_MAX 2

/* What completes a word of the command line. */
enum completion {
	COMPLETE_NOTHING,
	COMPLETE_WORDS, /* the words of its row */
	COMPLETE_LIST,	/* the same, separated by commas */
	COMPLETE_FILE,
	COMPLETE_FOLDER,
	COMPLETE_PROGRAM,   /* a command of the system, with arguments of its own */
	COMPLETE_COMMAND,   /* a command of ours */
	COMPLETE_STATE,	    /* a value of the factor that `words` names */
	COMPLETE_CONDITION, /* KEY=VALUE of a factor */
	COMPLETE_KEY,	    /* the name of an option of the command, or the key of a factor */
	COMPLETE_HISTORY,   /* a word of a phone's history */
	COMPLETE_DEVICE,    /* this and the following: from the daemon */
	COMPLETE_SESSION,
	COMPLETE_DEVICE_OR_SESSION,
	COMPLETE_PORT,
	COMPLETE_TICKET,
	COMPLETE_CABLE,
};

struct command_option {
	const char *name;  /* without the dashes */
	int number;	   /* its letter, or a number from OPTION_OWN */
	const char *value; /* what --help calls its value; NULL = it has none */
	const char *help;  /* one line */
	enum completion completion;
	const char *words; /* separated by blanks */
};

/* The numbers of a command's own options without a letter. */
enum { OPTION_OWN = 0x300 };

struct command {
	const char *name;
	const char *arguments;		      /* for --help */
	const char *brief;		      /* for the list of commands */
	const char *summary;		      /* one sentence */
	const struct command_option *options; /* its own, which end with an empty row; or NULL */
	enum completion words;		      /* what completes its other words */
	bool ordered;			      /* the options end at the first other word */
	bool exits_with_phase;		      /* its exit status is that of a verdict */
	struct {
		const char *line, *does;
	} examples[COMMAND_EXAMPLES_MAX];
	/* `argv[0]` is its name. Returns an exit code. */
	int (*run)(struct context *context, int argc, char **argv);
};

extern const struct command command_status;
extern const struct command command_watch;
extern const struct command command_sessions;
extern const struct command command_log;
extern const struct command command_diagnose;
extern const struct command command_case;
extern const struct command command_report;
extern const struct command command_explain;
extern const struct command command_conditions;
extern const struct command command_note;
extern const struct command command_attempt;
extern const struct command command_run;
extern const struct command command_measure;
extern const struct command command_try;
extern const struct command command_wait;
extern const struct command command_hook;
extern const struct command command_import;
extern const struct command command_export;
extern const struct command command_purge;
extern const struct command command_stats;
extern const struct command command_metrics;
extern const struct command command_doctor;
extern const struct command command_panics;
extern const struct command command_check_firmware;
extern const struct command command_guide;
extern const struct command command_help;

/* All of them, in the order of the help; NULL ends the list. */
extern const struct command *const commands[];
/* The options of every command, which end with an empty row. */
extern const struct command_option shared_options[];

/* NULL if no command has this name. */
const struct command *command_find(const char *name);
/* Reports that no command has this name, and the nearest one. Returns EXIT_USAGE. */
int command_unknown(const char *name);
/* Prints the help of a command; NULL = the list of commands. */
void help_print(const struct command *command);
/* Prints what may stand in place of the last word of a command line, for the completion of the
 * shells. The first line names the kind: "words", "files", "folders" or "program N" (the words from
 * the Nth on are a command line of their own). Words follow, one a line, each with a tab and its
 * meaning. Returns an exit code. */
int complete_words(struct context *context, int count, char **words);
