/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/triage/facts.h"

#include <string.h>

#include "common/base/text.h"
#include "common/triage/knowledge/fact_ids.h"

#define STOP_UPDATES 2	/* procedure.md, stop rule: updates once the link is proven */
#define STOP_FAILURES 5 /* and in all: each one writes to the storage */

#define CABLE VARIABLE_BIT(VARIABLE_CABLE)
#define PORT VARIABLE_BIT(VARIABLE_PORT)
#define HOST VARIABLE_BIT(VARIABLE_HOST)
#define TOOL VARIABLE_BIT(VARIABLE_TOOL)
#define HOST_SOFTWARE VARIABLE_BIT(VARIABLE_HOST_SOFTWARE)
#define FIRMWARE VARIABLE_BIT(VARIABLE_FIRMWARE)
#define ACTION VARIABLE_BIT(VARIABLE_ACTION)
#define FLEX VARIABLE_BIT(VARIABLE_FLEX)

typedef bool attempt_test(const struct attempt_view *a);

static bool any_failure(const struct view *view, attempt_test *test)
{
	for (size_t i = 0; i < view->count; i++)
		if (view->attempts[i].failed && test(&view->attempts[i]))
			return true;
	return false;
}

static bool has_condition(const struct attempt_view *a, const char *key, const char *value)
{
	return word_is(attempt_condition(a->attempt, key), value);
}

static bool is_link_faulty(const struct attempt_view *a)
{
	return a->link_faulty;
}

/* Hubs between the computer's port and the phone; -1 = not known. */
static int hub_depth(const struct attempt_view *a)
{
	const char *told = attempt_condition(a->attempt, "hubDepth");

	if (told && told[0] >= '0' && told[0] <= '9')
		return atoi(told);
	return a->attempt->health.hub_depth_known ? (int)a->attempt->health.hub_depth : -1;
}

static bool is_behind_hub(const struct attempt_view *a)
{
	return hub_depth(a) > 0;
}

static bool is_behind_two_hubs(const struct attempt_view *a)
{
	return hub_depth(a) > 1;
}

static bool is_on_direct_port(const struct attempt_view *a)
{
	return hub_depth(a) == 0 && !a->link_faulty;
}

static bool has_no_cable_label(const struct attempt_view *a)
{
	return !a->values[VARIABLE_CABLE];
}

static bool is_restore(const struct attempt_view *a)
{
	return !word_is(a->attempt->action, "boot");
}

/* Counts against a part only where the link was not the trouble. */
static bool counts_against_part(const struct attempt_view *a)
{
	return !a->link_faulty;
}

static bool is_flex_out(const struct attempt_view *a)
{
	return a->flex == FLEX_DISCONNECTED && counts_against_part(a);
}

static bool is_flex_replaced(const struct attempt_view *a)
{
	return a->flex == FLEX_REPLACED && counts_against_part(a);
}

static bool is_minimal_boot(const struct attempt_view *a)
{
	return has_condition(a, "minimalBoot", "true") && counts_against_part(a);
}

static bool has_good_battery(const struct attempt_view *a)
{
	return (has_condition(a, "battery", "known-good") ||
		       has_condition(a, "battery", "replaced")) &&
	       counts_against_part(a);
}

static bool has_other_charge_flex(const struct attempt_view *a)
{
	const char *told = attempt_condition(a->attempt, "chargeFlex");

	return told && !word_is(told, "original") && counts_against_part(a);
}

static bool is_from_dfu(const struct attempt_view *a)
{
	return a->attempt->entry == MODE_DFU;
}

static bool is_update(const struct attempt_view *a)
{
	return word_is(a->attempt->action, "update");
}

/* Signed blobs of an older version, changed firmware: fails for reasons of its own. */
static bool is_unofficial_tool(const struct attempt_view *a)
{
	return word_is(a->attempt->tool, "futurerestore");
}

static bool fact_failed(const struct view *view)
{
	return view->failed_count + view->bench_fault_count > 0;
}

static bool fact_single_failure(const struct view *view)
{
	return view->failed_count == 1;
}

static bool fact_failed_twice(const struct view *view)
{
	return view->failed_count >= 2;
}

static bool fact_same_failure(const struct view *view)
{
	return view->group_count >= 2 && !view->varying;
}

static bool fact_varying_failure(const struct view *view)
{
	return view->varying;
}

static bool fact_two_computers_failed(const struct view *view)
{
	return view->computers >= 2;
}

static bool fact_two_cables_failed(const struct view *view)
{
	return view->cables >= 2;
}

