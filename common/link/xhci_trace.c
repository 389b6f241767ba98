/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/link/xhci_trace.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_MAX 255
#define ENDPOINTS_MAX 31 /* the controller's index: 1 = endpoint 0, then OUT and IN of each */
#define SPEEDS_MAX 6
#define PORTS_MAX 255
#define LEVELS_MAX 7

/* The number after the word, from 1 to `max`. A number at the end of a cut line may be cut too, so
 * a character must follow it. */
static bool read_number(const char *text, const char *word, uint32_t max, uint32_t *ret)
{
	const char *found = strstr(text, word);
	const char *digits;
	unsigned long value;
	char *end;

	if (!found)
		return false;
	digits = found + strlen(word);
	if (*digits < '0' || *digits > '9')
		return false;
	value = strtoul(digits, &end, 10);
	if ((*end != ' ' && *end != '\n') || value < 1 || value > max)
		return false;
	*ret = (uint32_t)value;
	return true;
}

static struct xhci_trace read_error(const char *text)
{
	struct xhci_trace trace = {.kind = XHCI_TRACE_ERROR};
	uint32_t index;

	if (!strstr(text, " status 'USB Transaction Error' ") ||
		!read_number(text, " slot ", SLOTS_MAX, &trace.slot) ||
		!read_number(text, " ep ", ENDPOINTS_MAX, &index) || index == 1)
		return (struct xhci_trace){0};
	trace.endpoint = index / 2 | (index % 2 ? 0x80 : 0);
	return trace;
}

static struct xhci_trace read_device(const char *text)
{
	struct xhci_trace trace = {.kind = XHCI_TRACE_DEVICE};

	if (!read_number(text, " speed ", SPEEDS_MAX, &trace.speed) ||
		!read_number(text, " port ", PORTS_MAX, &trace.port) ||
		!read_number(text, " level ", LEVELS_MAX, &trace.level) ||
		!read_number(text, " slot ", SLOTS_MAX, &trace.slot))
		return (struct xhci_trace){0};
	return trace;
}

static struct xhci_trace read_lost(const char *text)
{
	return (struct xhci_trace){.kind = XHCI_TRACE_LOST};
}

/* A line begins with the name of a process, which anyone may choose; no name is long enough to hold
 * one of these words. */
struct xhci_trace xhci_trace_read(const char *line)
{
	static const struct {
		const char *name;
		struct xhci_trace (*read)(const char *text);
	} readers[] = {
		{": xhci_handle_event: ", read_error},
		{": xhci_setup_addressable_virt_device: ", read_device},
		{" EVENTS]\n", read_lost},
	};

	for (size_t i = 0; i < ARRAY_SIZE(readers); i++) {
		const char *found = strstr(line, readers[i].name);

		if (found)
			return readers[i].read(found + strlen(readers[i].name) - 1);
	}
	return (struct xhci_trace){0};
}
