/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/base/service_user.h"

#include <pwd.h>
#include <stdio.h>

#include "common/base/text.h"

uid_t service_user(const char *name)
{
	FILE *file = fopen("/etc/passwd", "re");
	const struct passwd *user = NULL;
	uid_t found = 0;

	while (file && found == 0 && (user = fgetpwent(file)))
		if (text_equal(user->pw_name, name))
			found = user->pw_uid;
	if (file)
		fclose(file);
	return found;
}
