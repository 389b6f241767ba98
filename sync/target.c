/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sync/target.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <libpq-fe.h>

#include "common/base/text.h"

#define KEYWORDS_MAX 32
#define SYSTEM_CA "/etc/ssl/certs/ca-certificates.crt"

struct target {
	PQconninfoOption *options; /* own the values of the string */
	const char *keywords[KEYWORDS_MAX + 1];
	const char *values[KEYWORDS_MAX + 1];
	size_t count;
};

static void set(struct target *target, const char *keyword, const char *value)
{
	assert(target->count < KEYWORDS_MAX);
	target->keywords[target->count] = keyword;
	target->values[target->count++] = value;
}

const char *target_value(const struct target *target, const char *keyword)
{
	for (size_t i = 0; i < target->count; i++)
		if (text_equal(target->keywords[i], keyword))
			return target->values[i];
	return "";
}

const char *const *target_keywords(const struct target *target)
{
	return target->keywords;
}

const char *const *target_values(const struct target *target)
{
	return target->values;
}

/* Others would weaken what is checked here, or name other files. */
static bool is_allowed(const char *keyword)
{
	static const char *const allowed[] = {
		"host", "port", "dbname", "user", "sslmode", "sslrootcert"};

	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
		if (text_equal(allowed[i], keyword))
			return true;
	return false;
}

/* Nothing but the string says where to connect. */
static int take_options(struct target *target, char reason[static TARGET_REASON_SIZE])
{
	for (const PQconninfoOption *option = target->options; option->keyword; option++) {
		if (option->envvar)
			unsetenv(option->envvar);
		if (!option->val || !option->val[0])
			continue;
		if (!is_allowed(option->keyword)) {
			snprintf(reason, TARGET_REASON_SIZE,
				"`server` has %s, which is not accepted here; it may have host, "
				"port, dbname, user, sslmode and sslrootcert",
				option->keyword);
			return -EINVAL;
		}
		set(target, option->keyword, option->val);
	}
	return 0;
}

static bool is_local(const struct target *target)
{
	const char *host = target_value(target, "host");

	return !*host || *host == '/';
}

static int require_tls(struct target *target, const struct secrets *secrets,
	char reason[static TARGET_REASON_SIZE])
{
	const char *mode = target_value(target, "sslmode");

	if (*mode && !text_equal(mode, "verify-full")) {
		snprintf(reason, TARGET_REASON_SIZE,
			"`server` has sslmode=%s, but a server on the network must prove who it "
			"is: use sslmode=verify-full, or leave it out",
			mode);
		return -EINVAL;
	}
	if (!*mode)
		set(target, "sslmode", "verify-full");
	if (!*target_value(target, "sslrootcert"))
		set(target, "sslrootcert", secrets && secrets->ca[0] ? secrets->ca : SYSTEM_CA);
	if (secrets && secrets->certificate[0]) {
		set(target, "sslcert", secrets->certificate);
		set(target, "sslkey", secrets->private_key);
	} else if (secrets) {
		/* A password is never sent, only proved, and to the end of this TLS alone. */
		set(target, "channel_binding", "require");
	}
	set(target, "keepalives_idle", "30");
	set(target, "keepalives_interval", "10");
	set(target, "keepalives_count", "3");
	set(target, "tcp_user_timeout", "30000");
	/* The server must notice too that this computer lost its power or its network: until then,
	 * it refuses its next connection as that of a second computer. */
	set(target, "options",
		"-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c "
		"tcp_keepalives_count=3");
	return 0;
}

static int complete(struct target *target, const struct secrets *secrets,
	char reason[static TARGET_REASON_SIZE])
{
	int r = 0;

	if (strchr(target_value(target, "host"), ',')) {
		snprintf(reason, TARGET_REASON_SIZE, "`server` names more than one host");
		return -EINVAL;
	}
	if (!is_local(target))
		r = require_tls(target, secrets, reason);
	if (secrets && secrets->password[0])
		set(target, "password", secrets->password);
	set(target, "gssencmode", "disable");
	set(target, "application_name", "idevicetriage-sync");
	set(target, "client_encoding", "UTF8");
	return r;
}

int target_new(const char *server, const struct secrets *secrets, struct target **ret,
	char reason[static TARGET_REASON_SIZE])
{
	CLEANUP(target_freep) struct target *target = calloc(1, sizeof(*target));
	char *message = NULL;
	int r;

	if (!target)
		return -ENOMEM;
	target->options = PQconninfoParse(server, &message);
	if (!target->options) {
		snprintf(reason, TARGET_REASON_SIZE, "`server` is no connection string: %s",
			message ? message : "out of memory");
		PQfreemem(message);
		return -EINVAL;
	}
	r = take_options(target, reason);
	if (r == 0)
		r = complete(target, secrets, reason);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(target);
	return 0;
}

struct target *target_free(struct target *target)
{
	if (!target)
		return NULL;
	PQconninfoFree(target->options);
	free(target);
	return NULL;
}
