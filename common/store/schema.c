/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/store/schema.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>

#include "common/base/macro.h"

/* zlib's level 1 compresses a tool's log to about an eighth, fast enough for the loop. */
#define PACK_LEVEL 1

_Static_assert(RECORD_RUN_BYTES_MAX - RECORD_RUN_BYTES >= EVENT_BYTES_MAX + RUN_RECORD_HEADER,
	"a run that is not full takes one record more");

/* `id` is the session's UUID, `ecid` its 64 bits as SQLite's signed integer, `told` a case file
 * with this single attempt; `started_us` is the time of storing if the attempt's own is unknown. */
const char *const casebook_steps[] = {
	"CREATE TABLE attempts ("
	" number INTEGER PRIMARY KEY,"
	" id BLOB NOT NULL UNIQUE,"
	" origin TEXT NOT NULL,"
	" ecid INTEGER, udid TEXT, product TEXT,"
	" started_us INTEGER NOT NULL, ended_us INTEGER NOT NULL,"
	" host TEXT, port TEXT, cable TEXT, outcome TEXT NOT NULL,"
	" told TEXT NOT NULL) STRICT;"
	"CREATE INDEX attempts_of_ecid ON attempts (ecid, started_us) WHERE ecid IS NOT NULL;"
	"CREATE INDEX attempts_of_udid ON attempts (udid, started_us) WHERE udid IS NOT NULL;"
	"CREATE INDEX attempts_in_time ON attempts (started_us);"
	"CREATE TABLE verdicts ("
	" id BLOB PRIMARY KEY, attempt BLOB NOT NULL, at_us INTEGER NOT NULL,"
	" phase TEXT NOT NULL, strength TEXT NOT NULL, cause TEXT, summary TEXT NOT NULL) STRICT;"
	"CREATE INDEX verdicts_of_attempt ON verdicts (attempt);"
	"CREATE TABLE records ("
	" number INTEGER PRIMARY KEY, attempt BLOB NOT NULL,"
	" first INTEGER NOT NULL, last INTEGER NOT NULL, kept_us INTEGER NOT NULL,"
	" packed BLOB NOT NULL, UNIQUE (attempt, first)) STRICT;"
	"CREATE INDEX records_in_time ON records (kept_us);",

	"CREATE TABLE notes ("
	" id BLOB PRIMARY KEY, ecid INTEGER, udid TEXT, at_us INTEGER NOT NULL,"
	" kind TEXT NOT NULL, text TEXT NOT NULL) STRICT;"
	"CREATE INDEX notes_of_ecid ON notes (ecid) WHERE ecid IS NOT NULL;"
	"CREATE INDEX notes_of_udid ON notes (udid) WHERE udid IS NOT NULL;"
	"CREATE INDEX notes_in_time ON notes (at_us);"
	"CREATE TABLE conditions ("
	" id BLOB PRIMARY KEY, at_us INTEGER NOT NULL,"
	" place TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL) STRICT;"
	"CREATE TABLE purges ("
	" id BLOB PRIMARY KEY, at_us INTEGER NOT NULL, why TEXT NOT NULL,"
	" attempts INTEGER NOT NULL) STRICT;",

	/* One row per condition of a place; counting reads only the index. */
	"CREATE UNIQUE INDEX conditions_of_place ON conditions (place, key);"
	"ALTER TABLE attempts ADD COLUMN tool TEXT;"
	"UPDATE attempts SET tool ="
	" iif(json_valid(told), json_extract(told, '$.attempts[0].tool'), NULL);"
	"DROP INDEX attempts_in_time;"
	"CREATE INDEX attempts_in_time ON attempts"
	" (started_us, outcome, host, port, cable, product, tool, ecid, udid);",

	/* They were never read: a verdict is a record of its session, a purge is in the journal. */
	"DROP TABLE verdicts; DROP TABLE purges;",

	/* A note that corrects another one, or takes it back (kind removal). */
	"ALTER TABLE notes ADD COLUMN amends BLOB;"
	"ALTER TABLE notes ADD COLUMN by TEXT;"
	"CREATE INDEX notes_of_amended ON notes (amends) WHERE amends IS NOT NULL;",

	/* What the bus showed: failed transfers, bytes, and the milliseconds in which they moved.
	 */
	"ALTER TABLE attempts ADD COLUMN link_errors INTEGER;"
	"ALTER TABLE attempts ADD COLUMN link_bytes INTEGER;"
	"ALTER TABLE attempts ADD COLUMN link_ms INTEGER;"
	"DROP INDEX attempts_in_time;"
	"CREATE INDEX attempts_in_time ON attempts (started_us, outcome, host, port, cable,"
	" product, tool, ecid, udid, link_errors, link_bytes, link_ms);",

	/* Computers may share a name or change it. */
	"ALTER TABLE attempts ADD COLUMN host_id TEXT;"
	"CREATE INDEX attempts_without_host_id ON attempts (origin) WHERE host_id IS NULL;"
	"DROP INDEX attempts_in_time;"
	"CREATE INDEX attempts_in_time ON attempts (started_us, outcome, host, host_id, port, "
	"cable,"
	" product, tool, ecid, udid, link_errors, link_bytes, link_ms);",

	/* The file in which run keeps the tool's log, and its user: a purge deletes it. */
	("ALTER TABLE attempts ADD COLUMN tool_log TEXT;"
	 "ALTER TABLE attempts ADD COLUMN tool_user INTEGER;"),

	/* Sessions are selected by these; `slot` is the shop's name of the port. Of an identifier,
	 * people type the end. */
	("ALTER TABLE attempts ADD COLUMN ticket TEXT;"
	 "ALTER TABLE attempts ADD COLUMN slot TEXT;"
	 "UPDATE attempts SET ticket ="
	 " iif(json_valid(told), json_extract(told, '$.attempts[0].ticket'), NULL), slot ="
	 " iif(json_valid(told), json_extract(told, '$.attempts[0].conditions.portName'), NULL);"
	 "CREATE INDEX attempts_of_ticket ON attempts (ticket, started_us) WHERE ticket IS NOT "
	 "NULL;"
	 "CREATE INDEX attempts_of_slot ON attempts (slot, started_us) WHERE slot IS NOT NULL;"
	 "CREATE INDEX attempts_of_port ON attempts (port, started_us) WHERE port IS NOT NULL;"
	 "CREATE INDEX attempts_of_product ON attempts (product COLLATE NOCASE, started_us);"
	 "CREATE INDEX attempts_of_outcome ON attempts (outcome, started_us);"
	 "CREATE INDEX attempts_of_ecid_end ON attempts (ecid & 65535);"
	 "CREATE INDEX attempts_of_udid_end ON attempts (lower(substr(udid, -4)));"
	 "CREATE INDEX attempts_of_id_end ON attempts (lower(hex(substr(id, -2))));"),

	/* The order in which attempts were stored or changed. A casebook that replaces a lost one
	 * continues with higher numbers: they begin with the time. */
	("CREATE TABLE changes (number INTEGER PRIMARY KEY AUTOINCREMENT,"
	 " attempt BLOB NOT NULL UNIQUE) STRICT;"
	 "INSERT INTO sqlite_sequence (name, seq)"
	 " VALUES ('changes', CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER));"
	 "INSERT INTO changes (attempt) SELECT id FROM attempts ORDER BY number;"
	 "CREATE TRIGGER attempt_added AFTER INSERT ON attempts BEGIN"
	 " INSERT INTO changes (attempt) VALUES (new.id); END;"
	 "CREATE TRIGGER attempt_changed AFTER UPDATE OF told ON attempts"
	 " WHEN new.told <> old.told BEGIN DELETE FROM changes WHERE attempt = new.id;"
	 " INSERT INTO changes (attempt) VALUES (new.id); END;"
	 "CREATE TRIGGER attempt_has_records AFTER INSERT ON records"
	 " WHEN EXISTS (SELECT 1 FROM attempts WHERE id = new.attempt) BEGIN"
	 " DELETE FROM changes WHERE attempt = new.attempt;"
	 " INSERT INTO changes (attempt) VALUES (new.attempt); END;"
	 "CREATE TRIGGER attempt_deleted AFTER DELETE ON attempts BEGIN"
	 " DELETE FROM changes WHERE attempt = old.id; END;"),

	/* One row: when retention last looked at the clock, and how much of it counts as age. */
	"CREATE TABLE clock (id INTEGER PRIMARY KEY,"
	" at_us INTEGER NOT NULL, trusted_us INTEGER NOT NULL) STRICT;",

	/* Several benches exchange what they stored. `writer` is the bench that writes an attempt
	 * or a condition, `revision` the number of its last change there; an attempt of an earlier
	 * version has neither. Corrections and notes have no writer: they never change. */
	("DROP TRIGGER attempt_added; DROP TRIGGER attempt_changed;"
	 "DROP TRIGGER attempt_has_records; DROP TRIGGER attempt_deleted;"
	 "ALTER TABLE changes RENAME COLUMN attempt TO id;"
	 "ALTER TABLE changes ADD COLUMN kind TEXT NOT NULL DEFAULT 'attempt';"
	 "ALTER TABLE attempts ADD COLUMN writer TEXT;"
	 "ALTER TABLE attempts ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;"
	 "CREATE INDEX attempts_without_writer ON attempts (origin) WHERE writer IS NULL;"
	 "UPDATE attempts SET revision = (SELECT number FROM changes WHERE id = attempts.id)"
	 " WHERE writer IS NULL AND origin = 'watched';"
	 "CREATE TRIGGER attempt_added AFTER INSERT ON attempts BEGIN"
	 " INSERT INTO changes (id) VALUES (new.id);"
	 " UPDATE attempts SET revision = (SELECT number FROM changes WHERE id = new.id)"
	 " WHERE id = new.id AND origin <> 'imported' AND writer IS NOT NULL; END;"
	 "CREATE TRIGGER attempt_changed AFTER UPDATE OF told ON attempts"
	 " WHEN new.told <> old.told BEGIN DELETE FROM changes WHERE id = new.id;"
	 " INSERT INTO changes (id) VALUES (new.id);"
	 " UPDATE attempts SET revision = (SELECT number FROM changes WHERE id = new.id)"
	 " WHERE id = new.id AND origin <> 'imported' AND writer IS NOT NULL; END;"
	 "CREATE TRIGGER attempt_has_records AFTER INSERT ON records"
	 " WHEN EXISTS (SELECT 1 FROM attempts WHERE id = new.attempt) BEGIN"
	 " DELETE FROM changes WHERE id = new.attempt;"
	 " INSERT INTO changes (id) VALUES (new.attempt); END;"
	 "CREATE TRIGGER attempt_deleted AFTER DELETE ON attempts BEGIN"
	 " DELETE FROM corrections WHERE attempt = old.id;"
	 " DELETE FROM changes WHERE id = old.id; END;"

	 "INSERT INTO changes (id, kind) SELECT id, 'note' FROM notes ORDER BY at_us, id;"
	 "CREATE INDEX notes_of_id ON notes (amends, at_us, id) WHERE amends IS NOT NULL;"
	 "DROP INDEX notes_of_amended;"
	 "CREATE TRIGGER note_added AFTER INSERT ON notes BEGIN"
	 " INSERT INTO changes (id, kind) VALUES (new.id, 'note'); END;"
	 "CREATE TRIGGER note_deleted AFTER DELETE ON notes BEGIN"
	 " DELETE FROM changes WHERE id = old.id; END;"

	 /* Of two corrections of a detail the later one holds, in whichever order they arrive. */
	 "CREATE TABLE corrections ("
	 " id BLOB PRIMARY KEY, attempt BLOB NOT NULL, at_us INTEGER NOT NULL, by TEXT,"
	 " key TEXT NOT NULL, before TEXT, after TEXT, sequence INTEGER NOT NULL) STRICT;"
	 "CREATE INDEX corrections_of_attempt ON corrections (attempt, key, at_us, id);"
	 "CREATE INDEX corrections_in_time ON corrections (at_us);"
	 "CREATE TRIGGER correction_added AFTER INSERT ON corrections BEGIN"
	 " INSERT INTO changes (id, kind) VALUES (new.id, 'correction'); END;"
	 "CREATE TRIGGER correction_deleted AFTER DELETE ON corrections BEGIN"
	 " DELETE FROM changes WHERE id = old.id; END;"

	 /* `host_id` is empty for phones and the ports of this bench; the value of a removed
	  * condition is empty. */
	 "ALTER TABLE conditions ADD COLUMN host_id TEXT NOT NULL DEFAULT '';"
	 "ALTER TABLE conditions ADD COLUMN writer TEXT;"
	 "DROP INDEX conditions_of_place;"
	 "CREATE UNIQUE INDEX conditions_of_place ON conditions (host_id, place, key);"
	 "CREATE INDEX conditions_removed ON conditions (at_us) WHERE value = '';"
	 "INSERT INTO changes (id, kind) SELECT id, 'condition' FROM conditions;"
	 "CREATE TRIGGER condition_added AFTER INSERT ON conditions BEGIN"
	 " INSERT INTO changes (id, kind) VALUES (new.id, 'condition'); END;"
	 "CREATE TRIGGER condition_changed AFTER UPDATE OF id ON conditions BEGIN"
	 " DELETE FROM changes WHERE id = old.id;"
	 " INSERT INTO changes (id, kind) VALUES (new.id, 'condition'); END;"
	 "CREATE TRIGGER condition_deleted AFTER DELETE ON conditions BEGIN"
	 " DELETE FROM changes WHERE id = old.id; END;"

	 /* What a purge deleted, without an identifier of a phone: the ids of the rows (16 bytes
	  * each), and a phone's keys as SHA-256 with the salt. `before_us`: what of the phone. */
	 "CREATE TABLE purges ("
	 " id BLOB PRIMARY KEY, at_us INTEGER NOT NULL, writer TEXT, before_us INTEGER,"
	 " salt BLOB, ecid BLOB, udid BLOB, items BLOB NOT NULL) STRICT;"
	 "CREATE INDEX purges_of_ecid ON purges (ecid) WHERE ecid IS NOT NULL;"
	 "CREATE INDEX purges_of_udid ON purges (udid) WHERE udid IS NOT NULL;"
	 "CREATE INDEX purges_in_time ON purges (at_us);"
	 "CREATE INDEX purges_of_salt ON purges (salt) WHERE salt IS NOT NULL;"
	 "CREATE INDEX purges_of_writer ON purges (writer) WHERE salt IS NOT NULL;"
	 "CREATE TABLE purged (id BLOB PRIMARY KEY, purge BLOB NOT NULL) STRICT, WITHOUT ROWID;"
	 "CREATE INDEX purged_of_purge ON purged (purge);"
	 "CREATE TRIGGER purge_added AFTER INSERT ON purges BEGIN"
	 " INSERT INTO changes (id, kind) VALUES (new.id, 'purge'); END;"
	 "CREATE TRIGGER purge_deleted AFTER DELETE ON purges BEGIN"
	 " DELETE FROM purged WHERE purge = old.id; DELETE FROM changes WHERE id = old.id; END;"),
};
const size_t casebook_version = ARRAY_SIZE(casebook_steps);

