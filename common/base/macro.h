/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ownership and array macros. No functions, no policy. */
#pragma once

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

/* Frees what a function owns when it returns, with a function that takes the variable's address. */
#define CLEANUP(f) __attribute__((cleanup(f), unused))

/* Transfers ownership: returns the pointer and sets the variable to NULL. */
#define TAKE_PTR(p)                                                                                \
	({                                                                                         \
		__typeof__(p) taken_ = (p);                                                        \
		(p) = NULL;                                                                        \
		taken_;                                                                            \
	})

/* Transfers a file descriptor: returns it and sets the variable to -1. */
#define TAKE_FD(fd)                                                                                \
	({                                                                                         \
		int taken_ = (fd);                                                                 \
		(fd) = -1;                                                                         \
		taken_;                                                                            \
	})

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define PRINTF_LIKE(text_index, args_index) __attribute__((format(printf, text_index, args_index)))

/* Defines `type_freep` for CLEANUP from a `type_free` function. */
#define DEFINE_FREEP(type, free_function)                                                          \
	static inline void free_function##p(type **p)                                              \
	{                                                                                          \
		free_function(*p);                                                                 \
	}

static inline void freep(void *p)
{
	free(*(void **)p);
}

static inline void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