static bool fact_two_ports_failed(const struct view *view)
{
	return view->ports >= 2;
}

static bool fact_two_tools_failed(const struct view *view)
{
	return view->tools >= 2;
}

static bool fact_link_faulty(const struct view *view)
{
	return any_failure(view, is_link_faulty);
}

static bool fact_link_clean(const struct view *view)
{
	return view->failed_count > 0 && !any_failure(view, is_link_faulty);
}

static bool fact_behind_hub(const struct view *view)
{
	return any_failure(view, is_behind_hub);
}

static bool fact_deep_hub(const struct view *view)
{
	return any_failure(view, is_behind_two_hubs);
}

static bool fact_direct_port_failed(const struct view *view)
{
	return any_failure(view, is_on_direct_port);
}

static bool fact_flex_untested(const struct view *view)
{
	for (size_t i = 0; i < view->count; i++)
		if (view->attempts[i].flex == FLEX_DISCONNECTED ||
			view->attempts[i].flex == FLEX_REPLACED)
			return false;
	return view->face_id;
}

static bool was_found_reset(const struct attempt_view *a)
{
	return a->code == 4013 || a->code == 4014;
}

static bool fact_loops_and_resets(const struct view *view)
{
	return case_has_history(view->c, "boot-loop") && any_failure(view, was_found_reset);
}

static bool fact_cable_unknown(const struct view *view)
{
	return any_failure(view, has_no_cable_label);
}

static bool fact_face_id_model(const struct view *view)
{
	return view->face_id;
}

static bool fact_no_face_id_model(const struct view *view)
{
	return view->model_known && !view->face_id;
}

static bool fact_bench_fault(const struct view *view)
{
	return view->bench_fault_count > 0;
}

static bool fact_bench_fault_only(const struct view *view)
{
	return view->bench_fault_count > 0 && view->failed_count == 0;
}

/* Whether an attempt that the bench spoiled shows one of these signs. */
static bool any_bench_sign(const struct view *view, const char *const ids[])
{
	for (size_t i = 0; i < view->count; i++)
		for (size_t j = 0; view->attempts[i].bench_fault && ids[j]; j++)
			if (attempt_sign(view->attempts[i].attempt, ids[j]))
				return true;
	return false;
}

static bool fact_usbmuxd_ended(const struct view *view)
{
	static const char *const ids[] = {
		"usbmuxd-ended", "usbmuxd-left-phone", "usbmuxd-down", "usbmuxd-crashed", NULL};

	return any_bench_sign(view, ids);
}

static bool fact_usbmuxd_hid_phone(const struct view *view)
{
	static const char *const ids[] = {"usbmuxd-hides-phone", "usbmuxd-preflight-failed", NULL};

	return any_bench_sign(view, ids);
}

static bool fact_boot_failure(const struct view *view)
{
	return view->failed_count > 0 && !any_failure(view, is_restore);
}

static bool fact_unofficial_restore(const struct view *view)
{
	return case_has_history(view->c, "saved-blob-restore") ||
	       case_has_history(view->c, "custom-firmware") ||
	       any_failure(view, is_unofficial_tool);
}

static bool fact_works_other_cable(const struct view *view)
{
	return view_works(view, CABLE) > 0;
}

static bool fact_works_other_cable_twice(const struct view *view)
{
	return fact_works_other_cable(view) && view_works_within(view, CABLE, LINK_VARIABLES) >= 2;
}

static bool fact_works_other_port(const struct view *view)
{
	return view_works(view, PORT) > 0;
}

static bool fact_works_other_port_twice(const struct view *view)
{
	return fact_works_other_port(view) && view_works_within(view, PORT, LINK_VARIABLES) >= 2;
}

/* Another computer has other ports. */
static bool fact_works_other_computer(const struct view *view)
{
	return view_works_within(view, HOST, PORT) > 0;
}

static bool fact_works_other_computer_twice(const struct view *view)
{
	return fact_works_other_computer(view) &&
	       view_works_within(view, HOST, LINK_VARIABLES) >= 2;
}

static bool fact_works_link_changed(const struct view *view)
{
	return view_works_within(view, LINK_VARIABLES, 0) > 0 && !fact_works_other_cable(view) &&
	       !fact_works_other_port(view) && !fact_works_other_computer(view);
}

static bool fact_works_link_changed_twice(const struct view *view)
{
	return view_works_within(view, LINK_VARIABLES, 0) >= 2 &&
	       !fact_works_other_cable_twice(view) && !fact_works_other_port_twice(view) &&
	       !fact_works_other_computer_twice(view);
}

