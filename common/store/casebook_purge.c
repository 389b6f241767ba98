/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Deletes for good, and remembers what was deleted, so that no other bench brings it back. */
#include <endian.h>
#include <errno.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "common/base/text.h"
#include "common/store/conditions.h"
#include "common/store/exchange.h"
#include "common/store/file_private.h"
#include "common/store/sql.h"

#define PURGE_WAIT_MS 2000 /* to wait for the sync thread and other readers */
#define PURGE_PAUSE_MS 10
#define PURGE_ROWS 16 /* deleted at a time on a full disk: they must fit into the reserve */

/* Salted hashes of a phone's keys */

static void hash(const struct purge *purge, const void *key, size_t length,
	uint8_t out[static PURGE_HASH_SIZE])
{
	struct sha256_ctx context;

	sha256_init(&context);
	sha256_update(&context, sizeof(purge->salt), purge->salt);
	sha256_update(&context, length, key);
	sha256_digest(&context, PURGE_HASH_SIZE, out);
}

static void hash_ecid(const struct purge *purge, uint64_t ecid, uint8_t out[static PURGE_HASH_SIZE])
{
	uint64_t bytes = htole64(ecid);

	hash(purge, &bytes, sizeof(bytes), out);
}

static void hash_phone(struct purge *purge, const struct identity *identity)
{
	purge->has_ecid = identity->ecid != 0;
	purge->has_udid = identity->udid[0] != '\0';
	if (purge->has_ecid)
		hash_ecid(purge, identity->ecid, purge->ecid);
	if (purge->has_udid)
		hash(purge, identity->udid, strlen(identity->udid), purge->udid);
}

bool purge_is_of(const struct purge *purge, const struct identity *identity)
{
	struct purge of = *purge;

	hash_phone(&of, identity);
	return (purge->has_ecid && of.has_ecid &&
		       memcmp(purge->ecid, of.ecid, sizeof(of.ecid)) == 0) ||
	       (purge->has_udid && of.has_udid &&
		       memcmp(purge->udid, of.udid, sizeof(of.udid)) == 0);
}

/* The deleted attempts */

/* The id is the first member. */
static int compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct uuid));
}

bool casebook_purged_has(const struct casebook_purged *purged, const struct uuid *session)
{
	return purged->count > 0 && bsearch(session, purged->attempts, purged->count,
					    sizeof(*purged->attempts), compare_ids) != NULL;
}

void casebook_purged_done(struct casebook_purged *purged)
{
	for (size_t i = 0; i < purged->count; i++)
		free(purged->attempts[i].log);
	free(purged->attempts);
	free(purged->items);
	*purged = (struct casebook_purged){0};
}

/* Adds the row's attempt. Returns 0 or -ENOMEM. */
static int add_purged(struct casebook_purged *purged, sqlite3_stmt *row)
{
	const void *id = sqlite3_column_blob(row, 0);
	const char *log = (const char *)sqlite3_column_text(row, 1);
	struct purged_attempt *attempt;

	/* Grows at each power of two. */
	if ((purged->count & (purged->count - 1)) == 0) {
		size_t room = purged->count ? 2 * purged->count : 1;
		struct purged_attempt *attempts =
			reallocarray(purged->attempts, room, sizeof(*attempts));

		if (!attempts)
			return -ENOMEM;
		purged->attempts = attempts;
	}
	if (!id || sqlite3_column_bytes(row, 0) != (int)sizeof(struct uuid))
		return 0;
	attempt = &purged->attempts[purged->count];
	*attempt = (struct purged_attempt){.user = (uint32_t)sqlite3_column_int64(row, 2)};
	memcpy(&attempt->id, id, sizeof(attempt->id));
	attempt->log = log ? strdup(log) : NULL;
	if (log && !attempt->log)
		return -ENOMEM;
	purged->count++;
	return 0;
}

