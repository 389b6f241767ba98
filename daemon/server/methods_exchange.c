/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What other benches stored. */
#include <errno.h>
#include <string.h>

#include "common/base/text.h"
#include "common/query/change_json.h"
#include "common/store/exchange.h"
#include "daemon/server/methods.h"

#define PHONE_NOTES_MAX 2000

/* The state of taking one change. */
struct taking {
	struct request *request;
	const struct api_parts *parts;
	struct casebook_file *file;
	const struct read_change *change;
};

/* Each returns an enum exchanged, or a negative errno. */

static int take_attempt(struct taking *taking)
{
	const struct triage_case *c = taking->change->c;
	int r;

	if (bench_find_session(taking->parts->store->bench, &taking->change->id))
		return EXCHANGE_PRESENT;
	r = exchange_attempt(taking->file, clock_now(), c, &taking->change->written);
	if (r == EXCHANGE_ADDED || r == EXCHANGE_REPLACED)
		diagnoser_judge_phone(taking->parts->diagnoser, &c->identity);
	return r;
}

static bool count_note(void *context, const struct note *note)
{
	size_t *count = context;

	++*count;
	return true;
}

static int take_note(struct taking *taking)
{
	struct identity identity = taking->change->identity;
	struct casebook *book = taking->parts->store->book;
	size_t count = 0;
	int r = casebook_notes(book, &identity, count_note, &count);

	if (r == 0 && count >= PHONE_NOTES_MAX)
		r = -E2BIG;
	if (r == 0)
		r = exchange_note(taking->file, &identity, &taking->change->note);
	if (r == EXCHANGE_ADDED)
		diagnoser_judge_phone(taking->parts->diagnoser, &identity);
	return r;
}

/* An attempt of the casebook with its phone. */
struct stored {
	struct attempt attempt;
	struct identity identity;
	char origin[NAME_SIZE];
};

static bool copy_stored(void *context, const struct kept_attempt *kept)
{
	struct stored *stored = context;

	stored->attempt = *kept->attempt;
	stored->identity = *kept->identity;
	text_copy(stored->origin, sizeof(stored->origin), kept->origin);
	return false;
}

/* Whether the session can tell by its own corrections which one holds; if it has more than it
 * lists, the casebook tells. */
static bool corrects(
	struct taking *taking, const struct session *session, const struct correction *correction)
{
	return (session->attempt.amendment_count < ATTEMPT_AMENDMENTS_MAX &&
		       !text_equal(correction->key, "model")) ||
	       casebook_correction_holds(taking->parts->store->book, correction) > 0;
}

/* A session of the bench is corrected like any other. */
static void correct_session(struct taking *taking, const struct session *session)
{
	const struct correction *correction = &taking->change->correction;
	struct event event = {.at = clock_now(),
		.kind = EVENT_AMENDMENT,
		.source = SOURCE_PERSON,
		.session = correction->attempt,
		.ecid = session->identity.ecid};

	event.at.wall_us = correction->at_us;
	text_copy(event.udid, sizeof(event.udid), session->identity.udid);
	text_copy(event.name, sizeof(event.name), correction->key);
	text_copy(event.before, sizeof(event.before), correction->before);
	text_copy(event.by, sizeof(event.by), correction->by);
	event_set_text(&event, correction->after);
	recorder_feed(taking->parts->recorder, &event);
}

static int take_correction(struct taking *taking)
{
	CLEANUP(freep) struct stored *stored = calloc(1, sizeof(*stored));
	const struct correction *correction = &taking->change->correction;
	const struct session *session =
		bench_find_session(taking->parts->store->bench, &correction->attempt);
	struct casebook *book = taking->parts->store->book;
	struct casebook_seal seal = {0};
	int r = stored ? 0 : -ENOMEM;

	if (r == 0 && session && !session->running)
		r = sealer_finish(taking->parts->sealer);
	if (r == 0)
		r = casebook_attempt(book, &correction->attempt, copy_stored, stored);
	if (r < 0)
		return r;
	if (r > 0)
		seal = (struct casebook_seal){.attempt = &stored->attempt,
			.identity = &stored->identity,
			.origin = stored->origin};
	r = exchange_correction(taking->file, clock_now(), correction, r > 0 ? &seal : NULL);
	if (r != EXCHANGE_ADDED)
		return r;
	session = bench_find_session(taking->parts->store->bench, &correction->attempt);
	if (session && corrects(taking, session, correction))
		correct_session(taking, session);
	if (seal.attempt)
		diagnoser_judge_phone(taking->parts->diagnoser, &stored->identity);
	return r;
}

