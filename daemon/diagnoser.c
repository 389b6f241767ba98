/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/diagnoser.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"

/* Phones with a known verdict; the one unchanged for longest is dropped. */
#define SUBJECTS_MAX 256
#define OTHERS_MAX 32 /* failing phones that the end of another phone's session may affect */
#define TEXT_SIZE 640
#define TURN_US (2 * USEC_PER_MSEC)    /* of work, then others have their turn */
#define DELAY_US (100 * USEC_PER_MSEC) /* after a change: more changes often follow at once */
/* An import adds many attempts: each delays the diagnosis, until the first has waited too long. */
#define IMPORT_PAUSE_US (500 * USEC_PER_MSEC)
#define IMPORT_DELAY_US (10 * USEC_PER_SEC)

/* A phone, or a session whose phone was never identified. */
struct subject {
	struct identity identity;
	struct uuid session; /* of the last change; none = a change without a session */
	struct uuid about;   /* the session of the verdict's record; none = none */
	uint64_t news;	     /* number of its last change; 0 = unused */
	bool due;
	bool known;    /* the fields below were recorded */
	bool replayed; /* by an earlier daemon: only the text contains the cause */
	enum phase phase;
	enum strength strength;
	bool hung;	   /* a restore of it exceeded its time */
	const char *cause; /* NULL = none */
	char text[TEXT_SIZE];
};

struct diagnoser {
	struct store *store;
	event_sink *sink;
	void *user;
	struct loop_timer *timer;
	uint64_t due_us; /* monotonic: the timer ends by then; 0 = it does not run */
	uint64_t news;	 /* so far */
	struct latest_verdict latest;
	struct subject subjects[SUBJECTS_MAX];
};

/* Starts the timer, or starts it again. Together, the delays last `limit_us` at most. */
static void start_timer(struct diagnoser *diagnoser, uint64_t delay_us, uint64_t limit_us)
{
	uint64_t now_us = clock_now().monotonic_us;

	if (!diagnoser->due_us || diagnoser->due_us > now_us + limit_us)
		diagnoser->due_us = now_us + limit_us;
	if (now_us + delay_us > diagnoser->due_us)
		delay_us = diagnoser->due_us > now_us ? diagnoser->due_us - now_us : 0;
	loop_timer_start(diagnoser->timer, delay_us);
}

static bool advance(struct diagnoser *diagnoser, struct stamp now);

static void on_timer(void *user)
{
	struct diagnoser *diagnoser = user;

	diagnoser->due_us = 0;
	if (advance(diagnoser, clock_now()))
		start_timer(diagnoser, 0, 0);
}

int diagnoser_new(struct loop *loop, struct store *store, event_sink *sink, void *user,
	struct diagnoser **ret)
{
	CLEANUP(diagnoser_freep) struct diagnoser *diagnoser = calloc(1, sizeof(*diagnoser));
	int r;

	if (!diagnoser)
		return -ENOMEM;
	diagnoser->store = store;
	diagnoser->sink = sink;
	diagnoser->user = user;
	r = loop_timer_new(loop, on_timer, diagnoser, &diagnoser->timer);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(diagnoser);
	return 0;
}

struct diagnoser *diagnoser_free(struct diagnoser *diagnoser)
{
	if (diagnoser)
		loop_timer_free(diagnoser->timer);
	free(diagnoser);
	return NULL;
}

static bool is_subject(
	const struct subject *subject, const struct identity *identity, const struct uuid *session)
{
	if (!subject->news)
		return false;
	return identity_is_known(identity) && identity_is_known(&subject->identity)
		       ? identity_matches(&subject->identity, identity)
		       : !uuid_is_none(session) && uuid_equal(&subject->session, session);
}

static struct subject *find_subject(
	struct diagnoser *diagnoser, const struct identity *identity, const struct uuid *session)
{
	struct subject *oldest = &diagnoser->subjects[0];

	for (size_t i = 0; i < SUBJECTS_MAX; i++) {
		struct subject *subject = &diagnoser->subjects[i];

		if (is_subject(subject, identity, session))
			return subject;
		if (subject->news < oldest->news)
			oldest = subject;
	}
	*oldest = (struct subject){0};
	return oldest;
}

