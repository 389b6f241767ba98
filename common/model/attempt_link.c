/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The fold of what USB, the kernel, usbmuxd and idevicetriage-link showed of a phone. */
#include <errno.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"
#include "common/model/attempt_private.h"

/* USB errors this short a time before a disconnect belong to it: unplugging a device causes them
 * too (docs.kernel.org/driver-api/usb/error-codes.html, notes 1 and 2). */
#define USB_ERROR_MASK_US (1 * USEC_PER_SEC)

/* usbmuxd 1.1.1 frees memory twice, and crashes, if the phone disappears during a large transfer
 * (seen with Debian 12's on a virtual USB bus): then its end is not a fault of usbmuxd. */
#define MUX_END_EXCUSED_US (1 * USEC_PER_SEC)

static void add_mode(struct attempt *attempt, const struct event *event, enum device_mode mode)
{
	if (attempt->mode_count == ATTEMPT_MODES_MAX)
		attempt->mode_count--;
	attempt->modes[attempt->mode_count++] = (struct seen_mode){
		.mode = mode,
		.monotonic_us = event->at.monotonic_us,
		.sequence = event->sequence,
	};
}

static enum device_mode last_mode(const struct attempt *attempt)
{
	return attempt->mode_count ? attempt->modes[attempt->mode_count - 1].mode : MODE_UNKNOWN;
}

/* Several sources report the same plug and unplug. Only the nearest one to the wire counts, after
 * its first report: USB before the tool's log, the log before usbmuxd, which does not see every
 * mode. */
static bool link_source_counts(struct attempt *attempt, enum event_source source)
{
	static const uint32_t ranks[] = {[SOURCE_USBMUXD] = 1, [SOURCE_TOOL] = 2, [SOURCE_USB] = 3};
	uint32_t rank = (size_t)source < ARRAY_SIZE(ranks) ? ranks[source] : 0;

	if (rank < attempt->link_rank)
		return false;
	attempt->link_rank = rank;
	return true;
}

static void fold_link_facts(struct attempt *attempt, const struct event *event)
{
	struct health *health = &attempt->health;

	if (event->port[0])
		text_copy(attempt->port, sizeof(attempt->port), event->port);
	if (event->speed_mbps && (!health->speed_mbps || event->speed_mbps < health->speed_mbps))
		health->speed_mbps = event->speed_mbps;
	if (event->source == SOURCE_USB) {
		health->hub_depth_known = true;
		if (event->hub_depth > health->hub_depth)
			health->hub_depth = event->hub_depth;
		if (event->kind == EVENT_ATTACH && event->name[0] &&
			!attempt_condition(attempt, "hub"))
			attempt_set_condition(attempt, "hub", event->name, event->sequence);
	}
}

bool attempt_refine_mode(struct attempt *attempt, enum device_mode mode)
{
	if (last_mode(attempt) != MODE_NORMAL_OR_RESTORE)
		return false;
	attempt->modes[attempt->mode_count - 1].mode = mode;
	return true;
}

/* A phone that returns in the same program was replugged. */
static void fold_program(struct attempt *attempt, const struct event *event)
{
	struct boot_program program = boot_program_of(event), before = attempt->program;
	bool same_mode = event->mode == attempt->attached;
	bool replugged = same_mode && before.known && !boot_program_differs(&before, &program);

	if (replugged)
		return;
	attempt->attached = event->mode;
	attempt->program = program;
	attempt->loaded = false;
	if (event->mode != MODE_RECOVERY)
		return;
	attempt->recoveries++;
	attempt->programs = (same_mode ? attempt->programs : 0) + program.known;
	attempt->loaded = same_mode && before.known ? boot_program_follows(&before, &program)
						    : boot_program_is_loaded(&program);
}

void fold_attach(struct attempt *attempt, const struct event *event)
{
	static const enum restore_stage stages[] = {[MODE_DFU] = STAGE_DFU,
		[MODE_RECOVERY] = STAGE_RECOVERY,
		[MODE_RESTORE] = STAGE_RESTORE};

	fold_link_facts(attempt, event);
	if (!link_source_counts(attempt, event->source) || last_mode(attempt) == event->mode)
		return;
	if (attempt_refine_mode(attempt, event->mode))
		return;
	add_mode(attempt, event, event->mode);
	fold_program(attempt, event);
	attempt->health.attaches++;
	if (attempt->entry == MODE_UNKNOWN && !attempt->ended_seen)
		attempt->entry = event->mode;
	if ((size_t)event->mode < ARRAY_SIZE(stages) && !attempt->ended_seen)
		attempt_reach_stage(attempt, stages[event->mode]);
}

/* The phone left when usbmuxd ended: the phone made usbmuxd crash, so usbmuxd did not make the
 * restore fail. Either event may arrive first. */
static void excuse_mux_end(struct attempt *attempt)
{
	const uint64_t gone_us = attempt->usb_gone_us, ended_us = attempt->mux_ended_us;
	uint64_t apart_us = gone_us > ended_us ? gone_us - ended_us : ended_us - gone_us;

	if (!gone_us || !ended_us || apart_us > MUX_END_EXCUSED_US)
		return;
	attempt->mux_ended_us = 0;
	attempt->health.mux_faults--;
}

static void forget_recent_signs(struct attempt *attempt)
{
	for (size_t i = 0; i < attempt->sign_count; i++)
		attempt->signs[i].recent = 0;
}

