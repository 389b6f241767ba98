/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files that read a casebook share. Not for others. */
#pragma once

#include <sqlite3.h>

#include "common/store/casebook.h"

struct casebook {
	sqlite3 *db;
};
