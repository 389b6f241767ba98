/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ring beside what else could keep the records, on the same machine in the same run: appending
 * to the mapped file of default size, and reading back; copying and checking the same bytes, which
 * no checked log can beat; SQLite with one commit a record (WAL, synchronous=NORMAL: it survives a
 * kill, as the ring does, and waits for the disk as little); and one datagram a record to a
 * process that drains them, which is what sd_journal_send() costs before journald has done
 * anything.
 *
 * Rounds of the candidates alternate, and each one's best counts. Exit status 1 where an aim is
 * missed for the usual record. */
#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/ring/crc32c.h"
#include "common/ring/reader.h"
#include "common/store/ring_file.h"

#define ROUNDS 60
#define USUAL_BYTES 133	     /* a line of the tool's log or an attach */
#define WARM_UP_ROUNDS 10    /* of appending: the ring has wrapped before anything is measured */
#define RECORDS 40000	     /* of a round: short, so that some pass undisturbed */
#define SLOW_RECORDS 1000    /* of a round of SQLite and of datagrams */
#define APPEND_RATIO_MAX 3.0 /* of copying and checking */
#define SQLITE_RATIO_MIN 20.0

struct bench {
	char folder[64];
	size_t length; /* bytes of a payload */
	uint8_t payload[RING_PAYLOAD_MAX];
	uint8_t *copies; /* as large as the ring, and used round and round like it */
	size_t copied;
	struct ring_file *file;
	sqlite3 *database;
	sqlite3_stmt *insert;
	int sender;
	pid_t receiver;
	uint64_t check; /* keeps the compiler from leaving work out */
};

