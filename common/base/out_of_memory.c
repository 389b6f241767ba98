/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ends a program that gets no memory, with a sentence. Linked into the programs, it stands in front
 * of the C library's functions for them and for all their libraries: json-c, libevent and libplist
 * do not check every allocation, and then crash or drop a part of a text. */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char sentence[] = ": Cannot continue: out of memory. Close other programs, then try "
			       "again.\n";

static void say(const char *text)
{
	size_t length = strlen(text);

	while (length > 0) {
		ssize_t written = write(STDERR_FILENO, text, length);

		if (written <= 0)
			return;
		text += written;
		length -= (size_t)written;
	}
}

static void say_why(void)
{
	say(program_invocation_short_name);
	say(sentence);
}

/* The first function is called last: after one that restores a terminal. */
__attribute__((constructor)) static void prepare(void)
{
	at_quick_exit(say_why);
}

static void *require(void *place, size_t size)
{
	if (place || size == 0)
		return place;
	quick_exit(EXIT_FAILURE);
}

/* `next`: the function of that name behind this one. */
#define FIND_NEXT(name)                                                                            \
	static __typeof__(&name) next;                                                             \
	next = next ? next : (__typeof__(&name))dlsym(RTLD_NEXT, #name)

void *malloc(size_t size)
{
	FIND_NEXT(malloc);
	return require(next(size), size);
}

void *calloc(size_t count, size_t size)
{
	FIND_NEXT(calloc);
	return require(next(count, size), count ? size : 0);
}

void *realloc(void *place, size_t size)
{
	FIND_NEXT(realloc);
	return require(next(place, size), size);
}
