/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `note`: records what a person knows about a phone: a sentence, or words of its history. */
#include <stdio.h>
#include <string.h>

#include "client/resolve.h"
#include "client/options.h"
#include "client/output/output.h"
#include "common/base/text.h"
#include "common/model/case.h"
#include "common/model/history_word.h"

#define NOTE_BYTES_MAX 1000 /* the daemon's limit */
#define WORDS_MAX 16	    /* of history, per call */

static const struct option own[] = {{"history", required_argument, NULL, 'H'}, {0}};

struct note {
	const char *words[WORDS_MAX]; /* of history */
	size_t word_count;
	char text[NOTE_BYTES_MAX + 1];
};

static bool is_slug(const char *word)
{
	return *word && strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(word) &&
	       strlen(word) < HISTORY_WORD_SIZE;
}

static int take(void *user, int option, const char *value)
{
	struct note *note = user;

	if (!is_slug(value)) {
		report_error("--history must be a word of small letters, digits and dashes such as "
			     "display-replaced, not %s.",
			value);
		return EXIT_USAGE;
	}
	if (note->word_count == WORDS_MAX) {
		report_error("note accepts at most %d words of history at once.", WORDS_MAX);
		return EXIT_USAGE;
	}
	note->words[note->word_count++] = value;
	return EXIT_DONE;
}

/* Joins the words of the command line. */
static int join(struct note *note, char **words)
{
	size_t used = 0;

	for (; *words; words++) {
		int written = snprintf(note->text + used, sizeof(note->text) - used, "%s%s",
			used ? " " : "", *words);

		if (written < 0 || (size_t)written >= sizeof(note->text) - used) {
			report_error("A note has at most %d bytes; write two.", NOTE_BYTES_MAX);
			return EXIT_USAGE;
		}
		used += (size_t)written;
	}
	if (text_is_utf8(note->text, used))
		return EXIT_DONE;
	report_error("The note is not valid UTF-8.");
	return EXIT_USAGE;
}

/* Warns about a word that the diagnosis does not know; it is stored anyway. */
static void warn_of_words(const struct note *note)
{
	size_t count;
	const struct history_word *known = history_words(&count);
	char list[2048] = "";

	for (size_t i = 0; i < count; i++) {
		text_copy(list + strlen(list), sizeof(list) - strlen(list), i ? ", " : "");
		text_copy(list + strlen(list), sizeof(list) - strlen(list), known[i].word);
	}
	for (size_t i = 0; i < note->word_count; i++)
		if (!history_word(note->words[i]))
			report_error("Stored %s, but no rule uses it. Known words: %s.",
				note->words[i], list);
}

static int send(struct context *context, struct connection *connection, const char *device,
	const char *kind, const char *text)
{
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	struct json_builder builder = {0};
	struct json_object *parameters = json_new_object(&builder);
	int r;

	json_put_text(&builder, parameters, "device", device);
	json_put_text(&builder, parameters, "kind", kind);
	json_put_text(&builder, parameters, "text", text);
	r = rpc_call(context, connection, "AddNote", &builder, parameters, &reply);
	if (r == EXIT_DONE)
		context->output->noted(&context->layout, reply);
	return r;
}

static int send_all(struct context *context, const struct note *note, const char *device)
{
	CLEANUP(connection_freep) struct connection *connection = NULL;
	struct name name = {0};
	int r = rpc_open(context, &connection);

	if (r == EXIT_DONE)
		r = ask_name(context, connection, device, NAME_DEVICE, &name);
	if (r == EXIT_DONE)
		warn_of_words(note);
	for (size_t i = 0; r == EXIT_DONE && i < note->word_count; i++)
		r = send(context, connection, name.text, "history", note->words[i]);
	if (r == EXIT_DONE && note->text[0])
		r = send(context, connection, name.text, "note", note->text);
	return r;
}

int command_note(struct context *context, int argc, char **argv)
{
	struct note note = {0};
	int r, first = options_read(context, argc, argv, NULL, own, take, &note);

	if (first < 0)
		return -first;
	r = first < argc ? join(&note, argv + first + 1) : EXIT_DONE;
	if (r != EXIT_DONE)
		return r;
	if (first == argc || (!note.text[0] && note.word_count == 0)) {
		report_error("note needs a device, and a text or --history WORD.");
		return EXIT_USAGE;
	}
	return send_all(context, &note, argv[first]);
}
