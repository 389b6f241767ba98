/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/model/phone_query_policy.h"

static const struct session *running_session(
	const struct bench *bench, const struct identity *identity)
{
	for (size_t i = bench_session_count(bench); i > 0; i--) {
		const struct session *session = bench_session(bench, i - 1);

		if (session->running && identity_matches(&session->identity, identity))
			return session;
	}
	return NULL;
}

/* Whether it has just appeared, and this is usbmuxd's first report of it. */
static bool came_now(const struct query_policy *policy, const struct bench_device *device,
	const struct event *attach)
{
	uint64_t came_us = device->changed.monotonic_us;

	/* It stayed on USB: only usbmuxd lost it in between. */
	if (!device->on_usb || device->on_mux || device->mode == MODE_USB_ONLY)
		return false;
	return came_us > policy->usb_watched_us &&
	       attach->at.monotonic_us <= came_us + QUERY_WINDOW_US;
}

/* What to ask a phone without a known restore. */
static unsigned ask_idle(unsigned allowed, const struct bench_device *device)
{
	switch (device->left_mode) {
	case MODE_UNKNOWN:
	case MODE_NORMAL:
		return allowed;
	case MODE_RECOVERY:
	case MODE_DFU:
	case MODE_WTF:
	case MODE_RESTORE:
		return allowed & QUERY_RESTORE;
	default: /* one of two modes, and nothing shows which */
		return allowed & QUERY_RESTORE ? allowed : 0;
	}
}

unsigned query_due(
	const struct bench *bench, const struct query_policy *policy, const struct event *attach)
{
	const struct bench_device *device;
	const struct session *session;

	if (!policy->allowed || attach->kind != EVENT_MUX_ATTACH || !attach->udid[0])
		return 0;
	device = bench_find_device(bench, attach->udid);
	if (!device || !came_now(policy, device, attach))
		return 0;
	session = running_session(bench, &device->identity);
	if (!session)
		return ask_idle(policy->allowed, device);
	/* During a restore, only the phone's saved texts are worth a question. */
	if (session_resolve_mode(session, MODE_NORMAL_OR_RESTORE, attach->at) == MODE_NORMAL)
		return 0;
	return policy->allowed & QUERY_RESTORE;
}