static struct subject *note_news(
	struct diagnoser *diagnoser, const struct identity *identity, const struct uuid *session)
{
	struct subject *subject = find_subject(diagnoser, identity, session);

	identity_merge(&subject->identity, identity);
	/* A correction may have changed it. */
	if (identity->product[0])
		text_copy(subject->identity.product, sizeof(subject->identity.product),
			identity->product);
	subject->session = subject->about = *session;
	subject->news = ++diagnoser->news;
	return subject;
}

void diagnoser_replay(struct diagnoser *diagnoser, const struct event *event)
{
	struct identity identity;
	struct subject *subject;

	if (event->kind != EVENT_DIAGNOSIS)
		return;
	identity = event_identity(event);
	subject = note_news(diagnoser, &identity, &event->session);
	subject->known = subject->replayed = true;
	subject->cause = NULL;
	subject->strength = (enum strength)event->number;
	for (int phase = PHASE_NONE; phase <= PHASE_UNDECIDED; phase++)
		if (text_equal(phase_name((enum phase)phase), event->name))
			subject->phase = (enum phase)phase;
	text_clean(event->text, event->text_length, subject->text, sizeof(subject->text));
	diagnoser->latest = (struct latest_verdict){
		.known = true, .phase = subject->phase, .strength = subject->strength};
}

/* An error that arrives after the end of its session; the end of a running session triggers the
 * diagnosis itself. */
static bool is_late(const struct diagnoser *diagnoser, const struct event *event)
{
	const struct session *session =
		bench_find_session(diagnoser->store->bench, &event->session);

	return session && !session->running;
}

static bool is_news(const struct diagnoser *diagnoser, const struct event *event)
{
	switch (event->kind) {
	case EVENT_SESSION_END:
	case EVENT_SILENCE:
	case EVENT_AMENDMENT:
		return true;
	case EVENT_CONDITION:
	case EVENT_USB_ERROR:
	case EVENT_MUX_ERROR:
		return is_late(diagnoser, event);
	case EVENT_NOTE:
		return text_equal(event->name, NOTE_HISTORY) ||
		       text_equal(event->name, NOTE_REMOVAL);
	default:
		return false;
	}
}

/* Failures or successes of other phones change the evidence about a place: diagnoses recently
 * failed phones again. */
static void note_others(struct diagnoser *diagnoser)
{
	for (size_t i = 0; i < SUBJECTS_MAX; i++) {
		struct subject *subject = &diagnoser->subjects[i];

		if (subject->known && subject->phase != PHASE_NONE &&
			subject->news + OTHERS_MAX > diagnoser->news)
			subject->due = true;
	}
}

void diagnoser_observe(void *user, const struct event *event)
{
	struct diagnoser *diagnoser = user;
	struct identity identity = {0};

	if (!is_news(diagnoser, event))
		return;
	identity_fold(&identity, event);
	note_news(diagnoser, &identity, &event->session)->due = true;
	if (event->kind == EVENT_SESSION_END || event->kind == EVENT_AMENDMENT)
		note_others(diagnoser);
	start_timer(diagnoser, DELAY_US, DELAY_US);
}

void diagnoser_judge_phone(struct diagnoser *diagnoser, const struct identity *identity)
{
	note_news(diagnoser, identity, &(struct uuid){{0}})->due = true;
	note_others(diagnoser);
	start_timer(diagnoser, IMPORT_PAUSE_US, IMPORT_DELAY_US);
}

/* The cause that the verdict names; NULL = none. */
static const char *first_cause(const struct verdict *verdict)
{
	bool named = verdict->cause_count && verdict->causes[0].strength > STRENGTH_NONE;

	return named ? verdict->causes[0].cause : NULL;
}

static bool same_cause(const char *a, const char *b)
{
	return a && b ? text_equal(a, b) : a == b;
}

/* Whether the verdict differs in phase, strength or first cause, or a restore now hangs. If an
 * earlier daemon recorded the cause, only its text contains it. */
static bool is_changed(const struct subject *subject, const struct verdict *verdict)
{
	if (!subject->known)
		return verdict->phase != PHASE_NONE;
	if (verdict->running == RUNNING_HUNG && !subject->hung)
		return true;
	if (subject->phase != verdict->phase || subject->strength != verdict->strength)
		return true;
	return subject->replayed ? !text_equal(subject->text, verdict->summary)
				 : !same_cause(subject->cause, first_cause(verdict));
}

