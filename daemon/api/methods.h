/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The methods of the interface: which there are, who may call them, what they take and answer. */
#pragma once

#include "daemon/api/state.h"

/* Answers a call, or begins its stream. Nothing that it contains is a reason to fail. */
void methods_call(struct api *api, struct peer *peer, const struct varlink_call *call);
