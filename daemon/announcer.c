/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/announcer.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/base/log.h"
#include "common/base/text.h"
#include "common/diagnosis/sign_says.h"
#include "daemon/message.h"

#define USBMUXD "usbmuxd" /* its source */

/* The phone of a record, without its identifiers. */
struct subject {
	char session[UUID_TEXT_SIZE];
	char port[PORT_SIZE];
	char product[NAME_SIZE];
	char words[NAME_SIZE + PORT_SIZE + 32]; /* "a phone (iPhone12,3) on port 1-2" */
};

static struct subject find_subject(const struct announcer *announcer, const struct event *record)
{
	const struct session *session = bench_find_session(announcer->bench, &record->session);
	struct subject subject = {0};
	const char *product = record->product, *port = record->port;

	if (session && !*product)
		product = session->identity.product;
	if (session && !*port)
		port = session->attempt.port;
	if (!uuid_is_none(&record->session))
		uuid_format(&record->session, subject.session);
	text_copy(subject.port, sizeof(subject.port), port);
	text_copy(subject.product, sizeof(subject.product), product);
	snprintf(subject.words, sizeof(subject.words), "a phone%s%s%s%s%s", *product ? " (" : "",
		product, *product ? ")" : "", *port ? " on port " : "", port);
	return subject;
}

static void announce_failure(struct announcer *announcer, const struct event *end)
{
	struct subject subject = find_subject(announcer, end);
	char code[24] = "";

	if ((enum outcome)end->number != OUTCOME_FAILED)
		return;
	if (uuid_equal(&announcer->failed, &end->session) && announcer->failed_code == end->code)
		return;
	announcer->failed = end->session;
	announcer->failed_code = end->code;
	if (end->code != 0)
		snprintf(code, sizeof(code), "%" PRId64, end->code);
	message_write(MESSAGE_RESTORE_FAILED,
		(const struct message_field[]){
			{"TRIAGE_SESSION", subject.session},
			{"TRIAGE_PORT", subject.port},
			{"TRIAGE_PRODUCT", subject.product},
			{"TRIAGE_ITUNES_CODE", code},
		},
		4, "The restore of %s failed%s%s.", subject.words, *code ? ": error " : "", code);
}

static void announce_verdict(struct announcer *announcer, const struct event *diagnosis)
{
	const struct latest_verdict *latest = diagnoser_latest(announcer->diagnoser);
	struct subject subject = find_subject(announcer, diagnosis);
	const char *strength = strength_name(latest->strength);

	message_write(MESSAGE_VERDICT_CHANGED,
		(const struct message_field[]){
			{"TRIAGE_SESSION", subject.session},
			{"TRIAGE_PRODUCT", subject.product},
			{"TRIAGE_PHASE", phase_title(latest->phase)},
			{"TRIAGE_STRENGTH", strength},
			{"TRIAGE_CAUSE", latest->title ? latest->title : "none"},
		},
		5, "The verdict on %s is now: %s%s%s%s%s.", subject.words,
		phase_title(latest->phase), latest->strength > STRENGTH_NONE ? ", " : "",
		latest->strength > STRENGTH_NONE ? strength : "",
		latest->title ? "; first suspect: " : "", latest->title ? latest->title : "");
	if (!casts_doubt_on_port(latest->cause, latest->cause_strength))
		return;
	message_write(MESSAGE_PORT_SUSPECT,
		(const struct message_field[]){
			{"TRIAGE_SESSION", subject.session},
			{"TRIAGE_PORT", subject.port},
			{"TRIAGE_STRENGTH", strength_name(latest->cause_strength)},
		},
		3, "The first suspect for a failed restore is port %s or its hub (%s).",
		*subject.port ? subject.port : "(unknown)", strength_name(latest->cause_strength));
}

static void announce_usbmuxd(struct announcer *announcer, const struct event *error)
{
	if (announcer->usbmuxd_dead || !(sign_says(error->name) & SAYS_BIT(SAYS_MUX_ENDED)))
		return;
	announcer->usbmuxd_dead = true;
	message_write(MESSAGE_USBMUXD_DEAD,
		(const struct message_field[]){
			{"TRIAGE_SIGN", error->name},
			{"TRIAGE_PORT", error->port},
		},
		2, "usbmuxd does not serve its phones: %s.", error->name);
}

/* Debian's usbmuxd ends with the last phone: that alone is no loss. Nor is a source that the bench
 * works without. */
static void announce_source(struct announcer *announcer, const struct event *source)
{
	char reason[256];

	if (text_equal(source->name, USBMUXD) && source->code == 0)
		announcer->usbmuxd_dead = false;
	if (source->code == 0)
		return;
	text_clean(source->text, source->text_length, reason, sizeof(reason));
	if (text_equal(source->name, USBMUXD) || source->code == SOURCE_STATE_NOT_INSTALLED) {
		log_info("%s: %s", source->name, reason);
		return;
	}
	message_write(MESSAGE_SOURCE_LOST,
		(const struct message_field[]){
			{"TRIAGE_SOURCE", source->name},
			{"TRIAGE_REASON", reason},
		},
		2, "The source %s does not work: %s.", source->name, reason);
}

void announcer_observe(void *user, const struct event *record)
{
	struct announcer *announcer = user;

	switch (record->kind) {
	case EVENT_SESSION_END:
		announce_failure(announcer, record);
		break;
	case EVENT_DIAGNOSIS:
		announce_verdict(announcer, record);
		break;
	case EVENT_MUX_ERROR:
		announce_usbmuxd(announcer, record);
		break;
	case EVENT_SOURCE:
		announce_source(announcer, record);
		break;
	default:
		break;
	}
}
