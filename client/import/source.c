/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/import/source.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/clock.h"
#include "common/base/text.h"

#define UNPACKED_BYTES_MAX (8ull << 30) /* per file, all members together */
#define MEMBERS_MAX 10000
#define FILTERS_MAX 2 /* one compression, and the plain bytes */
#define READ_BYTES 65536
#define LABEL_BYTES 512

struct source {
	struct archive *archive;
	int fd;
	int64_t size; /* of the file; 0 = unknown */
	uint64_t wall_us;
	uint64_t unpacked;
	unsigned members;
	char path[LABEL_BYTES];
	char label[2 * LABEL_BYTES];
	char problem[SOURCE_PROBLEM_SIZE];
};

struct source *source_free(struct source *source)
{
	if (!source)
		return NULL;
	archive_read_free(source->archive);
	if (source->fd > STDIN_FILENO)
		close(source->fd);
	free(source);
	return NULL;
}

const char *source_problem(const struct source *source)
{
	return source->problem;
}

static int fail(struct source *source, int error, const char *problem)
{
	text_clean(problem, strlen(problem), source->problem, sizeof(source->problem));
	return error;
}

/* Sets libarchive's message about a damaged file. A file that cannot be read is in its words the
 * number of a descriptor. */
static int fail_archive(struct source *source)
{
	const char *problem = archive_error_string(source->archive);
	int error = archive_errno(source->archive);

	if (problem && text_starts_with(problem, "Error reading fd") && error > 0)
		return fail(source, -error, strerror(error));

	return fail(source, -EBADMSG, problem ? problem : "it is damaged");
}

/* libarchive must not start external programs for rare compressions. */
static int open_archive(struct source *source)
{
	struct archive *archive = archive_read_new();

	source->archive = archive;
	if (!archive)
		return -ENOMEM;
	archive_read_support_filter_gzip(archive);
	archive_read_support_filter_xz(archive);
	archive_read_support_format_zip(archive);
	archive_read_support_format_raw(archive);
	archive_read_support_format_empty(archive);
	return archive_read_open_fd(archive, source->fd, READ_BYTES) == ARCHIVE_OK
		       ? 0
		       : fail_archive(source);
}

static int open_file(struct source *source, const char *path)
{
	struct stat about;

	source->fd = text_equal(path, "-") ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (source->fd < 0 || fstat(source->fd, &about) < 0)
		return fail(source, -errno, strerror(errno));
	if (S_ISDIR(about.st_mode))
		return fail(source, -EISDIR, "it is a folder; name the files in it");
	source->wall_us = clock_now().wall_us;
	if (S_ISREG(about.st_mode)) {
		source->size = about.st_size;
		source->wall_us = (uint64_t)about.st_mtim.tv_sec * USEC_PER_SEC +
				  (uint64_t)about.st_mtim.tv_nsec / 1000;
	}
	return open_archive(source);
}

int source_open(const char *path, struct source **ret, char problem[static SOURCE_PROBLEM_SIZE])
{
	CLEANUP(source_freep) struct source *source = calloc(1, sizeof(*source));
	const char *name = text_equal(path, "-") ? "standard input" : path;
	int r;

	text_copy(problem, SOURCE_PROBLEM_SIZE, "out of memory");
	if (!source)
		return -ENOMEM;
	source->fd = -1;
	text_clean(name, strlen(name), source->path, sizeof(source->path));
	r = open_file(source, path);
	if (r < 0) {
		if (source->problem[0])
			text_copy(problem, SOURCE_PROBLEM_SIZE, source->problem);
		return r;
	}
	*ret = TAKE_PTR(source);
	return 0;
}

static bool is_raw(const struct source *source)
{
	return archive_format(source->archive) == ARCHIVE_FORMAT_RAW ||
	       archive_format(source->archive) == ARCHIVE_FORMAT_EMPTY;
}

static void tell_member(
	struct source *source, struct archive_entry *entry, struct source_member *ret)
{
	const char *name = is_raw(source) ? NULL : archive_entry_pathname(entry), *slash;
	char clean[LABEL_BYTES] = "";

	if (name)
		text_clean(name, strlen(name), clean, sizeof(clean));
	snprintf(source->label, sizeof(source->label), "%s%s%s", source->path, *clean ? ":" : "",
		clean);
	slash = strrchr(source->label, '/');
	ret->label = source->label;
	ret->name = slash ? slash + 1 : source->label;
	ret->of_archive = !is_raw(source);
	ret->wall_us = archive_entry_mtime_is_set(entry) && archive_entry_mtime(entry) > 0
			       ? (uint64_t)archive_entry_mtime(entry) * USEC_PER_SEC
			       : source->wall_us;
}

int source_next(struct source *source, struct source_member *ret)
{
	struct archive_entry *entry;
	int r;

	do {
		r = archive_read_next_header(source->archive, &entry);
		if (r == ARCHIVE_EOF)
			return 0;
		if (r < ARCHIVE_WARN)
			return fail_archive(source);
		if (archive_filter_count(source->archive) > FILTERS_MAX)
			return fail(source, -EBADMSG, "it is compressed more than once");
		if (++source->members > MEMBERS_MAX)
			return fail(source, -EFBIG, "it has too many members");
	} while (archive_entry_filetype(entry) != AE_IFREG);
	tell_member(source, entry, ret);
	return 1;
}

long source_read(struct source *source, char *bytes, size_t size)
{
	la_ssize_t n = archive_read_data(source->archive, bytes, size);

	if (n < 0)
		return fail_archive(source);
	source->unpacked += (uint64_t)n;
	if (source->unpacked > UNPACKED_BYTES_MAX)
		return fail(source, -EFBIG, "it unpacks to more than 8 GiB");
	return (long)n;
}

int64_t source_size(const struct source *source)
{
	return source->size;
}

int source_permille(const struct source *source)
{
	if (source->size <= 0)
		return 0;
	return (int)(archive_filter_bytes(source->archive, -1) * 1000 / source->size);
}