static void fail(const char *what)
{
	fprintf(stderr, "bench_ring: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void execute(sqlite3 *database, const char *statement)
{
	if (sqlite3_exec(database, statement, NULL, NULL, NULL) != SQLITE_OK) {
		fprintf(stderr, "bench_ring: %s: %s\n", statement, sqlite3_errmsg(database));
		exit(2);
	}
}

static unsigned copy_and_check(struct bench *bench)
{
	for (unsigned i = 0; i < RECORDS; i++) {
		uint8_t *place;

		if (RING_FILE_BYTES_DEFAULT - bench->copied < bench->length)
			bench->copied = 0;
		place = bench->copies + bench->copied;
		memcpy(place, bench->payload, bench->length);
		bench->check += crc32c(0, place, bench->length);
		bench->copied += bench->length;
	}
	return RECORDS;
}

static unsigned ring_appends(struct bench *bench)
{
	struct ring_fields fields = {.kind = 1};

	for (unsigned i = 0; i < RECORDS; i++) {
		fields.at.monotonic_us = i;
		fields.session.bytes[0] = (uint8_t)(i >> 10);
		if (ring_append(ring_file_ring(bench->file), &fields, bench->payload,
			    bench->length) < 0)
			fail("ring_append");
	}
	return RECORDS;
}

static unsigned walk(struct bench *bench, const struct uuid *session)
{
	static struct ring_cursor cursor;
	struct ring_record record;
	unsigned count = 0;

	ring_cursor_first(&cursor, ring_file_reader(bench->file));
	if (session)
		ring_cursor_only(&cursor, session);
	while (ring_cursor_next(&cursor, &record) > 0) {
		bench->check += record.payload[0];
		count++;
	}
	return count;
}

static unsigned ring_reads(struct bench *bench)
{
	return walk(bench, NULL);
}

/* Told by record passed by, as the others are. */
static unsigned ring_reads_session(struct bench *bench)
{
	struct uuid session = {{17}};
	struct ring_extent extent = ring_reader_extent(ring_file_reader(bench->file));

	walk(bench, &session);
	return (unsigned)(extent.next_sequence - extent.tail_sequence);
}

static unsigned sqlite_commits(struct bench *bench)
{
	for (unsigned i = 0; i < SLOW_RECORDS; i++) {
		sqlite3_bind_int64(bench->insert, 1, i);
		sqlite3_bind_blob(bench->insert, 2, bench->payload, 16, SQLITE_STATIC);
		sqlite3_bind_blob(
			bench->insert, 3, bench->payload, (int)bench->length, SQLITE_STATIC);
		if (sqlite3_step(bench->insert) != SQLITE_DONE)
			fail(sqlite3_errmsg(bench->database));
		sqlite3_reset(bench->insert);
	}
	return SLOW_RECORDS;
}

static unsigned datagrams(struct bench *bench)
{
	for (unsigned i = 0; i < SLOW_RECORDS; i++)
		if (send(bench->sender, bench->payload, bench->length, 0) < 0)
			fail("send");
	return SLOW_RECORDS;
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

enum candidate { COPY, APPEND, READ, READ_SESSION, SQLITE, DATAGRAM, CANDIDATES };

static const struct {
	const char *name;
	unsigned (*run)(struct bench *bench); /* returns how many records it did */
} candidates[CANDIDATES] = {
	[COPY] = {"memcpy + CRC32C", copy_and_check},
	[APPEND] = {"ring: append", ring_appends},
	[READ] = {"ring: read back", ring_reads},
	[READ_SESSION] = {"ring: pass by (one session)", ring_reads_session},
	[SQLITE] = {"SQLite: one commit a record", sqlite_commits},
	[DATAGRAM] = {"datagram to a drained socket", datagrams},
};

static void open_all(struct bench *bench)
{
	struct ring_file_report report;
	char path[128];
	int pair[2];

	strcpy(bench->folder, "/tmp/ring-bench-XXXXXX");
	if (!mkdtemp(bench->folder))
		fail("mkdtemp");
	snprintf(path, sizeof(path), "%s/ring", bench->folder);
	errno = -ring_file_open(path, RING_FILE_BYTES_DEFAULT, clock_now(), &report, &bench->file);
	if (errno != 0)
		fail(path);
	snprintf(path, sizeof(path), "%s/database", bench->folder);
	if (sqlite3_open(path, &bench->database) != SQLITE_OK)
		fail(path);
	execute(bench->database, "PRAGMA journal_mode=WAL");
	execute(bench->database, "PRAGMA synchronous=NORMAL");
	execute(bench->database, "CREATE TABLE records (sequence INTEGER PRIMARY KEY, at INTEGER,"
				 " session BLOB, payload BLOB) STRICT");
	if (sqlite3_prepare_v2(bench->database,
		    "INSERT INTO records (at, session, payload) VALUES (?, ?, ?)", -1,
		    &bench->insert, NULL) != SQLITE_OK)
		fail(sqlite3_errmsg(bench->database));
	bench->copies = calloc(1, RING_FILE_BYTES_DEFAULT);
	if (!bench->copies || socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) < 0)
		fail("socketpair");
	memset(bench->copies, 1, RING_FILE_BYTES_DEFAULT);
	bench->sender = pair[0];
	bench->receiver = fork();
	if (bench->receiver == 0) {
		close(pair[0]);
		while (recv(pair[1], bench->payload, sizeof(bench->payload), 0) > 0)
			;
		_exit(0);
	}
	close(pair[1]);
}

static void close_all(struct bench *bench)
{
	static const char *const names[] = {"ring", "database", "database-wal", "database-shm"};

	ring_file_free(bench->file);
	sqlite3_finalize(bench->insert);
	sqlite3_close(bench->database);
	kill(bench->receiver, SIGKILL);
	waitpid(bench->receiver, NULL, 0);
	close(bench->sender);
	free(bench->copies);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s/%s", bench->folder, names[i]);
		(void)unlink(path);
	}
	(void)rmdir(bench->folder);
}

/* Runs everything for one length of payload. Returns true where the aims are met. */
static bool run(size_t length)
{
	static struct bench bench;
	double best[CANDIDATES] = {0};
	double append, sqlite;
	bool met;

	memset(&bench, 0, sizeof(bench));
	bench.length = length;
	for (size_t i = 0; i < length; i++)
		bench.payload[i] = (uint8_t)(i * 31);
	open_all(&bench);
	for (unsigned round = 0; round < WARM_UP_ROUNDS; round++)
		ring_appends(&bench);
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (enum candidate i = 0; i < CANDIDATES; i++) {
			double start = seconds();
			unsigned count = candidates[i].run(&bench);
			double each = (seconds() - start) / count * 1e9;

			if (round == 0 || each < best[i])
				best[i] = each;
		}
	}
	close_all(&bench);

	printf("%zu bytes a record, best of %d rounds:\n", length, ROUNDS);
	for (enum candidate i = 0; i < CANDIDATES; i++)
		printf("  %-30s %9.1f ns a record  %8.2f x memcpy + CRC32C\n", candidates[i].name,
			best[i], best[i] / best[COPY]);
	append = best[APPEND] / best[COPY];
	sqlite = best[SQLITE] / best[APPEND];
	met = append <= APPEND_RATIO_MAX && sqlite >= SQLITE_RATIO_MIN;
	if (length == USUAL_BYTES) {
		printf("| ring append, beside memcpy + CRC32C | %.2f | <= 1.5 | %s | the header of "
		       "a "
		       "record |\n",
			append, append <= 1.5 ? "yes" : "no");
		printf("| a commit of SQLite, beside a ring append | %.0f x | >= 300 x | %s | "
		       "SQLite "
		       "|\n",
			sqlite, sqlite >= 300 ? "yes" : "no");
	}
	printf("  append: %.2f x memcpy + CRC32C (aim: at most %.0f), %.0f x faster than SQLite "
	       "(aim: at least %.0f), %.1f x than a datagram: %s\n\n",
		append, APPEND_RATIO_MAX, sqlite, SQLITE_RATIO_MIN, best[DATAGRAM] / best[APPEND],
		met ? "met" : "MISSED");
	return met;
}

int main(void)
{
	/* As the daemon encodes them: a step of progress, a line of the tool's log or an attach,
	 * and a long line. The aims are for the middle one. */
	static const size_t lengths[] = {85, USUAL_BYTES, 400};
	bool met = true;

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		bool good = run(lengths[i]);

		if (lengths[i] == USUAL_BYTES)
			met = good;
	}
	return met ? 0 : 1;
}