size_t record_run_append(
	uint8_t run[static RECORD_RUN_BYTES_MAX], size_t used, const struct event *event)
{
	uint32_t length = (uint32_t)event_encode(event, run + used + RUN_RECORD_HEADER);

	memcpy(run + used, &event->sequence, sizeof(event->sequence));
	memcpy(run + used + sizeof(event->sequence), &length, sizeof(length));
	return used + RUN_RECORD_HEADER + length;
}

int record_run_next(const uint8_t *run, size_t length, size_t *offset, struct event *ret)
{
	uint64_t sequence;
	uint32_t bytes;
	int r;

	if (*offset == length)
		return 0;
	if (length - *offset < RUN_RECORD_HEADER)
		return -EBADMSG;
	memcpy(&sequence, run + *offset, sizeof(sequence));
	memcpy(&bytes, run + *offset + sizeof(sequence), sizeof(bytes));
	if (bytes > length - *offset - RUN_RECORD_HEADER)
		return -EBADMSG;
	r = event_decode(run + *offset + RUN_RECORD_HEADER, bytes, ret);
	if (r < 0)
		return r;
	ret->sequence = sequence;
	*offset += RUN_RECORD_HEADER + bytes;
	return 1;
}

size_t record_run_bound(size_t length)
{
	/* More than deflateBound() of any window. */
	return length + length / 4 + 64;
}

/* The zlib window that the run fills: for the largest, zlib takes 256 KiB and clears them. */
static int window_bits(size_t length)
{
	int bits = 9;

	while (bits < MAX_WBITS && (size_t)1 << bits < length)
		bits++;
	return bits;
}

int record_run_pack(const uint8_t *run, size_t length, uint8_t *out, size_t size)
{
	z_stream stream = {.next_in = (Bytef *)run,
		.avail_in = (uInt)length,
		.next_out = out,
		.avail_out = (uInt)size};
	int bits = window_bits(length), r;

	if (deflateInit2(&stream, PACK_LEVEL, Z_DEFLATED, bits, bits - 7, Z_DEFAULT_STRATEGY) !=
		Z_OK)
		return -ENOMEM;
	r = deflate(&stream, Z_FINISH);
	(void)deflateEnd(&stream);
	return r == Z_STREAM_END ? (int)stream.total_out : -ENOMEM;
}

int record_run_unpack(
	const uint8_t *packed, size_t length, uint8_t run[static RECORD_RUN_BYTES_MAX])
{
	uLongf written = RECORD_RUN_BYTES_MAX;

	return uncompress(run, &written, packed, length) == Z_OK ? (int)written : -EBADMSG;
}
