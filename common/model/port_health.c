/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/model/port_health.h"

#include "common/base/text.h"

static void add_effect(const struct port_health *watch, struct event effects[], size_t *count,
	struct stamp now, const char *name, uint64_t number)
{
	struct event *effect = &effects[(*count)++];

	*effect = (struct event){.at = now, .kind = EVENT_PORT, .source = SOURCE_USB};
	text_copy(effect->port, sizeof(effect->port), watch->port);
	text_copy(effect->name, sizeof(effect->name), name);
	effect->number = number > UINT32_MAX ? UINT32_MAX : (uint32_t)number;
}

static void take_transfers(
	struct port_health *watch, struct stamp now, const struct port_facts *facts)
{
	if (!facts->transfers_known)
		return;
	if (!watch->last.transfers_known)
		watch->known_us = now.monotonic_us;
	if (!watch->last.transfers_known || watch->last.transfers != facts->transfers)
		watch->transfer_us = now.monotonic_us;
}

static void take_over_currents(struct port_health *watch, struct stamp now,
	const struct port_facts *facts, struct event effects[], size_t *count)
{
	uint64_t before = watch->last.over_currents, after = facts->over_currents;

	if (!facts->over_currents_known)
		return;
	if (!watch->counted)
		add_effect(watch, effects, count, now, "over-current", 0);
	else if (after > before)
		add_effect(watch, effects, count, now, "over-current", after - before);
	watch->counted = true;
}

size_t port_health_take(struct port_health *watch, struct stamp now, const char *port,
	const struct port_facts *facts, struct event effects[static PORTWATCH_EFFECTS_MAX])
{
	uint64_t over_currents;
	size_t count = 0;

	if (!text_equal(watch->port, port))
		*watch = (struct port_health){0};
	text_copy(watch->port, sizeof(watch->port), port);
	over_currents = watch->last.over_currents;
	take_transfers(watch, now, facts);
	take_over_currents(watch, now, facts, effects, &count);
	if (facts->suspended && !watch->last.suspended)
		add_effect(watch, effects, &count, now, "suspended", 1);
	watch->last = *facts;
	/* The last known number, even if it cannot be read for a while. */
	if (!facts->over_currents_known)
		watch->last.over_currents = over_currents;
	return count;
}

enum silence_transfers port_health_since(
	const struct port_health *watch, uint64_t began_us, uint64_t now_us)
{
	uint64_t quiet_us = began_us + (now_us - began_us) / 4;

	if (!watch->last.transfers_known || watch->known_us > quiet_us)
		return SILENCE_TRANSFERS_UNKNOWN;
	return watch->transfer_us <= quiet_us ? SILENCE_NO_TRANSFERS : SILENCE_TRANSFERS;
}
