/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/wire/records.h"

static struct json_object *finding_to_json(
	struct json_builder *builder, const struct finding *finding)
{
	struct json_object *object = json_new_object(builder);
	struct json_object *records = json_new_array(builder);
	struct json_object *sessions = json_new_array(builder);

	json_put_text(builder, object, "text", finding->text);
	json_put_number(builder, object, "weight", finding->weight);
	json_put_text(builder, object, "rule", finding->rule ? finding->rule : "");
	for (size_t i = 0; i < finding->record_count; i++) {
		char session[UUID_TEXT_SIZE] = "";

		if (!uuid_is_none(&finding->sessions[i]))
			uuid_format(&finding->sessions[i], session);
		json_add_number(builder, records, (int64_t)finding->records[i]);
		json_add_text(builder, sessions, session);
	}
	json_put(builder, object, "records", records);
	json_put(builder, object, "sessions", sessions);
	json_put_text(builder, object, "source", finding->source ? finding->source : "");
	return object;
}

static struct json_object *findings_to_json(
	struct json_builder *builder, const struct finding *findings, size_t count)
{
	struct json_object *array = json_new_array(builder);

	for (size_t i = 0; i < count; i++)
		json_add(builder, array, finding_to_json(builder, &findings[i]));
	return array;
}

static struct json_object *suspect_to_json(
	struct json_builder *builder, const struct suspect *suspect)
{
	struct json_object *object = json_new_object(builder);

	json_put_text(builder, object, "cause", suspect->cause);
	json_put_text(builder, object, "title", suspect->title ? suspect->title : suspect->cause);
	json_put_text(builder, object, "strength", strength_name(suspect->strength));
	json_put_known_text(builder, object, "untested", suspect->untested);
	json_put(builder, object, "evidence",
		findings_to_json(builder, suspect->evidence, suspect->evidence_count));
	json_put(builder, object, "counterEvidence",
		findings_to_json(
			builder, suspect->counter_evidence, suspect->counter_evidence_count));
	return object;
}

static struct json_object *next_step_to_json(
	struct json_builder *builder, const struct next_step *next)
{
	struct json_object *object = json_new_object(builder);
	struct json_object *outcomes = json_new_array(builder);

	json_put_text(builder, object, "experiment", next->experiment);
	json_put_text(builder, object, "title", next->title);
	json_put_text(builder, object, "text", next->text);
	for (size_t i = 0; i < next->outcome_count; i++) {
		struct json_object *outcome = json_new_object(builder);

		json_put_text(builder, outcome, "if", next->outcomes[i].condition);
		json_put_text(builder, outcome, "then", next->outcomes[i].conclusion);
		json_add(builder, outcomes, outcome);
	}
	json_put(builder, object, "outcomes", outcomes);
	return object;
}

static struct json_object *works_since_to_json(
	struct json_builder *builder, const struct works_since *since)
{
	struct json_object *object = json_new_object(builder);
	struct json_object *changes = json_new_array(builder);

	json_put_number(builder, object, "attempt", (int64_t)since->attempt);
	for (size_t i = 0; i < since->change_count; i++)
		json_add_text(builder, changes, since->changes[i]);
	json_put(builder, object, "changes", changes);
	json_put_text(builder, object, "fault", since->fault);
	return object;
}

static struct json_object *uncounted_to_json(
	struct json_builder *builder, const struct verdict *verdict)
{
	struct json_object *array = json_new_array(builder);

	for (size_t i = 0; i < verdict->uncounted_count; i++)
		json_add_text(builder, array, verdict->uncounted[i]);
	return array;
}

struct json_object *verdict_to_json(struct json_builder *builder, const struct verdict *verdict)
{
	struct json_object *object = json_new_object(builder);
	struct json_object *causes = json_new_array(builder);
	struct json_object *advice = json_new_array(builder);
	struct json_object *missing = json_new_array(builder);

	for (size_t i = 0; i < verdict->cause_count; i++)
		json_add(builder, causes, suspect_to_json(builder, &verdict->causes[i]));
	for (size_t i = 0; i < verdict->advice_count; i++)
		json_add_text(builder, advice, verdict->advice[i]);
	for (size_t i = 0; i < verdict->missing_count; i++)
		json_add_text(builder, missing, verdict->missing[i]);
	json_put_text(builder, object, "phase", phase_name(verdict->phase));
	json_put_text(builder, object, "strength", strength_name(verdict->strength));
	json_put_text(builder, object, "summary", verdict->summary);
	json_put_known_text(builder, object, "running", running_name(verdict->running));
	if (verdict->works_since.attempt)
		json_put(builder, object, "worksSince",
			works_since_to_json(builder, &verdict->works_since));
	json_put(builder, object, "silences",
		findings_to_json(builder, verdict->silences, verdict->silence_count));
	json_put_known_number(builder, object, "itunesCode", verdict->itunes_code);
	json_put(builder, object, "causes", causes);
	if (verdict->next.experiment)
		json_put(builder, object, "nextStep", next_step_to_json(builder, &verdict->next));
	json_put(builder, object, "advice", advice);
	if (verdict->uncounted_count)
		json_put(builder, object, "notCounted", uncounted_to_json(builder, verdict));
	json_put(builder, object, "missing", missing);
	return object;
}
