/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/options.h"

#include <errno.h>
#include <getopt.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"
#include "common/model/phone_query_policy.h"

#define RING_BYTES_DEFAULT (UINT64_C(16) << 20)
#define RING_BYTES_MIN (UINT64_C(128) << 10)
#define RING_BYTES_MAX (UINT64_C(1) << 32)
#define BUDGET_PERCENT_MAX 1000
#define KEEP_DAYS_MAX 36500
#define KEEP_RECORDS_DAYS 30
#define KEEP_ATTEMPTS_DAYS 730
#define CASEBOOK_BYTES (UINT64_C(4) << 30)
#define DAILY_BYTES (UINT64_C(1) << 30)
#define STORED_BYTES_MIN (UINT64_C(1) << 20)
#define STORED_BYTES_MAX (UINT64_C(1) << 40)

static const char usage[] =
	"Usage: idevicetriaged [OPTION...]\n"
	"Watches iPhone restores on this bench and records the events.\n"
	"\n"
	"  --config FILE           read this configuration (default\n"
	"                          " OPTIONS_CONFIG_PATH ")\n"
	"  --socket PATH           listen here (default\n"
	"                          " OPTIONS_SOCKET_PATH ")\n"
	"  --link-socket PATH      listen here for idevicetriage-link\n"
	"  --state-dir DIR         store ring and casebook here (default\n"
	"                          $STATE_DIRECTORY, else " OPTIONS_STATE_DIR ")\n"
	"  --bench-name NAME       label of this computer (default: the host name)\n"
	"  --ring-size BYTES       size of the ring file (default 16777216)\n"
	"  --budget-percent N      scale the time allowed for each wait (default 100)\n"
	"  --keep-records DAYS     delete records of sessions after (default 30, 0 = never)\n"
	"  --keep-attempts DAYS    delete attempts after (default 730, 0 = never)\n"
	"  --casebook-size BYTES   limit for what people add to the casebook\n"
	"                          (default 4294967296, 0 = none)\n"
	"  --daily-limit BYTES     limit for what one user sends in a day, except root\n"
	"                          (default 1073741824, 0 = none)\n"
	"  --phone-query yes|no    query phones in normal mode for model and version\n"
	"                          (default no)\n"
	"  --probe-restore WHEN    query phones in restore mode for their last failure:\n"
	"                          none (default) or attach\n"
	"  -v, --verbose           log more\n"
	"  -h, --help; -V, --version\n"
	"\n"
	"idevicetriage(1) is the command for this daemon.\n";

/* Writes one sentence to standard error: a foreign text in it cannot control the terminal. */
PRINTF_LIKE(1, 2) static void complain(const char *format, ...)
{
	char text[PATH_MAX + 256], clean[sizeof(text)];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	text_clean(text, strlen(text), clean, sizeof(clean));
	fprintf(stderr, "%s\n", clean);
}

static bool read_number(const char *text, uint64_t least, uint64_t most, uint64_t *ret)
{
	char *end;
	uint64_t value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || value < least || value > most)
		return false;
	*ret = value;
	return true;
}

static bool set_text(char *field, size_t size, const char *value)
{
	return *value && text_is_utf8(value, strlen(value)) && text_copy(field, size, value);
}

static bool set_socket(struct options *options, const char *value)
{
	return set_text(options->socket, sizeof(options->socket), value);
}

static bool set_link_socket(struct options *options, const char *value)
{
	return set_text(options->link_socket, sizeof(options->link_socket), value);
}

static bool set_state_dir(struct options *options, const char *value)
{
	return set_text(options->state_dir, sizeof(options->state_dir), value);
}

static bool set_bench_name(struct options *options, const char *value)
{
	return set_text(options->bench_name, sizeof(options->bench_name), value);
}

static bool set_ring_size(struct options *options, const char *value)
{
	return read_number(value, RING_BYTES_MIN, RING_BYTES_MAX, &options->ring_bytes);
}

static bool set_budget_percent(struct options *options, const char *value)
{
	uint64_t percent;

	if (!read_number(value, 1, BUDGET_PERCENT_MAX, &percent))
		return false;
	options->budget_percent = (uint32_t)percent;
	return true;
}

