/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/logs/panic.h"

#include <stdio.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/model/attempt.h"
#include "tests/unit/test.h"

static struct panic_report read_panic(const char *text, const char *product)
{
	struct panic_report report;

	panic_read(text, strlen(text), product, &report);
	return report;
}

static const struct panic_finding *find(const struct panic_report *report, const char *id)
{
	for (size_t i = 0; i < report->finding_count; i++)
		if (strcmp(report->findings[i].id, id) == 0)
			return &report->findings[i];
	return NULL;
}

#define HEAT_WATCH                                                                                 \
	"panic(cpu 1 caller 0xfffffff01a2b3c4d): userspace watchdog timeout: no successful "       \
	"checkins from thermalmonitord in 180 seconds\nservice returned not alive\nMissing "       \
	"sensor(s): mic2 PRS0, mic2 QZ9\nDebugger message: panic\nKernel Extensions in "           \
	"backtrace:\n com.apple.driver.AppleANS2(1.0)\n"

static void missing_sensors(void **state)
{
	struct panic_report report = read_panic(HEAT_WATCH, "iPhone12,1");
	const struct panic_finding *mic2 = find(&report, "mic2");

	assert_int_equal(report.sensor_count, 3);
	assert_string_equal(report.sensors[0], "mic2");
	assert_string_equal(report.sensors[1], "PRS0");
	assert_string_equal(report.sensors[2], "QZ9");
	assert_non_null(mic2);
	assert_non_null(strstr(mic2->parts[0], "power button"));
	assert_false(mic2->for_model);
	assert_non_null(mic2->disputed[0]);
	assert_non_null(mic2->sources[0]);
	/* The name is known in either case; an unknown one is told with no suspect. */
	assert_string_equal(find(&report, "prs0")->shown, "PRS0");
	assert_string_equal(find(&report, "sensor")->shown, "QZ9");
	assert_null(find(&report, "sensor")->parts[0]);
	assert_non_null(find(&report, "heat-watch"));
	/* What stands behind the panic's own words is no evidence. */
	assert_null(find(&report, "storage"));
	assert_null(strstr(report.reason, "Kernel Extensions"));
}

static void models_differ(void **state)
{
	struct panic_report report = read_panic(HEAT_WATCH, "iPhone14,5");
	const struct panic_finding *mic2 = find(&report, "mic2");

	assert_true(mic2->for_model);
	assert_non_null(strstr(mic2->parts[0], "front assembly"));
	assert_null(mic2->parts[1]);
	/* Both opinions on the 12 are kept. */
	report = read_panic(HEAT_WATCH, "iPhone13,2");
	mic2 = find(&report, "mic2");
	assert_non_null(mic2->parts[0]);
	assert_non_null(mic2->parts[1]);
}

static void sensor_arrays(void **state)
{
	static const struct {
		const char *product, *numbers;
		const char *parts[3]; /* "?" = not known */
	} cases[] = {
		{"iPhone14,5", "0x0, 0x800, 0x0", {"charge port"}},
		{"iPhone14,5", "0x1800", {"charge port", "front sensor"}},
		{"iPhone14,5", "0, 4096", {"front sensor"}},
		/* The number is the 14 Pro's, and another part's on the 14. */
		{"iPhone15,2", "0x40000", {"charge port"}},
		{"iPhone15,2", "0x100000", {"power button"}},
		{"iPhone14,7", "0x100000", {"charge port"}},
		{"iPhone14,7", "0x500000", {"battery"}},
		{"iPhone16,1", "0x300000", {"charge port"}},
		{"iPhone14,5", "0xa1", {"battery"}},
		{"iPhone14,5", "0x10800", {"charge port", "?"}},
		{"", "0x800", {"?"}},
		{"iPhone12,1", "0x800", {"?"}},
		{"iPhone14,5", "0x0, 0, 0x0", {NULL}},
		{"iPhone14,5", "none", {NULL}},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[256];
		struct panic_report report;
		size_t count = 0;

		snprintf(text, sizeof(text), "panic(cpu 0): x\nS.sensor array 0 - 6 is %s\nnext 1",
			cases[i].numbers);
		report = read_panic(text, cases[i].product);
		for (; count < 3 && cases[i].parts[count]; count++) {
			assert_true(count < report.finding_count);
			if (*cases[i].parts[count] == '?')
				assert_null(report.findings[count].parts[0]);
			else
				assert_non_null(strstr(
					report.findings[count].parts[0], cases[i].parts[count]));
		}
		assert_int_equal(report.finding_count, count);
	}
}