/* Adds the row's identifier. Returns 0 or -ENOMEM. */
static int add_item(struct casebook_purged *purged, sqlite3_stmt *row)
{
	struct uuid id;

	sql_uuid(row, 0, &id);
	if ((purged->item_count & (purged->item_count - 1)) == 0) {
		size_t room = purged->item_count ? 2 * purged->item_count : 1;
		struct uuid *items = reallocarray(purged->items, room, sizeof(*items));

		if (!items)
			return -ENOMEM;
		purged->items = items;
	}
	purged->items[purged->item_count++] = id;
	return 0;
}

/* Runs a statement to its end. Adds its rows, the deleted ones: attempts have three columns.
 * Returns 1 if `most` rows were deleted and more may be left, 0 or a negative errno. */
static int delete_rows(struct casebook_file *file, sqlite3_stmt *statement, int most,
	struct casebook_purged *purged)
{
	int r;

	while ((r = sqlite3_step(statement)) == SQLITE_ROW) {
		if (add_item(purged, statement) < 0)
			return -ENOMEM;
		if (sqlite3_column_count(statement) > 1 && add_purged(purged, statement) < 0)
			return -ENOMEM;
	}
	if (r != SQLITE_DONE)
		return sql_errno(r);
	return most > 0 && sqlite3_changes(file->db) >= most;
}

/* Runs `text` with the purge's parameters: ?1 and ?2 the phone, ?3 the time, ?4 the most rows,
 * negative = all, ?5 the phone's name as a place. */
static int purge_rows(struct casebook_file *file, const char *text,
	const struct casebook_purge *purge, int most, struct casebook_purged *purged)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *statement = NULL;
	struct place place = {0};
	char name[UDID_SIZE];
	int r = sql_prepare(file->db, text, &statement);

	if (r < 0)
		return r;
	if (purge->identity) {
		sql_bind_phone(statement, purge->identity);
		place.identity = *purge->identity;
		place_name(&place, name);
		sql_bind_text(statement, 5, name);
	}
	sqlite3_bind_int64(statement, 3, purge->before_us ? (int64_t)purge->before_us : INT64_MAX);
	sqlite3_bind_int(statement, 4, most);
	return delete_rows(file, statement, most, purged);
}

/* Deletes by phone or by time: two sets of statements, so that each can use its index. Returns 1 if
 * `most` rows were deleted and more may be left. */
static int purge_some(struct casebook_file *file, const struct casebook_purge *purge, int most,
	struct casebook_purged *purged)
{
#define PURGED_OF_PHONE "(ecid = ?1 OR udid = ?2) AND started_us < ?3"
#define PURGED_IN_TIME "started_us < ?3"
#define PURGE_STATEMENTS(which, notes)                                                             \
	"DELETE FROM records WHERE number IN (SELECT number FROM records WHERE attempt IN"         \
	" (SELECT id FROM attempts WHERE " which ") LIMIT ?4)",                                    \
		"DELETE FROM notes WHERE id IN (SELECT id FROM notes WHERE " notes " LIMIT ?4)"    \
		" RETURNING id",                                                                   \
		"DELETE FROM attempts WHERE number IN (SELECT number FROM attempts WHERE " which   \
		" LIMIT ?4) RETURNING id, tool_log, tool_user"
	static const char *const texts[][3] = {
		{PURGE_STATEMENTS(PURGED_IN_TIME, "at_us < ?3")},
		{PURGE_STATEMENTS(PURGED_OF_PHONE, "(ecid = ?1 OR udid = ?2) AND at_us < ?3")},
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(texts[0]); i++)
		r = purge_rows(file, texts[purge->identity != NULL][i], purge, most, purged);
	if (r == 0 && purge->identity && purge->whole)
		r = purge_rows(file,
			"DELETE FROM conditions WHERE host_id = '' AND place IN (?5, ?2)"
			" AND at_us < ?3",
			purge, -1, purged);
	return r;
}

