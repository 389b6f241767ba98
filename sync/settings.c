/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sync/settings.h"

#include <errno.h>
#include <getopt.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>

#include "common/base/file.h"
#include "common/base/text.h"

#define SECRETS_FOLDER "/etc/idevicetriage/sync"
/* systemd names the files of a folder so: LoadCredential=sync:/etc/idevicetriage/sync. */
#define CREDENTIAL_PREFIX "sync_"

static const char usage[] =
	"Usage: idevicetriage-sync COMMAND [OPTION...]\n"
	"Shares the attempts of this bench with the other benches of the shop, through\n"
	"a PostgreSQL server.\n"
	"\n"
	"  init                    create the schema, and the key of the shop\n"
	"  enrol BENCH             create a role for a bench, and a folder with its settings\n"
	"  run                     exchange attempts (the service does this)\n"
	"  status                  show what the service reports\n"
	"  check                   check settings, server and schema\n"
	"\n"
	"  --config FILE           read this configuration (default\n"
	"                          " SETTINGS_CONFIG_PATH ")\n"
	"  --server TEXT           the server, as a connection string of PostgreSQL\n"
	"  --socket PATH           socket of idevicetriaged\n"
	"  --status FILE           where run reports its state, and status reads it\n"
	"  --folder DIR            init, enrol: store key and settings here (default\n"
	"                          " SETTINGS_FOLDER ")\n"
	"  --host HOST             enrol: the server's name on the network\n"
	"  --ca FILE               enrol: the certificate that the bench trusts\n"
	"  --again                 enrol: replace the computer of a bench\n"
	"  --json                  status: print JSON\n"
	"  -v, --verbose           log more\n"
	"  -h, --help; -V, --version\n"
	"\n"
	"See idevicetriage-sync(8).\n";

static bool set_yes(bool *field, const char *value)
{
	*field = text_equal(value, "yes");
	return *field || text_equal(value, "no");
}

static bool set_key(struct settings *settings, const char *key, const char *value)
{
	if (text_equal(key, "server"))
		return text_copy(settings->server, sizeof(settings->server), value);
	if (text_equal(key, "site"))
		return !strchr(value, '/') &&
		       text_copy(settings->site, sizeof(settings->site), value);
	if (text_equal(key, "share-text"))
		return set_yes(&settings->share_text, value);
	return text_equal(key, "socket") &&
	       text_copy(settings->socket, sizeof(settings->socket), value);
}

static int take_key(void *user, const char *section, const char *key, const char *value)
{
	struct settings *settings = user;

	if (!*section && set_key(settings, key, value))
		return 1;
	fprintf(stderr, "%s: cannot use %s = %s. Correct it: idevicetriage-sync(8).\n",
		settings->config, key, value);
	return 0;
}

static int read_file(struct settings *settings, bool must_exist)
{
	FILE *file = fopen(settings->config, "re");
	int line;

	if (!file) {
		if (errno == ENOENT && !must_exist)
			return 0;
		fprintf(stderr, "Cannot read the configuration %s: %s.\n", settings->config,
			strerror(errno));
		return -EINVAL;
	}
	line = ini_parse_file(file, take_key, settings);
	fclose(file);
	if (line == 0)
		return 0;
	fprintf(stderr, "%s: line %d is wrong. Correct it and start again.\n", settings->config,
		line);
	return -EINVAL;
}

enum {
	OPTION_CONFIG = 256,
	OPTION_SERVER,
	OPTION_SOCKET,
	OPTION_STATUS,
	OPTION_FOLDER,
	OPTION_HOST,
	OPTION_CA,
	OPTION_AGAIN,
	OPTION_JSON
};