static bool fact_works_other_tool(const struct view *view)
{
	return view_works_within(view, TOOL, HOST_SOFTWARE) > 0;
}

static bool fact_works_other_tool_twice(const struct view *view)
{
	return view_works_within(view, TOOL, HOST_SOFTWARE) >= 2;
}

static bool fact_works_host_repaired(const struct view *view)
{
	return view_works(view, HOST_SOFTWARE) > 0;
}

static bool fact_works_other_firmware(const struct view *view)
{
	return view_works(view, FIRMWARE) > 0;
}

static bool fact_works_other_action(const struct view *view)
{
	return view_works(view, ACTION) > 0;
}

/* The technician may tell it as a condition of the attempt or as a word of the history. */
static bool fact_works_other_network(const struct view *view)
{
	return view_works(view, VARIABLE_BIT(VARIABLE_NETWORK)) > 0 ||
	       (case_has_history(view->c, "other-network-for-last-attempt") &&
		       view_works(view, 0) > 0);
}

static bool fact_works_other_host_or_tool(const struct view *view)
{
	return view_works_within(view, HOST, LINK_VARIABLES | TOOL | HOST_SOFTWARE) >
	       view_works_within(view, HOST, LINK_VARIABLES);
}

static bool fact_works_other_battery(const struct view *view)
{
	return view_works_within(view, VARIABLE_BIT(VARIABLE_BATTERY), ACTION) > 0;
}

static bool fact_works_other_charge_flex(const struct view *view)
{
	return view_works_within(view, VARIABLE_BIT(VARIABLE_CHARGE_FLEX), ACTION) > 0;
}

static bool fact_works_minimal_boot(const struct view *view)
{
	return view_works_within(view, VARIABLE_BIT(VARIABLE_MINIMAL_BOOT), ACTION) > 0;
}

/* Successes with the flex in `state`, where nothing outside flex and `others` changed. */
static bool works_with_flex(const struct view *view, enum flex_state state, uint32_t others)
{
	for (size_t i = 0; i < view->count; i++) {
		const struct attempt_view *a = &view->attempts[i];

		if (a->flex == state && view_changed_within(a, FLEX, others))
			return true;
	}
	return false;
}

static bool fails_on_all_links(const struct view *view)
{
	return view->clean_computers >= 2 && view->clean_cables >= 2;
}

/* Once the links are cleared by failures on several, their change explains no success. Update
 * where an erase failed does less, not more. */
static uint32_t may_change_with_flex(const struct view *view)
{
	return ACTION | (fails_on_all_links(view) ? LINK_VARIABLES : 0);
}

static bool fact_works_flex_out(const struct view *view)
{
	return works_with_flex(view, FLEX_DISCONNECTED, may_change_with_flex(view));
}

static bool fact_works_flex_out_with_others(const struct view *view)
{
	return works_with_flex(
		       view, FLEX_DISCONNECTED, ACTION | LINK_VARIABLES | PHONE_VARIABLES) &&
	       !fact_works_flex_out(view);
}

static bool fact_works_flex_replaced(const struct view *view)
{
	return works_with_flex(view, FLEX_REPLACED, may_change_with_flex(view));
}

/* The success with the flex out, and the failure after it with the flex back in and nothing else
 * that explains it. */
static bool flex_back_fails_after(const struct view *view, size_t success)
{
	const struct attempt_view *worked = &view->attempts[success];
	uint32_t others = may_change_with_flex(view);

	if (worked->flex != FLEX_DISCONNECTED || !view_changed_within(worked, FLEX, others))
		return false;
	for (size_t i = success + 1; i < view->count; i++) {
		const struct attempt_view *a = &view->attempts[i];
		struct contrast contrast = view_contrast(worked, a);

		if (a->failed && a->flex == FLEX_CONNECTED && !a->link_faulty &&
			!((contrast.changed | contrast.doubtful) & ~(FLEX | others)))
			return true;
	}
	return false;
}

static bool fact_flex_back_fails(const struct view *view)
{
	for (size_t i = 0; i < view->count; i++)
		if (flex_back_fails_after(view, i))
			return true;
	return false;
}

static bool fact_fails_flex_out(const struct view *view)
{
	return any_failure(view, is_flex_out);
}

static bool fact_fails_flex_replaced(const struct view *view)
{
	return any_failure(view, is_flex_replaced);
}

static bool fact_fails_minimal_boot(const struct view *view)
{
	return any_failure(view, is_minimal_boot);
}

