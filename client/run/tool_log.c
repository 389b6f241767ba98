/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/run/tool_log.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/macro.h"

#define CHUNK_BYTES 65536
#define CHUNKS_PER_TURN 16
#define PROCESSES_MAX 32	   /* looked at: wrappers such as sudo and unshare, and the tool */
#define PREFIX_LENGTH 23	   /* of "08:32:32.741    <Info> " */
#define RELEASE_BYTES (64ll << 20) /* a daemon that forgets the session gets that much again */
#define PAGE_BYTES 4096
#define BEHIND_MOST 20 /* calls; then the lines do not wait longer for the order to be exact */

void tool_log_init(struct tool_log *log)
{
	*log = (struct tool_log){.fd = -1, .merged = {.fd = -1, .tool_fd = -1, .file_fd = -1}};
}

void tool_log_done(struct tool_log *log)
{
	closep(&log->fd);
	closep(&log->merged.fd);
}

/* Opens what a process has as standard error. Returns -1 unless it is a regular file that is not
 * the memory of `output`. */
static int open_errors(pid_t pid, const struct logfile *output, char path[static 64])
{
	struct stat ours, theirs;

	snprintf(path, 64, "/proc/%d/fd/2", (int)pid);
	if (fstat(output->fd, &ours) < 0 || stat(path, &theirs) < 0 || !S_ISREG(theirs.st_mode) ||
		(ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino))
		return -1;
	return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

/* Whether a process appends to what it has as standard error: its beginning is older than the
 * process. */
static bool is_appended(pid_t pid)
{
	char path[64], line[64];
	unsigned flags = 0;
	FILE *info;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/2", (int)pid);
	info = fopen(path, "re");
	while (info && fgets(line, sizeof(line), info))
		if (sscanf(line, "flags: %o", &flags) == 1)
			break;
	if (info)
		fclose(info);
	return flags & O_APPEND;
}

/* Adds the children of a process to the list. */
static size_t add_children(pid_t pid, pid_t list[static PROCESSES_MAX], size_t count)
{
	char path[64];
	FILE *children;
	int child;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
	children = fopen(path, "re");
	while (children && count < PROCESSES_MAX && fscanf(children, "%d", &child) == 1)
		list[count++] = child;
	if (children)
		fclose(children);
	return count;
}

static void append(struct tool_log *log, const char *bytes, size_t length)
{
	ssize_t n = pwrite(log->merged.fd, bytes, length, log->size);

	if (n > 0)
		log->size += n;
}

/* FNV-1a; never 0. */
static uint64_t hash_line(const char *line, size_t length)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)line[i]) * UINT64_C(0x100000001b3);
	return hash | 1;
}

/* The length of the time and the level before a message. */
static size_t prefix_length(const char *line, size_t length)
{
	static const char shape[] = "00:00:00.000 ";

	if (length < PREFIX_LENGTH || line[PREFIX_LENGTH - 1] != ' ' ||
		line[PREFIX_LENGTH - 2] != '>')
		return 0;
	for (size_t i = 0; i < sizeof(shape) - 1; i++)
		if (shape[i] == '0' ? !isdigit((unsigned char)line[i]) : line[i] != shape[i])
			return 0;
	return PREFIX_LENGTH;
}

/* Of a line of the tool's own log as it is in the output. */
static uint64_t hash_own(const char *line, size_t length)
{
	size_t prefix = prefix_length(line, length);

	return hash_line(line + prefix, length - prefix);
}

/* Notes a line of the tool's own log. Returns false if the same output was sent already. */
static bool note_own(struct tool_log *log, uint64_t hash)
{
	log->ahead[hash % TOOL_LOG_SEEN] = 0;
	for (size_t i = 0; i < log->early_count; i++)
		if (log->early[i] == hash) {
			log->early[i] = 0;
			return false;
		}
	log->seen[hash % TOOL_LOG_SEEN] = hash;
	return true;
}

static bool is_copy(struct tool_log *log, const char *line, size_t length)
{
	uint64_t hash = hash_line(line, length);

	return length > 0 && log->seen[hash % TOOL_LOG_SEEN] == hash;
}

/* The length of the first line with its end; 0 if it is not complete yet. A line longer than the
 * chunk counts as several. */
static size_t line_length(const char *bytes, size_t length, bool last)
{
	for (size_t i = 0; i < length; i++)
		if (bytes[i] == '\n' || bytes[i] == '\r')
			return i + 1;
	return last || length == CHUNK_BYTES ? length : 0;
}

static size_t without_end(const char *line, size_t length)
{
	while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r'))
		length--;
	return length;
}

/* Notes which lines of the output are copies of lines in this piece of the tool's own log. */
static void look_ahead(struct tool_log *log, const char *own, size_t length, bool ended)
{
	size_t n;

	for (size_t at = 0; (n = line_length(own + at, length - at, ended)) > 0; at += n) {
		uint64_t hash = hash_own(own + at, without_end(own + at, n));

		log->ahead[hash % TOOL_LOG_SEEN] = hash;
	}
}

static bool is_ahead(const struct tool_log *log, const char *line, size_t length)
{
	uint64_t hash = hash_line(line, length);

	return length > 0 && log->ahead[hash % TOOL_LOG_SEEN] == hash;
}

