/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shared by the file that asks for a board and the one that fills it. Private to this folder. */
#pragma once

#include "client/board/board.h"

/* What is remembered of a session; NULL = nothing. */
struct board_session *board_find_session(const struct board *board, const char *session);
/* Whether a tile shows the verdict of its session. */
bool tile_wants_verdict(const struct tile *tile);
