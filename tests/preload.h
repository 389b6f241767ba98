/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the LD_PRELOAD libraries of the tests share. Include it first. */
#pragma once

#undef _FILE_OFFSET_BITS /* it renames what is defined here */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>

/* The same function in the next library: a pointer of the type of `name`. */
#define NEXT(name)                                                                                 \
	({                                                                                         \
		static __typeof__(&name) next;                                                     \
		if (!next)                                                                         \
			next = (__typeof__(&name))dlsym(RTLD_NEXT, #name);                         \
		next;                                                                              \
	})

/* Defines a function of the family of open(), with its parameters in brackets: the last one before
 * the dots is `flags`. It returns `result`, which may use `mode`. */
#define OPEN(name, parameters, result)                                                             \
	int name parameters                                                                        \
	{                                                                                          \
		mode_t mode;                                                                       \
		va_list rest;                                                                      \
                                                                                                   \
		va_start(rest, flags);                                                             \
		mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0;                 \
		va_end(rest);                                                                      \
		return result;                                                                     \
	}
