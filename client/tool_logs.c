/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/tool_logs.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/client.h"
#include "client/fields.h"

/* Returns 0 or a negative errno; -EPERM: it is not a file of the user. */
static int delete_own_log(const char *path, uid_t user)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_uid != user)
		return -EPERM;
	return unlink(path) < 0 ? -errno : 0;
}

/* Deletes it with the rights of its user, who chose the path. Returns 0 or a negative errno. */
static int delete_log(const char *path, uid_t user)
{
	const struct passwd *entry = getpwuid(user);
	int status;
	pid_t child;

	if (user == geteuid())
		return delete_own_log(path, user);
	if (geteuid() != 0)
		return -EACCES;
	child = fork();
	if (child < 0)
		return -errno;
	if (child == 0) {
		if (!entry || setgroups(0, NULL) < 0 || setgid(entry->pw_gid) < 0 ||
			setuid(user) < 0)
			_exit(EACCES);
		_exit(-delete_own_log(path, user));
	}
	if (waitpid(child, &status, 0) < 0 || !WIFEXITED(status))
		return -EIO;
	return -WEXITSTATUS(status);
}

static void say_log_stays(const char *path, uid_t user, int error)
{
	const struct passwd *entry = getpwuid(user);

	report_error("Cannot delete the tool log %s of %s: %s. Delete it.", path,
		entry ? entry->pw_name : "a user without a name", strerror(-error));
}

int tool_logs_delete(struct json_object *reply)
{
	struct json_object *logs = field_list(reply, "toolLogs");
	struct json_builder builder = {0};
	int result = EXIT_DONE;

	for (size_t i = 0; i < field_count(logs); i++) {
		struct json_object *log = field_item(logs, i);
		const char *path = field_text_or(log, "path", "");
		uid_t user = (uid_t)field_number_or(log, "user", 0);
		int r = delete_log(path, user);

		json_put_bool(&builder, log, "deleted", r == 0);
		if (r < 0 && r != -ENOENT) {
			say_log_stays(path, user, r);
			result = EXIT_REFUSED;
		}
	}
	return result;
}
