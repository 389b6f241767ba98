/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vhci-phone: a phone on the kernel's virtual USB host controller that carries out a scenario. At a
 * port other than 0 it is another phone; with another vendor than Apple's it is no phone. */
#include "common/base/clock.h"
#include "common/base/macro.h"
#include "tests/vm/phone/scenario.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void fclosep(FILE **file)
{
	if (*file)
		fclose(*file);
}

static int read_scenario(const char *path, struct scenario *scenario)
{
	CLEANUP(fclosep) FILE *file = fopen(path, "re");
	unsigned line = 0;
	int r;

	if (!file) {
		r = -errno;
		fprintf(stderr, "%s: %s\n", path, strerror(-r));
		return r;
	}
	r = scenario_read(scenario, file, &line);
	if (r < 0)
		fprintf(stderr, "%s:%u: no step of a scenario\n", path, line);
	return r;
}

/* Waits for a request of the host or for the end of `pause_us` (-1: no end). Returns 1 for a
 * request, 0 for the end, or a negative errno. */
static int await(const struct phone *phone, int64_t pause_us)
{
	/* A negative descriptor, of a phone that is not plugged in, is skipped by the kernel. */
	struct pollfd host = {.fd = phone->link.socket, .events = POLLIN};
	const struct timespec pause = {
		.tv_sec = (time_t)((uint64_t)pause_us / USEC_PER_SEC),
		.tv_nsec = (long)((uint64_t)pause_us % USEC_PER_SEC * 1000),
	};
	int ready = ppoll(&host, 1, pause_us < 0 ? NULL : &pause, NULL);

	return ready < 0 ? -errno : ready;
}

static int run(struct phone *phone, struct scenario *scenario)
{
	int r;

	for (;;) {
		uint64_t now_us = clock_now().monotonic_us;

		r = scenario_advance(scenario, phone, now_us);
		if (r < 0)
			return r;
		r = await(phone, scenario_pause_us(scenario, now_us));
		if (r > 0)
			r = phone_serve(phone);
		if (r < 0)
			return r;
	}
}

int main(int argument_count, char **arguments)
{
	static struct scenario scenario;
	static struct phone phone;
	struct identity identity = default_identity;
	struct stamp now = clock_now();
	int r;

	if (argument_count < 2 || argument_count > 4) {
		fprintf(stderr, "usage: vhci-phone SCENARIO [PORT [VENDOR]]\n");
		return 2;
	}
	if (argument_count > 2)
		identity.port = (unsigned)strtoul(arguments[2], NULL, 10);
	if (argument_count > 3)
		identity.vendor = (uint16_t)strtoul(arguments[3], NULL, 16);
	identity.ecid += identity.port;
	if (read_scenario(arguments[1], &scenario) < 0)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	phone_init(&phone, &identity);
	phone.report = (struct report){scenario_hear, &scenario};
	/* Joins the times of the phone and the kernel to those in usbmuxd's lines. */
	report(&phone.report, "wall clock is %" PRIu64 " us ahead", now.wall_us - now.monotonic_us);
	r = run(&phone, &scenario);
	phone_detach(&phone);
	fprintf(stderr, "vhci-phone: %s\n", strerror(-r));
	return 1;
}
