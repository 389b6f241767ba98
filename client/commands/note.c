/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `note`: records what a person knows about a phone: a sentence, or words of its history. Or
 * corrects a note, or takes it back. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "client/reported.h"
#include "client/resolve.h"
#include "client/options.h"
#include "client/output/output.h"
#include "common/base/text.h"
#include "common/model/case.h"
#include "common/model/history_word.h"

#define NOTE_BYTES_MAX 1000 /* the daemon's limit */
#define WORDS_MAX 16	    /* of history, per call */

#define NOTE_END_LEAST 4 /* characters of a note's identifier that may stand for it */

enum { OPTION_HISTORY = OPTION_OWN, OPTION_CORRECT, OPTION_REMOVE, OPTION_SESSION };

static const struct command_option own[] = {
	{"history", OPTION_HISTORY, "WORD", "a word of its history, such as liquid or drop",
		COMPLETE_HISTORY},
	{"correct", OPTION_CORRECT, "NOTE", "replace this note"},
	{"remove", OPTION_REMOVE, "NOTE", "take this note back"},
	{"session", OPTION_SESSION, "SESSION", "the phone of this session, instead of DEVICE",
		COMPLETE_SESSION},
	{0},
};

struct note_request {
	const char *words[WORDS_MAX]; /* of history */
	size_t word_count;
	char text[NOTE_BYTES_MAX + 1];
	const char *amends;  /* the note to correct or to take back; NULL = a new one */
	bool removes;	     /* takes it back */
	const char *session; /* of the phone; NULL = the phone is named */
};

static bool is_slug(const char *word)
{
	return *word && strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(word) &&
	       strlen(word) < HISTORY_WORD_SIZE;
}

