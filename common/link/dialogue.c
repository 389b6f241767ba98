/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads the conversation of a restore program with restored on the phone, and reports the same
 * events as the parsers of the programs' logs. Facts from idevicerestore, restore.c. */
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "common/link/private.h"
#include "common/model/operation.h"

#define PROTOCOL_SHIFTED 14 /* below it, operations above the next number are lower by one */
#define OPERATION_SHIFTED 35
#define STREAM_BYTES (1024 * 1024) /* a connection with more has an image and no questions */

/* -- which connections are read -- */

void dialogue_end(struct dialogue *dialogue)
{
	for (size_t i = 0; i < DIRECTIONS; i++)
		message_reader_done(&dialogue->readers[i]);
	if (dialogue->connection)
		dialogue->connection->dialogue = NULL;
	*dialogue = (struct dialogue){0};
}

static void refuse(struct connection *connection)
{
	connection->refused = true;
	if (connection->dialogue)
		dialogue_end(connection->dialogue);
}

static struct dialogue *begin_dialogue(struct device *device, struct connection *connection)
{
	struct dialogue *place = &device->dialogues[0];

	for (size_t i = 0; i < DIALOGUES_MAX; i++) {
		struct dialogue *dialogue = &device->dialogues[i];

		if (!dialogue->connection) {
			place = dialogue;
			break;
		}
		if (dialogue->connection->used_us < place->connection->used_us)
			place = dialogue;
	}
	dialogue_end(place);
	place->connection = connection;
	connection->dialogue = place;
	for (size_t i = 0; i < DIRECTIONS; i++) {
		message_reader_init(&place->readers[i]);
		place->readers[i].all_keys = device->service == LINK_SERVICE_RESTORED;
	}
	return place;
}

/* The phone has answered which service this is. Until then, and in any other service, nothing but
 * this question and its answer is read. */
static void learn_service(struct device *device, struct stamp at, struct connection *connection,
	const struct message *answer)
{
	struct event event = device_event(device, at, EVENT_IDENTITY);

	if (!message_has(answer, KEY_SERVICE))
		return;
	if (!text_equal(message_word(answer, KEY_SERVICE), "com.apple.mobile.restored")) {
		if (text_equal(message_word(answer, KEY_SERVICE), "com.apple.mobile.lockdown"))
			device->service = LINK_SERVICE_LOCKDOWN;
		refuse(connection);
		return;
	}
	device->service = LINK_SERVICE_RESTORED;
	device->protocol = (uint32_t)message_number(answer, KEY_PROTOCOL);
	for (size_t i = 0; i < DIALOGUES_MAX; i++)
		for (size_t j = 0; j < DIRECTIONS; j++)
			device->dialogues[i].readers[j].all_keys = true;
	event.mode = MODE_RESTORE;
	device_emit(device, &event);
}

/* -- what the computer sends -- */

static void read_request(struct device *device, struct stamp at, struct connection *connection,
	const struct message *message)
{
	const char *request = message_word(message, KEY_REQUEST);
	const char *label = message_word(message, KEY_LABEL);
	struct event event = device_event(device, at, EVENT_TOOL_VERSION);

	if (device->service != LINK_SERVICE_RESTORED) {
		if (!text_equal(request, "QueryType"))
			refuse(connection);
		return;
	}
	if (!text_equal(request, "StartRestore"))
		return;
	if (*label && !text_equal(label, device->program)) {
		text_copy(device->program, sizeof(device->program), label);
		text_copy(event.name, sizeof(event.name), label);
		event.flag = true;
		device_emit(device, &event);
	}
	device_set_stage(device, at, STAGE_RESTORE);
	device_emit_name(device, at, EVENT_WAIT, "restored-silence");
}

/* The phone has the data that it requested. */
static void end_component(struct device *device, struct stamp at)
{
	struct event event = device_event(device, at, EVENT_TRANSFER);

	device->serves = NULL;
	if (!*device->component)
		return;
	event.flag = STEP_DONE;
	text_copy(event.name, sizeof(event.name), device->component);
	device->component[0] = '\0';
	device_emit(device, &event);
}