static bool fact_fails_good_battery(const struct view *view)
{
	return any_failure(view, has_good_battery);
}

static bool fact_fails_other_charge_flex(const struct view *view)
{
	return any_failure(view, has_other_charge_flex);
}

static bool fact_works_unchanged(const struct view *view)
{
	return view_works(view, 0) > 0 && !fact_works_other_network(view);
}

static bool fact_dfu_tried(const struct view *view)
{
	return any_failure(view, is_from_dfu);
}

static bool fact_update_tried(const struct view *view)
{
	return any_failure(view, is_update);
}

static bool fact_stop_rule(const struct view *view)
{
	size_t updates = 0;

	for (size_t i = 0; i < view->count; i++)
		updates += view->attempts[i].failed && is_update(&view->attempts[i]);
	return view->failed_count >= STOP_FAILURES ||
	       (updates >= STOP_UPDATES && fact_dfu_tried(view));
}

/* Successes that a change outside the phone, or no change, explains: the phone can do it. */
static size_t phone_worked(const struct view *view)
{
	size_t count = 0;

	for (size_t i = 0; i < view->count; i++) {
		const struct attempt_view *a = &view->attempts[i];

		count += view_changed_exactly(a, 0) ||
			 view_changed_within(a, LINK_VARIABLES | SOFTWARE_VARIABLES, 0);
	}
	return count;
}

static bool fact_phone_worked(const struct view *view)
{
	return phone_worked(view) >= 1;
}

static bool fact_phone_worked_twice(const struct view *view)
{
	return phone_worked(view) >= 2;
}

static bool asks_for_newer_tool(const struct attempt_view *a)
{
	return attempt_sign(a->attempt, "old-tool") != NULL;
}

/* One tool that is too old fails everywhere. */
static bool tool_is_in_doubt(const struct view *view)
{
	return view->tools < 2 && any_failure(view, asks_for_newer_tool);
}

static bool fact_persists(const struct view *view)
{
	return fails_on_all_links(view) && !fact_unofficial_restore(view) &&
	       !tool_is_in_doubt(view) && !fact_phone_worked(view);
}

#define FACT_ROW(id, function) [id] = function,
static bool (*const fact_functions[FACT_COUNT])(const struct view *) = {FACT_FUNCTIONS(FACT_ROW)};

/* `fact` is an enum fact_id. */
static bool fact_holds(const struct view *view, int fact)
{
	assert(fact >= 0 && fact < FACT_COUNT);
	return fact_functions[fact](view);
}

static void trace_add(struct trace *trace, uint64_t sequence)
{
	if (!sequence || trace->record_count == VERDICT_RECORDS_MAX)
		return;
	for (size_t i = 0; i < trace->record_count; i++)
		if (trace->records[i] == sequence)
			return;
	trace->records[trace->record_count++] = sequence;
}

static bool word_among(const struct term *term, const char *word)
{
	for (size_t i = 0; i < term->count; i++)
		if (word_is(term->words[i], word))
			return true;
	return false;
}

static bool number_among(const struct term *term, int64_t number)
{
	for (size_t i = 0; i < term->count; i++)
		if (number && term->numbers[i] == number)
			return true;
	return false;
}

static bool sign_among(const struct term *term, const struct attempt *attempt, uint64_t *sequence)
{
	for (size_t i = 0; i < term->count; i++) {
		const struct seen_sign *sign = attempt_sign(attempt, term->words[i]);

		if (!sign)
			continue;
		*sequence = sign->first_sequence;
		return true;
	}
	return false;
}

/* A condition's term is KEY:VALUE. */
static bool condition_among(const struct term *term, const struct attempt *attempt)
{
	for (size_t i = 0; i < term->count; i++) {
		const char *colon = strchr(term->words[i], ':');
		char key[CONDITION_KEY_SIZE];

		if (!colon || (size_t)(colon - term->words[i]) >= sizeof(key))
			continue;
		text_copy(key, (size_t)(colon - term->words[i]) + 1, term->words[i]);
		if (word_is(attempt_condition(attempt, key), colon + 1))
			return true;
	}
	return false;
}

