/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/store/filter.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/macro.h"
#include "common/base/text.h"
#include "common/model/phone_model.h"

/* Only digits: people read an ECID from a tool that prints it in decimal. */
static uint64_t read_decimal(const char *text)
{
	size_t length = strlen(text);
	uint64_t value;

	if (length < FILTER_END_LEAST || strspn(text, "0123456789") != length)
		return 0;
	errno = 0;
	value = strtoull(text, NULL, 10);
	return errno ? 0 : value;
}

/* A masked identifier begins with an ellipsis, or with dots where there is no UTF-8. */
static const char *skip_ellipsis(const char *text)
{
	static const char *const signs[] = {"…", "...", ".."};

	for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
		if (text_starts_with(text, signs[i]))
			return text + strlen(signs[i]);
	return text;
}

struct typed_name typed_name(const char *text)
{
	struct typed_name name = {.text = skip_ellipsis(text)};
	bool masked = name.text != text;

	name.has_end = strlen(name.text) >= FILTER_END_LEAST;
	if (masked)
		return name;
	ecid_parse(name.text, &name.ecid);
	name.decimal = read_decimal(name.text);
	if (udid_normalize(name.text, name.udid) == 0)
		name.ecid = udid_ecid(name.udid);
	uuid_parse(name.text, &name.session);
	return name;
}

static bool product_ok(const char *text)
{
	size_t letters = 0;

	while (isalpha((unsigned char)text[letters]))
		letters++;
	return letters > 0 && isdigit((unsigned char)text[letters]) && strchr(text, ',') &&
	       strspn(text + letters, "0123456789,") == strlen(text + letters);
}

static void add_product(struct filter *filter, const char *product)
{
	for (size_t i = 0; i < filter->product_count; i++)
		if (text_equal(filter->products[i], product))
			return;
	if (filter->product_count < FILTER_PRODUCTS_MAX)
		filter->products[filter->product_count++] = product;
}

/* A name as Apple sells it may have several models: "iPhone 8" is that of "iPhone 8 (GSM)". */
static bool is_named(const struct model *model, const char *text)
{
	size_t length = strlen(text);

	return strncasecmp(model->name, text, length) == 0 &&
	       (!model->name[length] || text_starts_with(model->name + length, " ("));
}

bool filter_set_model(struct filter *filter, const char *text)
{
	const struct model *models;
	size_t count;

	models = model_all(&count);
	for (size_t i = 0; i < count; i++)
		if (strcasecmp(models[i].product, text) == 0 ||
			strcasecmp(models[i].board, text) == 0 || is_named(&models[i], text))
			add_product(filter, models[i].product);
	if (filter->product_count == 0 && product_ok(text))
		add_product(filter, text);
	return filter->product_count > 0;
}

bool filter_outcome_ok(const char *word)
{
	return text_equal(word, "running") || text_equal(word, outcome_name(OUTCOME_UNKNOWN)) ||
	       outcome_from_name(word) != OUTCOME_UNKNOWN;
}

uint64_t filter_until(const struct filter *filter)
{
	return filter->until_us ? filter->until_us : INT64_MAX;
}

static bool ends_with(const char *whole, const char *end)
{
	size_t length = strlen(end);

	return strlen(whole) >= length && strcasecmp(whole + strlen(whole) - length, end) == 0;
}

bool filter_names_phone(const struct typed_name *name, const struct identity *identity)
{
	char ecid[ECID_TEXT_SIZE];

	if (identity->ecid && (identity->ecid == name->ecid || identity->ecid == name->decimal))
		return true;
	if (name->udid[0] && text_equal(name->udid, identity->udid))
		return true;
	ecid_format(identity->ecid, ecid);
	return name->has_end &&
	       (ends_with(ecid, name->text) || ends_with(identity->udid, name->text));
}

bool filter_names_session(const struct typed_name *name, const struct uuid *session)
{
	char text[UUID_TEXT_SIZE];

	uuid_format(session, text);
	return name->has_end && ends_with(text, name->text);
}

static bool fits_name(const struct filter *filter, const struct candidate *candidate)
{
	const struct typed_name *name = filter->name;

	if (!name)
		return true;
	return (filter->names & NAMES_PHONE && filter_names_phone(name, candidate->identity)) ||
	       (filter->names & NAMES_TICKET && name->text[0] &&
		       text_equal(name->text, candidate->attempt->ticket)) ||
	       (filter->names & NAMES_SESSION &&
		       filter_names_session(name, &candidate->attempt->id));
}

static bool fits_port(const struct filter *filter, const struct attempt *attempt)
{
	const char *name = attempt_condition(attempt, "portName");

	return !filter->port || text_equal(filter->port, attempt->port) ||
	       (name && text_equal(filter->port, name));
}

static bool fits_model(const struct filter *filter, const char *product)
{
	for (size_t i = 0; i < filter->product_count; i++)
		if (strcasecmp(filter->products[i], product) == 0)
			return true;
	return filter->product_count == 0;
}

bool filter_fits(const struct filter *filter, const struct candidate *candidate)
{
	const struct attempt *attempt = candidate->attempt;
	const char *outcome = candidate->running ? "running" : outcome_name(attempt->outcome);

	return (!filter->identity || identity_matches(candidate->identity, filter->identity)) &&
	       candidate->started_us >= filter->since_us &&
	       candidate->started_us <= filter_until(filter) &&
	       (!filter->ticket || text_equal(filter->ticket, attempt->ticket)) &&
	       (!filter->outcome || text_equal(filter->outcome, outcome)) &&
	       fits_port(filter, attempt) && fits_model(filter, candidate->identity->product) &&
	       fits_name(filter, candidate);
}
