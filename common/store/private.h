/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shared by the files that read a casebook. Private to this folder. */
#pragma once

#include <sqlite3.h>

#include "common/store/casebook.h"

struct casebook {
	sqlite3 *db;
};
