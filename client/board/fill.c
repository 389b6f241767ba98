/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fills the tiles of a board, and the line of its bench, from the daemon's answers. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/board/private.h"
#include "client/diagnosis_reply.h"
#include "client/mask.h"
#include "client/phrase.h"
#include "client/port_errors.h"
#include "common/base/text.h"

#define RATE_AGE_US (30 * USEC_PER_SEC) /* an older rate is not that of now */
#define REMOVED_US (600 * USEC_PER_SEC) /* a restored phone that is away so long was taken */

bool tile_wants_verdict(const struct tile *tile)
{
	return tile->session[0] && tile->state != TILE_RESTORING && tile->state != TILE_PHONE &&
	       tile->state != TILE_EMPTY;
}

static struct json_object *list_of(
	const struct board *board, enum board_question question, const char *key)
{
	return field_list(board->replies[question], key);
}

/* Foreign text as it is shown. NULL = nothing. */
static void copy_clean(const struct board *board, char *out, size_t size, const char *text)
{
	CLEANUP(freep) char *masked = NULL;
	char clean[TILE_LONG_SIZE];

	text_clean(text ? text : "", text ? strlen(text) : 0, clean, sizeof(clean));
	masked = board->reveal ? NULL : mask_text(NULL, clean, board->utf8);
	text_clean(masked ? masked : clean, strlen(masked ? masked : clean), out, size);
}

static bool is_field(struct json_object *object, const char *key, const char *text)
{
	return text_equal(field_text_or(object, key, ""), text);
}

static bool is_present(struct json_object *device)
{
	return field_text(device, "port") && !is_field(device, "mode", "gone");
}

/* Whether a session or a group is of this computer. */
static bool is_here(const struct board *board, struct json_object *object)
{
	struct json_object *status = board->replies[ASK_STATUS];
	const char *id = field_text(object, "hostId"), *ours = field_text(status, "hostId");

	if (id && ours)
		return text_equal(id, ours);
	return !field_text(object, "host") ||
	       text_equal(field_text_or(object, "host", ""), field_text_or(status, "bench", ""));
}

static struct json_object *device_at(const struct board *board, const char *port)
{
	struct json_object *devices = list_of(board, ASK_DEVICES, "devices");

	for (size_t i = 0; i < field_count(devices); i++)
		if (is_present(field_item(devices, i)) &&
			is_field(field_item(devices, i), "port", port))
			return field_item(devices, i);
	return NULL;
}

/* Where the phone of a session is now; NULL = nowhere. */
static struct json_object *device_of(const struct board *board, struct json_object *session)
{
	struct json_object *devices = list_of(board, ASK_DEVICES, "devices");

	for (size_t i = 0; i < field_count(devices); i++)
		if (is_present(field_item(devices, i)) &&
			(field_same_phone(field_item(devices, i), session) ||
				field_same_text(field_item(devices, i), session, "session")))
			return field_item(devices, i);
	return NULL;
}

static struct json_object *place_of(const struct board *board, const char *port)
{
	struct json_object *places = list_of(board, ASK_PLACES, "places");

	for (size_t i = 0; i < field_count(places); i++)
		if (is_field(field_item(places, i), "port", port))
			return field_item(places, i);
	return NULL;
}

static struct json_object *group_of(const struct board *board, const char *port)
{
	struct json_object *groups = list_of(board, ASK_GROUPS, "groups");

	for (size_t i = 0; i < field_count(groups); i++)
		if (is_field(field_item(groups, i), "key", port) &&
			is_here(board, field_item(groups, i)))
			return field_item(groups, i);
	return NULL;
}

