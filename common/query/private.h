/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shared by the files that answer. Private to this folder. */
#pragma once

#include "common/query/query.h"

/* The state of an answer, for visits of the store. */
struct answer {
	const struct query *query;
	struct call *call;
	struct json_builder *builder;
	struct json_object *list;
	size_t room; /* items that the list can still hold */
};

static inline struct answer answer_new(const struct query *query, struct call *call, size_t room)
{
	return (struct answer){query, call, &call->builder, json_new_array(&call->builder), room};
}

static inline void answer_put(struct answer *answer, const char *key)
{
	json_put(answer->builder, answer->call->answer, key, answer->list);
}

/* sessions.c */

/* A page of sessions. */
struct page {
	struct answer answer;
	struct uuid last;
	bool more;
};

struct json_object *query_session_json(
	const struct query *query, struct json_builder *builder, const struct found_attempt *found);
/* A store_visit with a struct answer. */
bool query_add_session(void *context, const struct found_attempt *found);
/* The same with a struct page, and the page with its cursor. */
bool query_add_to_page(void *context, const struct found_attempt *found);
void query_put_page(struct call *call, struct page *page);
/* Adds the sessions that fit, newest first: the first ones, or those after a session; and a cursor
 * if there are more than `limit`. Returns API_OK, or API_INVALID_PARAMETER if there is no such
 * session. */
int query_put_sessions(const struct query *query, struct call *call, const struct filter *filter,
	const struct uuid *after, size_t limit);
/* Each is a query_handler. */
query_handler query_list_sessions;

/* changes.c */
query_handler query_list_changes, query_export_change;

/* names.c: a query_handler. */
query_handler query_find_name;
