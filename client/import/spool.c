/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/import/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* Per attempt. The complete log of a successful restore with -d has 2 MB of lines. */
#define LINES_BYTES_MAX (16ull << 20)
#define RECORDS_BYTES_MAX (64ull << 20)
#define CONCLUSIONS_BYTES_MAX                                                                      \
	(1ull << 20) /* above that, for other records: the end of the restore must not be missing  \
		      */

/* The header of each record. */
struct head {
	uint64_t sequence;
	uint32_t length;
};

struct spool {
	FILE *file;
	int error; /* negative errno: it could not be emptied */
	uint64_t lines_bytes;
	uint64_t bytes;
	uint64_t last;
	uint64_t left_out;
	uint8_t record[EVENT_BYTES_MAX];
};

/* A file without a name in $TMPDIR, else /tmp: it disappears with its descriptor, even after a
 * crash. */
static int open_nameless(void)
{
	const char *folder = getenv("TMPDIR");
	int fd;

	fd = open(folder && *folder ? folder : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

int spool_open(struct spool **ret)
{
	CLEANUP(spool_freep) struct spool *spool = calloc(1, sizeof(*spool));
	CLEANUP(closep) int fd = open_nameless();

	if (!spool)
		return -ENOMEM;
	if (fd < 0)
		return fd;
	spool->file = fdopen(fd, "w+");
	if (!spool->file)
		return -errno;
	TAKE_FD(fd);
	*ret = TAKE_PTR(spool);
	return 0;
}

struct spool *spool_free(struct spool *spool)
{
	if (spool && spool->file)
		fclose(spool->file);
	free(spool);
	return NULL;
}

void spool_clear(struct spool *spool)
{
	spool->lines_bytes = spool->bytes = 0;
	spool->last = spool->left_out = 0;
	rewind(spool->file);
	spool->error = ftruncate(fileno(spool->file), 0) < 0 ? -errno : 0;
}

static bool has_room(const struct spool *spool, const struct event *event)
{
	uint64_t limit = RECORDS_BYTES_MAX;

	if (event->source == SOURCE_DAEMON)
		limit += CONCLUSIONS_BYTES_MAX;
	return spool->bytes < limit &&
	       (event->kind != EVENT_LOG || spool->lines_bytes < LINES_BYTES_MAX);
}

void spool_add(struct spool *spool, const struct event *event)
{
	struct head head = {.sequence = event->sequence};

	if (!has_room(spool, event)) {
		spool->left_out++;
		return;
	}
	head.length = (uint32_t)event_encode(event, spool->record);
	fwrite(&head, sizeof(head), 1, spool->file);
	fwrite(spool->record, head.length, 1, spool->file);
	spool->last = event->sequence;
	spool->bytes += sizeof(head) + head.length;
	if (event->kind == EVENT_LOG)
		spool->lines_bytes += event->text_length;
}

uint64_t spool_last(const struct spool *spool)
{
	return spool->last;
}

uint64_t spool_bytes(const struct spool *spool)
{
	return spool->bytes;
}

uint64_t spool_left_out(const struct spool *spool)
{
	return spool->left_out;
}

int spool_rewind(struct spool *spool)
{
	if (spool->error)
		return spool->error;
	if (fflush(spool->file) != 0 || ferror(spool->file))
		return errno ? -errno : -EIO;
	return fseek(spool->file, 0, SEEK_SET) == 0 ? 0 : -errno;
}

int spool_next(struct spool *spool, struct event *ret)
{
	struct head head;
	int r;

	if (fread(&head, sizeof(head), 1, spool->file) != 1)
		return ferror(spool->file) ? -EIO : 0;
	if (head.length > sizeof(spool->record) ||
		fread(spool->record, head.length, 1, spool->file) != 1)
		return -EIO;
	r = event_decode(spool->record, head.length, ret);
	if (r < 0)
		return r;
	ret->sequence = head.sequence;
	return 1;
}