static bool set_days(uint32_t *field, const char *value)
{
	uint64_t days;

	if (!read_number(value, 0, KEEP_DAYS_MAX, &days))
		return false;
	*field = (uint32_t)days;
	return true;
}

static bool set_keep_records(struct options *options, const char *value)
{
	return set_days(&options->keep_records_days, value);
}

static bool set_keep_attempts(struct options *options, const char *value)
{
	return set_days(&options->keep_attempts_days, value);
}

/* Bytes; 0 = no limit. */
static bool set_stored(uint64_t *field, const char *value)
{
	uint64_t bytes;

	if (!read_number(value, 0, STORED_BYTES_MAX, &bytes) ||
		(bytes > 0 && bytes < STORED_BYTES_MIN))
		return false;
	*field = bytes;
	return true;
}

static bool set_casebook_size(struct options *options, const char *value)
{
	return set_stored(&options->casebook_bytes, value);
}

static bool set_daily_limit(struct options *options, const char *value)
{
	return set_stored(&options->daily_bytes, value);
}

/* Enables or disables a query, by one of two words. */
static bool set_query(
	unsigned *queries, enum query query, const char *value, const char *off, const char *on)
{
	if (!text_equal(value, off) && !text_equal(value, on))
		return false;
	*queries &= ~(unsigned)query;
	if (text_equal(value, on))
		*queries |= query;
	return true;
}

static bool set_phone_query(struct options *options, const char *value)
{
	return set_query(&options->queries, QUERY_NORMAL, value, "no", "yes");
}

static bool set_probe_restore(struct options *options, const char *value)
{
	return set_query(&options->queries, QUERY_RESTORE, value, "none", "attach");
}

#define STORED_BYTES_WORDS "bytes, from 1048576 to 1099511627776, or 0 for no limit"

/* The keys of the file, which are also the long options. */
static const struct {
	const char *key;
	bool (*set)(struct options *options, const char *value);
	const char *wants;
} keys[] = {
	{"socket", set_socket, "a path"},
	{"state-dir", set_state_dir, "a path"},
	{"bench-name", set_bench_name, "a name of at most 95 bytes"},
	{"ring-size", set_ring_size, "bytes, from 131072 to 4294967296"},
	{"budget-percent", set_budget_percent, "a number from 1 to 1000"},
	{"keep-records", set_keep_records, "a number of days, at most 36500"},
	{"keep-attempts", set_keep_attempts, "a number of days, at most 36500"},
	{"phone-query", set_phone_query, "yes or no"},
	{"probe-restore", set_probe_restore, "none or attach"},
	{"link-socket", set_link_socket, "a path"},
	{"casebook-size", set_casebook_size, STORED_BYTES_WORDS},
	{"daily-limit", set_daily_limit, STORED_BYTES_WORDS},
};

struct file_reading {
	struct options *options;
	const char *path;
};

static int take_key(void *user, const char *section, const char *key, const char *value)
{
	struct file_reading *reading = user;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (!text_equal(keys[i].key, key) || *section)
			continue;
		if (keys[i].set(reading->options, value))
			return 1;
		complain("%s: %s = %s is not %s", reading->path, key, value, keys[i].wants);
		return 0;
	}
	complain("%s: unknown key %s%s%s; see idevicetriaged.conf(5)", reading->path, section,
		*section ? "." : "", key);
	return 0;
}

static int read_file(struct options *options, const char *path, bool must_exist)
{
	struct file_reading reading = {options, path};
	FILE *file = fopen(path, "re");
	int line;

	if (!file) {
		if (errno == ENOENT && !must_exist)
			return 0;
		complain("Cannot read the configuration %s: %s", path, strerror(errno));
		return -EINVAL;
	}
	line = ini_parse_file(file, take_key, &reading);
	fclose(file);
	if (line == 0)
		return 0;
	complain("%s: line %d: syntax error. Correct it and start again.", path, line);
	return -EINVAL;
}

