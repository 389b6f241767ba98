/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Selects attempts: by phone, ticket, port, model, outcome and time, and by what people type for a
 * phone or a session. The casebook finds candidates by its indexes; filter_fits() decides, for the
 * bench and the casebook alike. */
#pragma once

#include "common/model/attempt.h"
#include "common/model/identity.h"

#define FILTER_PRODUCTS_MAX 64 /* product types with one name: "iPad" has most, about 30 */
#define FILTER_END_LEAST 4     /* minimum characters of an identifier's end */

/* What a typed text may name. */
enum names_what { NAMES_PHONE = 1, NAMES_TICKET = 2, NAMES_SESSION = 4 };

/* A text as people type it, in the forms that it may have. */
struct typed_name {
	const char *text; /* without the ellipsis of a masked identifier; borrowed */
	uint64_t ecid;	  /* 0 = it is none */
	uint64_t decimal; /* the same digits as a decimal number; 0 = they are none */
	char udid[UDID_SIZE];
	struct uuid session;
	bool has_end; /* it may be the end of an identifier */
};

/* Reads a typed text, which must outlive *ret. */
struct typed_name typed_name(const char *text);

/* A member that is 0 or NULL selects nothing. Texts are borrowed. */
struct filter {
	const struct identity *identity; /* the phone */
	const struct typed_name *name;
	unsigned names; /* enum names_what: what `name` may be */
	const char *ticket;
	const char *port; /* or the name that the port had */
	const char *products[FILTER_PRODUCTS_MAX];
	size_t product_count;
	const char *outcome; /* a word: running, failed… */
	uint64_t since_us;
	uint64_t until_us; /* 0 = no limit */
};

/* An attempt with what the filter looks at. */
struct candidate {
	const struct attempt *attempt;
	const struct identity *identity;
	uint64_t started_us;
	bool running;
};

/* Selects a model by its product type, its board or its name. Returns false if there is no such
 * model; an unknown product type counts. */
bool filter_set_model(struct filter *filter, const char *text);
/* True for the words that a Session has as its outcome. */
bool filter_outcome_ok(const char *word);
/* The end of the range in time; never 0. */
uint64_t filter_until(const struct filter *filter);
/* Whether the name may be this phone or this session. */
bool filter_names_phone(const struct typed_name *name, const struct identity *identity);
bool filter_names_session(const struct typed_name *name, const struct uuid *session);
bool filter_fits(const struct filter *filter, const struct candidate *candidate);
