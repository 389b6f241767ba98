/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/report/html.h"

#include <stdarg.h>
#include <string.h>

#include "client/mask.h"
#include "common/base/text.h"

/* Elements that may be followed by a line end without a visible change. */
static const char *const blocks[] = {"article", "dd", "div", "dl", "figcaption", "figure", "footer",
	"g", "h1", "h2", "h3", "head", "header", "li", "main", "ol", "p", "rect", "section",
	"style", "svg", "table", "tbody", "thead", "title", "tr", "ul"};

static bool is_block(const char *element)
{
	for (size_t i = 0; i < ARRAY_SIZE(blocks); i++)
		if (text_equal(element, blocks[i]))
			return true;
	return false;
}

static void escape(struct html *html, const char *text)
{
	for (; *text; text++)
		switch (*text) {
		case '&':
			fputs("&amp;", html->out);
			break;
		case '<':
			fputs("&lt;", html->out);
			break;
		case '>':
			fputs("&gt;", html->out);
			break;
		case '"':
			fputs("&quot;", html->out);
			break;
		case '\'':
			fputs("&#39;", html->out);
			break;
		default:
			fputc(*text, html->out);
		}
}

/* Escapes arbitrary text. */
static void escape_clean(struct html *html, const char *text)
{
	size_t size = strlen(text) + 1;
	CLEANUP(freep) char *clean = malloc(size);

	if (!clean) {
		html->failed = true;
		return;
	}
	text_clean(text, size - 1, clean, size);
	escape(html, clean);
}

static void end_tag_head(struct html *html)
{
	if (html->in_tag)
		fputc('>', html->out);
	html->in_tag = false;
}

void html_markup(struct html *html, const char *markup)
{
	end_tag_head(html);
	fputs(markup, html->out);
}

static void start(struct html *html, const char *element)
{
	end_tag_head(html);
	fprintf(html->out, "<%s", element);
	html->in_tag = true;
}

void html_begin(struct html *html, const char *element, const char *class)
{
	assert(html->depth < HTML_DEPTH_MAX);
	start(html, element);
	html->open[html->depth++] = element;
	if (class)
		html_set(html, "class", class);
}

void html_void(struct html *html, const char *element)
{
	start(html, element);
}

void html_set(struct html *html, const char *attribute, const char *value)
{
	assert(html->in_tag);
	fprintf(html->out, " %s=\"", attribute);
	escape_clean(html, value);
	fputc('"', html->out);
}

void html_set_format(struct html *html, const char *attribute, const char *format, ...)
{
	CLEANUP(freep) char *value = NULL;
	va_list args;
	int length;

	va_start(args, format);
	length = vasprintf(&value, format, args);
	va_end(args);
	if (length < 0) {
		value = NULL;
		html->failed = true;
		return;
	}
	html_set(html, attribute, value);
}

void html_end(struct html *html)
{
	const char *element;

	assert(html->depth > 0);
	end_tag_head(html);
	element = html->open[--html->depth];
	fprintf(html->out, "</%s>%s", element, is_block(element) ? "\n" : "");
}

PRINTF_LIKE(2, 0)
static void put_list(struct html *html, const char *format, va_list args)
{
	CLEANUP(freep) char *text = NULL;

	end_tag_head(html);
	if (vasprintf(&text, format, args) < 0) {
		text = NULL;
		html->failed = true;
		return;
	}
	escape_clean(html, text);
}

void html_put(struct html *html, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put_list(html, format, args);
	va_end(args);
}

/* The text, cleaned and masked; NULL when out of memory. */
static char *presentable(const struct html *html, const char *text)
{
	size_t size = strlen(text) + 1;
	CLEANUP(freep) char *clean = malloc(size);

	if (!clean)
		return NULL;
	text_clean(text, size - 1, clean, size);
	return html->reveal ? TAKE_PTR(clean) : mask_text(NULL, clean, true);
}

/* Mask before truncating: half an identifier would not be recognised. */
void html_foreign(struct html *html, const char *text)
{
	CLEANUP(freep) char *whole = presentable(html, text ? text : "");
	char cut[HTML_FOREIGN_BYTES];

	end_tag_head(html);
	if (!whole) {
		html->failed = true;
		return;
	}
	text_clean(whole, strlen(whole), cut, sizeof(cut));
	escape_clean(html, cut);
	if (strlen(whole) >= sizeof(cut))
		fputs("…", html->out);
}

void html_put_in(struct html *html, const char *element, const char *class, const char *format, ...)
{
	va_list args;

	html_begin(html, element, class);
	va_start(args, format);
	put_list(html, format, args);
	va_end(args);
	html_end(html);
}

void html_foreign_in(struct html *html, const char *element, const char *class, const char *text)
{
	html_begin(html, element, class);
	html_foreign(html, text);
	html_end(html);
}

void html_fact(struct html *html, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	html_begin(html, "div", NULL);
	html_put_in(html, "dt", NULL, "%s", name);
	html_foreign_in(html, "dd", NULL, value);
	html_end(html);
}
