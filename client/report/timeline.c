/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The timeline uses horizontal positions in percent without scaling, so that its text is readable
 * from a phone's screen to paper. */
#include "client/report/pages.h"

#include <inttypes.h>
#include <stdio.h>

#include "client/report/words.h"
#include "common/base/text.h"

/* Pixels. */
#define LANE_HEIGHT 42
#define BAR_TOP 15
#define BAR_HEIGHT 20
#define SUPPLY_HEIGHT 52 /* of the curve, the last lane */
#define AXIS_HEIGHT 20

#define WIDTH_LEAST 0.35 /* percent: everything stays visible */
#define LABEL_LEAST 8.0	 /* percent that a word needs on a wide page */
#define NUMBER_LEAST 3.0 /* percent that a number needs */
#define ROOMY 24.0	 /* percent with room for a label on a phone's screen */
#define TICKS_MOST 6

/* The last ones are drawn only if there is something to show, one after the other. */
enum lane { LANE_MODES, LANE_OPERATIONS, LANE_SILENCES, LANE_EVENTS, LANE_DATA };

static int axis_top(const struct course *course)
{
	int more = (course->rate_count > 0) + (course->sample_count > 0);

	return (LANE_DATA + more) * LANE_HEIGHT +
	       (course->sample_count ? SUPPLY_HEIGHT - BAR_HEIGHT : 0);
}

struct phrase report_offset(int64_t us)
{
	int64_t s = us / (int64_t)USEC_PER_SEC;
	struct phrase phrase;
	char *out = phrase.text;

	if (us < 10 * (int64_t)USEC_PER_SEC)
		snprintf(out, PHRASE_BYTES, "%.3f s", (double)us / (double)USEC_PER_SEC);
	else if (s < 60)
		snprintf(out, PHRASE_BYTES, "%.1f s", (double)us / (double)USEC_PER_SEC);
	else if (s < 3600)
		snprintf(out, PHRASE_BYTES, "%" PRId64 ":%02" PRId64 " min", s / 60, s % 60);
	else
		snprintf(out, PHRASE_BYTES, "%" PRId64 ":%02" PRId64 ":%02" PRId64 " h", s / 3600,
			s / 60 % 60, s % 60);
	return phrase;
}

static double percent(const struct course *course, int64_t us)
{
	double at = (double)us * 100.0 / (double)course->end_us;

	return at < 0 ? 0 : at > 100 ? 100 : at;
}

static void put_lane_name(struct html *html, enum lane lane, const char *name)
{
	html_begin(html, "text", "lane");
	html_set_format(html, "y", "%d", (int)lane * LANE_HEIGHT + 10);
	html_put(html, "%s", name);
	html_end(html);
}

/* The background of a lane, so that an empty lane is visible. */
static void put_ground(struct html *html, enum lane lane, int height)
{
	html_begin(html, "rect", "ground");
	html_set_format(html, "y", "%d", (int)lane * LANE_HEIGHT + BAR_TOP);
	html_set(html, "width", "100%");
	html_set_format(html, "height", "%d", height);
	html_end(html);
}

/* Stands on the bottom of its lane. */
static void put_bar(struct html *html, enum lane lane, const double from_to[2], double height,
	const char *class)
{
	double width = from_to[1] - from_to[0];

	html_begin(html, "rect", class);
	html_set_format(html, "x", "%.2f%%", from_to[0]);
	html_set_format(html, "y", "%.1f", (int)lane * LANE_HEIGHT + BAR_TOP + BAR_HEIGHT - height);
	html_set_format(html, "width", "%.2f%%", width < WIDTH_LEAST ? WIDTH_LEAST : width);
	html_set_format(html, "height", "%.1f", height);
	html_end(html);
}