static void read_host(struct device *device, struct stamp at, struct connection *connection,
	const struct message *message)
{
	read_request(device, at, connection, message);
	if (device->service != LINK_SERVICE_RESTORED || device->stage < STAGE_RESTORE)
		return;
	/* Some data is sent on this connection, some on one of its own. */
	if (!message_has(message, KEY_REQUEST) && !device->serves)
		end_component(device, at);
	if (!*device->component)
		device_set_turn(device, at, TURN_PHONE);
}

/* Of the connections that opened after the request, the one with the most data. */
static bool brings_component(const struct device *device, const struct connection *connection)
{
	return connection->phone_port != PORT_RESTORED && *device->component &&
	       connection->opened_us >= device->asked_us &&
	       (!device->serves || connection->sent > device->serves->sent);
}

void dialogue_data(struct device *device, struct stamp at, struct connection *connection)
{
	bool first = !device->serves;

	if (connection != device->serves && brings_component(device, connection)) {
		device->serves = connection;
		if (first && text_equal(device->component, "filesystem"))
			device_emit_name(device, at, EVENT_WAIT, "restored-silence");
	}
	/* Before the image the phone asks for parts of it in the same connection. */
	if (device->serves == connection)
		device_set_turn(
			device, at, connection->sent >= STREAM_BYTES ? TURN_HOST : TURN_UNKNOWN);
}

void dialogue_closed(struct device *device, struct stamp at, struct connection *connection)
{
	if (device->serves != connection)
		return;
	end_component(device, at);
	device_set_turn(device, at, TURN_PHONE);
}

/* -- what the phone sends -- */

static void read_progress(struct device *device, struct stamp at, const struct message *message)
{
	uint32_t number = (uint32_t)message_number(message, KEY_OPERATION);
	int64_t percent = message_number(message, KEY_PROGRESS);
	struct event event = device_event(device, at, EVENT_OPERATION);
	const struct operation *known;

	if (!message_has(message, KEY_OPERATION))
		return;
	number += device->protocol > 0 && device->protocol < PROTOCOL_SHIFTED &&
		  number > OPERATION_SHIFTED;
	known = operation_by_number(number);
	if (number != device->operation) {
		device->operation = number;
		device->permille = -1;
		event.number = number;
		text_copy(event.name, sizeof(event.name), known ? known->name : "");
		device_emit(device, &event);
		device_set_step(device, at, known ? known->name : "");
	}
	if (percent <= 0 || percent > 100 || percent * 10 == device->permille)
		return;
	device->permille = (int32_t)percent * 10;
	event = device_event(device, at, EVENT_PROGRESS);
	event.permille = device->permille;
	device_emit(device, &event);
}

static void read_status(struct device *device, struct stamp at, const struct message *message)
{
	struct event event = device_event(device, at, EVENT_STATUS);

	if (message_has(message, KEY_STATUS)) {
		event.code = message_number(message, KEY_STATUS);
		text_copy(event.name, sizeof(event.name), event.code ? "" : "Restore Finished");
		device_emit(device, &event);
		device_emit_number(
			device, at, EVENT_OUTCOME, event.code ? OUTCOME_FAILED : OUTCOME_SUCCEEDED);
		/* It restarts now. */
		device->leaves = true;
	}
	if (message_has(message, KEY_AMR_ERROR)) {
		event = device_event(device, at, EVENT_AMR_ERROR);
		event.code = message_number(message, KEY_AMR_ERROR);
		device_emit(device, &event);
	}
}

static void read_checkpoint(struct device *device, struct stamp at, const struct message *message)
{
	struct event event = device_event(device, at, EVENT_CHECKPOINT);
	bool complete = message_number(message, KEY_CHECKPOINT_COMPLETE) != 0;

	if (!message_has(message, KEY_CHECKPOINT_ID))
		return;
	/* The upper bits are flags. */
	event.number = (uint32_t)message_number(message, KEY_CHECKPOINT_ID) & 0xffff;
	text_copy(event.name, sizeof(event.name), message_word(message, KEY_CHECKPOINT_NAME));
	event.flag = complete ? CHECKPOINT_COMPLETED : CHECKPOINT_STARTED;
	event.code = complete ? message_number(message, KEY_CHECKPOINT_RESULT) : 0;
	device_emit(device, &event);
	event.code = message_number(message, KEY_CHECKPOINT_RESULT);
	if (message_has(message, KEY_CHECKPOINT_WARNING)) {
		event.flag = CHECKPOINT_WARNING;
		device_emit(device, &event);
	}
	if (message_has(message, KEY_CHECKPOINT_ERROR)) {
		event.flag = CHECKPOINT_FAILURE;
		device_emit(device, &event);
	}
}