/* Whether the phone of a session has a newer one, which may be elsewhere. */
static bool has_newer(const struct board *board, struct json_object *session)
{
	const enum board_question questions[] = {ASK_RUNNING, ASK_RECENT};

	for (size_t i = 0; i < ARRAY_SIZE(questions); i++) {
		struct json_object *list = list_of(board, questions[i], "sessions");

		for (size_t j = 0; j < field_count(list); j++) {
			struct json_object *other = field_item(list, j);

			if (field_same_text(other, session, "session"))
				return false;
			if (field_same_phone(other, session) &&
				!is_field(other, "outcome", "withdrawn"))
				return true;
		}
	}
	return false;
}

/* Whether a session belongs to a port: the phone there is its phone, or the phone left from
 * there. */
static bool belongs(const struct board *board, struct json_object *session, const char *port,
	struct json_object *device)
{
	bool identified = phrase_identifier(device) != NULL;

	if (is_field(session, "outcome", "withdrawn"))
		return false;
	if (device &&
		(field_same_phone(device, session) || field_same_text(device, session, "session")))
		return true;
	if (!is_field(session, "port", port) || !is_here(board, session))
		return false;
	return device ? !identified : !device_of(board, session) && !has_newer(board, session);
}

static struct json_object *session_at(
	const struct board *board, const char *port, struct json_object *device)
{
	const enum board_question questions[] = {ASK_RUNNING, ASK_RECENT};

	for (size_t i = 0; i < ARRAY_SIZE(questions); i++) {
		struct json_object *list = list_of(board, questions[i], "sessions");

		for (size_t j = 0; j < field_count(list); j++) {
			struct json_object *session = field_item(list, j);
			/* One that has ended since the list was made is in the other list. */
			bool runs = is_field(session, "outcome", "running");

			if (runs == (questions[i] == ASK_RUNNING) &&
				belongs(board, session, port, device))
				return session;
		}
	}
	return NULL;
}

static enum tile_state ended_state(const char *outcome)
{
	static const struct {
		const char *outcome;
		enum tile_state state;
	} states[] = {
		{"succeeded", TILE_SUCCEEDED},
		{"failed", TILE_FAILED},
		{"aborted", TILE_ABORTED},
		{"lost", TILE_LOST},
		{"not-started", TILE_NOT_STARTED},
	};

	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (text_equal(outcome, states[i].outcome))
			return states[i].state;
	return TILE_UNKNOWN_END;
}

static const char *find_condition(struct json_object *object, const char *key)
{
	struct json_object *conditions = field_list(object, "conditions");

	for (size_t i = 0; i < field_count(conditions); i++)
		if (is_field(field_item(conditions, i), "key", key))
			return field_text(field_item(conditions, i), "value");
	return NULL;
}

static int passed_stages(const char *stage)
{
	static const struct {
		const char *stage;
		int passed;
	} stages[] = {{"dfu", 0}, {"recovery", 0}, {"boot-ramdisk", 1}, {"restore", 2},
		{"reboot", 3}, {"normal", 4}};

	for (size_t i = 0; i < ARRAY_SIZE(stages); i++)
		if (text_equal(stage, stages[i].stage))
			return stages[i].passed;
	return -1;
}

/* Without the region or the year, for which a tile has no room. */
static void cut_model(char *text)
{
	char *end = strstr(text, " (");

	if (end)
		*end = '\0';
}

static void fill_names(const struct board *board, struct tile *tile, struct json_object *device,
	struct json_object *session)
{
	struct json_object *place = place_of(board, tile->port);
	const char *name = phrase_slot(place), *identifier;
	struct json_object *phone = device ? device : session;
	char text[TILE_TEXT_SIZE];
	size_t length;