/* A span of a lane. `class` selects its colour, `label` may be NULL, `title` describes it. */
static void put_span(struct html *html, enum lane lane, const double from_to[2], const char *class,
	const char *label, double label_least, const char *title)
{
	double width = from_to[1] - from_to[0];
	int y = (int)lane * LANE_HEIGHT + BAR_TOP;

	width = width < WIDTH_LEAST ? WIDTH_LEAST : width;
	html_begin(html, "g", class);
	html_foreign_in(html, "title", NULL, title);
	put_bar(html, lane, from_to, BAR_HEIGHT, "bar");
	if (label && width >= label_least) {
		html_begin(html, "text", width >= ROOMY ? "name" : "name tight");
		html_set_format(html, "x", "%.2f%%", from_to[0] + width / 2);
		html_set_format(html, "y", "%d", y + 14);
		html_foreign(html, label);
		html_end(html);
	}
	html_end(html);
}

static void put_modes(struct html *html, const struct course *course)
{
	const struct attempt *fold = &course->fold;

	put_lane_name(html, LANE_MODES,
		fold->mode_count ? "Mode of the phone" : "Mode of the phone: not recorded");
	put_ground(html, LANE_MODES, BAR_HEIGHT);
	for (size_t i = 0; i < fold->mode_count; i++) {
		const char *mode = device_mode_name(fold->modes[i].mode);
		int64_t from = (int64_t)fold->modes[i].monotonic_us;
		int64_t to = i + 1 < fold->mode_count ? (int64_t)fold->modes[i + 1].monotonic_us
						      : course->end_us;
		char class[64], title[PHRASE_BYTES * 2];

		snprintf(class, sizeof(class), "mode %s", mode);
		snprintf(title, sizeof(title), "%.80s from %.80s to %.80s", phrase_mode(mode),
			report_offset(from).text, report_offset(to).text);
		put_span(html, LANE_MODES,
			(const double[]){percent(course, from), percent(course, to)}, class,
			phrase_mode(mode), LABEL_LEAST, title);
	}
}

static void put_operations(struct html *html, const struct course *course)
{
	size_t shown = 0;

	put_lane_name(html, LANE_OPERATIONS,
		course->counts[MOMENT_OPERATION] ? "Operation of the restore, by its number"
						 : "Operation of the restore: none was reported");
	put_ground(html, LANE_OPERATIONS, BAR_HEIGHT);
	for (size_t i = 0; i < course->count; i++) {
		const struct moment *moment = &course->moments[i];
		char label[32], title[MOMENT_LABEL_SIZE + PHRASE_BYTES * 2];

		if (moment->kind != MOMENT_OPERATION)
			continue;
		snprintf(label, sizeof(label), "%" PRId64, moment->number);
		snprintf(title, sizeof(title), "%s (%s) from %s to %s", moment->label, label,
			report_offset(moment->from_us).text, report_offset(moment->to_us).text);
		put_span(html, LANE_OPERATIONS,
			(const double[]){
				percent(course, moment->from_us), percent(course, moment->to_us)},
			shown++ % 2 ? "operation odd" : "operation", label, NUMBER_LEAST, title);
	}
}

static void put_silences(struct html *html, const struct course *course)
{
	put_lane_name(html, LANE_SILENCES,
		course->counts[MOMENT_SILENCE] ? "Silence: within its budget, then over it"
					       : "Silence: none went over its budget");
	put_ground(html, LANE_SILENCES, BAR_HEIGHT);
	for (size_t i = 0; i < course->count; i++) {
		const struct moment *moment = &course->moments[i];
		double from = percent(course, moment->from_us);
		double over = percent(course, moment->over_us);
		char title[MOMENT_LABEL_SIZE + PHRASE_BYTES];

		if (moment->kind != MOMENT_SILENCE)
			continue;
		snprintf(title, sizeof(title), "%s: %" PRId64 " s allowed, %s in all",
			moment->label, moment->number,
			report_offset(moment->to_us - moment->from_us).text);
		put_span(html, LANE_SILENCES, (const double[]){from, over}, "silence within",
			"within", LABEL_LEAST, title);
		put_span(html, LANE_SILENCES,
			(const double[]){over, percent(course, moment->to_us)}, "silence over",
			"over budget", LABEL_LEAST, title);
	}
}

