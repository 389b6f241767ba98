/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "client/client.h"
#include "common/base/macro.h"
#include "common/base/text.h"

static const char *option_of(const struct new_file *file)
{
	return file->option ? file->option : "-o";
}

static int cannot_write(const struct new_file *file, int error)
{
	report_error("Cannot write %s (%s); name another file with %s.", file->path,
		strerror(-error), option_of(file));
	return EXIT_REFUSED;
}

static int open_beside(struct new_file *file, mode_t mode)
{
	CLEANUP(closep) int fd = -1;
	mode_t mask;

	if (asprintf(&file->name, "%s.XXXXXX", file->path) < 0) {
		file->name = NULL;
		return -ENOMEM;
	}
	fd = mkostemp(file->name, O_CLOEXEC);
	if (fd < 0) {
		int r = -errno;

		free(TAKE_PTR(file->name));
		return r;
	}
	mask = umask(0);
	umask(mask);
	fchmod(fd, mode & ~mask);
	file->stream = fdopen(fd, "w");
	if (!file->stream)
		return -ENOMEM;
	TAKE_FD(fd);
	return 0;
}

int new_file_open(struct new_file *file, const char *path, mode_t mode)
{
	struct stat found;
	int r;

	file->path = path;
	if (!file->option && text_equal(path, "-")) {
		file->stream = stdout;
		return EXIT_DONE;
	}
	if (lstat(path, &found) == 0 && !S_ISREG(found.st_mode)) {
		report_error("%s exists and is not a regular file; name another with %s%s.", path,
			option_of(file), file->option ? "" : ", or - for standard output");
		return EXIT_REFUSED;
	}
	r = open_beside(file, mode);
	return r < 0 ? cannot_write(file, r) : EXIT_DONE;
}

int new_file_finish(struct new_file *file)
{
	int r = 0;

	/* Standard output is checked when the command ends. */
	if (!file->name)
		return EXIT_DONE;
	errno = 0;
	if (fflush(file->stream) != 0 || ferror(file->stream) || fsync(fileno(file->stream)) != 0)
		r = errno ? -errno : -EIO;
	if (fclose(TAKE_PTR(file->stream)) != 0 && r == 0)
		r = -errno;
	if (r == 0 && rename(file->name, file->path) < 0)
		r = -errno;
	if (r < 0)
		return cannot_write(file, r);
	free(TAKE_PTR(file->name));
	return EXIT_DONE;
}

void new_file_done(struct new_file *file)
{
	if (!file->name)
		return;
	if (file->stream)
		fclose(file->stream);
	unlink(file->name);
	free(TAKE_PTR(file->name));
}

/* `name` in our folder below the one in the environment variable, else below `otherwise`. */
static char *user_path(const char *variable, const char *otherwise, const char *name)
{
	const char *folder = getenv(variable), *home = getenv("HOME");
	char *path;
	int r;

	if (folder && folder[0] == '/')
		r = asprintf(&path, "%s/idevicetriage/%s", folder, name);
	else
		r = asprintf(&path, "%s/%s/idevicetriage/%s", home ? home : "", otherwise, name);
	return r < 0 ? NULL : path;
}

char *new_file_state_path(const char *name)
{
	return user_path("XDG_STATE_HOME", ".local/state", name);
}

char *new_file_config_path(const char *name)
{
	return user_path("XDG_CONFIG_HOME", ".config", name);
}

int new_file_make_folders(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		int r;

		*slash = '\0';
		r = mkdir(path, 0700) < 0 ? -errno : 0;
		*slash = '/';
		/* A parent folder may be read-only and still contain the next one. */
		if (r < 0 && r != -EEXIST && r != -EACCES && r != -EROFS)
			return r;
	}
	return 0;
}