static void report(struct diagnoser *diagnoser, struct subject *subject, struct stamp now)
{
	struct event event = {
		.at = now,
		.kind = EVENT_DIAGNOSIS,
		.source = SOURCE_DAEMON,
		.session = subject->about,
		.ecid = subject->identity.ecid,
		.number = subject->strength,
	};

	text_copy(event.udid, sizeof(event.udid), subject->identity.udid);
	text_copy(event.product, sizeof(event.product), subject->identity.product);
	text_copy(event.name, sizeof(event.name), phase_name(subject->phase));
	event_set_text(&event, subject->text);
	diagnoser->sink(diagnoser->user, &event);
}

static void set_latest(struct diagnoser *diagnoser, const struct verdict *verdict)
{
	bool named = first_cause(verdict) != NULL;

	diagnoser->latest = (struct latest_verdict){
		.known = true,
		.phase = verdict->phase,
		.strength = verdict->strength,
		.cause = named ? verdict->causes[0].cause : NULL,
		.title = named ? verdict->causes[0].title : NULL,
		.cause_strength = named ? verdict->causes[0].strength : STRENGTH_NONE,
	};
}

const struct latest_verdict *diagnoser_latest(const struct diagnoser *diagnoser)
{
	return &diagnoser->latest;
}

static void update(struct diagnoser *diagnoser, struct subject *subject, struct stamp now,
	const struct verdict *verdict)
{
	bool changed = is_changed(subject, verdict);

	subject->known = true;
	subject->replayed = false;
	subject->phase = verdict->phase;
	subject->strength = verdict->strength;
	subject->hung = verdict->running == RUNNING_HUNG;
	subject->cause = first_cause(verdict);
	text_copy(subject->text, sizeof(subject->text), verdict->summary);
	if (changed) {
		set_latest(diagnoser, verdict);
		report(diagnoser, subject, now);
	}
	/* The session's records may be deleted: later verdicts belong only to the phone. */
	subject->about = (struct uuid){{0}};
}

/* If the diagnosis fails, the next change triggers it again. */
static void judge(struct diagnoser *diagnoser, struct subject *subject, struct stamp now)
{
	CLEANUP(freep) struct verdict *verdict = malloc(sizeof(*verdict));
	int r = -ENOMEM;

	subject->due = false;
	diagnoser->store->error = 0;
	if (verdict)
		r = identity_is_known(&subject->identity)
			    ? store_diagnose(
				      diagnoser->store, &subject->identity, NULL, NULL, verdict)
			    : store_diagnose_session(diagnoser->store, &subject->session, verdict);
	/* Without the attempts that cannot be read, it could be wrong. */
	if (r < 0 || diagnoser->store->error < 0)
		return;
	update(diagnoser, subject, now, verdict);
}

/* Diagnoses some of the due phones. Returns true if more are due. */
static bool advance(struct diagnoser *diagnoser, struct stamp now)
{
	for (size_t i = 0; i < SUBJECTS_MAX; i++) {
		if (!diagnoser->subjects[i].due)
			continue;
		if (clock_now().monotonic_us > now.monotonic_us + TURN_US)
			return true;
		judge(diagnoser, &diagnoser->subjects[i], now);
	}
	return false;
}

bool diagnoser_is_due(const struct diagnoser *diagnoser)
{
	for (size_t i = 0; i < SUBJECTS_MAX; i++)
		if (diagnoser->subjects[i].due && !uuid_is_none(&diagnoser->subjects[i].about))
			return true;
	return false;
}

void diagnoser_finish(struct diagnoser *diagnoser)
{
	while (advance(diagnoser, clock_now()))
		;
}

void diagnoser_forget(struct diagnoser *diagnoser, const struct identity *identity)
{
	diagnoser->latest = (struct latest_verdict){0};
	for (size_t i = 0; i < SUBJECTS_MAX; i++)
		if (identity_matches(&diagnoser->subjects[i].identity, identity))
			diagnoser->subjects[i] = (struct subject){0};
}
