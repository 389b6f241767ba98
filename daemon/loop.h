/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's one event loop: descriptors, timers, signals, all in one thread. Does not read,
 * write or close what it watches, and knows no source. Every libevent call stands here, except the
 * buffered sockets of api/server. */
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

/* Opens a loop. SIGPIPE is ignored in the whole process from then on. Returns 0 or a negative
 * errno; the caller owns *ret: loop_free(). */
int loop_new(struct loop **ret);
/* Frees the loop; everything that was made on it must be freed before. Returns NULL. */
struct loop *loop_free(struct loop *loop);
DEFINE_FREEP(struct loop, loop_free)

/* Serves the loop until loop_quit() or until nothing is left to wait for. Returns the status given
 * to loop_quit(), 0 where nothing was left, or a negative errno when waiting itself failed. */
int loop_run(struct loop *loop);
/* Makes loop_run() return `status` once the callback that runs is done. */
void loop_quit(struct loop *loop, int status);
/* The libevent base, for the buffered sockets of api/server alone. */
struct event_base *loop_base(struct loop *loop);

/* Watches `fd` for the enum loop_interest bits until freed. The descriptor stays the caller's and
 * must be open until the watch is freed. Returns 0 or a negative errno; the caller owns *ret. */
int loop_watch(struct loop *loop, int fd, unsigned interest, loop_io_callback *callback, void *user,
	struct loop_io **ret);
/* Replaces what is waited for; 0 pauses the watch. Returns 0 or a negative errno. */
int loop_io_set_interest(struct loop_io *io, unsigned interest);
struct loop_io *loop_io_free(struct loop_io *io);

/* Makes a timer that does not run yet. It fires once for each start. */
int loop_timer_new(struct loop *loop, loop_callback *callback, void *user, struct loop_timer **ret);
/* Starts the timer, or starts it over, to fire in `delay_us`; 0 calls back as soon as the callbacks
 * that wait have run: a deferred call. Returns 0 or a negative errno. */
int loop_timer_start(struct loop_timer *timer, uint64_t delay_us);
void loop_timer_stop(struct loop_timer *timer);
struct loop_timer *loop_timer_free(struct loop_timer *timer);

/* Calls back, outside of signal context, each time the process gets the signal `number`. */
int loop_signal_new(struct loop *loop, int number, loop_callback *callback, void *user,
	struct loop_signal **ret);
struct loop_signal *loop_signal_free(struct loop_signal *signal);

DEFINE_FREEP(struct loop_io, loop_io_free)
DEFINE_FREEP(struct loop_timer, loop_timer_free)
DEFINE_FREEP(struct loop_signal, loop_signal_free)

/* The longest time that callbacks held the loop between two waits, in microseconds of the monotonic
 * clock. Callbacks that libevent calls by itself count only between loop_work_begin() and _end().
 */
uint64_t loop_longest_stall_us(const struct loop *loop);
/* The same of the turn that runs, so far. */
uint64_t loop_turn_us(const struct loop *loop);
/* Puts work of api/server's own callbacks on that account. Does not nest. */
void loop_work_begin(struct loop *loop);
void loop_work_end(struct loop *loop);