/* The phone requests data: it is the computer's turn. */
static void read_data_request(struct device *device, struct stamp at, const struct message *message)
{
	/* The first words of idevicerestore's texts where they differ. */
	static const struct {
		const char *type, *component;
	} components[] = {
		{"SystemImageData", "filesystem"},
		{"BuildIdentityDict", "BuildIdentity"},
		{"FDRTrustData", "FDR"},
		{"FirmwareUpdaterData", "FirmwareUpdater"},
	};
	const char *type = message_word(message, KEY_DATA);
	struct event event = device_event(device, at, EVENT_TRANSFER);

	if (!*type)
		return;
	end_component(device, at);
	for (size_t i = 0; i < ARRAY_SIZE(components); i++)
		if (text_equal(components[i].type, type))
			type = components[i].component;
	text_copy(device->component, sizeof(device->component), type);
	device->asked_us = at.monotonic_us;
	text_copy(event.name, sizeof(event.name), type);
	event.flag = STEP_BEGIN;
	device_emit(device, &event);
	if (text_equal(type, "filesystem"))
		device_emit_name(device, at, EVENT_WAIT, "asr");
}

typedef void phone_reader(struct device *device, struct stamp at, const struct message *message);

static void read_nothing(struct device *device, struct stamp at, const struct message *message)
{
}

static const struct {
	const char *type;
	phone_reader *read;
	bool asks;
} phone_messages[] = {
	{"ProgressMsg", read_progress, false},
	{"StatusMsg", read_status, false},
	{"CheckpointMsg", read_checkpoint, false},
	{"DataRequestMsg", read_data_request, true},
	{"AsyncDataRequestMsg", read_data_request, true},
	{"BBUpdateStatusMsg", read_nothing, false},
	{"PreviousRestoreLogMsg", read_nothing, false},
};

static void read_phone(struct device *device, struct stamp at, struct connection *connection,
	const struct message *message)
{
	const char *type = message_word(message, KEY_MESSAGE);

	if (device->service != LINK_SERVICE_RESTORED) {
		learn_service(device, at, connection, message);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(phone_messages); i++) {
		if (!text_equal(phone_messages[i].type, type))
			continue;
		device_set_stage(device, at, STAGE_RESTORE);
		/* A report of the phone does not end the computer's turn. */
		if (phone_messages[i].asks)
			device_set_turn(device, at, TURN_HOST);
		else if (!*device->component)
			device_set_turn(device, at, TURN_PHONE);
		phone_messages[i].read(device, at, message);
	}
}

/* -- the stream -- */

void dialogue_gap(struct connection *connection, enum direction direction)
{
	if (connection->dialogue)
		message_reader_gap(&connection->dialogue->readers[direction]);
}

void dialogue_feed(struct device *device, struct stamp at, struct connection *connection,
	enum direction direction, const uint8_t *bytes, size_t length)
{
	while (length > 0 && !connection->refused) {
		struct dialogue *dialogue = connection->dialogue;
		struct message_reader *reader;
		uint32_t resynchronised;
		bool complete;
		size_t used;

		if (!dialogue)
			dialogue = begin_dialogue(device, connection);
		reader = &dialogue->readers[direction];
		resynchronised = reader->resynchronised;
		used = message_reader_feed(reader, bytes, length, &complete);
		device->watcher->stats.resynchronised += reader->resynchronised - resynchronised;
		bytes += used;
		length -= used;
		if (complete && direction == TO_PHONE)
			read_host(device, at, connection, &reader->message);
		else if (complete)
			read_phone(device, at, connection, &reader->message);
	}
}