/* Whether a term holds for a failed attempt, and the record that shows it. */
static bool term_holds_for_attempt(
	const struct term *term, const struct attempt_view *a, uint64_t *sequence)
{
	const struct attempt *attempt = a->attempt;

	*sequence = attempt->end_sequence;
	switch (term->kind) {
	case TERM_SIGN:
		return sign_among(term, attempt, sequence);
	case TERM_OPERATION:
		*sequence = attempt->operation_sequence;
		return number_among(term, attempt->operation);
	case TERM_CHECKPOINT:
		*sequence = attempt->checkpoint_sequence;
		return number_among(term, attempt->checkpoint);
	case TERM_AMR:
		*sequence = attempt->status_sequence;
		return number_among(term, a->phone_code);
	case TERM_ITUNES:
		return number_among(term, a->code);
	case TERM_TOOL:
		return word_among(term, attempt->tool);
	case TERM_CAME_BACK:
		return word_among(term, device_mode_name(attempt->came_back));
	case TERM_STAGE:
		return word_among(term, restore_stage_name(attempt->stage));
	case TERM_ENTRY:
		return word_among(term, device_mode_name(attempt->entry));
	case TERM_ACTION:
		return word_among(term, attempt->action);
	case TERM_CONDITION:
		return condition_among(term, attempt);
	default:
		return false;
	}
}

static bool is_of_attempt(const struct term *term)
{
	return term->kind != TERM_FACT && term->kind != TERM_HISTORY &&
	       term->kind != TERM_VERDICT && term->kind != TERM_SUSPECT;
}

static bool term_holds_for_case(const struct view *view, const struct term *term)
{
	if (term->kind == TERM_FACT)
		return fact_holds(view, term->fact);
	for (size_t i = 0; i < view->c->history_count; i++)
		if (word_among(term, view->c->history[i]))
			return true;
	return false;
}

/* The attempts that facts of the case rest on: the ends of the failures and successes. */
static void trace_case(const struct view *view, struct trace *trace)
{
	trace->attempt = SIZE_MAX;
	trace->matches = 1;
	for (size_t i = view->count; i > 0; i--)
		if (view->attempts[i - 1].in_group || view->attempts[i - 1].contrast_count)
			trace_add(trace, view->attempts[i - 1].attempt->end_sequence);
}

static bool attempt_matches(const struct attempt_view *a, const struct term *terms, size_t count,
	uint64_t *sequences, size_t *sequence_count)
{
	*sequence_count = 0;
	for (size_t i = 0; i < count; i++) {
		uint64_t sequence;

		if (!is_of_attempt(&terms[i]))
			continue;
		if (term_holds_for_attempt(&terms[i], a, &sequence) == terms[i].negated)
			return false;
		if (!terms[i].negated && *sequence_count < VERDICT_RECORDS_MAX)
			sequences[(*sequence_count)++] = sequence;
	}
	return true;
}

bool terms_match(
	const struct view *view, const struct term *terms, size_t count, struct trace *trace)
{
	struct trace found = {.attempt = SIZE_MAX};
	bool of_attempt = false;

	for (size_t i = 0; i < count; i++) {
		if (is_of_attempt(&terms[i]))
			of_attempt = true;
		else if (term_holds_for_case(view, &terms[i]) == terms[i].negated)
			return false;
	}
	if (!of_attempt) {
		trace_case(view, &found);
		*trace = found;
		return true;
	}
	for (size_t i = view->count; i > 0; i--) {
		const struct attempt_view *a = &view->attempts[i - 1];
		uint64_t sequences[VERDICT_RECORDS_MAX];
		size_t sequence_count;

		if (!a->failed || !attempt_matches(a, terms, count, sequences, &sequence_count))
			continue;
		if (found.matches++ == 0) {
			found.shown_by = a;
			found.attempt = a->index;
		}
		for (size_t j = 0; j < sequence_count; j++)
			trace_add(&found, sequences[j]);
	}
	if (!found.matches)
		return false;
	*trace = found;
	return true;
}

static bool term_holds_for_verdict(
	const struct view *view, const struct verdict *verdict, const struct term *term)
{
	uint64_t sequence;
	bool holds = false;

	if (term->kind == TERM_VERDICT)
		holds = word_among(term, phase_name(verdict->phase));
	else if (term->kind == TERM_SUSPECT)
		holds = verdict->cause_count && word_among(term, verdict->causes[0].cause);
	else if (!is_of_attempt(term))
		holds = term_holds_for_case(view, term);
	else
		for (size_t i = 0; i < view->count && !holds; i++)
			holds = view->attempts[i].failed &&
				term_holds_for_attempt(term, &view->attempts[i], &sequence);
	return holds != term->negated;
}

bool terms_hold_for_verdict(const struct view *view, const struct verdict *verdict,
	const struct term *terms, size_t count, bool all)
{
	for (size_t i = 0; i < count; i++)
		if (term_holds_for_verdict(view, verdict, &terms[i]) != all)
			return !all;
	return all;
}
