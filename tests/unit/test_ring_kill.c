/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A writer under load is killed at random points, again and again, while another process reads the
 * same file: every record that was appended before a kill is there after it, and a reader never
 * gets a wrong one. RING_KILL_ROUNDS and RING_KILL_SEED in the environment choose others. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/store/ring_map.h"
#include "common/store/ring_file.h"
#include "tests/unit/test.h"
#include "tests/unit/ring_verify.h"

#define SIZE (2 * RING_PAGE_BYTES + 4 * RING_ARENA_MIN)
#define ROUNDS 300
#define DEADLINE_SECONDS 120

/* What the writer tells of itself, in memory that outlives it. */
struct told {
	uint64_t appended; /* number of the last record that ring_append() returned for */
	uint64_t opened;   /* the ring's next number when it was opened; 0 = not yet */
	int failure;
};

static struct told *told;
static char path[] = "/tmp/ring-kill-XXXXXX";
static uint64_t seed = 1;

static uint64_t random_number(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static uint64_t mix(uint64_t number)
{
	return number * UINT64_C(0x9e3779b97f4a7c15);
}

/* Length and bytes of a payload follow from its number. */
static size_t payload_of(uint64_t sequence, uint8_t payload[static RING_PAYLOAD_MAX])
{
	uint64_t hash = mix(sequence);
	size_t length = hash % 97 == 0 ? RING_PAYLOAD_MAX - hash % 8 : (hash >> 32) % 600;

	memset(payload, (int)(hash >> 24), length);
	for (size_t i = 0; i + sizeof(hash) <= length; i += 64)
		memcpy(payload + i, &hash, sizeof(hash));
	return length;
}

/* Appends until it is killed. */
static void writer(void)
{
	static uint8_t payload[RING_PAYLOAD_MAX];
	struct ring_file_report report;
	struct ring_file *file = NULL;
	struct ring_loss loss;
	int r;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* where the test fails and ends */
	r = ring_file_open(path, SIZE, clock_now(), &report, &file);
	if (r == 0 && report.origin == RING_FILE_SET_ASIDE)
		r = report.reason;
	if (r == 0 && ring_verify(ring_file_reader(file), &loss) < 0)
		r = -EBADMSG;
	if (r == 0 && (loss.lost || loss.damaged || loss.restarts))
		r = -EIO;
	if (r < 0) {
		told->failure = r;
		_exit(1);
	}
	__atomic_store_n(&told->opened, ring_file_ring(file)->next_sequence, __ATOMIC_RELEASE);
	for (;;) {
		uint64_t next = ring_file_ring(file)->next_sequence;
		struct ring_fields fields = {
			.at = {.wall_us = next, .monotonic_us = mix(next)}, .kind = 7};
		int64_t sequence;

		sequence = ring_append(
			ring_file_ring(file), &fields, payload, payload_of(next, payload));
		if (sequence != (int64_t)next) {
			told->failure = -EILSEQ;
			_exit(1);
		}
		__atomic_store_n(&told->appended, next, __ATOMIC_RELEASE);
		if (next % 512 == 0)
			(void)ring_file_sync(file);
	}
}

static void assert_record(const struct ring_record *record)
{
	static uint8_t payload[RING_PAYLOAD_MAX];

	assert_int_equal(record->kind, 7);
	assert_int_equal(record->at.wall_us, record->sequence);
	assert_int_equal(record->at.monotonic_us, mix(record->sequence));
	assert_int_equal(record->length, payload_of(record->sequence, payload));
	assert_memory_equal(record->payload, payload, record->length);
}

/* Reads along while the writer goes on, for `records` records or as far as it comes. What it misses
 * was overtaken, nothing is damaged. Returns how many were overtaken. */
static uint64_t read_along(unsigned records)
{
	static struct ring_cursor cursor;
	struct ring_record record;
	struct ring_map *map = NULL;
	uint64_t last = 0;
	int r = 1;

	if (ring_map_open(path, &map) < 0)
		return 0;
	ring_cursor_first(&cursor, ring_map_reader(map));
	while (records-- > 0 && (r = ring_cursor_next(&cursor, &record)) > 0) {
		assert_record(&record);
		assert_int_equal(
			record.sequence, last ? last + record.lost_before + 1 : record.sequence);
		last = record.sequence;
	}
	assert_true(r >= 0);
	assert_int_equal(cursor.loss.damaged, 0);
	assert_int_equal(cursor.loss.lost, cursor.loss.overtaken);
	ring_map_free(map);
	return cursor.loss.overtaken;
}

/* After a kill: everything is there, without a gap, up to the last record that was told. Returns
 * the number of the newest. */
static uint64_t assert_complete(uint64_t appended)
{
	static struct ring_cursor cursor;
	struct ring_record record;
	struct ring_map *map = NULL;
	uint64_t last = 0, bytes = 0;

	assert_int_equal(ring_map_open(path, &map), 0);
	ring_cursor_first(&cursor, ring_map_reader(map));
	while (ring_cursor_next(&cursor, &record) > 0) {
		assert_record(&record);
		assert_int_equal(record.lost_before, 0);
		assert_true(last == 0 || record.sequence == last + 1);
		last = record.sequence;
		bytes += record.length;
	}
	assert_int_equal(cursor.loss.lost, 0);
	assert_int_equal(cursor.loss.damaged, 0);
	assert_true(last >= appended);
	/* It is as full as a ring that wrapped can be: nothing dropped but for room. */
	if (last > 10000)
		assert_true(bytes > 2 * RING_ARENA_MIN);
	ring_map_free(map);
	return last;
}

static time_t seconds(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec;
}

/* Lets a writer run to a random point and kills it there. One in four is killed wherever it is,
 * mostly while it opens the ring. */
static void run_and_kill(time_t deadline)
{
	uint64_t target = told->appended + 1 + random_number() % 5000;
	bool blind = random_number() % 4 == 0;
	unsigned spins = (unsigned)(random_number() % 2000);
	pid_t child;
	int status;

	told->opened = 0;
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		writer();
	while (!blind && __atomic_load_n(&told->appended, __ATOMIC_ACQUIRE) < target &&
		seconds() < deadline && told->failure == 0)
		read_along(50);
	for (volatile unsigned spin = 0; spin < spins * 100; spin = spin + 1)
		;
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	if (told->failure != 0)
		print_error("writer: %s\n", strerror(-told->failure));
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void killed_at_random(void **state)
{
	const char *wish = getenv("RING_KILL_ROUNDS");
	unsigned rounds = wish ? (unsigned)atoi(wish) : ROUNDS, done = 0;
	time_t deadline = seconds() + DEADLINE_SECONDS;
	uint64_t newest = 0;

	for (; done < rounds && seconds() < deadline; done++) {
		run_and_kill(deadline);
		if (told->opened != 0)
			assert_int_equal(told->opened, newest + 1);
		if (access(path, F_OK) == 0)
			newest = assert_complete(told->appended);
	}
	assert_int_equal(done, rounds);
	assert_true(newest > rounds);
	print_message("# %u kills, %llu records\n", done, (unsigned long long)newest);
}

/* One writer, and walks that begin where it overwrites. */
static void read_under_load(void **state)
{
	time_t deadline = seconds() + DEADLINE_SECONDS;
	uint64_t overtaken = 0, target = told->appended + 300000;
	unsigned walks = 0;
	pid_t child;

	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		writer();
	while (__atomic_load_n(&told->appended, __ATOMIC_ACQUIRE) < target &&
		seconds() < deadline && told->failure == 0) {
		overtaken += read_along(2000);
		walks++;
	}
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(told->failure, 0);
	assert_true(told->appended >= target);
	assert_complete(told->appended);
	print_message(
		"# %u walks, overtaken by %llu records\n", walks, (unsigned long long)overtaken);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_at_random),
		cmocka_unit_test(read_under_load),
	};
	const char *wish = getenv("RING_KILL_SEED");
	char beside[sizeof(path) + 5];
	int fd, failed;

	seed = wish ? strtoull(wish, NULL, 0) : (uint64_t)getpid() * 2654435761u + 1;
	fprintf(stderr, "RING_KILL_SEED=%llu\n", (unsigned long long)seed);
	told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	fd = mkstemp(path);
	if (told == MAP_FAILED || fd < 0)
		return 1;
	close(fd);
	(void)unlink(path);
	failed = cmocka_run_group_tests_name("ring_kill", tests, NULL, NULL);
	(void)unlink(path);
	snprintf(beside, sizeof(beside), "%s.new", path);
	(void)unlink(beside);
	snprintf(beside, sizeof(beside), "%s.lock", path);
	(void)unlink(beside);
	return failed;
}