	name = name ? name : phrase_slot(device);
	name = name ? name : phrase_slot(session);
	copy_clean(board, tile->label, sizeof(tile->label),
		name	      ? name
		: *tile->port ? tile->port
			      : "no port");
	identifier = phrase_identifier(phone);
	if (phone) {
		text_copy(text, sizeof(text),
			phrase_model_or(phone, phrase_model_or(session, "phone")));
		cut_model(text);
		length = strlen(text);
		snprintf(text + length, sizeof(text) - length, "%s%s", identifier ? " " : "",
			identifier ? identifier : "");
		copy_clean(board, tile->phone, sizeof(tile->phone), text);
	}
	text_copy(tile->device, sizeof(tile->device),
		identifier ? identifier
		: phone	   ? tile->port
			   : "");
	copy_clean(board, tile->mode, sizeof(tile->mode),
		phrase_mode(field_text_or(device, "mode", "")));
	copy_clean(board, tile->ticket, sizeof(tile->ticket), field_text(session, "ticket"));
	name = find_condition(session, "cable");
	copy_clean(board, tile->cable, sizeof(tile->cable),
		name ? name : find_condition(place, "cable"));
}

static void fill_verdict(const struct board *board, struct tile *tile)
{
	const struct board_session *known = board_find_session(board, tile->session);
	struct json_object *diagnosis = known ? known->diagnosis : NULL;
	struct json_object *verdict = field_object(diagnosis, "verdict");
	struct json_object *next = field_object(verdict, "nextStep");
	struct json_object *since = field_object(verdict, "worksSince");

	/* A success has a verdict if it shows what made the restores before it fail. */
	if (tile->state == TILE_SUCCEEDED && !since)
		return;
	copy_clean(board, tile->verdict, sizeof(tile->verdict),
		field_text_or(since, "fault", field_text_or(verdict, "summary", "")));
	copy_clean(board, tile->next, sizeof(tile->next),
		field_text_or(next, "title", field_text_or(next, "experiment", "")));
	tile->suspect = tile->state != TILE_SUCCEEDED && diagnosis_blames_port(diagnosis);
}

static void fill_running(
	const struct board *board, struct tile *tile, struct json_object *session, struct stamp now)
{
	int64_t age_us = (int64_t)(now.monotonic_us - board->running_us), permille;
	const struct board_session *known = board_find_session(board, tile->session);
	/* After a new connection, the list is old until the daemon has answered. */
	bool watched = board->connected && board->running_us;

	tile->state = watched ? TILE_RESTORING : TILE_UNWATCHED;
	if (field_number(session, "permille", &permille) && permille >= 0 && permille <= 1000)
		tile->permille = (int)permille;
	if (known && now.monotonic_us - known->rate_us < RATE_AGE_US)
		tile->rate = known->rate;
	if (known && known->ampere_count && now.monotonic_us - known->measured_us < RATE_AGE_US) {
		memcpy(tile->amperes, known->amperes, sizeof(tile->amperes));
		tile->ampere_count = known->ampere_count;
		tile->volts = known->volts;
	}
	if (!watched || !field_number(session, "silentUSec", &tile->silent_us))
		return;
	tile->silent_us += age_us;
	tile->silent_one = phrase_silent_one(session);
	field_number(session, "budgetUSec", &tile->budget_us);
	if (tile->budget_us > 0 && tile->silent_us > tile->budget_us)
		tile->state = TILE_SILENT;
}

/* Whether the phone of an ended session was taken away: a failing phone leaves by itself. */
static bool was_taken(struct json_object *session, bool gone, struct stamp now)
{
	int64_t ended_us = field_number_or(session, "endedUSec", 0);

	return gone && is_field(session, "outcome", "succeeded") &&
	       (int64_t)now.wall_us - ended_us > (int64_t)REMOVED_US;
}

static void fill_session(const struct board *board, struct tile *tile, struct json_object *device,
	struct json_object *session, struct stamp now)
{
	struct json_object *health = field_object(session, "health");

	tile->gone = !device && !device_of(board, session);
	if (was_taken(session, tile->gone, now))
		return;
	text_copy(tile->session, sizeof(tile->session), field_text_or(session, "session", ""));
	tile->stage = passed_stages(field_text_or(session, "stage", ""));
	copy_clean(board, tile->step, sizeof(tile->step),
		field_text_or(session, "operationName", phrase_step(session).text));
	tile->corrected = field_number_or(health, "linkCorrected", 0);
	tile->errors = field_number_or(health, "linkErrors", 0);
	if (is_field(session, "outcome", "running"))
		fill_running(board, tile, session, now);
	else
		tile->state = ended_state(field_text_or(session, "outcome", ""));
}