static double megabytes_per_second(const struct rate *rate)
{
	return (double)rate->bytes / (double)rate->lasted_us;
}

/* One bar of the link's graph; `most` is the rate of the highest one. */
static void put_rate(
	struct html *html, const struct course *course, const struct rate *rate, double most)
{
	const double from_to[] = {percent(course, rate->from_us), percent(course, rate->to_us)};
	double speed = megabytes_per_second(rate), height = BAR_HEIGHT * speed / most;
	char title[NAME_SIZE + PHRASE_BYTES * 2];

	snprintf(title, sizeof(title), "%s%s%.1f MB at %.1f MB/s until %s", rate->label,
		*rate->label ? ": " : "", (double)rate->bytes / 1e6, speed,
		report_offset(rate->to_us).text);
	html_begin(html, "g", "data");
	html_foreign_in(html, "title", NULL, title);
	put_bar(html, LANE_DATA, from_to, height < 1 ? 1 : height, "bar");
	html_end(html);
}

static void put_rates(struct html *html, const struct course *course)
{
	double most = 0;
	char name[64];

	for (size_t i = 0; i < course->rate_count; i++)
		if (megabytes_per_second(&course->rates[i]) > most)
			most = megabytes_per_second(&course->rates[i]);
	if (most <= 0)
		return;
	snprintf(name, sizeof(name), "Data on USB, up to %.1f MB/s", most);
	put_lane_name(html, LANE_DATA, name);
	put_ground(html, LANE_DATA, BAR_HEIGHT);
	for (size_t i = 0; i < course->rate_count; i++)
		put_rate(html, course, &course->rates[i], most);
}

/* The points of the curve from 0 on, in a picture of 1000 to 100. NULL when out of memory. */
static char *curve_new(const struct course *course, int64_t most)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	for (size_t i = 0; i < course->sample_count; i++) {
		const struct sample *sample = &course->samples[i];
		int64_t current = sample->microamperes > 0 ? sample->microamperes : 0;

		fprintf(out, "%s%.1f %.1f", i ? "L" : "M", percent(course, sample->at_us) * 10,
			100 - 100 * (double)current / (double)most);
	}
	fclose(out);
	return text;
}

/* Stretched to the width of the lane. */
static void put_curve(struct html *html, const struct course *course, int lane, int64_t most)
{
	CLEANUP(freep) char *curve = curve_new(course, most);

	html_begin(html, "svg", "supply");
	html_set_format(html, "y", "%d", lane * LANE_HEIGHT + BAR_TOP);
	html_set(html, "width", "100%");
	html_set_format(html, "height", "%d", SUPPLY_HEIGHT);
	html_set(html, "viewBox", "0 0 1000 100");
	html_set(html, "preserveAspectRatio", "none");
	html_begin(html, "path", NULL);
	html_set(html, "d", curve ? curve : "");
	html_end(html);
	html_end(html);
}

static void put_supply(struct html *html, const struct course *course)
{
	int lane = LANE_DATA + (course->rate_count > 0);
	int64_t most = 1;

	if (course->sample_count == 0)
		return;
	for (size_t i = 0; i < course->sample_count; i++)
		if (course->samples[i].microamperes > most)
			most = course->samples[i].microamperes;
	html_begin(html, "text", "lane");
	html_set_format(html, "y", "%d", lane * LANE_HEIGHT + 10);
	html_put(html, "Current, up to %.2f A; %.2f to %.2f V; measured by ", (double)most / 1e6,
		(double)course->millivolts_min / 1e3, (double)course->millivolts_max / 1e3);
	html_foreign(html, course->meter);
	html_end(html);
	put_ground(html, (enum lane)lane, SUPPLY_HEIGHT);
	put_curve(html, course, lane, most);
}

