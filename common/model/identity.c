/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/model/identity.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "common/model/phone_model.h"

bool identity_is_known(const struct identity *identity)
{
	return identity->ecid || identity->udid[0];
}

bool identity_matches(const struct identity *a, const struct identity *b)
{
	if (a->ecid && b->ecid)
		return a->ecid == b->ecid;
	return a->udid[0] && text_equal(a->udid, b->udid);
}

#define NAMED_MIN 7 /* characters; fewer are in any text */

static bool contains(const char *text, const char *word)
{
	size_t length = strlen(word);

	for (; length >= NAMED_MIN && *text; text++)
		if (strncasecmp(text, word, length) == 0)
			return true;
	return false;
}

bool identity_is_named(const struct identity *identity, const char *text)
{
	const char *dash = strchr(identity->udid, '-');
	char word[UDID_SIZE];

	/* With leading zeros, it contains itself without them. */
	snprintf(word, sizeof(word), "%" PRIx64, identity->ecid);
	if (contains(text, word) || contains(text, identity->udid))
		return true;
	snprintf(word, sizeof(word), "%" PRIu64, identity->ecid);
	if (contains(text, word))
		return true;
	if (!dash)
		return false;
	snprintf(word, sizeof(word), "%.*s%s", (int)(dash - identity->udid), identity->udid,
		dash + 1);
	return contains(text, word);
}

void identity_merge(struct identity *to, const struct identity *from)
{
	if (!to->ecid)
		to->ecid = from->ecid;
	if (!to->udid[0])
		text_copy(to->udid, sizeof(to->udid), from->udid);
	if (!to->product[0])
		text_copy(to->product, sizeof(to->product), from->product);
	if (!to->board[0])
		text_copy(to->board, sizeof(to->board), from->board);
}

struct identity event_identity(const struct event *event)
{
	struct identity identity = {.ecid = event->ecid};
	const struct model *model = NULL;

	text_copy(identity.udid, sizeof(identity.udid), event->udid);
	if (!identity.ecid)
		identity.ecid = udid_ecid(event->udid);
	text_copy(identity.product, sizeof(identity.product), event->product);
	if (event->kind == EVENT_IDENTITY) {
		if (event->name[0])
			text_copy(identity.product, sizeof(identity.product), event->name);
		text_clean(event->text, event->text_length, identity.board, sizeof(identity.board));
	}
	if (identity.board[0] && !identity.product[0])
		model = model_by_board(identity.board);
	if (model)
		text_copy(identity.product, sizeof(identity.product), model->product);
	return identity;
}

void identity_fold(struct identity *to, const struct event *event)
{
	const struct identity identity = event_identity(event);

	identity_merge(to, &identity);
	if (event->kind == EVENT_AMENDMENT && text_equal(event->name, "model"))
		text_clean(event->text, event->text_length, to->product, sizeof(to->product));
}