static void fill_fault(const struct board *board, struct tile *tile, struct json_object *device)
{
	struct json_object *fault = field_object(device, "fault");

	if (!fault || tile->state == TILE_RESTORING || tile->state == TILE_SILENT)
		return;
	tile->state = TILE_FAULT;
	copy_clean(board, tile->verdict, sizeof(tile->verdict), field_text(fault, "text"));
	copy_clean(board, tile->next, sizeof(tile->next), field_text(fault, "advice"));
}

static void fill(const struct board *board, struct tile *tile, struct json_object *device,
	struct json_object *session, struct stamp now)
{
	struct json_object *group = group_of(board, tile->port);
	double bytes = (double)field_number_or(group, "linkBytes", 0);
	double ms = (double)field_number_or(group, "linkMilliseconds", 0);

	tile->state = device ? TILE_PHONE : TILE_EMPTY;
	tile->permille = tile->stage = -1;
	tile->silent_us = -1;
	if (ms > 0)
		tile->usual = bytes / 1e3 / ms;
	if (session)
		fill_session(board, tile, device, session, now);
	if (tile->state != TILE_EMPTY)
		fill_names(board, tile, device, session);
	else
		fill_names(board, tile, NULL, NULL);
	if (tile_wants_verdict(tile))
		fill_verdict(board, tile);
	fill_fault(board, tile, device);
}

static bool is_watched(const struct board *board, const char *port, struct json_object *device,
	struct json_object *session)
{
	const struct name *only = &board->only;

	if (!only->kind)
		return true;
	if (only->kind == NAME_SESSION)
		return is_field(session, "session", only->text);
	return text_equal(port, only->text) || is_field(device, "ecid", only->text) ||
	       is_field(device, "udid", only->text) || is_field(session, "ecid", only->text) ||
	       is_field(session, "udid", only->text);
}

static void add_tile(struct board *board, const char *port, struct json_object *device,
	struct json_object *session, struct stamp now)
{
	struct tile *tile = &board->tiles[board->count];

	if (board->count == TILES_MAX || !is_watched(board, port, device, session))
		return;
	*tile = (struct tile){0};
	text_copy(tile->port, sizeof(tile->port), port);
	fill(board, tile, device, session, now);
	/* A port that nobody named, and where nothing is. */
	if (tile->state == TILE_EMPTY && !place_of(board, port))
		return;
	board->count++;
}

static void add_port(struct board *board, const char *port, struct stamp now)
{
	struct json_object *device = device_at(board, port);

	for (size_t i = 0; i < board->count; i++)
		if (text_equal(board->tiles[i].port, port))
			return;
	add_tile(board, port, device, session_at(board, port, device), now);
}

/* Adds the ports that the objects of a list name. */
static void add_ports(
	struct board *board, struct json_object *list, bool here_alone, struct stamp now)
{
	for (size_t i = 0; i < field_count(list); i++) {
		struct json_object *object = field_item(list, i);
		const char *port = field_text(object, "port");

		if (port && *port && (!here_alone || is_here(board, object)))
			add_port(board, port, now);
	}
}

/* Restores of phones that no port shows. */
static void add_portless(struct board *board, struct stamp now)
{
	struct json_object *list = list_of(board, ASK_RUNNING, "sessions");

	for (size_t i = 0; i < field_count(list); i++) {
		struct json_object *session = field_item(list, i);

		if (!field_text(session, "port") && !device_of(board, session))
			add_tile(board, "", NULL, session, now);
	}
}

static int by_port(const void *a, const void *b)
{
	const struct tile *x = a, *y = b;

	if (!*x->port || !*y->port)
		return !*x->port - !*y->port;
	return strverscmp(x->port, y->port);
}