static void words(void **state)
{
	static const struct {
		const char *text, *id;
	} cases[] = {
		{"panic(cpu 0): ANS2 Recoverable Panic - assert failed", "storage"},
		{"panic(cpu 0): \"apcie[0:s3e]::x\"", "storage"},
		{"panic(cpu 1): AOP PANIC - i2cscm1 global-errors - prox als", "front-sensor-bus"},
		{"panic(cpu 1): SEP Panic: :sks /sks", "secure-enclave"},
		{"panic(cpu 1): Kernel data abort.", "kernel-memory"},
		{"panic(cpu 1): SMC PANIC - ASSERTION FAILED", "system-controller"},
		{"panic(cpu 1): AppleBCMWLANCore::x", "wireless"},
		/* Only whole words count. */
		{"panic(cpu 1): TRANSFER VANS2X", NULL},
		{"panic(cpu 1): xi2c0 i2c01", NULL},
		{"panic(cpu 1): something new", NULL},
		{"", NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct panic_report report = read_panic(cases[i].text, "");

		if (cases[i].id)
			assert_non_null(find(&report, cases[i].id));
		else
			assert_int_equal(report.finding_count, 0);
	}
}

static void count_sign(void *user, const struct event *event)
{
	int *counts = user;

	if (event->kind != EVENT_SIGN)
		return;
	counts[0] += strcmp(event->name, "panic-front-sensors") == 0;
	counts[1] += strcmp(event->name, "panic-storage") == 0;
	counts[2]++;
}

static void signs(void **state)
{
	static const char text[] = "panic(cpu 1): AOP PANIC - i2cscm1 i2csm1 - nvme nvme";
	struct event saved = {.kind = EVENT_SAVED, .name = "panic-log"};
	int counts[3] = {0};

	event_set_text(&saved, text);
	panic_send_saved(&saved, count_sign, counts);
	assert_int_equal(counts[0], 1);
	assert_int_equal(counts[1], 1);
	assert_int_equal(counts[2], 2);
}

static void fold(void *user, const struct event *event)
{
	attempt_fold(user, event);
}

/* What a phone saved of its panic is evidence of the attempt that reads it. */
static void saved_panic(void **state)
{
	struct event event = {.kind = EVENT_SAVED, .name = "usb-log", .sequence = 7};
	struct attempt attempt;

	attempt_init(&attempt);
	event_set_text(&event, "panic(cpu 0): AppleANS2Controller: command timeout");
	panic_send_saved(&event, fold, &attempt);
	assert_int_equal(attempt.sign_count, 0);
	strcpy(event.name, "panic-log");
	panic_send_saved(&event, fold, &attempt);
	assert_non_null(attempt_sign(&attempt, "panic-storage"));
	assert_int_equal(attempt_sign(&attempt, "panic-storage")->first_sequence, 7);
}

/* More names and numbers than there is room for, ends everywhere, control characters. */
static void hostile(void **state)
{
	static char text[65536];
	size_t length = 0;
	struct panic_report report;

	length += (size_t)sprintf(text, "panic(cpu 0): \033[2J\x80 Missing sensor(s):");
	for (int i = 0; i < 500; i++)
		length += (size_t)sprintf(text + length, " sensor%d", i);
	length += (size_t)sprintf(text + length, "\nS.sensor array 0 - 999 is ");
	for (int i = 0; i < 500; i++)
		length += (size_t)sprintf(text + length, "0x%x, ", 0xffffffffu - (unsigned)i);
	panic_read(text, length, "iPhone14,5", &report);
	assert_int_equal(report.sensor_count, PANIC_SENSORS_MAX);
	assert_int_equal(report.finding_count, PANIC_FINDINGS_MAX);
	assert_null(strchr(report.reason, '\033'));
	/* Every beginning of it, in bytes of its own: a tool that checks memory sees each step
	 * beyond. */
	length = 0;
	length += (size_t)sprintf(text, HEAT_WATCH "S.sensor array 0 - 6 is 0x0, 0x10");
	for (size_t i = 0; i <= length; i++) {
		char *bytes = malloc(i ? i : 1);

		assert_non_null(bytes);
		memcpy(bytes, text, i);
		panic_read(bytes, i, "iPhone14,5", &report);
		free(bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(missing_sensors),
		cmocka_unit_test(models_differ),
		cmocka_unit_test(sensor_arrays),
		cmocka_unit_test(words),
		cmocka_unit_test(signs),
		cmocka_unit_test(saved_panic),
		cmocka_unit_test(hostile),
	};

	return cmocka_run_group_tests_name("panic", tests, NULL, NULL);
}
