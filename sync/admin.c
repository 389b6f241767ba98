/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sync/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <libpq-fe.h>

#include "common/base/file.h"
#include "common/base/text.h"
#include "sync/local.h"
#include "sync/target.h"

#define DEFAULT_SERVER "dbname=idevicetriage"
#define BENCH_NAME_MAX 40
#define PASSWORD_BYTES 24
#define SECRET_BYTES_MAX 65536
#define ANSWER_MS 5000

static int fail(const char *format, ...) PRINTF_LIKE(1, 2);
static int fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("idevicetriage-sync: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	return 1;
}

static void PQfinishp(PGconn **connection)
{
	PQfinish(*connection);
}

static void PQclearp(PGresult **result)
{
	PQclear(*result);
}

/* The server's words end with a line end. */
static int fail_server(const char *action, PGconn *connection)
{
	const char *text = PQerrorMessage(connection);

	return fail("Cannot %s: %.*s.", action, (int)strcspn(text, "\n"), text);
}

/* Returns 0, or 1 after a sentence. */
static int connect_server(const struct settings *settings, const struct secrets *secrets,
	struct target **ret_target, PGconn **ret)
{
	char reason[TARGET_REASON_SIZE] = "out of memory";
	const char *server = settings->server[0] ? settings->server : DEFAULT_SERVER;

	if (target_new(server, secrets, ret_target, reason) < 0)
		return fail("Cannot use the server: %s.", reason);
	*ret = PQconnectdbParams(target_keywords(*ret_target), target_values(*ret_target), 0);
	if (PQstatus(*ret) != CONNECTION_OK)
		return fail_server("connect to the server", *ret);
	return 0;
}

/* Runs a statement with text parameters. NULL after a sentence. */
static PGresult *ask(PGconn *connection, const char *action, const char *statement, int count,
	const char *const *values)
{
	PGresult *result = PQexecParams(connection, statement, count, NULL, values, NULL, NULL, 0);

	if (PQresultStatus(result) == PGRES_TUPLES_OK || PQresultStatus(result) == PGRES_COMMAND_OK)
		return result;
	fail_server(action, connection);
	PQclear(result);
	return NULL;
}

/* The version of the schema; 0 = there is none, -1 = after a sentence. */
static int schema_version(PGconn *connection)
{
	CLEANUP(PQclearp)
	PGresult *found = ask(connection, "read the schema",
		"SELECT to_regclass('idevicetriage.schema_version')", 0, NULL);
	CLEANUP(PQclearp) PGresult *version = NULL;

	if (!found)
		return -1;
	if (PQgetisnull(found, 0, 0))
		return 0;
	version = ask(connection, "read the version of the schema",
		"SELECT version FROM idevicetriage.schema_version", 0, NULL);
	if (!version)
		return -1;
	return PQntuples(version) == 1 ? atoi(PQgetvalue(version, 0, 0)) : 0;
}

static int random_hex(char *text, size_t bytes)
{
	unsigned char random[SHOP_KEY_BYTES];

	if (getrandom(random, bytes, 0) != (ssize_t)bytes)
		return -errno;
	for (size_t i = 0; i < bytes; i++)
		snprintf(text + 2 * i, 3, "%02x", random[i]);
	return 0;
}

