/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/server/streams.h"

#include <errno.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/text.h"
#include "common/query/collect.h"
#include "common/wire/records.h"

/* Bytes to read from the ring at once: small compared to PEER_UNREAD_MAX. */
#define BATCH_BYTES (192u << 10)

struct stream {
	TAILQ_ENTRY(stream) entry;
	struct peer *peer;
	bool is_watch; /* else a ReadLog stream */
	bool live;     /* it has caught up, and gets new records directly */
	bool greeted;  /* the first message of a ReadLog stream was sent */
	struct uuid session;
	size_t limit;
	uint64_t last; /* the reader has all records up to this sequence, or a count of the lost
			  ones */
	uint64_t lost; /* dropped records not yet reported */
};

static struct json_object *change_new(
	struct json_builder *builder, const char *event, uint64_t sequence)
{
	struct json_object *change = json_new_object(builder);

	json_put_text(builder, change, "event", event);
	json_put_number(builder, change, "sequence", (int64_t)sequence);
	return change;
}

/* Sends one message of a ReadLog stream; takes ownership of `records`. */
static int send_records(struct stream *stream, struct json_builder *builder,
	struct json_object *records, uint64_t lost)
{
	struct json_object *parameters = json_new_object(builder);

	json_put(builder, parameters, "records", records);
	json_put_number(builder, parameters, "lost", (int64_t)lost);
	return peer_send(stream->peer, varlink_reply_new(builder, parameters, true));
}

/* The phone of a record, as it is on the bench now, or gone. */
static struct json_object *device_of(
	struct api *api, struct json_builder *builder, struct json_object *record)
{
	struct identity identity = {0};
	const char *text;

	if (json_get_text(record, "ecid", &text) > 0)
		ecid_parse(text, &identity.ecid);
	if (json_get_text(record, "udid", &text) > 0)
		udid_normalize(text, identity.udid);
	if (json_get_text(record, "productType", &text) > 0)
		text_copy(identity.product, sizeof(identity.product), text);
	return query_device(&api->query, builder, &identity);
}

/* Sends one record of a Watch stream; takes ownership of `record`. */
static int send_change(struct api *api, struct stream *stream, struct json_builder *builder,
	struct json_object *record, uint64_t sequence)
{
	const char *kind = "";
	bool is_verdict = json_get_text(record, "kind", &kind) > 0 &&
			  text_equal(kind, event_kind_name(EVENT_DIAGNOSIS));
	struct json_object *change =
		change_new(builder, is_verdict ? "diagnosisChanged" : "record", sequence);

	if (is_verdict)
		json_put(builder, change, "device", device_of(api, builder, record));
	json_put(builder, change, "record", record);
	return peer_send(stream->peer, varlink_reply_new(builder, change, true));
}

static int send_lost(struct stream *stream, uint64_t lost, uint64_t sequence)
{
	struct json_builder builder = {0};
	struct json_object *change;

	if (!stream->is_watch)
		return send_records(stream, &builder, json_new_array(&builder), lost);
	change = change_new(&builder, "lost", sequence);
	json_put_number(&builder, change, "lost", (int64_t)lost);
	return peer_send(stream->peer, varlink_reply_new(&builder, change, true));
}

static int send_state(struct api *api, struct stream *stream)
{
	struct json_builder builder = {0};
	struct json_object *state = change_new(&builder, "state", stream->last);

	json_put(&builder, state, "devices", query_devices(&api->query, &builder));
	json_put(&builder, state, "sessions", query_running(&api->query, &builder));
	return peer_send(stream->peer, varlink_reply_new(&builder, state, true));
}

/* Sends the records of a batch as separate messages. */
static int send_changes(
	struct api *api, struct stream *stream, struct json_object *records, uint64_t lost)
{
	size_t count = json_count(records);
	int r = 0;

	if (lost > 0)
		r = send_lost(stream, lost, stream->last);
	for (size_t i = 0; r >= 0 && i < count; i++) {
		struct json_builder builder = {0};
		struct json_object *record = json_object_array_get_idx(records, i);
		int64_t sequence = 0;

		json_get_number(record, "sequence", &sequence);
		r = send_change(api, stream, &builder, json_object_get(record), (uint64_t)sequence);
	}
	return r;
}

static int send_batch(
	struct api *api, struct stream *stream, struct collection *batch, uint64_t lost)
{
	if (stream->is_watch) {
		CLEANUP(json_object_putp)
		struct json_object *records = json_finish(batch->builder, batch->array);

		return records ? send_changes(api, stream, records, lost)
			       : peer_send(stream->peer, NULL);
	}
	if (stream->greeted && lost == 0 && json_count(batch->array) == 0) {
		json_object_put(batch->array);
		return 0;
	}
	stream->greeted = true;
	return send_records(stream, batch->builder, batch->array, lost);
}

