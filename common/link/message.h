/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds the messages in one direction of a connection to restored (a length of four bytes, then a
 * property list) and reads the values of a few keys. Every other byte is skipped and never stored;
 * a message may have any size. It stores no text of a log. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MESSAGE_WORD_SIZE 64	/* bytes with the NUL */
#define MESSAGE_BINARY_MAX 4096 /* bytes of a binary property list; larger ones are skipped */

/* The keys that are read, all of the outermost dictionary: idevicerestore, restore.c, and
 * libimobiledevice, restore.c. Words first. */
enum message_key {
	KEY_MESSAGE,	     /* MsgType */
	KEY_REQUEST,	     /* Request */
	KEY_SERVICE,	     /* Type */
	KEY_LABEL,	     /* Label: the program */
	KEY_DATA,	     /* DataType */
	KEY_CHECKPOINT_NAME, /* CHECKPOINT_NAME */
	KEY_NUMBERS,
	KEY_PROTOCOL = KEY_NUMBERS, /* RestoreProtocolVersion */
	KEY_OPERATION,		    /* Operation */
	KEY_PROGRESS,		    /* Progress */
	KEY_STATUS,		    /* Status */
	KEY_AMR_ERROR,		    /* AMRError */
	KEY_CHECKPOINT_ID,	    /* CHECKPOINT_ID */
	KEY_CHECKPOINT_RESULT,	    /* CHECKPOINT_RESULT */
	KEY_CHECKPOINT_COMPLETE,    /* CHECKPOINT_COMPLETE */
	KEY_CHECKPOINT_WARNING,	    /* CHECKPOINT_WARNING: that it is there, not its text */
	KEY_CHECKPOINT_ERROR,	    /* CHECKPOINT_ERROR: the same */
	KEYS,
};

struct message {
	uint32_t found; /* bit N: key N has a value */
	int64_t numbers[KEYS - KEY_NUMBERS];
	char words[KEY_NUMBERS][MESSAGE_WORD_SIZE]; /* letters, digits and ._-: only */
};

struct message_reader {
	/* Else only those of the request for the type of the service, and of its answer. */
	bool all_keys;
	bool gap; /* bytes are missing since the last message */
	uint32_t resynchronised;
	enum { READER_SEEKS, READER_XML, READER_BINARY } state;
	uint32_t before; /* the four bytes before `last` */
	uint64_t last;	 /* the last eight bytes */
	/* Announced bytes of the message that are not read yet. */
	size_t left;

	/* An XML property list. */
	bool in_tag;
	char tag[16];
	size_t tag_length;
	uint32_t depth;
	int key; /* of the next value; KEYS = not wanted */
	enum { COLLECT_NOTHING, COLLECT_KEY, COLLECT_WORD, COLLECT_NUMBER } collect;
	char text[MESSAGE_WORD_SIZE];
	size_t text_length; /* of all text; more than text[] holds if it is too long */

	/* A binary one. */
	uint8_t *binary;
	size_t binary_length;

	struct message message;
};

/* Starts at the beginning of a stream. message_reader_done() frees what was allocated since. */
void message_reader_init(struct message_reader *reader);
void message_reader_done(struct message_reader *reader);
/* Reads up to the end of a message. Returns the bytes that were read, and sets *complete if
 * reader->message is one. A message that is damaged, or no property list, is skipped. */
size_t message_reader_feed(
	struct message_reader *reader, const uint8_t *bytes, size_t length, bool *complete);
/* Bytes are missing here: reads on at the next beginning of a message. */
void message_reader_gap(struct message_reader *reader);

bool message_has(const struct message *message, enum message_key key);
/* The value of a word; the empty text if there is none. */
const char *message_word(const struct message *message, enum message_key key);
/* The value of a number; 0 if there is none. */
int64_t message_number(const struct message *message, enum message_key key);