/* Deletes what has one of the identifiers. Returns as purge_some(). */
static int purge_items(struct casebook_file *file, const struct purge *purge, int most,
	struct casebook_purged *purged)
{
	static const char *const texts[] = {
		("DELETE FROM records WHERE number IN"
		 " (SELECT number FROM records WHERE attempt = ?1 LIMIT ?2)"),
		"DELETE FROM corrections WHERE attempt = ?1", "DELETE FROM notes WHERE id = ?1",
		"DELETE FROM conditions WHERE id = ?1 AND host_id = ''",
		"DELETE FROM attempts WHERE id = ?1 RETURNING id, tool_log, tool_user"};
	int left = most, r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(texts); i++) {
		CLEANUP(sql_finalizep) sqlite3_stmt *statement = NULL;

		r = sql_prepare(file->db, texts[i], &statement);
		for (size_t j = 0; r == 0 && j < purge->item_count; j++) {
			sqlite3_reset(statement);
			sql_bind_uuid(statement, 1, &purge->items[j]);
			sqlite3_bind_int(statement, 2, left);
			r = delete_rows(file, statement, left, purged);
			left -= left > 0 ? sqlite3_changes(file->db) : 0;
		}
	}
	return r;
}

/* Tombstones */

static int put_item(struct casebook_file *file, const struct uuid *purge, const struct uuid *item)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *statement = NULL;
	int r = sql_prepare(file->db,
		"INSERT INTO purged (id, purge) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
		&statement);

	if (r < 0)
		return r;
	sql_bind_uuid(statement, 1, item);
	sql_bind_uuid(statement, 2, purge);
	return sql_finish(statement);
}

static void bind_hash(sqlite3_stmt *statement, int parameter, bool has, const uint8_t *hash)
{
	if (has)
		sqlite3_bind_blob(statement, parameter, hash, PURGE_HASH_SIZE, SQLITE_STATIC);
}

/* Returns 1 if it is new, 0 if it is not, or a negative errno. */
static int put_purge(struct casebook_file *file, const struct purge *purge)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *statement = NULL;
	int r = sql_prepare(file->db,
		"INSERT INTO purges (id, at_us, writer, before_us, salt, ecid, udid, items)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
		&statement);

	if (r < 0)
		return r;
	sql_bind_uuid(statement, 1, &purge->id);
	sqlite3_bind_int64(statement, 2, (int64_t)purge->at_us);
	sql_bind_text(statement, 3, purge->writer);
	if (purge->before_us) {
		sqlite3_bind_int64(statement, 4, (int64_t)purge->before_us);
		sqlite3_bind_blob(statement, 5, purge->salt, sizeof(purge->salt), SQLITE_STATIC);
	}
	bind_hash(statement, 6, purge->has_ecid, purge->ecid);
	bind_hash(statement, 7, purge->has_udid, purge->udid);
	sqlite3_bind_blob(statement, 8, purge->item_count ? (const void *)purge->items : "",
		(int)(purge->item_count * sizeof(*purge->items)), SQLITE_STATIC);
	r = sql_finish(statement);
	if (r < 0 || sqlite3_changes(file->db) == 0)
		return r;
	for (size_t i = 0; r == 0 && i < purge->item_count; i++)
		r = put_item(file, &purge->id, &purge->items[i]);
	return r < 0 ? r : 1;
}

/* One salt a bench: then a phone is hashed once for each bench, not for each purge. */
static int choose_salt(struct casebook_file *file, uint8_t salt[static PURGE_SALT_SIZE])
{
	CLEANUP(sql_finalizep) sqlite3_stmt *row = NULL;
	int r = sql_prepare(file->db,
		"SELECT salt FROM purges WHERE writer = ?1 AND salt IS NOT NULL LIMIT 1", &row);

	if (r < 0)
		return r;
	sql_bind_text(row, 1, file->host_id);
	r = sqlite3_step(row);
	if (r == SQLITE_ROW && sqlite3_column_bytes(row, 0) == PURGE_SALT_SIZE)
		memcpy(salt, sqlite3_column_blob(row, 0), PURGE_SALT_SIZE);
	else if (getrandom(salt, PURGE_SALT_SIZE, 0) != PURGE_SALT_SIZE)
		return -errno;
	return sql_errno(r);
}

