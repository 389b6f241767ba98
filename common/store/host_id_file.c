/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/store/host_id_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/base/macro.h"
#include "common/base/text.h"

#define NAME "host-id"

int host_id_file_read(const char *state_dir, char ret[static HOST_ID_SIZE])
{
	CLEANUP(freep) char *text = NULL;
	char path[PATH_MAX];
	size_t length;
	int r;

	if (snprintf(path, sizeof(path), "%s/" NAME, state_dir) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	r = file_read(path, O_NONBLOCK, HOST_ID_SIZE, &text, &length);
	if (r < 0)
		return r;
	text[strcspn(text, "\n")] = '\0';
	if (r > 0 || !host_id_is_valid(text))
		return -EBADMSG;
	text_copy(ret, HOST_ID_SIZE, text);
	return 0;
}

static int draw_half(char half[static HOST_ID_HALF_SIZE])
{
	uint64_t number;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return -errno;
	snprintf(half, HOST_ID_HALF_SIZE, "%012llx", (unsigned long long)(number >> 16));
	return 0;
}

static int write_whole(const char *draft, const char *id)
{
	char line[HOST_ID_SIZE + 1];
	CLEANUP(closep) int fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	ssize_t written;
	int r, length = snprintf(line, sizeof(line), "%s\n", id);

	if (fd < 0)
		return -errno;
	written = write(fd, line, (size_t)length);
	r = written == length ? 0 : written < 0 ? -errno : -ENOSPC;
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	return r;
}

static int store(const char *state_dir, const char *id)
{
	char path[PATH_MAX], draft[PATH_MAX];
	int r;

	if (snprintf(draft, sizeof(draft), "%s/" NAME ".new", state_dir) >= (int)sizeof(draft))
		return -ENAMETOOLONG;
	snprintf(path, sizeof(path), "%s/" NAME, state_dir);
	r = write_whole(draft, id);
	if (r == 0 && rename(draft, path) < 0)
		r = -errno;
	return r < 0 ? r : file_sync_name(path);
}

int host_id_file_renew(const char *state_dir, const char *machine, char ret[static HOST_ID_SIZE])
{
	char stored[HOST_ID_SIZE] = "", drawn[HOST_ID_HALF_SIZE];
	int r = host_id_file_read(state_dir, stored);
	/* What cannot be read just now stays: it is the id of all attempts so far. */
	bool is_lost = r == -ENOENT || r == -EBADMSG;

	if (r == 0)
		text_copy(drawn, sizeof(drawn), stored + HOST_ID_HALF_SIZE);
	else if (draw_half(drawn) < 0)
		return -EIO;
	snprintf(ret, HOST_ID_SIZE, "%s-%s", machine ? machine : drawn, drawn);
	if ((r < 0 && !is_lost) || text_equal(ret, stored))
		return r;
	return store(state_dir, ret);
}