/* The symbols of the events lane, around 0,0. */
static const struct {
	const char *name; /* for the legend */
	const char *class;
	const char *path;
	bool crosses; /* a line through all lanes */
} signs[MOMENT_KINDS] = {
	[MOMENT_USB_ERROR] = {"USB error", "fault", "M-4-4L4 4M-4 4L4-4", false},
	[MOMENT_MUX_ERROR] = {"usbmuxd error", "fault", "M-4-4H4V4H-4Z", false},
	[MOMENT_DETACH] = {"detach, announced", "quiet", "M-5-4H5L0 5Z", false},
	[MOMENT_LINK_LOST] = {"link lost, not announced", "fault full", "M-6-5H6L0 6Z", true},
	[MOMENT_CHECKPOINT] = {"failed checkpoint", "fault full", "M0-6L5 0L0 6L-5 0Z", false},
	[MOMENT_LAST_WORD] = {"the phone's last word", "quiet", "M-3 6V-6H6L3-3L6 0H-3", false},
	[MOMENT_TOOL_END] = {"end of the tool", "quiet", "M0-8V8M-3-8H3M-3 8H3", false},
	[MOMENT_END] = {"end of the session", "quiet", "M-2-8V8M2-8V8", false},
	[MOMENT_TRANSFER_ERROR] = {"failed USB transfer, phone stayed", "fault full",
		"M-6 0L0-6L6 0L0 6Z", false},
};

static const char *sign_class(const struct moment *moment)
{
	if (moment->masked)
		return "quiet";
	if (moment->kind == MOMENT_LAST_WORD)
		return moment->number == 0 ? "good" : "fault";
	return signs[moment->kind].class;
}

static void put_sign(struct html *html, const struct course *course, const struct moment *moment)
{
	char title[MOMENT_LABEL_SIZE + PHRASE_BYTES], class[32];

	snprintf(title, sizeof(title), "%s%s%s at %s", signs[moment->kind].name,
		*moment->label ? ": " : "", moment->label, report_offset(moment->from_us).text);
	snprintf(class, sizeof(class), "sign %s", sign_class(moment));
	html_begin(html, "svg", class);
	html_set_format(html, "x", "%.2f%%", percent(course, moment->from_us));
	html_set_format(html, "y", "%d", LANE_EVENTS * LANE_HEIGHT + BAR_TOP + BAR_HEIGHT / 2);
	html_foreign_in(html, "title", NULL, title);
	html_begin(html, "path", NULL);
	html_set(html, "d", signs[moment->kind].path);
	html_end(html);
	html_end(html);
	if (!signs[moment->kind].crosses)
		return;
	html_begin(html, "line", "cross");
	html_set_format(html, "x1", "%.2f%%", percent(course, moment->from_us));
	html_set_format(html, "x2", "%.2f%%", percent(course, moment->from_us));
	html_set_format(html, "y1", "%d", BAR_TOP);
	html_set_format(html, "y2", "%d", (LANE_EVENTS + 1) * LANE_HEIGHT - 6);
	html_end(html);
}

static void put_signs(struct html *html, const struct course *course)
{
	put_lane_name(html, LANE_EVENTS, "Faults and ends");
	put_ground(html, LANE_EVENTS, BAR_HEIGHT);
	for (size_t i = 0; i < course->count; i++)
		if (signs[course->moments[i].kind].name)
			put_sign(html, course, &course->moments[i]);
}

/* The smallest round step that gives the axis at most TICKS_MOST ticks. */
static int64_t tick_step(int64_t end_us)
{
	static const int64_t seconds[] = {
		1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200};
	static const int64_t milliseconds[] = {1, 2, 5, 10, 20, 50, 100, 200, 500};

	for (size_t i = 0; i < ARRAY_SIZE(milliseconds); i++)
		if (end_us / (milliseconds[i] * (int64_t)USEC_PER_MSEC) < TICKS_MOST)
			return milliseconds[i] * (int64_t)USEC_PER_MSEC;
	for (size_t i = 0; i < ARRAY_SIZE(seconds); i++)
		if (end_us / (seconds[i] * (int64_t)USEC_PER_SEC) < TICKS_MOST)
			return seconds[i] * (int64_t)USEC_PER_SEC;
	return end_us / TICKS_MOST + 1;
}