/* The items that the purge of another bench, whose consequence this one is, does not have. */
static void leave_new(struct casebook_purged *purged, const struct purge *of)
{
	size_t kept = 0;

	for (size_t i = 0; i < purged->item_count; i++) {
		bool has = false;

		for (size_t j = 0; j < of->item_count; j++)
			has = has || uuid_equal(&of->items[j], &purged->items[i]);
		if (!has)
			purged->items[kept++] = purged->items[i];
	}
	purged->item_count = kept;
}

/* Remembers what was deleted: the phone in the first row, the items in as many as they need. */
static int remember(struct casebook_file *file, const struct casebook_purge *done,
	struct casebook_purged *purged)
{
	struct stamp now = clock_now();
	struct purge purge = {.at_us = now.wall_us};
	size_t left;
	int r = 0;

	text_copy(purge.writer, sizeof(purge.writer), file->host_id);
	if (done->of)
		leave_new(purged, done->of);
	if (done->identity && !done->of && !purged->has_phone) {
		purge.before_us = done->before_us ? done->before_us : now.wall_us;
		r = choose_salt(file, purge.salt);
		hash_phone(&purge, done->identity);
	}
	left = purged->item_count;
	purge.items = purged->items;
	while (r >= 0 && (left > 0 || purge.before_us)) {
		purge.id = uuid_make(now);
		purge.item_count = left < PURGE_ITEMS_MAX ? left : PURGE_ITEMS_MAX;
		r = put_purge(file, &purge);
		left -= purge.item_count;
		purge.items += purge.item_count;
		purge.before_us = 0;
		purge.has_ecid = purge.has_udid = false;
	}
	purged->has_phone = true;
	purged->item_count = 0;
	return r < 0 ? r : 0;
}

int exchange_purge(struct casebook_file *file, const struct purge *purge)
{
	int r = casebook_file_enter(file);

	return r < 0 ? r : casebook_file_leave(file, put_purge(file, purge));
}

int exchange_is_purged_id(struct casebook_file *file, const struct uuid *id)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *query = NULL;
	int r = sql_prepare(file->db, "SELECT 1 FROM purged WHERE id = ?1", &query);

	if (r < 0)
		return r;
	sql_bind_uuid(query, 1, id);
	r = sqlite3_step(query);
	return r == SQLITE_ROW ? 1 : sql_errno(r);
}

/* Whether a purge with this salt has the phone, at a later time. */
static int is_purged_with(
	struct casebook_file *file, struct purge *purge, const struct identity *identity)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *query = NULL;
	int r = sql_prepare(file->db,
		"SELECT 1 FROM purges WHERE (ecid = ?1 OR udid = ?2) AND before_us > ?3 LIMIT 1",
		&query);

	if (r < 0)
		return r;
	hash_phone(purge, identity);
	bind_hash(query, 1, purge->has_ecid, purge->ecid);
	bind_hash(query, 2, purge->has_udid, purge->udid);
	sqlite3_bind_int64(query, 3, (int64_t)purge->at_us);
	r = sqlite3_step(query);
	return r == SQLITE_ROW ? 1 : sql_errno(r);
}

int exchange_is_purged_phone(
	struct casebook_file *file, const struct identity *identity, uint64_t at_us)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *query = NULL;
	struct purge purge = {.at_us = at_us};
	/* Each salt once, along the index. */
	int found = 0,
	    r = sql_prepare(file->db, "SELECT min(salt) FROM purges WHERE salt > ?1", &query);

	if (r < 0)
		return r;
	sqlite3_bind_blob(query, 1, "", 0, SQLITE_STATIC);
	while (found == 0 && (r = sqlite3_step(query)) == SQLITE_ROW &&
		sqlite3_column_bytes(query, 0) == PURGE_SALT_SIZE) {
		memcpy(purge.salt, sqlite3_column_blob(query, 0), sizeof(purge.salt));
		found = is_purged_with(file, &purge, identity);
		sqlite3_reset(query);
		sqlite3_bind_blob(query, 1, purge.salt, sizeof(purge.salt), SQLITE_STATIC);
	}
	return found != 0 ? found : r == SQLITE_ROW ? 0 : sql_errno(r);
}

