/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/verdicts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"

/* Phones whose verdict is known; the one without news for longest goes. */
#define SUBJECTS_MAX 256
#define OTHERS_MAX 32 /* failing phones that the end of another one's session may concern */
#define TEXT_SIZE 640
#define TURN_MAX 4 /* phones judged at a time, so that the loop goes on between */

/* A phone; or a session whose phone never told who it is. */
struct subject {
	struct identity identity;
	struct uuid session; /* of the last news; none = it was of no session */
	struct uuid about;   /* the session that the verdict is told with; none = of none */
	uint64_t news;	     /* number of its last news; 0 = not in use */
	bool due;
	bool known;    /* what follows was told */
	bool replayed; /* by an earlier run: the cause stands in the text alone */
	enum phase phase;
	enum strength strength;
	bool hung;	   /* a restore of it ran past its time */
	const char *cause; /* NULL = none */
	char text[TEXT_SIZE];
};

struct verdicts {
	struct history *history;
	struct verdicts_outputs outputs;
	uint64_t news; /* so far */
	struct subject subjects[SUBJECTS_MAX];
};

struct verdicts *verdicts_new(struct history *history, const struct verdicts_outputs *outputs)
{
	struct verdicts *verdicts = calloc(1, sizeof(*verdicts));

	if (!verdicts)
		return NULL;
	verdicts->history = history;
	verdicts->outputs = *outputs;
	return verdicts;
}

struct verdicts *verdicts_free(struct verdicts *verdicts)
{
	free(verdicts);
	return NULL;
}

static bool is_named(const struct identity *identity)
{
	return identity->ecid || identity->udid[0];
}

static bool is_subject(
	const struct subject *subject, const struct identity *identity, const struct uuid *session)
{
	if (!subject->news)
		return false;
	return is_named(identity) && is_named(&subject->identity)
		       ? identity_matches(&subject->identity, identity)
		       : !uuid_is_none(session) && uuid_equal(&subject->session, session);
}

static struct subject *find_subject(
	struct verdicts *verdicts, const struct identity *identity, const struct uuid *session)
{
	struct subject *oldest = &verdicts->subjects[0];

	for (size_t i = 0; i < SUBJECTS_MAX; i++) {
		struct subject *subject = &verdicts->subjects[i];

		if (is_subject(subject, identity, session))
			return subject;
		if (subject->news < oldest->news)
			oldest = subject;
	}
	*oldest = (struct subject){0};
	return oldest;
}

static struct subject *take_news(
	struct verdicts *verdicts, const struct identity *identity, const struct uuid *session)
{
	struct subject *subject = find_subject(verdicts, identity, session);

	identity_merge(&subject->identity, identity);
	subject->session = subject->about = *session;
	subject->news = ++verdicts->news;
	return subject;
}

void verdicts_replay(struct verdicts *verdicts, const struct event *event)
{
	const struct identity identity = event_identity(event);
	struct subject *subject;

	if (event->kind != EVENT_DIAGNOSIS)
		return;
	subject = take_news(verdicts, &identity, &event->session);
	subject->known = subject->replayed = true;
	subject->cause = NULL;
	subject->strength = (enum strength)event->number;
	for (int phase = PHASE_NONE; phase <= PHASE_UNDECIDED; phase++)
		if (text_equal(phase_name((enum phase)phase), event->name))
			subject->phase = (enum phase)phase;
	text_clean(event->text, event->text_length, subject->text, sizeof(subject->text));
}

/* Errors count for a session that has ended; of one that runs, its end will tell. */
static bool is_late(const struct verdicts *verdicts, const struct event *event)
{
	const struct session *session =
		bench_find_session(verdicts->history->bench, &event->session);

	return session && !session->running;
}

static bool is_news(const struct verdicts *verdicts, const struct event *event)
{
	switch (event->kind) {
	case EVENT_SESSION_END:
	case EVENT_SILENCE:
		return true;
	case EVENT_CONDITION:
	case EVENT_USB_ERROR:
	case EVENT_MUX_ERROR:
		return is_late(verdicts, event);
	case EVENT_NOTE:
		return text_equal(event->name, "history");
	default:
		return false;
	}
}

/* A place where others fail or do not fail is another place: those that failed lately are judged
 * again. */
