/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shared by the reader and the writer of case files. Private to casefile. */
#pragma once

#include <json-c/json.h>
#include <stddef.h>

#include "common/base/text.h"
#include "common/model/session.h"

typedef struct json_object json;

/* The member, or NULL if it is missing or of another type. */
static inline json *member(const json *object, const char *key, enum json_type type)
{
	json *value;

	return json_object_object_get_ex(object, key, &value) && json_object_is_type(value, type)
		       ? value
		       : NULL;
}

/* Copies a text member as clean UTF-8; leaves `out` unchanged if it is missing. */
static inline void take_text(const json *object, const char *key, char *out, size_t size)
{
	json *value = member(object, key, json_type_string);

	if (value)
		text_clean(json_object_get_string(value), (size_t)json_object_get_string_len(value),
			out, size);
}

/* The word of a member, cleaned into `out`; the empty text if it is missing or "unknown". */
static inline const char *take_word(const json *object, const char *key, char out[static NAME_SIZE])
{
	out[0] = '\0';
	take_text(object, key, out, NAME_SIZE);
	if (text_equal(out, "unknown"))
		out[0] = '\0';
	return out;
}

/* Feeds the log, link events and kernel lines of `object`, an attempt of a case file, through the
 * parsers and the session machine, as if watched live, and folds them into `attempt`. Calls
 * `record`, which may be NULL, with each event. */
void watched_fold(
	struct attempt *attempt, const json *object, session_recorder *record, void *user);

/* The observed facts of an attempt, as members of the JSON object `observed`: one table for reading
 * and writing, so that both handle every field. */
enum observed_type {
	OBSERVED_U32,
	OBSERVED_I32,
	OBSERVED_I64,
	OBSERVED_U64,
	OBSERVED_BOOL,
	OBSERVED_TEXT
};

struct observed_field {
	const char *name;
	enum observed_type type;
	size_t offset;
	size_t size; /* of a text */
};

#define OBSERVED(name, type, field)                                                                \
	{                                                                                          \
		name, type, offsetof(struct attempt, field), sizeof(((struct attempt *)0)->field)  \
	}

static const struct observed_field observed_fields[] = {
	OBSERVED("operation", OBSERVED_U32, operation),
	OBSERVED("operationName", OBSERVED_TEXT, operation_name),
	OBSERVED("operationPassed", OBSERVED_BOOL, operation_passed),
	OBSERVED("permille", OBSERVED_I32, permille),
	OBSERVED("checkpoint", OBSERVED_U32, checkpoint),
	OBSERVED("checkpointName", OBSERVED_TEXT, checkpoint_name),
	OBSERVED("failureText", OBSERVED_TEXT, failure_text),
	OBSERVED("complaint", OBSERVED_TEXT, complaint),
	OBSERVED("statusKnown", OBSERVED_BOOL, status_known),
	OBSERVED("status", OBSERVED_I64, status),
	OBSERVED("amrErrorKnown", OBSERVED_BOOL, amr_error_known),
	OBSERVED("amrError", OBSERVED_I64, amr_error),
	OBSERVED("exitKnown", OBSERVED_BOOL, exit_known),
	OBSERVED("exitStatus", OBSERVED_I64, exit_status),
	OBSERVED("itunesCode", OBSERVED_I64, itunes_code),
	OBSERVED("attaches", OBSERVED_U32, health.attaches),
	OBSERVED("expectedDetaches", OBSERVED_U32, health.expected_detaches),
	OBSERVED("unexpectedDetaches", OBSERVED_U32, health.unexpected_detaches),
	OBSERVED("silent", OBSERVED_BOOL, silent),
	OBSERVED("silences", OBSERVED_U32, health.silences),
	OBSERVED("stalls", OBSERVED_U32, health.stalls),
	OBSERVED("stallsKnown", OBSERVED_BOOL, health.stalls_known),
	OBSERVED("overCurrents", OBSERVED_U32, health.over_currents),
	OBSERVED("overCurrentsKnown", OBSERVED_BOOL, health.over_currents_known),
	OBSERVED("suspends", OBSERVED_U32, health.suspends),
	OBSERVED("usbErrors", OBSERVED_U32, health.usb_errors),
	OBSERVED("usbErrorsMasked", OBSERVED_U32, health.usb_errors_masked),
	OBSERVED("muxFaults", OBSERVED_U32, health.mux_faults),
	OBSERVED("linkErrors", OBSERVED_U32, health.link_errors),
	OBSERVED("linkCorrected", OBSERVED_U32, health.link_corrected),
	OBSERVED("linkBytes", OBSERVED_U64, health.link_bytes),
	OBSERVED("linkMilliseconds", OBSERVED_U64, health.link_ms),
	OBSERVED("speedMbps", OBSERVED_U32, health.speed_mbps),
	OBSERVED("hubDepth", OBSERVED_U32, health.hub_depth),
	OBSERVED("hubDepthKnown", OBSERVED_BOOL, health.hub_depth_known),
	OBSERVED("operationSequence", OBSERVED_U64, operation_sequence),
	OBSERVED("checkpointSequence", OBSERVED_U64, checkpoint_sequence),
	OBSERVED("statusSequence", OBSERVED_U64, status_sequence),
	OBSERVED("endSequence", OBSERVED_U64, end_sequence),
	OBSERVED("firstFaultSequence", OBSERVED_U64, health.first_fault_sequence),
};
