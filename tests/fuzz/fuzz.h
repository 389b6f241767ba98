/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Defined by each fuzz_NAME.c; called by libFuzzer and replay.c. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Feeds one input to the code under test. Returns 0; a fault is a crash. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
