/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/vm/phone/scenario.h"

#include "common/base/clock.h"
#include "common/base/macro.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* What a step does when its turn comes; `now_us` is the time of that. Returns 0 or a negative
 * errno. A step that takes time sets `waiting` or `until_us`. */
typedef int step_function(struct scenario *scenario, const struct scenario_step *step,
	struct phone *phone, uint64_t now_us);

static int run_attach(struct scenario *scenario, const struct scenario_step *step,
	struct phone *phone, uint64_t now_us)
{
	return phone_attach(phone, step->mode);
}

static int run_detach(struct scenario *scenario, const struct scenario_step *step,
	struct phone *phone, uint64_t now_us)
{
	phone_detach(phone);
	return 0;
}

static int run_after(struct scenario *scenario, const struct scenario_step *step,
	struct phone *phone, uint64_t now_us)
{
	scenario->until_us = now_us + step->number * USEC_PER_MSEC;
	return 0;
}

static int run_wait(struct scenario *scenario, const struct scenario_step *step,
	struct phone *phone, uint64_t now_us)
{
	scenario->waiting = true;
	return 0;
}

static int run_fault(struct scenario *scenario, const struct scenario_step *step,
	struct phone *phone, uint64_t now_us)
{
	return phone_set_fault(phone, step->text, step->more);
}

static int run_progress(struct scenario *scenario, const struct scenario_step *step,
	struct phone *phone, uint64_t now_us)
{
	return phone_send_progress(phone, step->number, step->percent);
}

static int run_ask(struct scenario *scenario, const struct scenario_step *step, struct phone *phone,
	uint64_t now_us)
{
	return phone_send_data_request(phone, step->text);
}

static int run_log(struct scenario *scenario, const struct scenario_step *step, struct phone *phone,
	uint64_t now_us)
{
	return phone_send_log(phone, step->text);
}

static int run_status(struct scenario *scenario, const struct scenario_step *step,
	struct phone *phone, uint64_t now_us)
{
	return phone_send_status(phone, step->number);
}

static int run_say(struct scenario *scenario, const struct scenario_step *step, struct phone *phone,
	uint64_t now_us)
{
	report(&phone->report, "%s", step->text);
	return 0;
}

static int read_nothing(struct scenario_step *step, const char *rest)
{
	return *rest ? -EINVAL : 0;
}

static int read_mode(struct scenario_step *step, const char *rest)
{
	return mode_from_name(rest, &step->mode);
}

static int read_pause(struct scenario_step *step, const char *rest)
{
	int end = 0;

	if (sscanf(rest, "%9" SCNu64 " ms%n", &step->number, &end) != 1 || end == 0)
		return -EINVAL;
	return rest[end] ? -EINVAL : 0;
}

static int read_progress(struct scenario_step *step, const char *rest)
{
	return sscanf(rest, "%9" SCNu64 " %3" SCNu64, &step->number, &step->percent) == 2 ? 0
											  : -EINVAL;
}

static int read_status(struct scenario_step *step, const char *rest)
{
	return sscanf(rest, "%9" SCNu64, &step->number) == 1 ? 0 : -EINVAL;
}

static int read_text(struct scenario_step *step, const char *rest)
{
	snprintf(step->text, sizeof(step->text), "%s", rest);
	return *rest ? 0 : -EINVAL;
}

static int read_fault(struct scenario_step *step, const char *rest)
{
	struct faults unused = {0};

	if (sscanf(rest, "%31s %31s", step->text, step->more) != 2)
		return -EINVAL;
	return fault_set(&unused, step->text, step->more);
}

static const struct {
	const char *name;
	int (*read)(struct scenario_step *step, const char *rest);
	step_function *run;
} verbs[] = {
	{"attach", read_mode, run_attach},
	{"detach", read_nothing, run_detach},
	{"after", read_pause, run_after},
	{"wait", read_text, run_wait},
	{"fault", read_fault, run_fault},
	{"progress", read_progress, run_progress},
	{"ask", read_text, run_ask},
	{"log", read_text, run_log},
	{"status", read_status, run_status},
	{"say", read_text, run_say},
};

static int read_step(struct scenario_step *step, const char *line)
{
	for (unsigned verb = 0; verb < ARRAY_SIZE(verbs); verb++) {
		const size_t size = strlen(verbs[verb].name);

		if (strncmp(line, verbs[verb].name, size) != 0)
			continue;
		if (line[size] != '\0' && line[size] != ' ')
			continue;
		step->verb = verb;
		return verbs[verb].read(step, line + size + strspn(line + size, " "));
	}
	return -EINVAL;
}

int scenario_read(struct scenario *scenario, FILE *file, unsigned *ret_line)
{
	char line[SCENARIO_LINE_BYTES];

	memset(scenario, 0, sizeof(*scenario));
	for (unsigned number = 1; fgets(line, sizeof(line), file); number++) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '\0' || line[0] == '#')
			continue;
		if (scenario->count == ARRAY_SIZE(scenario->steps) ||
			read_step(&scenario->steps[scenario->count], line) < 0) {
			*ret_line = number;
			return -EINVAL;
		}
		scenario->count++;
	}
	return 0;
}

/* Begins steps until one takes time, which is left as the one under way. */
static int begin_steps(struct scenario *scenario, struct phone *phone, uint64_t now_us)
{
	int r;

	while (scenario->next < scenario->count) {
		const struct scenario_step *step = &scenario->steps[scenario->next];

		r = verbs[step->verb].run(scenario, step, phone, now_us);
		if (r < 0 || scenario->waiting || scenario->until_us)
			return r;
		scenario->next++;
	}
	if (!scenario->done) {
		scenario->done = true;
		report(&phone->report, "scenario done");
	}
	return 0;
}

int scenario_advance(struct scenario *scenario, struct phone *phone, uint64_t now_us)
{
	if (scenario->waiting || now_us < scenario->until_us)
		return 0;
	if (scenario->until_us) {
		scenario->until_us = 0;
		scenario->next++;
	}
	return begin_steps(scenario, phone, now_us);
}

void scenario_hear(void *context, const char *text)
{
	struct scenario *scenario = context;
	const char *wanted;

	if (!scenario->waiting)
		return;
	wanted = scenario->steps[scenario->next].text;
	if (strncmp(text, wanted, strlen(wanted)) != 0)
		return;
	scenario->next++;
	/* A wait that follows directly has to hear what the same request still leads to. */
	scenario->waiting = scenario->next < scenario->count &&
			    verbs[scenario->steps[scenario->next].verb].run == run_wait;
}

int64_t scenario_pause_us(const struct scenario *scenario, uint64_t now_us)
{
	if (!scenario->until_us)
		return -1;
	return now_us < scenario->until_us ? (int64_t)(scenario->until_us - now_us) : 0;
}