/* Writes a new file, or one that is replaced. A part of it is worse than none. */
static int write_file(int folder, const char *name, mode_t mode, const char *text)
{
	CLEANUP(closep)
	int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	size_t length = strlen(text);
	ssize_t n = 0;
	int r = 0;

	if (fd < 0)
		return -errno;
	while (length > 0 && (n = write(fd, text, length)) > 0) {
		text += n;
		length -= (size_t)n;
	}
	if (n < 0 || fsync(fd) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(folder, name, 0);
	return r;
}

static int open_folder(int parent, const char *name, int *ret)
{
	if (mkdirat(parent, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	*ret = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret < 0 ? -errno : 0;
}

/* The key is made once: with another one, no phone would be found again. */
static int make_shop_key(const struct settings *settings, int folder)
{
	char text[2 * SHOP_KEY_BYTES + 2];
	int r = faccessat(folder, "shop-key", F_OK, 0) == 0 ? 1 : 0;

	if (r == 0)
		r = random_hex(text, SHOP_KEY_BYTES);
	if (r == 0) {
		strcat(text, "\n");
		r = write_file(folder, "shop-key", 0600, text);
	}
	if (r < 0)
		return fail("Cannot write %s/shop-key: %s.", settings->folder, strerror(-r));
	printf("%s the shop's key: %s/shop-key. Keep a copy of it in a safe place.\n",
		r > 0 ? "Kept" : "Made", settings->folder);
	return 0;
}

static int create_schema(PGconn *connection)
{
	CLEANUP(PQclearp) PGresult *result = NULL;
	int version = schema_version(connection);

	if (version < 0)
		return 1;
	if (version == SCHEMA_VERSION) {
		printf("The schema exists already, in version %d.\n", version);
		return 0;
	}
	if (version > 0)
		return fail("The server has schema version %d; this program knows %d. Upgrade "
			    "idevicetriage-sync.",
			version, SCHEMA_VERSION);
	/* Several statements in one call are one transaction. */
	result = PQexec(connection, sync_schema_text);
	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		return fail_server("create the schema", connection);
	printf("Created the schema, version %d.\n", SCHEMA_VERSION);
	return 0;
}

int admin_init(const struct settings *settings)
{
	CLEANUP(target_freep) struct target *target = NULL;
	CLEANUP(PQfinishp) PGconn *connection = NULL;
	CLEANUP(closep) int folder = -1;
	int r = connect_server(settings, NULL, &target, &connection);

	if (r == 0)
		r = create_schema(connection);
	if (r != 0)
		return r;
	r = open_folder(AT_FDCWD, settings->folder, &folder);
	if (r < 0)
		return fail("Cannot create %s: %s.", settings->folder, strerror(-r));
	return make_shop_key(settings, folder);
}

static bool is_bench_name(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-_";
	size_t length = strlen(name);

	return length > 0 && length <= BENCH_NAME_MAX && strspn(name, letters) == length &&
	       name[0] >= 'a' && name[0] <= 'z';
}

/* Whether the bench may be enrolled. */
static int check_new(const struct settings *settings, PGconn *connection, const char *bench)
{
	CLEANUP(PQclearp)
	PGresult *result = ask(connection, "read the benches",
		"SELECT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = $1),"
		" EXISTS (SELECT FROM idevicetriage.bench WHERE name = $1)",
		1, &bench);
	bool role, enrolled;

	if (!result)
		return 1;
	role = PQgetvalue(result, 0, 0)[0] == 't';
	enrolled = PQgetvalue(result, 0, 1)[0] == 't';
	if (enrolled && !settings->again)
		return fail("The bench %s is enrolled already. Use another name, or --again if "
			    "another computer replaces it.",
			bench);
	if (!enrolled && role)
		return fail(
			"The server has a role %s of another purpose. Use another name.", bench);
	return 0;
}

/* The server gets a verifier, not the password. */
static int create_role(const struct settings *settings, PGconn *connection, const char *bench,
	const char *password)
{
	CLEANUP(PQclearp) PGresult *result = NULL;
	char *verifier = PQencryptPasswordConn(connection, password, bench, "scram-sha-256");
	char statement[2048];

	if (!verifier)
		return fail_server("make the password", connection);
	/* The name has only letters, digits, _ and -; a verifier has no quote. */
	snprintf(statement, sizeof(statement),
		"BEGIN;"
		"DO $do$ BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = "
		"'%s') "
		"THEN CREATE ROLE \"%s\"; END IF; END $do$;"
		"ALTER ROLE \"%s\" LOGIN PASSWORD '%s' CONNECTION LIMIT 4;"
		"GRANT idevicetriage_bench TO \"%s\";"
		"INSERT INTO idevicetriage.bench (name) VALUES ('%s') ON CONFLICT (name)"
		" DO UPDATE SET host_id = NULL, pushed = NULL, enrolled = now();"
		"COMMIT",
		bench, bench, bench, verifier, bench, bench);
	PQfreemem(verifier);
	result = PQexec(connection, statement);
	return PQresultStatus(result) == PGRES_COMMAND_OK
		       ? 0
		       : fail_server("create the role", connection);
}

/* The configuration of the bench, for its /etc/idevicetriage. */
static int write_config(
	const struct settings *settings, PGconn *connection, const char *bench, int folder)
{
	char text[2048];
	const char *host = settings->host[0] ? settings->host : PQhost(connection);

	snprintf(text, sizeof(text),
		"# Made by `idevicetriage-sync enrol`. See idevicetriage-sync(8).\n"
		"server = host=%s port=%s dbname=%s user=%s\n"
		"# Cable labels of benches with the same site are the same cables.\n"
		"site = %s\n",
		host, PQport(connection), PQdb(connection), bench, settings->site);
	return write_file(folder, "sync.conf", 0644, text);
}

static int copy_file(const char *from, int folder, const char *name)
{
	CLEANUP(freep) char *text = NULL;
	size_t length;
	int r = file_read(from, 0, SECRET_BYTES_MAX, &text, &length);

	return r < 0 ? r : r > 0 ? -EFBIG : write_file(folder, name, 0600, text);
}

static int write_bench(const struct settings *settings, PGconn *connection, const char *bench,
	const char *password)
{
	CLEANUP(closep) int shop = -1, folder = -1, secrets = -1;
	char key[PATH_MAX], line[2 * PASSWORD_BYTES + 2];
	int r = open_folder(AT_FDCWD, settings->folder, &shop);

	if (snprintf(key, sizeof(key), "%s/shop-key", settings->folder) >= (int)sizeof(key))
		r = -ENAMETOOLONG;
	if (r == 0)
		r = open_folder(shop, bench, &folder);
	if (r == 0)
		r = write_config(settings, connection, bench, folder);
	if (r == 0)
		r = open_folder(folder, "sync", &secrets);
	if (r == 0)
		r = copy_file(key, secrets, "shop-key");
	if (r == 0 && settings->ca[0])
		r = copy_file(settings->ca, secrets, "ca.crt");
	snprintf(line, sizeof(line), "%s\n", password);
	if (r == 0)
		r = write_file(secrets, "password", 0600, line);
	if (r < 0)
		return fail("Cannot write the settings of %s into %s: %s.", bench, settings->folder,
			strerror(-r));
	printf("Enrolled %s. Copy what is in %s/%s to /etc/idevicetriage on that bench.\n", bench,
		settings->folder, bench);
	return 0;
}

int admin_enrol(const struct settings *settings, const char *bench)
{
	CLEANUP(target_freep) struct target *target = NULL;
	CLEANUP(PQfinishp) PGconn *connection = NULL;
	unsigned char shop_key[SHOP_KEY_BYTES];
	char password[2 * PASSWORD_BYTES + 1], key[PATH_MAX];
	int r;

	if (!is_bench_name(bench))
		return fail("The name of a bench is a lower-case letter and at most %d more "
			    "letters, digits, - and _.",
			BENCH_NAME_MAX - 1);
	if (snprintf(key, sizeof(key), "%s/shop-key", settings->folder) >= (int)sizeof(key) ||
		shop_key_read(key, shop_key) < 0)
		return fail("Cannot read %s. Run `idevicetriage-sync init` first, or name its "
			    "folder with --folder.",
			key);
	r = connect_server(settings, NULL, &target, &connection);
	if (r != 0)
		return r;
	r = schema_version(connection);
	if (r != SCHEMA_VERSION)
		return r < 0 ? 1
			     : fail("The server has no schema of version %d. Run "
				    "`idevicetriage-sync init` first.",
				       SCHEMA_VERSION);
	r = check_new(settings, connection, bench);
	if (r == 0 && random_hex(password, PASSWORD_BYTES) < 0)
		r = fail("Cannot make a password.");
	if (r == 0)
		r = create_role(settings, connection, bench, password);
	return r == 0 ? write_bench(settings, connection, bench, password) : r;
}

/* Whether the daemon answers. */
static int check_daemon(const struct settings *settings)
{
	CLEANUP(connection_freep) struct connection *connection = NULL;
	struct json_builder builder = {0};
	struct varlink_reply reply = {0};
	int r = connection_open(settings->socket, &connection);

	if (r < 0)
		return fail("Cannot reach the daemon at %s: %s. Start idevicetriaged.",
			settings->socket, strerror(-r));
	r = connection_send(connection, &builder, "GetStatus", NULL, false);
	if (r == 0)
		r = connection_wait(connection, ANSWER_MS, &reply);
	varlink_reply_done(&reply);
	if (r < 0)
		return fail("The daemon at %s does not answer: %s. See `systemctl status "
			    "idevicetriaged`.",
			settings->socket, strerror(-r));
	printf("The daemon answers at %s.\n", settings->socket);
	return 0;
}

int admin_check(const struct settings *settings)
{
	CLEANUP(target_freep) struct target *target = NULL;
	CLEANUP(PQfinishp) PGconn *connection = NULL;
	struct secrets secrets;
	int r;

	if (!settings->server[0])
		return fail("%s has no `server`. Write it, or run `idevicetriage-sync enrol`.",
			settings->config);
	if (secrets_read(&secrets) < 0)
		return 1;
	r = connect_server(settings, &secrets, &target, &connection);
	if (r != 0)
		return r;
	printf("Connected to the server as %s%s.\n", PQuser(connection),
		PQsslInUse(connection) ? ", with TLS and a verified certificate" : "");
	r = schema_version(connection);
	if (r != SCHEMA_VERSION)
		return r < 0 ? 1
			     : fail("The server has schema version %d; this program knows %d.", r,
				       SCHEMA_VERSION);
	printf("The server has schema version %d.\n", r);
	return check_daemon(settings);
}