/* Merges the output up to a copy of a line of the tool's own log that is not merged yet: what only
 * the output has, such as the bars of a transfer, keeps its place between the lines. Returns false
 * if a piece had no complete line. */
static bool merge_output(
	struct tool_log *log, const struct logfile *output, int64_t limit, bool ended)
{
	static char bytes[CHUNK_BYTES];
	int64_t left = limit - log->output_at;
	size_t length = left <= 0 ? 0
				  : logfile_read(output, log->output_at, bytes,
					    left < CHUNK_BYTES ? (size_t)left : CHUNK_BYTES);
	size_t at = 0, n;

	while ((n = line_length(bytes + at, length - at, ended)) > 0) {
		size_t text = without_end(bytes + at, n);

		if (!is_copy(log, bytes + at, text)) {
			if (is_ahead(log, bytes + at, text))
				break;
			append(log, bytes + at, n);
		}
		at += n;
	}
	log->output_at += (int64_t)at;
	return at > 0;
}

/* Merges the complete lines of a piece of the tool's own log. Returns how many bytes they are. */
static size_t merge_own(struct tool_log *log, const struct logfile *output, int64_t limit,
	const char *own, size_t length, bool ended)
{
	/* Of a longer log, the rest may have more copies. */
	bool whole = length < CHUNK_BYTES;
	size_t at = 0, n;

	if (whole)
		look_ahead(log, own, length, ended);
	while ((n = line_length(own + at, length - at, ended)) > 0) {
		if (whole)
			merge_output(log, output, limit, ended);
		if (note_own(log, hash_own(own + at, without_end(own + at, n))))
			append(log, own + at, n);
		at += n;
	}
	return at;
}

/* Notes the lines of output that was sent before the log was found. */
static void note_early(struct tool_log *log, const char *bytes, size_t length)
{
	size_t n;

	for (size_t at = 0; (n = line_length(bytes + at, length - at, true)) > 0; at += n)
		if (log->early_count < TOOL_LOG_EARLY)
			log->early[log->early_count++] =
				hash_line(bytes + at, without_end(bytes + at, n));
}

static bool begin(struct tool_log *log, const struct logfile *output, int64_t sent)
{
	char bytes[CHUNK_BYTES];

	log->merged.fd = memfd_create("log", MFD_CLOEXEC);
	log->merged.copy = &log->memory;
	while (log->merged.fd >= 0 && log->size < sent) {
		size_t left = (size_t)(sent - log->size);
		size_t n = logfile_read(
			output, log->size, bytes, left < sizeof(bytes) ? left : sizeof(bytes));

		if (n == 0)
			break;
		append(log, bytes, n);
		note_early(log, bytes, n);
	}
	log->output_at = sent;
	return log->merged.fd >= 0 && log->size == sent;
}

bool tool_log_find(struct tool_log *log, const struct logfile *output, pid_t tool, int64_t sent)
{
	pid_t list[PROCESSES_MAX] = {tool};
	size_t count = 1;
	char path[64];

	for (size_t i = 0; log->fd < 0 && i < count; i++) {
		log->fd = open_errors(list[i], output, path);
		if (log->fd >= 0 && is_appended(list[i]))
			log->at = lseek(log->fd, 0, SEEK_END);
		count = add_children(list[i], list, count);
	}
	if (log->fd < 0)
		return false;
	if (!begin(log, output, sent)) {
		tool_log_done(log);
		tool_log_init(log);
		return false;
	}
	if (output->watch_fd >= 0)
		inotify_add_watch(output->watch_fd, path, IN_MODIFY);
	return true;
}

/* Whether the output has more than `limit`: that may stand before lines of the tool's own log. The
 * next call has it; if it never ends, the order is not exact. */
static bool is_behind(struct tool_log *log, const struct logfile *output, int64_t limit)
{
	if (logfile_size(output) > limit && ++log->behind <= BEHIND_MOST)
		return true;
	log->behind = 0;
	return false;
}

void tool_log_merge(struct tool_log *log, const struct logfile *output, int64_t limit, bool ended)
{
	static char bytes[CHUNK_BYTES];
	ssize_t n;
	size_t merged = 0;

	/* The tool writes a message to its own log first: what is in the output is there too. */
	for (int i = 0; i < CHUNKS_PER_TURN; i++) {
		n = pread(log->fd, bytes, sizeof(bytes), log->at);
		if (i == 0 && n > 0 && !ended && is_behind(log, output, limit))
			return;
		merged = n > 0 ? merge_own(log, output, limit, bytes, (size_t)n, ended) : 0;
		log->at += (int64_t)merged;
		if (merged == 0)
			break;
	}
	while (merged == 0 && merge_output(log, output, limit, ended))
		;
}

void tool_log_release(struct tool_log *log, int64_t offset)
{
	int64_t until = offset - offset % PAGE_BYTES;

	if (until - log->memory.floor <= RELEASE_BYTES)
		return;
	fallocate(log->merged.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, log->memory.floor,
		until - log->memory.floor);
	log->memory.floor = until;
}
