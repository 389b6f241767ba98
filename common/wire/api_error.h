/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The errors of a call, as in the .varlink files. A method returns 0, one of these, or a negative
 * errno, which the caller sees as API_FAILED. */
#pragma once

#include "common/wire/json.h"

enum api_error {
	API_OK = 0,
	API_NO_SUCH_DEVICE,
	API_NO_SUCH_SESSION,
	API_NO_SUCH_CHANGE,
	API_SESSION_ENDED,
	API_SESSION_WATCHED,
	API_SESSION_FOREIGN,
	API_DEVICE_BUSY,
	API_TOO_MANY_SESSIONS,
	API_CASEBOOK_UNAVAILABLE,
	API_CASEBOOK_FULL,
	API_DAILY_LIMIT,
	API_NOT_ALLOWED,
	API_FAILED,
	/* Of Varlink itself. */
	API_INVALID_PARAMETER,
	API_METHOD_NOT_FOUND,
	API_METHOD_NOT_IMPLEMENTED,
	API_INTERFACE_NOT_FOUND,
	API_EXPECTED_MORE,
	API_ERROR_COUNT,
};

/* The whole name, such as io.github.idevicetriage.NoSuchDevice. Not for API_OK. */
const char *api_error_name(enum api_error error);
/* The one member that its parameters have; NULL = none. */
const char *api_error_member(enum api_error error);