static void format_tick(char *out, size_t size, int64_t us)
{
	int64_t s = us / (int64_t)USEC_PER_SEC;

	if (us == 0)
		text_copy(out, size, "0");
	else if (us < (int64_t)USEC_PER_SEC)
		snprintf(out, size, "%" PRId64 " ms", us / (int64_t)USEC_PER_MSEC);
	else if (s < 60 && us % (int64_t)USEC_PER_SEC)
		snprintf(out, size, "%.1f s", (double)us / (double)USEC_PER_SEC);
	else if (s < 60)
		snprintf(out, size, "%" PRId64 " s", s);
	else if (s < 3600 && s % 60)
		snprintf(out, size, "%" PRId64 ":%02" PRId64 " min", s / 60, s % 60);
	else if (s < 3600)
		snprintf(out, size, "%" PRId64 " min", s / 60);
	else
		snprintf(out, size, "%" PRId64 ":%02" PRId64 " h", s / 3600, s / 60 % 60);
}

static void put_axis(struct html *html, const struct course *course)
{
	int64_t step = tick_step(course->end_us);
	int top = axis_top(course);

	for (int64_t at = 0; at <= course->end_us; at += step) {
		double x = percent(course, at);
		char text[32];

		format_tick(text, sizeof(text), at);
		html_begin(html, "line", "tick");
		html_set_format(html, "x1", "%.2f%%", x);
		html_set_format(html, "x2", "%.2f%%", x);
		html_set_format(html, "y1", "%d", BAR_TOP);
		html_set_format(html, "y2", "%d", top);
		html_end(html);
		html_begin(html, "text", at == 0 ? "axis first" : x > 94 ? "axis last" : "axis");
		html_set_format(html, "x", "%.2f%%", x);
		html_set_format(html, "y", "%d", top + 13);
		html_put(html, "%s", text);
		html_end(html);
		if (at > INT64_MAX - step)
			break;
	}
}

static void put_legend(struct html *html, const struct course *course)
{
	html_begin(html, "ul", "legend");
	for (size_t kind = 0; kind < MOMENT_KINDS; kind++) {
		bool any = false;

		for (size_t i = 0; i < course->count; i++)
			any = any || course->moments[i].kind == kind;
		if (!any || !signs[kind].name)
			continue;
		html_begin(html, "li", NULL);
		html_begin(html, "svg", "key");
		html_set(html, "viewBox", "-9 -9 18 18");
		html_set(html, "aria-hidden", "true");
		html_begin(html, "g", NULL);
		html_set_format(html, "class", "sign %s", signs[kind].class);
		html_begin(html, "path", NULL);
		html_set(html, "d", signs[kind].path);
		html_end(html);
		html_end(html);
		html_end(html);
		html_put(html, "%s", signs[kind].name);
		html_end(html);
	}
	html_end(html);
}

void report_put_timeline(struct html *html, const struct report_attempt *attempt)
{
	const struct course *course = &attempt->course;

	if (course->end_us <= 0) {
		html_put_in(html, "p", "soft", "%s",
			course->records ? "The records have no times to draw."
					: "Its log was deleted, or there never was one.");
		return;
	}
	html_begin(html, "svg", "timeline");
	html_set_format(html, "height", "%d", axis_top(course) + AXIS_HEIGHT);
	html_set(html, "width", "100%");
	html_set(html, "role", "img");
	html_set_format(html, "aria-label", "Timeline of attempt %zu, %s long", attempt->number,
		report_offset(course->end_us).text);
	put_modes(html, course);
	put_operations(html, course);
	put_silences(html, course);
	put_signs(html, course);
	put_rates(html, course);
	put_supply(html, course);
	put_axis(html, course);
	html_end(html);
	put_legend(html, course);
}
