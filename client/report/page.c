/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The document around the parts. It references nothing external, and forbids the browser to load or
 * run anything, in case foreign markup ever gets through. */
#include "client/report/pages.h"

#include <errno.h>

#include "client/phrase.h"

#define POLICY "default-src 'none'; style-src 'unsafe-inline'"

struct phrase report_minute(struct json_object *session)
{
	int64_t started = field_number_or(session, "startedUSec", 0);

	return started > 0 ? phrase_minute(started) : (struct phrase){"date not known"};
}

static void put_meta(
	struct html *html, const char *attribute, const char *name, const char *content)
{
	html_void(html, "meta");
	html_set(html, attribute, name);
	html_set(html, "content", content);
}

static void put_head(struct html *html, const struct report *report)
{
	html_begin(html, "head", NULL);
	html_void(html, "meta");
	html_set(html, "charset", "utf-8");
	put_meta(html, "http-equiv", "Content-Security-Policy", POLICY);
	put_meta(html, "name", "viewport", "width=device-width, initial-scale=1");
	put_meta(html, "name", "color-scheme", "light dark");
	put_meta(html, "name", "referrer", "no-referrer");
	put_meta(html, "name", "generator", "idevicetriage " PROJECT_VERSION);
	html_begin(html, "title", NULL);
	html_put(html, "Restore diagnosis, ");
	html_foreign(html, phrase_model(field_object(report->diagnosis, "device")));
	html_put(html, ", %s", phrase_minute(report->made_us).text);
	html_end(html);
	html_begin(html, "style", NULL);
	html_markup(html, report_style);
	html_end(html);
	html_end(html);
}

int report_write(const struct report *report, FILE *out)
{
	struct html html = {.out = out};

	html_markup(&html, "<!DOCTYPE html>\n");
	html_begin(&html, "html", NULL);
	html_set(&html, "lang", "en");
	put_head(&html, report);
	html_begin(&html, "body", NULL);
	html_begin(&html, "main", NULL);
	report_put_customer(&html, report);
	html.reveal = report->reveal;
	report_put_annex(&html, report);
	html_end(&html);
	html_end(&html);
	html_end(&html);
	return html.failed ? -ENOMEM : 0;
}
