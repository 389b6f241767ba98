/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's only event loop: descriptors, timers and signals, in one thread. It does not read,
 * write or close what it watches, and does not depend on any source. All libevent calls are here,
 * except the buffered sockets of daemon/server. */
#pragma once

#include <stdint.h>

#include "common/base/macro.h"

struct event_base;
struct loop;
struct loop_io;
struct loop_timer;
struct loop_signal;

enum loop_interest { LOOP_READ = 1, LOOP_WRITE = 2 };

/* Called with the enum loop_interest bits that are ready. The callback may free its own watch. */
typedef void loop_io_callback(void *user, unsigned ready);
/* Called for a timer or a signal. The callback may free the timer or signal it was called for. */
typedef void loop_callback(void *user);

/* Opens a loop. From then on the whole process ignores SIGPIPE. Returns 0 or a negative errno; the
 * caller owns *ret: loop_free(). */
int loop_new(struct loop **ret);
/* Frees the loop; everything created on it must be freed first. Returns NULL. */
struct loop *loop_free(struct loop *loop);
DEFINE_FREEP(struct loop, loop_free)

/* Runs the loop until loop_quit() or until nothing is left to wait for. Returns the status given to
 * loop_quit(), 0 if nothing was left, or a negative errno if waiting itself failed. */
int loop_run(struct loop *loop);
/* Makes loop_run() return `status` after the current callback. */
void loop_quit(struct loop *loop, int status);
/* The libevent base, only for the buffered sockets of daemon/server. */
struct event_base *loop_base(struct loop *loop);

/* Watches `fd` for the enum loop_interest bits until freed. The caller keeps ownership of the
 * descriptor and must not close it before the watch is freed. Returns 0 or a negative errno; the
 * caller owns *ret. */
int loop_watch(struct loop *loop, int fd, unsigned interest, loop_io_callback *callback, void *user,
	struct loop_io **ret);
struct loop_io *loop_io_free(struct loop_io *io);

/* Creates a stopped timer. It fires once for each start. */
int loop_timer_new(struct loop *loop, loop_callback *callback, void *user, struct loop_timer **ret);
/* Starts or restarts the timer, to fire in `delay_us`. 0 means after the callbacks that are already
 * pending: a deferred call. Returns 0 or a negative errno. */
int loop_timer_start(struct loop_timer *timer, uint64_t delay_us);
void loop_timer_stop(struct loop_timer *timer);
struct loop_timer *loop_timer_free(struct loop_timer *timer);

/* Calls back each time the process receives the signal `number`, outside of signal context. */
int loop_signal_new(struct loop *loop, int number, loop_callback *callback, void *user,
	struct loop_signal **ret);
struct loop_signal *loop_signal_free(struct loop_signal *signal);

DEFINE_FREEP(struct loop_io, loop_io_free)
DEFINE_FREEP(struct loop_timer, loop_timer_free)
DEFINE_FREEP(struct loop_signal, loop_signal_free)

/* The longest time that callbacks blocked the loop between two waits, in microseconds of the
 * monotonic clock. Callbacks that libevent calls itself count only between loop_work_begin() and
 * loop_work_end(). */
uint64_t loop_longest_stall_us(const struct loop *loop);
/* The time of the current turn so far. */
uint64_t loop_turn_us(const struct loop *loop);
/* Count the work of daemon/server's own callbacks. Calls do not nest. */
void loop_work_begin(struct loop *loop);
void loop_work_end(struct loop *loop);