/* The groups of this computer's ports. */
static struct json_object *groups_here(const struct board *board, struct json_builder *builder)
{
	struct json_object *groups = list_of(board, ASK_GROUPS, "groups");
	struct json_object *here = json_new_array(builder);

	for (size_t i = 0; i < field_count(groups); i++)
		if (is_here(board, field_item(groups, i)))
			json_add(builder, here, json_object_get(field_item(groups, i)));
	return here;
}

/* Marks the ports that fail more transfers than the others. */
static void mark_suspects(struct board *board)
{
	struct json_builder builder = {0};
	CLEANUP(json_object_putp) struct json_object *groups = groups_here(board, &builder);
	struct port_errors errors;
	size_t at = 0;

	while (port_errors_next(groups, &at, &errors))
		for (size_t i = 0; i < board->count; i++)
			board->tiles[i].suspect |= text_equal(board->tiles[i].port, errors.port);
}

/* The seconds of a silence pass without a message. */
static void set_tick(struct board *board, struct stamp now)
{
	board->tick_us = 0;
	for (size_t i = 0; !board->tick_us && i < board->count; i++)
		if (board->tiles[i].silent_us >= 0)
			board->tick_us = now.monotonic_us + USEC_PER_SEC -
					 (uint64_t)board->tiles[i].silent_us % USEC_PER_SEC;
}

void board_build(struct board *board, struct stamp now)
{
	board->count = 0;
	add_ports(board, list_of(board, ASK_PLACES, "places"), false, now);
	add_ports(board, list_of(board, ASK_DEVICES, "devices"), false, now);
	add_ports(board, list_of(board, ASK_RUNNING, "sessions"), true, now);
	add_ports(board, list_of(board, ASK_RECENT, "sessions"), true, now);
	add_portless(board, now);
	qsort(board->tiles, board->count, sizeof(*board->tiles), by_port);
	mark_suspects(board);
	set_tick(board, now);
}

/* The line of the bench */

/* Appends a text, after a separator if it is not the first. */
static void add(char out[static TILE_LONG_SIZE], const char *separator, const char *text)
{
	size_t length = strlen(out);

	snprintf(out + length, TILE_LONG_SIZE - length, "%s%s", length ? separator : "", text);
}

static size_t count_down(struct json_object *sources, char health[static TILE_LONG_SIZE])
{
	size_t down = 0;

	for (size_t i = 0; i < field_count(sources); i++) {
		char text[TILE_TEXT_SIZE];

		/* A part that is left out is no loss. */
		if (field_true(field_item(sources, i), "up") ||
			field_true(field_item(sources, i), "absent"))
			continue;
		snprintf(text, sizeof(text), "%.40s DOWN",
			field_text_or(field_item(sources, i), "name", "?"));
		add(health, down ? ", " : ": ", text);
		down++;
	}
	return down;
}

bool board_health(const struct board *board, char health[static TILE_LONG_SIZE],
	char suspects[static TILE_LONG_SIZE])
{
	struct json_object *status = board->replies[ASK_STATUS];
	int64_t damaged = field_number_or(status, "damagedRecords", 0);
	char text[TILE_TEXT_SIZE];
	size_t down;

	health[0] = suspects[0] = '\0';
	for (size_t i = 0; i < board->count; i++)
		if (board->tiles[i].suspect)
			add(suspects, ", ", board->tiles[i].label);
	if (!board->connected) {
		add(health, "", "NO DAEMON: this is the last state it sent");
		return false;
	}
	add(health, "", field_text_or(status, "bench", "bench"));
	down = count_down(field_list(status, "sources"), health);
	if (damaged > 0) {
		snprintf(text, sizeof(text), "%" PRId64 " records damaged", damaged);
		add(health, ": ", text);
	}
	if (status && down == 0 && damaged <= 0)
		add(health, ": ", "all sources up");
	return down == 0 && damaged <= 0;
}
