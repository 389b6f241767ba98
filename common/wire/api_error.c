/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/wire/api_error.h"

#include <assert.h>

#include "common/base/text.h"
#include "common/wire/varlink.h"

static const struct {
	const char *name;
	const char *member;
} errors[API_ERROR_COUNT] = {
	[API_NO_SUCH_DEVICE] = {VARLINK_INTERFACE ".NoSuchDevice", "device"},
	[API_NO_SUCH_SESSION] = {VARLINK_INTERFACE ".NoSuchSession", "session"},
	[API_NO_SUCH_CHANGE] = {VARLINK_INTERFACE ".NoSuchChange", "id"},
	[API_SESSION_ENDED] = {VARLINK_INTERFACE ".SessionEnded", "session"},
	[API_SESSION_WATCHED] = {VARLINK_INTERFACE ".SessionWatched", "session"},
	[API_SESSION_FOREIGN] = {VARLINK_INTERFACE ".SessionForeign", "session"},
	[API_DEVICE_BUSY] = {VARLINK_INTERFACE ".DeviceBusy", "device"},
	[API_TOO_MANY_SESSIONS] = {VARLINK_INTERFACE ".TooManySessions", "limit"},
	[API_CASEBOOK_UNAVAILABLE] = {VARLINK_INTERFACE ".CasebookUnavailable", "reason"},
	[API_CASEBOOK_FULL] = {VARLINK_INTERFACE ".CasebookFull", "limit"},
	[API_DAILY_LIMIT] = {VARLINK_INTERFACE ".DailyLimit", "limit"},
	[API_NOT_ALLOWED] = {VARLINK_INTERFACE ".NotAllowed", "method"},
	[API_FAILED] = {VARLINK_INTERFACE ".Failed", "reason"},
	[API_INVALID_PARAMETER] = {VARLINK_SERVICE ".InvalidParameter", "parameter"},
	[API_METHOD_NOT_FOUND] = {VARLINK_SERVICE ".MethodNotFound", "method"},
	[API_METHOD_NOT_IMPLEMENTED] = {VARLINK_SERVICE ".MethodNotImplemented", "method"},
	[API_INTERFACE_NOT_FOUND] = {VARLINK_SERVICE ".InterfaceNotFound", "interface"},
	[API_EXPECTED_MORE] = {VARLINK_SERVICE ".ExpectedMore", NULL},
};

const char *api_error_name(enum api_error error)
{
	assert(error > API_OK && error < API_ERROR_COUNT);
	return errors[error].name;
}

const char *api_error_member(enum api_error error)
{
	assert(error > API_OK && error < API_ERROR_COUNT);
	return errors[error].member;
}
