/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What nobody told of the attempts that would make the verdict surer. Does not change what the
 * verdict says of causes. */
#pragma once

#include "common/diagnosis/verdict.h"
#include "common/diagnosis/case_analysis.h"

/* Fills verdict->missing; leaves it empty where a verdict is strong without. */
void missing_collect(const struct case_analysis *view, struct verdict *verdict);