int exchange_find_phone(struct casebook_file *file, const struct purge *purge, struct identity *ret)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *query = NULL;
	/* Each phone must be hashed. A condition has one key of its phone. */
	int r = sql_prepare(file->db,
		"SELECT ecid, udid, NULL FROM attempts"
		" UNION SELECT ecid, udid, NULL FROM notes"
		" UNION SELECT NULL, NULL, place FROM conditions",
		&query);

	if (r < 0)
		return r;
	while ((r = sqlite3_step(query)) == SQLITE_ROW) {
		struct place place = {0};
		char name[UDID_SIZE];

		sql_text(query, 2, name, sizeof(name));
		if (name[0])
			place_parse(name, &place);
		else
			place.identity.ecid = (uint64_t)sqlite3_column_int64(query, 0);
		if (!name[0])
			sql_text(query, 1, place.identity.udid, sizeof(place.identity.udid));
		if (purge_is_of(purge, &place.identity))
			identity_merge(ret, &place.identity);
	}
	return sql_errno(r);
}

/* Empties the write-ahead log, which also contains the deleted bytes. SQLite calls no busy handler
 * while the sync thread is in a checkpoint. */
static int empty_log(struct casebook_file *file)
{
	static const struct timespec pause = {.tv_nsec = PURGE_PAUSE_MS * 1000 * 1000};
	int r = SQLITE_BUSY;

	for (int i = 0; r == SQLITE_BUSY && i < PURGE_WAIT_MS / PURGE_PAUSE_MS; i++) {
		if (i > 0)
			nanosleep(&pause, NULL);
		r = sql_empty_log(file->db);
	}
	if (r != SQLITE_BUSY)
		return sql_errno(r);
	file->truncate = true;
	casebook_file_sync(file);
	return CASEBOOK_PURGED_LATER;
}

/* One transaction. Returns 1 if more are left. */
static int purge_once(struct casebook_file *file, const struct casebook_purge *purge, int most,
	struct casebook_purged *purged)
{
	int more = 0, r = casebook_file_enter(file);

	if (r < 0)
		return r;
	if (purge->identity || !purge->of)
		more = r = purge_some(file, purge, most, purged);
	if (r == 0 && purge->of)
		more = r = purge_items(file, purge->of, most, purged);
	if (r >= 0)
		r = remember(file, purge, purged);
	r = casebook_file_leave(file, r);
	return r < 0 ? r : more;
}

/* Each piece makes room for the next one: its pages go from the write-ahead log into the file,
 * which does not grow. */
static int purge_by_pieces(struct casebook_file *file, const struct casebook_purge *purge,
	struct casebook_purged *purged)
{
	int more = 1, r;

	casebook_file_use_reserve(file);
	r = empty_log(file);
	while (more > 0) {
		more = purge_once(file, purge, PURGE_ROWS, purged);
		if (more < 0)
			return more;
		r = empty_log(file);
	}
	return r;
}

static int purge_and_empty_log(struct casebook_file *file, const struct casebook_purge *purge,
	struct casebook_purged *purged)
{
	int r = purge_once(file, purge, -1, purged);

	if (r < 0)
		casebook_purged_done(purged);
	else
		r = empty_log(file);
	return r == -ENOSPC ? purge_by_pieces(file, purge, purged) : r;
}

int casebook_file_purge(
	struct casebook_file *file, const struct casebook_purge *purge, struct casebook_purged *ret)
{
	CLEANUP(casebook_purged_done) struct casebook_purged purged = {0};
	int r = purge_and_empty_log(file, purge, &purged);

	casebook_file_take_reserve(file);
	if (r < 0)
		return r;
	if (purged.count > 0)
		qsort(purged.attempts, purged.count, sizeof(*purged.attempts), compare_ids);
	*ret = purged;
	purged = (struct casebook_purged){0};
	return r;
}