static void note_others(struct verdicts *verdicts)
{
	for (size_t i = 0; i < SUBJECTS_MAX; i++) {
		struct subject *subject = &verdicts->subjects[i];

		if (subject->known && subject->phase != PHASE_NONE &&
			subject->news + OTHERS_MAX > verdicts->news)
			subject->due = true;
	}
}

void verdicts_note(struct verdicts *verdicts, const struct event *event)
{
	struct identity identity;

	if (!is_news(verdicts, event))
		return;
	identity = event_identity(event);
	take_news(verdicts, &identity, &event->session)->due = true;
	if (event->kind == EVENT_SESSION_END)
		note_others(verdicts);
	verdicts->outputs.wake(verdicts->outputs.user);
}

void verdicts_note_phone(struct verdicts *verdicts, const struct identity *identity)
{
	take_news(verdicts, identity, &(struct uuid){{0}})->due = true;
	note_others(verdicts);
	verdicts->outputs.wake(verdicts->outputs.user);
}

static const char *first_cause(const struct verdict *verdict)
{
	return verdict->cause_count ? verdict->causes[0].cause : NULL;
}

static bool same_cause(const char *a, const char *b)
{
	return a && b ? text_equal(a, b) : a == b;
}

/* The verdict in words. One that is not decided is another one with each suspect. */
static void word_verdict(const struct verdict *verdict, char text[static TEXT_SIZE])
{
	bool names = verdict->phase == PHASE_UNDECIDED && verdict->cause_count;

	snprintf(text, TEXT_SIZE, "%s%s%s%s", verdict->summary, names ? " First suspect: " : "",
		names ? verdict->causes[0].title : "", names ? "." : "");
}

/* Whether the verdict is another one in phase, strength or first cause, or a restore hangs now.
 * Which cause an earlier run of the daemon told stands in its words alone. */
static bool is_changed(
	const struct subject *subject, const struct verdict *verdict, const char *text)
{
	if (!subject->known)
		return verdict->phase != PHASE_NONE;
	if (verdict->running == RUNNING_HUNG && !subject->hung)
		return true;
	if (subject->phase != verdict->phase || subject->strength != verdict->strength)
		return true;
	return subject->replayed ? !text_equal(subject->text, text)
				 : !same_cause(subject->cause, first_cause(verdict));
}

static void tell(struct verdicts *verdicts, struct subject *subject, struct stamp now)
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
	verdicts->outputs.tell(verdicts->outputs.user, &event);
}

static void take_verdict(struct verdicts *verdicts, struct subject *subject, struct stamp now,
	const struct verdict *verdict)
{
	char text[TEXT_SIZE];
	bool changed;

	word_verdict(verdict, text);
	changed = is_changed(subject, verdict, text);
	subject->known = true;
	subject->replayed = false;
	subject->phase = verdict->phase;
	subject->strength = verdict->strength;
	subject->hung = verdict->running == RUNNING_HUNG;
	subject->cause = first_cause(verdict);
	text_copy(subject->text, sizeof(subject->text), text);
	if (changed)
		tell(verdicts, subject, now);
	/* The session's records may go: what comes later is told of the phone alone. */
	subject->about = (struct uuid){{0}};
}

/* What cannot be judged now is when there is news of it again. */
static void judge(struct verdicts *verdicts, struct subject *subject, struct stamp now)
{
	CLEANUP(freep) struct verdict *verdict = malloc(sizeof(*verdict));
	int r = -ENOMEM;

	subject->due = false;
	if (verdict)
		r = is_named(&subject->identity)
			    ? history_diagnose(verdicts->history, &subject->identity, verdict)
			    : history_diagnose_session(
				      verdicts->history, &subject->session, verdict);
	if (r < 0)
		return;
	take_verdict(verdicts, subject, now, verdict);
}

bool verdicts_advance(struct verdicts *verdicts, struct stamp now)
{
	size_t judged = 0;

	for (size_t i = 0; i < SUBJECTS_MAX; i++) {
		if (!verdicts->subjects[i].due)
			continue;
		if (judged++ == TURN_MAX)
			return true;
		judge(verdicts, &verdicts->subjects[i], now);
	}
	return false;
}

void verdicts_forget(struct verdicts *verdicts, const struct identity *identity)
{
	for (size_t i = 0; i < SUBJECTS_MAX; i++)
		if (identity_matches(&verdicts->subjects[i].identity, identity))
			verdicts->subjects[i] = (struct subject){0};
}
