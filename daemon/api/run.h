/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The methods that `idevicetriage run` needs: a tool begins, its log comes, it ends. */
#pragma once

#include "daemon/api/request.h"

/* Method handlers: they fill request->answer. Return 0 or a negative errno of request_finish(). */
int run_begin(struct request *request);
int run_append_log(struct request *request);
int run_end(struct request *request);