/* Reads one batch of missed records. Returns 0 or a negative errno. */
static int catch_up_once(struct api *api, struct stream *stream)
{
	struct json_builder builder = {0};
	struct collection batch = {
		.builder = &builder,
		.array = json_new_array(&builder),
		.room = stream->limit,
		.bytes_room = BATCH_BYTES,
		.last_sequence = stream->last,
	};
	uint64_t lost = 0;
	int r;

	r = store_records(api->parts.store,
		uuid_is_none(&stream->session) ? NULL : &stream->session, stream->last,
		collect_record, &batch, &lost);
	if (r < 0) {
		json_object_put(batch.array);
		return r;
	}
	r = send_batch(api, stream, &batch, lost);
	stream->last = batch.last_sequence;
	stream->live = !batch.cut;
	return r;
}

static void stream_free(struct api *api, struct stream *stream)
{
	TAILQ_REMOVE(&api->streams, stream, entry);
	free(stream);
}

/* Ends a failed stream: sends the error and frees the connection for other calls. */
static void stream_fail(struct api *api, struct stream *stream, int error)
{
	struct json_builder builder = {0};
	struct json_object *parameters = json_new_object(&builder);
	struct peer *peer = stream->peer;

	log_warning("Cannot read the records for a caller: %s.", strerror(-error));
	json_put_text(&builder, parameters, "reason", strerror(-error));
	peer_set_stream(peer, NULL);
	stream_free(api, stream);
	peer_send(peer, varlink_error_new(&builder, VARLINK_INTERFACE ".Failed", parameters));
}

static void catch_up(struct api *api, struct stream *stream)
{
	int r = 0;

	while (r >= 0 && !stream->live && peer_unread(stream->peer) <= PEER_UNREAD_LOW)
		r = catch_up_once(api, stream);
	/* -EPIPE: the peer is already closed. */
	if (r < 0 && r != -EPIPE)
		stream_fail(api, stream, r);
}

static struct stream *stream_new(struct api *api, struct peer *peer)
{
	struct stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		return NULL;
	stream->peer = peer;
	stream->limit = VARLINK_RECORDS_MAX;
	TAILQ_INSERT_TAIL(&api->streams, stream, entry);
	peer_set_stream(peer, stream);
	return stream;
}

int stream_watch(struct api *api, struct peer *peer, const uint64_t *after)
{
	struct stream *stream = stream_new(api, peer);
	int r;

	if (!stream)
		return -ENOMEM;
	stream->is_watch = true;
	if (after) {
		/* Send it, so that a reader that loses the connection now can resume from it. */
		stream->last = *after;
	} else {
		stream->last = ring_reader_extent(api->parts.store->reader).next_sequence - 1;
		stream->live = true;
	}
	r = send_state(api, stream);
	if (r == -EAGAIN)
		stream_fail(api, stream, r);
	else
		catch_up(api, stream);
	return 0;
}

int stream_read_log(struct api *api, struct peer *peer, const struct stream_log *log)
{
	struct stream *stream = stream_new(api, peer);

	if (!stream)
		return -ENOMEM;
	stream->session = log->session;
	stream->last = log->after;
	stream->limit = log->limit;
	catch_up(api, stream);
	return 0;
}

void stream_drained(void *user, struct peer *peer)
{
	struct api *api = user;
	struct stream *stream = peer_stream(peer);

	if (stream->live && stream->lost > 0 && send_lost(stream, stream->lost, stream->last) >= 0)
		stream->lost = 0;
	if (!stream->live)
		catch_up(api, stream);
}

void stream_gone(void *api, struct peer *peer)
{
	stream_free(api, peer_stream(peer));
}

static struct json_object *list_of_one(struct json_builder *builder, const struct event *event)
{
	struct json_object *records = json_new_array(builder);

	json_add(builder, records, record_to_json(builder, event));
	return records;
}

static bool wants(const struct stream *stream, const struct event *event)
{
	/* Streams that are catching up will read it from the ring. */
	return stream->live && (!event->sequence || event->sequence > stream->last) &&
	       (uuid_is_none(&stream->session) || uuid_equal(&stream->session, &event->session));
}

void api_observe(void *user, const struct event *event)
{
	struct api *api = user;
	struct stream *stream;

	TAILQ_FOREACH(stream, &api->streams, entry)
	{
		struct json_builder builder = {0};
		int r = -EAGAIN;

		if (!wants(stream, event))
			continue;
		/* After one dropped record, all are dropped until the reader has the count. */
		if (stream->lost == 0 && stream->is_watch)
			r = send_change(api, stream, &builder, record_to_json(&builder, event),
				event->sequence ? event->sequence : stream->last);
		else if (stream->lost == 0)
			r = send_records(stream, &builder, list_of_one(&builder, event), 0);
		if (r == -EAGAIN)
			stream->lost++;
		if (event->sequence)
			stream->last = event->sequence;
	}
}