/* Removes the signs of USB errors right before a disconnect. */
static void mask_recent_signs(struct attempt *attempt)
{
	size_t kept = 0;

	for (size_t i = 0; i < attempt->sign_count; i++) {
		struct seen_sign *sign = &attempt->signs[i];

		sign->count -= sign->recent;
		sign->recent = 0;
		if (sign->count)
			attempt->signs[kept++] = *sign;
	}
	attempt->sign_count = kept;
}

void fold_detach(struct attempt *attempt, const struct event *event)
{
	struct health *health = &attempt->health;

	/* usbmuxd ended and lost its list: that says nothing about the phone. */
	if (event->kind == EVENT_MUX_DETACH && event->code != 0)
		return;
	if (event->source == SOURCE_USB) {
		attempt->usb_gone_us = event->at.monotonic_us;
		excuse_mux_end(attempt);
	}
	if (!link_source_counts(attempt, event->source) || last_mode(attempt) == MODE_GONE)
		return;
	add_mode(attempt, event, MODE_GONE);
	health->expected_detaches++;
	if (attempt->recent_usb_errors &&
		event->at.monotonic_us - attempt->recent_usb_error_us <= USB_ERROR_MASK_US) {
		health->usb_errors -= attempt->recent_usb_errors;
		health->usb_errors_masked += attempt->recent_usb_errors;
		mask_recent_signs(attempt);
	}
	attempt->recent_usb_errors = 0;
	forget_recent_signs(attempt);
}

void fold_link_lost(struct attempt *attempt, const struct event *event)
{
	struct health *health = &attempt->health;

	if (health->expected_detaches)
		health->expected_detaches--;
	health->unexpected_detaches++;
	attempt->link_lost_us = event->at.monotonic_us;
	if (!health->first_fault_sequence)
		health->first_fault_sequence = event->sequence;
}

/* The journal is slower than USB: the disconnect that caused an error may have arrived before
 * it. */
static bool disconnect_follows(const struct attempt *attempt, uint64_t error_us)
{
	for (size_t i = 0; i < attempt->mode_count; i++) {
		const struct seen_mode *seen = &attempt->modes[i];

		if (seen->mode == MODE_GONE && seen->monotonic_us >= error_us &&
			seen->monotonic_us - error_us <= USB_ERROR_MASK_US)
			return true;
	}
	return false;
}

void fold_usb_error(struct attempt *attempt, const struct event *event)
{
	struct seen_sign *sign;

	if (disconnect_follows(attempt, event->at.monotonic_us)) {
		attempt->health.usb_errors_masked++;
		return;
	}
	if (event->at.monotonic_us - attempt->recent_usb_error_us > USB_ERROR_MASK_US) {
		attempt->recent_usb_errors = 0;
		forget_recent_signs(attempt);
	}
	sign = attempt_see_sign(attempt, event->name, (int32_t)event->code, event->sequence);
	if (sign)
		sign->recent++;
	attempt->recent_usb_errors++;
	attempt->recent_usb_error_us = event->at.monotonic_us;
	attempt->health.usb_errors++;
	if (!attempt->health.first_fault_sequence)
		attempt->health.first_fault_sequence = event->sequence;
}

/* idevicetriage-link reports an error only if the phone stayed. A stalled transfer is an answer of
 * the phone, which the line has brought. */
void fold_link_error(struct attempt *attempt, const struct event *event)
{
	bool refused = event->code == -EPIPE;

	attempt_see_sign(attempt, refused ? SIGN_TRANSFER_REFUSED : SIGN_TRANSFER_ERROR,
		(int32_t)event->code, event->sequence);
	if (refused)
		return;
	attempt->health.usb_errors += event->number;
	attempt->health.link_errors += event->number;
	if (!attempt->health.first_fault_sequence)
		attempt->health.first_fault_sequence = event->sequence;
}

/* The number is that of the attach so far. */
void fold_link_corrected(struct attempt *attempt, const struct event *event)
{
	struct health *health = &attempt->health;

	attempt_see_sign(attempt, SIGN_TRANSFER_CORRECTED, 0, event->sequence);
	if (event->number > health->link_corrected)
		health->link_corrected = event->number;
}

void fold_link_rate(struct attempt *attempt, const struct event *event)
{
	if (event->code <= 0)
		return;
	attempt->health.link_bytes += (uint64_t)event->code;
	attempt->health.link_ms += event->number;
}

/* The latest word on whose turn it is while nothing moves. */
void fold_link_quiet(struct attempt *attempt, const struct event *event)
{
	attempt->quiet = (enum link_quiet)event->flag;
	/* The next one is due when it is twice as long. */
	attempt->quiet_until_us = event->at.monotonic_us + (event->number + 1) * USEC_PER_SEC;
	if (attempt->silent && attempt->overrun_count)
		attempt->overruns[attempt->overrun_count - 1].quiet = attempt->quiet;
}

void fold_mux_error(struct attempt *attempt, const struct event *event)
{
	attempt->health.mux_faults++;
	if (!attempt->health.first_fault_sequence)
		attempt->health.first_fault_sequence = event->sequence;
	fold_sign(attempt, event);
	if (text_equal(event->name, "usbmuxd-ended")) {
		attempt->mux_ended_us = event->at.monotonic_us;
		excuse_mux_end(attempt);
	}
}

void fold_mux_client(struct attempt *attempt, const struct event *event)
{
	struct event sign = *event;

	text_copy(sign.name, sizeof(sign.name), SIGN_OTHER_PROGRAM);
	fold_sign(attempt, &sign);
}
