/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the cases of other phones say about one: a cable, port or computer on which different phones
 * fail is itself the suspect. Compares places; does not judge phones. */
#pragma once

#include "common/triage/bench.h"

/* Looks whether the place of c's last failure (its cable, its port on its computer, its computer)
 * is one where other phones fail: two others or more, and more than those that it restored. Adds
 * the words other-phones-fail-with-cable, -on-port and -here to the case's history, which the rules
 * weigh. `others` may hold `c` itself; it is passed over. */
void across_mark(struct triage_case *c, const struct triage_case *const *others, size_t count);
/* The same with the other phones of a bench. Returns 0 or -ENOMEM. */
int across_mark_bench(struct triage_case *c, const struct bench *bench);