/* A condition of a phone holds here too. */
static void apply_condition(struct taking *taking, const struct set_condition *given)
{
	struct condition condition = {0};
	struct place place;

	if (!place_parse(given->place, &place))
		return;
	text_copy(condition.key, sizeof(condition.key), given->key);
	text_copy(condition.value, sizeof(condition.value),
		given->value[0] ? given->value : CONDITION_UNKNOWN);
	if (conditions_take(taking->parts->conditions, &place, condition.key, condition.value,
		    given->at_us) == CONDITIONS_CHANGED)
		recorder_set_condition(taking->parts->recorder, clock_now(), &place, &condition);
}

static int take_condition(struct taking *taking)
{
	struct set_condition condition = taking->change->condition;
	const char *own = taking->parts->store->host_id;
	int r = sealer_store_conditions(taking->parts->sealer);

	if (r < 0)
		return r;
	if (text_equal(condition.host_id, own)) {
		/* Nobody else sets those of the ports here. */
		if (!text_equal(condition.writer, own))
			return EXCHANGE_PRESENT;
		condition.host_id[0] = '\0';
	}
	r = exchange_condition(taking->file, &condition);
	if (r == EXCHANGE_ADDED && !condition.host_id[0])
		apply_condition(taking, &condition);
	/* Others may have ended for want of room; the sealer retries. */
	sealer_store_conditions(taking->parts->sealer);
	return r;
}

/* By the kind. */
static int (*const takers[CHANGE_KIND_COUNT])(struct taking *taking) = {
	[CHANGE_ATTEMPT] = take_attempt,
	[CHANGE_NOTE] = take_note,
	[CHANGE_CORRECTION] = take_correction,
	[CHANGE_CONDITION] = take_condition,
};

static bool ignore_purge(void *context, const struct purge *purge)
{
	return false;
}

static const char *const words[] = {
	[EXCHANGE_PRESENT] = "present",
	[EXCHANGE_ADDED] = "added",
	[EXCHANGE_REPLACED] = "replaced",
	[EXCHANGE_PURGED] = "purged",
};

/* As for AmendAttempt: nobody knows the end of a restore before it has ended. */
static bool corrects_running(const struct taking *taking)
{
	const struct read_change *change = taking->change;
	struct call *call = &taking->request->call;
	const struct session *session = change->kind == CHANGE_CORRECTION
						? bench_find_session(taking->parts->store->bench,
							  &change->correction.attempt)
						: NULL;
	struct json_object *object = NULL;

	if (!session || !session->running)
		return false;
	json_get_object(call->parameters, "change", &object);
	json_get_text(object, "session", &call->detail);
	return true;
}

/* Returns API_OK with *ret an enum exchanged, another enum api_error, or -ENOMEM. */
static int take_change(struct taking *taking, enum exchanged *ret)
{
	const struct read_change *change = taking->change;
	struct call *call = &taking->request->call;
	int r;

	if (change->kind == CHANGE_PURGE) {
		r = casebook_purge(taking->parts->store->book, &change->id, ignore_purge, NULL);
		*ret = r > 0 ? EXCHANGE_PRESENT : EXCHANGE_ADDED;
		if (r == 0)
			return methods_take_purge(taking->request, &change->purge);
	} else if (corrects_running(taking)) {
		return API_DEVICE_BUSY;
	} else {
		r = methods_check_room(taking->request);
		if (r != API_OK)
			return r;
		r = takers[change->kind](taking);
		*ret = (enum exchanged)r;
	}
	if (r >= 0 || r == -ENOMEM)
		return r >= 0 ? API_OK : r;
	return r == -E2BIG || r == -EEXIST ? call_bad(call, "change") : call_no_casebook(call, r);
}

static int read_change(struct call *call, struct read_change *change)
{
	char message[CHANGE_MESSAGE_SIZE];
	struct json_object *object = NULL;
	int r;

	json_get_object(call->parameters, "change", &object);
	r = change_read(object, change, message);
	return r == -EBADMSG ? call_bad(call, "change") : r;
}

int methods_add_change(struct request *request)
{
	CLEANUP(freep) struct read_change *change = malloc(sizeof(*change));
	struct call *call = &request->call;
	struct taking taking = {
		.request = request, .parts = &request->api->parts, .change = change};
	enum exchanged result = EXCHANGE_PRESENT;
	int r = change ? methods_open_casebook(request, &taking.file) : -ENOMEM;

	if (r != API_OK)
		return r;
	r = read_change(call, change);
	if (r == API_OK)
		r = take_change(&taking, &result);
	change_done(change);
	if (r != API_OK)
		return r;
	json_put_text(&call->builder, call->answer, "result", words[result]);
	return API_OK;
}