static const struct option options[] = {
	{"config", required_argument, NULL, OPTION_CONFIG},
	{"server", required_argument, NULL, OPTION_SERVER},
	{"socket", required_argument, NULL, OPTION_SOCKET},
	{"status", required_argument, NULL, OPTION_STATUS},
	{"folder", required_argument, NULL, OPTION_FOLDER},
	{"host", required_argument, NULL, OPTION_HOST},
	{"ca", required_argument, NULL, OPTION_CA},
	{"again", no_argument, NULL, OPTION_AGAIN},
	{"json", no_argument, NULL, OPTION_JSON},
	{"verbose", no_argument, NULL, 'v'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{0},
};

/* The text of an option; NULL if it has none. */
static char *text_option(struct settings *settings, int option, size_t *ret_size)
{
	const struct {
		int option;
		char *field;
		size_t size;
	} fields[] = {
		{OPTION_CONFIG, settings->config, sizeof(settings->config)},
		{OPTION_SERVER, settings->server, sizeof(settings->server)},
		{OPTION_SOCKET, settings->socket, sizeof(settings->socket)},
		{OPTION_STATUS, settings->status, sizeof(settings->status)},
		{OPTION_FOLDER, settings->folder, sizeof(settings->folder)},
		{OPTION_HOST, settings->host, sizeof(settings->host)},
		{OPTION_CA, settings->ca, sizeof(settings->ca)},
	};

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (fields[i].option == option) {
			*ret_size = fields[i].size;
			return fields[i].field;
		}
	return NULL;
}

/* Returns 1, 0 if it printed something, or -EINVAL. */
static int take_option(struct settings *settings, int option, const char *value)
{
	size_t size;
	char *field = text_option(settings, option, &size);

	if (option == '?')
		return -EINVAL;
	if (option == 'h')
		return fputs(usage, stdout), 0;
	if (option == 'V')
		return puts("idevicetriage-sync " VERSION), 0;
	settings->again |= option == OPTION_AGAIN;
	settings->json |= option == OPTION_JSON;
	settings->verbose |= option == 'v';
	if (!field || text_copy(field, size, value))
		return 1;
	fprintf(stderr, "idevicetriage-sync: the value is too long: %s.\n", value);
	return -EINVAL;
}

static void set_defaults(struct settings *settings)
{
	const char *socket = getenv("IDEVICETRIAGE_SOCKET");

	*settings = (struct settings){0};
	text_copy(settings->config, sizeof(settings->config), SETTINGS_CONFIG_PATH);
	text_copy(settings->socket, sizeof(settings->socket),
		socket && *socket ? socket : SETTINGS_SOCKET_PATH);
	text_copy(settings->status, sizeof(settings->status), SETTINGS_STATUS_PATH);
	text_copy(settings->folder, sizeof(settings->folder), SETTINGS_FOLDER);
}

/* The command line is read twice: first only for the configuration file, because other options
 * override the file. */
int settings_read(int argc, char **argv, struct settings *ret)
{
	struct settings settings;
	bool named = false;
	int option, r;

	set_defaults(&settings);
	opterr = 0;
	while ((option = getopt_long(argc, argv, "hVv", options, NULL)) != -1)
		if (option == OPTION_CONFIG) {
			named = true;
			text_copy(settings.config, sizeof(settings.config), optarg);
		}
	r = read_file(&settings, named);
	if (r < 0)
		return r;
	opterr = 1;
	optind = 1;
	while ((option = getopt_long(argc, argv, "hVv", options, NULL)) != -1) {
		r = take_option(&settings, option, optarg);
		if (r <= 0)
			return r;
	}
	*ret = settings;
	return optind;
}

/* The path of a credential, if there is one. */
static bool find(const char *folder, const char *name, char path[static PATH_MAX])
{
	int length = snprintf(path, PATH_MAX, "%s/%s%s", folder ? folder : SECRETS_FOLDER,
		folder ? CREDENTIAL_PREFIX : "", name);

	if (length < PATH_MAX && access(path, R_OK) == 0)
		return true;
	path[0] = '\0';
	return false;
}

static int read_line(const char *path, char line[static SECRET_SIZE])
{
	CLEANUP(freep) char *text = NULL;
	size_t length;
	int r = file_read(path, 0, SECRET_SIZE - 1, &text, &length);

	if (r != 0)
		return r < 0 ? r : -EBADMSG;
	text[strcspn(text, "\r\n")] = '\0';
	text_copy(line, SECRET_SIZE, text);
	return 0;
}

int shop_key_read(const char *path, unsigned char ret[static SHOP_KEY_BYTES])
{
	static const char digits[] = "0123456789abcdef";
	char line[SECRET_SIZE];
	int r = read_line(path, line);

	if (r < 0)
		return r;
	if (strlen(line) != 2 * SHOP_KEY_BYTES || strspn(line, digits) != strlen(line))
		return -EBADMSG;
	for (size_t i = 0; i < SHOP_KEY_BYTES; i++)
		ret[i] = (unsigned char)((strchr(digits, line[2 * i]) - digits) * 16 +
					 (strchr(digits, line[2 * i + 1]) - digits));
	return 0;
}

static int missing(const char *what, int error)
{
	fprintf(stderr,
		"Cannot read %s: %s. Put it into " SECRETS_FOLDER ", as `idevicetriage-sync "
		"enrol` wrote it; the service passes it to this program.\n",
		what, error == -EBADMSG ? "its content is wrong" : strerror(-error));
	return -EINVAL;
}

int secrets_read(struct secrets *ret)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	struct secrets secrets = {0};
	char path[PATH_MAX];
	int r;

	r = find(folder, "shop-key", path) ? shop_key_read(path, secrets.shop_key) : -ENOENT;
	if (r < 0)
		return missing("the shop key", r);
	if (find(folder, "password", path)) {
		r = read_line(path, secrets.password);
		if (r < 0)
			return missing("the password", r);
	}
	find(folder, "ca.crt", secrets.ca);
	find(folder, "client.crt", secrets.certificate);
	find(folder, "client.key", secrets.private_key);
	*ret = secrets;
	return 0;
}
