/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* idevicetriage-phone: sends a phone one query, prints the answer as in phone/answer.h, and exits.
 * The caller treats the answer as untrusted and kills the program after a deadline. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "common/base/text.h"
#include "common/model/phone_query_policy.h"
#include "common/wire/json.h"
#include "phone/program.h"
#include "phone/talk.h"

#define MEMORY_MAX (1024u * 1024 * 1024) /* bytes of address space */

static const char usage[] =
	"Usage: idevicetriage-phone ask UDID normal|restore...\n"
	"       idevicetriage-phone list\n"
	"       idevicetriage-phone reports UDID\n"
	"idevicetriaged(8) and idevicetriage(1) start it; it is not for interactive use.\n";

/* Prints a line and frees it. Returns the exit status. */
static int print_line(char *line)
{
	int status = line && puts(line) >= 0 && fflush(stdout) == 0 ? 0 : 1;

	free(line);
	return status;
}

static int ask(int argc, char **argv)
{
	static struct phone_answer answer;
	unsigned asks = 0;

	for (int i = 1; i < argc; i++)
		asks |= text_equal(argv[i], "normal")	 ? QUERY_NORMAL
			: text_equal(argv[i], "restore") ? QUERY_RESTORE
							 : 0;
	talk_ask(argv[0], asks, PHONE_ANSWER_US, &answer);
	return print_line(phone_answer_write(&answer));
}

struct phones {
	struct json_builder builder;
	struct json_object *phones;
};

static void add_phone(void *user, const char *udid)
{
	struct phones *listing = user;

	json_add_text(&listing->builder, listing->phones, udid);
}

static int list(int argc, char **argv)
{
	struct phones listing = {0};
	CLEANUP(json_object_putp) struct json_object *object = json_new_object(&listing.builder);
	const char *line;

	listing.phones = json_new_array(&listing.builder);
	if (talk_list(add_phone, &listing) < 0)
		json_put_text(&listing.builder, object, "error", "usbmuxd does not answer");
	json_put(&listing.builder, object, "phones", listing.phones);
	object = json_finish(&listing.builder, object);
	line = object ? json_write(object, NULL) : NULL;
	return print_line(line ? strdup(line) : NULL);
}

static bool print_report(void *user, const char *name, const char *bytes, size_t length)
{
	struct phone_head head = {.length = (uint32_t)length};

	text_copy(head.name, sizeof(head.name), name);
	return print_line(phone_head_write(&head)) == 0 &&
	       fwrite(bytes, 1, length, stdout) == length && fflush(stdout) == 0;
}

static int reports(int argc, char **argv)
{
	struct phone_head last = {.last = true};
	int r = talk_reports(argv[0], print_report, NULL, last.message);

	if (r >= 0)
		last.message[0] = '\0';
	last.count = r < 0 ? 0 : (uint32_t)r;
	return print_line(phone_head_write(&last));
}

static const struct {
	const char *name;
	int least, most; /* number of arguments after it */
	int (*run)(int argc, char **argv);
} commands[] = {
	{"ask", 2, 3, ask},
	{"list", 0, 0, list},
	{"reports", 1, 1, reports},
};

/* A program built with a sanitizer maps far more memory than it uses. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MEMORY_IS_CHECKED true
#endif
#endif
#if !defined(MEMORY_IS_CHECKED) && defined(__SANITIZE_ADDRESS__)
#define MEMORY_IS_CHECKED true
#elif !defined(MEMORY_IS_CHECKED)
#define MEMORY_IS_CHECKED false
#endif

/* libimobiledevice trusts sizes and formats from a phone, and libplist aborts on some of them.
 * Limits the damage, and leaves no core dump. */
static void limit_harm(void)
{
	const struct rlimit memory = {MEMORY_MAX, MEMORY_MAX};
	const struct rlimit no_core = {0, 0};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	if (!MEMORY_IS_CHECKED)
		setrlimit(RLIMIT_AS, &memory);
	setrlimit(RLIMIT_CORE, &no_core);
}

int main(int argc, char **argv)
{
	limit_harm();
	for (size_t i = 0; argc > 1 && i < ARRAY_SIZE(commands); i++) {
		if (text_equal(argv[1], commands[i].name) && argc - 2 >= commands[i].least &&
			argc - 2 <= commands[i].most)
			return commands[i].run(argc - 2, argv + 2);
	}
	fputs(usage, stderr);
	return 2;
}
