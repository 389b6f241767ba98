/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/retention.h"

#include <errno.h>

#define PERIOD_US (3600 * USEC_PER_SEC)
#define DAY_US (86400 * USEC_PER_SEC)

struct retention {
	struct retention_options options;
	struct sealer *sealer;
	struct loop_timer *timer;
};

/* The time that many days earlier; 0 if nothing expires. */
static uint64_t days_before(uint64_t moment_us, uint32_t days)
{
	uint64_t span_us = days * DAY_US;

	return days && moment_us > span_us ? moment_us - span_us : 0;
}

/* Returns 1 if there is more to delete. */
static int expire(const struct retention_options *options, struct casebook_file *file)
{
	uint64_t now_us = clock_now().wall_us, trusted_us;
	int r = casebook_file_trusted_time(file, now_us, &trusted_us);

	if (r < 0)
		return r;
	return casebook_file_expire(file, now_us, trusted_us,
		days_before(trusted_us, options->records_days),
		days_before(trusted_us, options->attempts_days));
}

static void on_timer(void *user)
{
	struct retention *retention = user;
	struct casebook_file *file = sealer_casebook(retention->sealer);
	int r = file ? expire(&retention->options, file) : 0;

	loop_timer_start(retention->timer, r > 0 ? 0 : PERIOD_US);
}

int retention_new(struct loop *loop, const struct retention_options *options, struct sealer *sealer,
	struct retention **ret)
{
	CLEANUP(retention_freep) struct retention *retention = calloc(1, sizeof(*retention));
	int r;

	if (!retention)
		return -ENOMEM;
	retention->options = *options;
	retention->sealer = sealer;
	r = loop_timer_new(loop, on_timer, retention, &retention->timer);
	if (r == 0)
		r = loop_timer_start(retention->timer, 0);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(retention);
	return 0;
}

void retention_set(struct retention *retention, const struct retention_options *options)
{
	retention->options = *options;
}

struct retention *retention_free(struct retention *retention)
{
	if (retention)
		loop_timer_free(retention->timer);
	free(retention);
	return NULL;
}