static int take_word(struct note_request *note, const char *value)
{
	if (!is_slug(value)) {
		report_error(
			"--history must be a word of lower-case letters, digits and dashes such as "
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

static int take(void *user, int option, const char *value)
{
	struct note_request *note = user;

	if (option == OPTION_HISTORY)
		return take_word(note, value);
	if (option == OPTION_SESSION) {
		note->session = value;
		return EXIT_DONE;
	}
	if (note->amends) {
		report_error("note corrects or removes one note at a time.");
		return EXIT_USAGE;
	}
	note->amends = value;
	note->removes = option == OPTION_REMOVE;
	return EXIT_DONE;
}

/* Joins the words of the command line. */
static int join(struct note_request *note, char **words)
{
	size_t used = 0;

	for (; *words; words++) {
		int written = snprintf(note->text + used, sizeof(note->text) - used, "%s%s",
			used ? " " : "", *words);

		if (written < 0 || (size_t)written >= sizeof(note->text) - used) {
			report_error("A note may have at most %d bytes; split it in two.",
				NOTE_BYTES_MAX);
			return EXIT_USAGE;
		}
		used += (size_t)written;
	}
	if (text_is_utf8(note->text, used))
		return EXIT_DONE;
	report_error("The note is not valid UTF-8.");
	return EXIT_USAGE;
}

static const char *nearest_word(const char *word)
{
	size_t count, best = TEXT_FAR;
	const struct history_word *known = history_words(&count);
	const char *nearest = NULL;

	for (size_t i = 0; i < count; i++)
		if (text_is_nearer(word, known[i].word, &best))
			nearest = known[i].word;
	return nearest;
}

/* Warns about a word that the diagnosis does not know; it is stored anyway. */
static void warn_of_words(const struct note_request *note)
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
			report_error("Stored %s, but no rule uses it.%s%s%s Known words: %s.",
				note->words[i],
				nearest_word(note->words[i]) ? " Did you mean " : "",
				nearest_word(note->words[i]) ? nearest_word(note->words[i]) : "",
				nearest_word(note->words[i]) ? "?" : "", list);
}

/* A note on its way to the daemon. */
struct sending {
	struct context *context;
	struct connection *connection;
	const char *device;
	const char *amends; /* identifier of the note; NULL = a new one */
	const char *done;   /* what is said when it is there */
};

static int send(const struct sending *sending, const char *kind, const char *text)
{
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	struct json_builder builder = {0};
	struct json_object *parameters = json_new_object(&builder);
	const char *by = reported_by();
	int r;

	json_put_text(&builder, parameters, "device", sending->device);
	if (kind)
		json_put_text(&builder, parameters, "kind", kind);
	json_put_text(&builder, parameters, "text", text);
	if (sending->amends)
		json_put_text(&builder, parameters, "amends", sending->amends);
	if (by)
		json_put_text(&builder, parameters, "by", by);
	r = rpc_call(
		sending->context, sending->connection, "AddNote", &builder, parameters, &reply);
	if (r == EXIT_DONE)
		sending->context->output->noted(&sending->context->layout, reply, sending->done);
	return r;
}

/* The phone of a session. */
static int find_phone(struct context *context, struct connection *connection, const char *session,
	struct name *device)
{
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	struct json_builder builder = {0};
	struct json_object *parameters = json_new_object(&builder), *phone;
	struct name name = {0};
	int r = ask_name(context, connection, session, NAME_SESSION, &name);

	json_put_text(&builder, parameters, "session", name.text);
	if (r != EXIT_DONE) {
		json_object_put(parameters);
		return r;
	}
	r = rpc_call(context, connection, "ExportAttempt", &builder, parameters, &reply);
	phone = field_object(field_object(reply, "case"), "device");
	text_copy(device->text, sizeof(device->text),
		field_text_or(phone, "ecid", field_text_or(phone, "udid", "")));
	if (r != EXIT_DONE || device->text[0])
		return r;
	report_error("The phone of the session %s is not identified.", session);
	return EXIT_UNKNOWN_NAME;
}

/* Whether a person means this note: by its word of history, or the end of its identifier. */
static bool is_meant(struct json_object *note, const char *text)
{
	const char *id = field_text_or(note, "note", "");
	size_t length = strlen(text), whole = strlen(id);

	if (field_true(note, "amended") ||
		text_equal(field_text_or(note, "kind", ""), NOTE_REMOVAL))
		return false;
	if (text_equal(field_text_or(note, "kind", ""), NOTE_HISTORY) &&
		text_equal(field_text_or(note, "text", ""), text))
		return true;
	return length >= NOTE_END_LEAST && length <= whole &&
	       strcasecmp(id + whole - length, text) == 0;
}

/* The identifier of the note, which lives as long as *reply. */
static int find_note(struct sending *sending, const char *text, struct json_object **reply)
{
	struct json_builder builder = {0};
	struct json_object *parameters = json_new_object(&builder), *notes;
	size_t count = 0;
	int r;

	json_put_text(&builder, parameters, "device", sending->device);
	r = rpc_call(sending->context, sending->connection, "GetCase", &builder, parameters, reply);
	notes = field_list(*reply, "notes");
	for (size_t i = 0; r == EXIT_DONE && i < field_count(notes); i++) {
		if (!is_meant(field_item(notes, i), text))
			continue;
		sending->amends = field_text(field_item(notes, i), "note");
		count++;
	}
	if (r != EXIT_DONE || count == 1)
		return r;
	report_error(count ? "%s fits more than one note; type more of its identifier."
			   : "The phone has no note %s; `idevicetriage case DEVICE` lists them.",
		text);
	return EXIT_UNKNOWN_NAME;
}

static int amend(struct sending *sending, const struct note_request *note)
{
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	int r = find_note(sending, note->amends, &reply);

	if (r != EXIT_DONE)
		return r;
	warn_of_words(note);
	return note->word_count ? send(sending, NOTE_HISTORY, note->words[0])
				: send(sending, note->text[0] ? "note" : NULL, note->text);
}

static int send_all(struct context *context, const struct note_request *note, const char *device)
{
	CLEANUP(connection_freep) struct connection *connection = NULL;
	struct sending sending = {.context = context,
		.done = note->removes  ? "The note was taken back."
			: note->amends ? "Corrected."
				       : "Noted."};
	struct name name = {0};
	int r = rpc_open(context, &connection);

	if (r == EXIT_DONE)
		r = note->session ? find_phone(context, connection, note->session, &name)
				  : ask_name(context, connection, device, NAME_DEVICE, &name);
	if (r != EXIT_DONE)
		return r;
	sending.connection = connection;
	sending.device = name.text;
	if (note->amends)
		return amend(&sending, note);
	warn_of_words(note);
	for (size_t i = 0; r == EXIT_DONE && i < note->word_count; i++)
		r = send(&sending, NOTE_HISTORY, note->words[i]);
	if (r == EXIT_DONE && note->text[0])
		r = send(&sending, "note", note->text);
	return r;
}

static int check(const struct note_request *note, bool named)
{
	size_t count = note->word_count + (note->text[0] != '\0');

	if (!named)
		report_error("note needs a device or --session SESSION.");
	else if (note->removes && count > 0)
		report_error("note --remove accepts no text.");
	else if (note->amends && !note->removes && count != 1)
		report_error("note --correct needs a text or one --history WORD.");
	else if (!note->amends && count == 0)
		report_error("note needs a text or --history WORD.");
	else
		return EXIT_DONE;
	return EXIT_USAGE;
}

static int run_note(struct context *context, int argc, char **argv)
{
	struct note_request note = {0};
	int r, first = options_read(context, argc, argv, take, &note);
	char **words;

	if (first < 0)
		return -first;
	words = argv + first + (!note.session && first < argc);
	r = join(&note, words);
	if (r == EXIT_DONE)
		r = check(&note, note.session || first < argc);
	return r == EXIT_DONE ? send_all(context, &note, argv[first]) : r;
}

const struct command command_note = {
	.name = "note",
	.arguments = "DEVICE|--session SESSION [TEXT ...]",
	.brief = "a note about a phone",
	.summary = "Add a note about a phone, correct one, or take one back.",
	.options = own,
	.words = COMPLETE_DEVICE,
	.examples = {{"idevicetriage note 1-2.3 customer says it fell", "a sentence"},
		{"idevicetriage note 5E6F --history liquid", "a word that the diagnosis uses"}},
	.run = run_note,
};
