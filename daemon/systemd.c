/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/systemd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-id128.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/text.h"

#define STATUS_SIZE 256
/* Drawn once for this program: the machine id itself is confidential (machine-id(5)). */
#define APPLICATION_ID SD_ID128_MAKE(cf, 82, 43, aa, c4, 29, 4a, 0a, 9f, 24, 5e, a5, 60, 13, 01, f0)

struct systemd {
	systemd_is_healthy *is_healthy;
	void *user;
	struct loop_timer *watchdog;
	uint64_t interval_us; /* 0 = the watchdog is off */
	char status[STATUS_SIZE];
};

static void on_watchdog(void *user)
{
	struct systemd *service = user;

	if (!service->is_healthy || service->is_healthy(service->user))
		sd_notify(false, "WATCHDOG=1");
	loop_timer_start(service->watchdog, service->interval_us);
}

int systemd_new(struct loop *loop, systemd_is_healthy *is_healthy, void *user, struct systemd **ret)
{
	CLEANUP(systemd_freep) struct systemd *service = NULL;
	uint64_t limit_us = 0;
	int r;

	assert(loop && ret);
	service = calloc(1, sizeof(*service));
	if (!service)
		return -ENOMEM;
	service->is_healthy = is_healthy;
	service->user = user;
	r = loop_timer_new(loop, on_watchdog, service, &service->watchdog);
	if (r < 0)
		return r;
	r = sd_watchdog_enabled(false, &limit_us);
	if (r < 0)
		log_warning("watchdog: invalid environment: %s", strerror(-r));
	service->interval_us = r > 0 ? limit_us / 2 : 0;
	if (service->interval_us > 0) {
		r = loop_timer_start(service->watchdog, 0);
		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(service);
	return 0;
}

struct systemd *systemd_free(struct systemd *service)
{
	if (!service)
		return NULL;
	loop_timer_free(service->watchdog);
	free(service);
	return NULL;
}

void systemd_ready(struct systemd *service)
{
	sd_notify(false, "READY=1");
}

void systemd_reloading(struct systemd *service)
{
	sd_notifyf(false, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, clock_now().monotonic_us);
}

void systemd_stopping(struct systemd *service)
{
	sd_notify(false, "STOPPING=1");
}

void systemd_status(struct systemd *service, const char *format, ...)
{
	char raw[STATUS_SIZE], status[STATUS_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(raw, sizeof(raw), format, args);
	va_end(args);
	for (char *c = raw; *c; c++)
		*c = *c == '\n' ? ' ' : *c;
	text_clean(raw, strlen(raw), status, sizeof(status));
	if (text_equal(status, service->status))
		return;
	text_copy(service->status, sizeof(service->status), status);
	sd_notifyf(false, "STATUS=%s", status);
}

int systemd_take_socket(int type)
{
	int count = sd_listen_fds(false), found = -ENOENT;

	if (count < 0)
		return count;
	for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + count; fd++) {
		if (sd_is_socket_unix(fd, 0, 1, NULL, 0) <= 0)
			return -EINVAL;
		if (sd_is_socket_unix(fd, type, 1, NULL, 0) > 0)
			found = fd;
	}
	return found;
}

int systemd_machine_id(char *text, size_t size)
{
	char whole[SD_ID128_STRING_MAX];
	sd_id128_t id;
	int r = sd_id128_get_machine_app_specific(APPLICATION_ID, &id);

	if (r < 0)
		return r;
	sd_id128_to_string(id, whole);
	text_copy(text, size, whole);
	return 0;
}
