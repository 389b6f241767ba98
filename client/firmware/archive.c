/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/firmware/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/text.h"

#define READ_BYTES (256 * 1024)
#define MEMBERS_MAX 65536

static int fail(struct firmware_archive *archive, int error, const char *problem)
{
	text_clean(problem, strlen(problem), archive->problem, sizeof(archive->problem));
	return error;
}

static int fail_zip(struct firmware_archive *archive, int error)
{
	zip_error_t about;
	int r;

	zip_error_init_with_code(&about, error);
	r = fail(archive, error == ZIP_ER_MEMORY ? -ENOMEM : -EBADMSG, zip_error_strerror(&about));
	zip_error_fini(&about);
	return r;
}

/* libzip owns the descriptor of an archive that it opened. */
static int open_zip(const char *path, int flags, struct firmware_archive *archive, int *ret_error)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat about;

	*ret_error = 0;
	if (fd < 0 || fstat(fd, &about) < 0)
		return -errno;
	if (!S_ISREG(about.st_mode))
		return -EINVAL;
	archive->zip = zip_fdopen(fd, flags, ret_error);
	if (archive->zip)
		fd = -1;
	return 0;
}

/* A directory that contradicts the members' headers may be the work of another packer: it is not
 * refused. */
static int open_file(const char *path, bool consistency, struct firmware_archive *archive)
{
	int error, r = open_zip(path, consistency ? ZIP_CHECKCONS : 0, archive, &error);

	if (consistency && r == 0 && !archive->zip) {
		r = open_zip(path, 0, archive, &error);
		archive->inconsistent = archive->zip;
	}
	return r == 0 && !archive->zip ? fail_zip(archive, error) : r;
}

static void read_member(struct firmware_archive *archive, zip_uint64_t index)
{
	struct member *member = &archive->members[index];
	zip_stat_t about;

	/* A member without a name or size is found to be damaged when it is read. */
	if (zip_stat_index(archive->zip, index, 0, &about) < 0 || !(about.valid & ZIP_STAT_NAME))
		return;
	text_clean(about.name, strlen(about.name), member->path, sizeof(member->path));
	member->size = about.valid & ZIP_STAT_SIZE ? about.size : 0;
	archive->bytes += member->size;
}

int firmware_open(const char *path, bool consistency, struct firmware_archive *archive)
{
	zip_int64_t count;
	int r = open_file(path, consistency, archive);

	if (r < 0)
		return r;
	count = zip_get_num_entries(archive->zip, 0);
	if (count <= 0)
		return fail(archive, -EBADMSG, "it is empty");
	if (count > MEMBERS_MAX)
		return fail(archive, -E2BIG, "it has too many members");
	archive->members = calloc((size_t)count, sizeof(*archive->members));
	if (!archive->members)
		return -ENOMEM;
	archive->count = (size_t)count;
	for (size_t i = 0; i < archive->count; i++)
		read_member(archive, i);
	return 0;
}

void firmware_archive_done(struct firmware_archive *archive)
{
	if (archive->zip)
		zip_discard(archive->zip);
	free(archive->members);
}

struct member *firmware_find(struct firmware_archive *archive, const char *path)
{
	for (size_t i = 0; i < archive->count; i++)
		if (text_equal(archive->members[i].path, path))
			return &archive->members[i];
	return NULL;
}

static void zip_fclosep(zip_file_t **file)
{
	if (*file)
		zip_fclose(*file);
}

int firmware_extract(struct firmware_archive *archive, const char *path, size_t max, char **ret,
	size_t *ret_length)
{
	struct member *member = firmware_find(archive, path);
	CLEANUP(zip_fclosep) zip_file_t *file = NULL;
	CLEANUP(freep) char *bytes = NULL;
	zip_int64_t length;

	if (!member)
		return -ENOENT;
	if (member->size > max)
		return -E2BIG;
	bytes = malloc(member->size + 1);
	if (!bytes)
		return -ENOMEM;
	file = zip_fopen_index(archive->zip, (zip_uint64_t)(member - archive->members), 0);
	length = file ? zip_fread(file, bytes, member->size) : -1;
	/* The checksum is compared at the end. */
	if (length < 0 || (uint64_t)length != member->size || zip_fread(file, &(char){0}, 1) != 0)
		return -EBADMSG;
	bytes[length] = '\0';
	*ret = TAKE_PTR(bytes);
	*ret_length = (size_t)length;
	return 0;
}

/* Returns false if it is damaged. */
static bool read_contents(struct firmware_archive *archive, size_t index, char *buffer,
	firmware_piece *piece, void *user)
{
	const struct member *member = &archive->members[index];
	CLEANUP(zip_fclosep) zip_file_t *file = zip_fopen_index(archive->zip, index, 0);
	uint64_t read = 0;
	zip_int64_t length;

	if (!file)
		return false;
	while ((length = zip_fread(file, buffer, READ_BYTES)) > 0) {
		read += (uint64_t)length;
		/* It may have no end. */
		if (read > member->size)
			return false;
		piece(user, member, buffer, (size_t)length);
	}
	return length == 0 && read == member->size;
}

void firmware_read(struct firmware_archive *archive, firmware_piece *piece, void *user)
{
	static char buffer[READ_BYTES];

	for (size_t i = 0; i < archive->count; i++) {
		struct member *member = &archive->members[i];

		member->damaged = !read_contents(archive, i, buffer, piece, user);
		piece(user, member, NULL, 0);
	}
}