static void set_defaults(struct options *options)
{
	const char *state_dir = getenv("STATE_DIRECTORY");

	*options = (struct options){
		.ring_bytes = RING_BYTES_DEFAULT,
		.budget_percent = 100,
		.keep_records_days = KEEP_RECORDS_DAYS,
		.keep_attempts_days = KEEP_ATTEMPTS_DAYS,
		.casebook_bytes = CASEBOOK_BYTES,
		.daily_bytes = DAILY_BYTES,
	};
	text_copy(options->socket, sizeof(options->socket), OPTIONS_SOCKET_PATH);
	text_copy(options->state_dir, sizeof(options->state_dir),
		state_dir && *state_dir ? state_dir : OPTIONS_STATE_DIR);
	if (gethostname(options->bench_name, sizeof(options->bench_name) - 1) < 0)
		text_copy(options->bench_name, sizeof(options->bench_name), "bench");
}

#define OPTION_KEY 256 /* + index in `keys` */

static const struct option long_options[] = {
	{"socket", required_argument, NULL, OPTION_KEY},
	{"state-dir", required_argument, NULL, OPTION_KEY + 1},
	{"bench-name", required_argument, NULL, OPTION_KEY + 2},
	{"ring-size", required_argument, NULL, OPTION_KEY + 3},
	{"budget-percent", required_argument, NULL, OPTION_KEY + 4},
	{"keep-records", required_argument, NULL, OPTION_KEY + 5},
	{"keep-attempts", required_argument, NULL, OPTION_KEY + 6},
	{"phone-query", required_argument, NULL, OPTION_KEY + 7},
	{"probe-restore", required_argument, NULL, OPTION_KEY + 8},
	{"link-socket", required_argument, NULL, OPTION_KEY + 9},
	{"casebook-size", required_argument, NULL, OPTION_KEY + 10},
	{"daily-limit", required_argument, NULL, OPTION_KEY + 11},
	{"config", required_argument, NULL, 'c'},
	{"verbose", no_argument, NULL, 'v'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{0},
};

/* The command line is read twice: first only for the configuration file, because other options
 * override the file. */
static const char *find_config(int argc, char **argv)
{
	const char *path = NULL;
	int option;

	opterr = 0;
	optind = 1;
	while ((option = getopt_long(argc, argv, ":hVv", long_options, NULL)) != -1)
		if (option == 'c')
			path = optarg;
	return path;
}

static int read_option(struct options *options, int option, const char *word)
{
	size_t index = (size_t)option - OPTION_KEY;

	if (option == 'h') {
		fputs(usage, stdout);
		return 1;
	}
	if (option == 'V') {
		puts("idevicetriaged " VERSION);
		return 1;
	}
	if (option == 'v')
		options->verbose = true;
	if (option == '?' || option == ':') {
		complain(option == '?' ? "idevicetriaged: %s is not an option; see "
					 "idevicetriaged --help"
				       : "idevicetriaged: %s needs a value",
			word);
		return -EINVAL;
	}
	if (option < OPTION_KEY)
		return 0;
	if (keys[index].set(options, optarg))
		return 0;
	complain("idevicetriaged: --%s %s is not %s", keys[index].key, optarg, keys[index].wants);
	return -EINVAL;
}

int options_read(int argc, char **argv, struct options *ret)
{
	struct options options;
	const char *config = find_config(argc, argv);
	int option, r;

	_Static_assert(ARRAY_SIZE(keys) == 12, "long_options has a row for each key");
	set_defaults(&options);
	r = read_file(&options, config ? config : OPTIONS_CONFIG_PATH, config != NULL);
	if (r < 0)
		return r;
	optind = 1;
	while ((option = getopt_long(argc, argv, ":hVv", long_options, NULL)) != -1) {
		r = read_option(&options, option, argv[optind - 1]);
		if (r != 0)
			return r;
	}
	if (optind < argc) {
		complain("idevicetriaged: %s is not an option; see idevicetriaged --help",
			argv[optind]);
		return -EINVAL;
	}
	*ret = options;
	return 0;
}

bool options_need_restart(const struct options *running, const struct options *fresh)
{
	return !text_equal(running->socket, fresh->socket) ||
	       !text_equal(running->link_socket, fresh->link_socket) ||
	       !text_equal(running->state_dir, fresh->state_dir) ||
	       !text_equal(running->bench_name, fresh->bench_name) ||
	       running->ring_bytes != fresh->ring_bytes;
}
