/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "phone/talk.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <libimobiledevice/afc.h>
#include <libimobiledevice/libimobiledevice.h>
#include <libimobiledevice/lockdown.h>
#include <libimobiledevice/service.h>
#include <plist/plist.h>
#include <usbmuxd.h>

#include "common/base/macro.h"
#include "common/base/text.h"
#include "common/logs/panicfile.h"

#define SERVICE_MOVER "com.apple.crashreportmover"
#define SERVICE_COPY "com.apple.crashreportcopymobile"
#define PIECE_BYTES 65536
#define FOLDER_BYTES 16 /* of the longest folder, with a slash */

/* The folders of reports: newer systems have separate ones for older reports. */
static const char *const folders[] = {"/", "/Retired", "/Panics"};

/* The session with one phone. */
struct talk {
	idevice_t device;
	lockdownd_client_t lockdown;
	afc_client_t files;
	char *message; /* PHONE_MESSAGE_SIZE */
	phone_report_taken *taken;
	void *user;
	int count;
	bool ended; /* by the receiver */
};

static void talk_done(struct talk *talk)
{
	if (talk->files)
		afc_client_free(talk->files);
	if (talk->lockdown)
		lockdownd_client_free(talk->lockdown);
	if (talk->device)
		idevice_free(talk->device);
}

static void plist_freep(plist_t *plist)
{
	plist_free(*plist);
}

static void dictionary_freep(char ***list)
{
	if (*list)
		afc_dictionary_free(*list);
}

static int refuse(struct talk *talk, int error, const char *format, ...) PRINTF_LIKE(3, 4);
static int refuse(struct talk *talk, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(talk->message, PHONE_MESSAGE_SIZE, format, args);
	va_end(args);
	return error;
}

int talk_list(phone_listed *listed, void *user)
{
	idevice_info_t *list = NULL;
	int count = 0, found = 0;

	if (idevice_get_device_list_extended(&list, &count) != IDEVICE_E_SUCCESS)
		return -ECONNREFUSED;
	for (int i = 0; i < count && found < PHONE_LIST_MAX; i++) {
		if (list[i]->conn_type != CONNECTION_USBMUXD)
			continue;
		listed(user, list[i]->udid);
		found++;
	}
	idevice_device_list_extended_free(list);
	return found;
}

/* The phone's name for this computer, from usbmuxd's stored pairing. It is read here because
 * lockdownd_client_new_with_handshake() would pair if there is no pairing. Returns NULL if there is
 * none. */
static char *read_host_id(const char *udid)
{
	CLEANUP(plist_freep) plist_t record = NULL;
	CLEANUP(freep) char *bytes = NULL;
	uint32_t length = 0;
	plist_t item;

	if (usbmuxd_read_pair_record(udid, &bytes, &length) < 0 || !bytes)
		return NULL;
	/* plist_from_memory() has a different signature in each version of libplist. */
	if (plist_is_binary(bytes, length))
		plist_from_bin(bytes, length, &record);
	else
		plist_from_xml(bytes, length, &record);
	if (!record || plist_get_node_type(record) != PLIST_DICT)
		return NULL;
	item = plist_dict_get_item(record, "HostID");
	if (!item || plist_get_node_type(item) != PLIST_STRING)
		return NULL;
	return strdup(plist_get_string_ptr(item, NULL));
}

static int refuse_session(struct talk *talk, lockdownd_error_t error)
{
	switch (error) {
	case LOCKDOWN_E_INVALID_HOST_ID:
	case LOCKDOWN_E_USER_DENIED_PAIRING:
	case LOCKDOWN_E_PAIRING_DIALOG_RESPONSE_PENDING:
		return refuse(talk, -EACCES,
			"no longer trusts this computer. Unlock it, run `idevicepair pair`, "
			"tap Trust, and try again.");
	case LOCKDOWN_E_PASSWORD_PROTECTED:
		return refuse(talk, -EACCES, "is locked. Unlock it and try again.");
	default:
		return refuse(
			talk, -EPROTO, "did not start a session (lockdown error %d).", (int)error);
	}
}

static int begin_session(struct talk *talk, const char *udid)
{
	CLEANUP(freep) char *host_id = read_host_id(udid), *type = NULL;
	lockdownd_error_t error;

	if (!host_id)
		return refuse(talk, -EACCES,
			"is not paired with this computer for this user. Unlock it, run "
			"`idevicepair "
			"pair`, tap Trust, and try again.");
	if (idevice_new_with_options(&talk->device, udid, IDEVICE_LOOKUP_USBMUX) !=
			IDEVICE_E_SUCCESS ||
		lockdownd_client_new(talk->device, &talk->lockdown, TALK_LABEL) !=
			LOCKDOWN_E_SUCCESS)
		return refuse(talk, -ECONNREFUSED,
			"cannot be reached through usbmuxd. Replug it and try again.");
	if (lockdownd_query_type(talk->lockdown, &type) != LOCKDOWN_E_SUCCESS ||
		!text_equal(type, "com.apple.mobile.lockdown"))
		return refuse(talk, -EPROTO,
			"is not in normal mode. Its reports can be read only while its system "
			"runs.");
	error = lockdownd_start_session(talk->lockdown, host_id, NULL, NULL);
	return error == LOCKDOWN_E_SUCCESS ? 0 : refuse_session(talk, error);
}

/* Makes the phone move its newest reports to where they are readable; it answers "ping" when done.
 * If it does not, the older reports are still readable. */
static void move_reports(struct talk *talk)
{
	lockdownd_service_descriptor_t descriptor = NULL;
	service_client_t service = NULL;
	char word[4];
	uint32_t got = 0;

	if (lockdownd_start_service(talk->lockdown, SERVICE_MOVER, &descriptor) ==
			LOCKDOWN_E_SUCCESS &&
		service_client_new(talk->device, descriptor, &service) == SERVICE_E_SUCCESS) {
		service_receive_with_timeout(service, word, sizeof(word), &got, 5000);
		service_client_free(service);
	}
	if (descriptor)
		lockdownd_service_descriptor_free(descriptor);
}

static int open_files(struct talk *talk)
{
	lockdownd_service_descriptor_t descriptor = NULL;
	lockdownd_error_t error =
		lockdownd_start_service(talk->lockdown, SERVICE_COPY, &descriptor);
	int r = 0;

	if (error != LOCKDOWN_E_SUCCESS ||
		afc_client_new(talk->device, descriptor, &talk->files) != AFC_E_SUCCESS)
		r = refuse(talk, -EPROTO,
			"does not release its reports (lockdown error %d). Unlock it and try "
			"again.",
			(int)error);
	if (descriptor)
		lockdownd_service_descriptor_free(descriptor);
	return r;
}

/* Panic reports by name: panic-full-DATE.ips, panic-base-…, followed by .synced if they were copied
 * before. */
static bool is_report(const char *name)
{
	return text_starts_with(name, "panic") && strstr(name, ".ips");
}

/* Turns a name from the phone into a safe file name. */
static bool clean_name(const char *name, char out[static PHONE_REPORT_NAME_SIZE])
{
	size_t length = 0;

	for (; name[length]; length++) {
		char c = name[length];

		if (length == PHONE_REPORT_NAME_SIZE - 1)
			return false;
		out[length] = isalnum((unsigned char)c) || strchr(".-_", c) ? c : '_';
	}
	out[length] = '\0';
	return phone_report_name_ok(out);
}

/* Reads a whole file, up to the maximum size of a report. */
static int read_file(struct talk *talk, const char *path, char *bytes, size_t *ret_length)
{
	uint64_t handle = 0;
	size_t length = 0;
	uint32_t got = 1;
	int r = 0;

	if (afc_file_open(talk->files, path, AFC_FOPEN_RDONLY, &handle) != AFC_E_SUCCESS)
		return -EIO;
	while (got > 0 && length < PANICFILE_BYTES_MAX) {
		size_t left = PANICFILE_BYTES_MAX - length;

		got = 0;
		if (afc_file_read(talk->files, handle, bytes + length,
			    left < PIECE_BYTES ? (uint32_t)left : PIECE_BYTES,
			    &got) != AFC_E_SUCCESS ||
			got > left) {
			r = -EIO;
			break;
		}
		length += got;
	}
	afc_file_close(talk->files, handle);
	*ret_length = length;
	return r;
}

static int take_file(struct talk *talk, const char *folder, const char *name, char *bytes)
{
	char path[PHONE_REPORT_NAME_SIZE + FOLDER_BYTES], clean[PHONE_REPORT_NAME_SIZE];
	size_t length = 0;

	if (!clean_name(name, clean) ||
		(size_t)snprintf(path, sizeof(path), "%s%s%s", folder,
			text_equal(folder, "/") ? "" : "/", name) >= sizeof(path))
		return 0;
	if (read_file(talk, path, bytes, &length) < 0)
		return refuse(talk, -EIO, "disconnected while reading %s. Replug it and try again.",
			clean);
	talk->count++;
	talk->ended = !talk->taken(talk->user, clean, bytes, length);
	return 0;
}

static int take_folder(struct talk *talk, const char *folder, char *bytes)
{
	CLEANUP(dictionary_freep) char **names = NULL;
	int r = 0;

	if (afc_read_directory(talk->files, folder, &names) != AFC_E_SUCCESS || !names)
		return text_equal(folder, "/")
			       ? refuse(talk, -EIO, "did not list its reports. Try again.")
			       : 0;
	for (size_t i = 0; names[i] && r == 0 && !talk->ended; i++)
		if (is_report(names[i]) && talk->count < PHONE_REPORTS_MAX)
			r = take_file(talk, folder, names[i], bytes);
	return r;
}

int talk_reports(const char *udid, phone_report_taken *taken, void *user,
	char message[static PHONE_MESSAGE_SIZE])
{
	CLEANUP(talk_done) struct talk talk = {.message = message, .taken = taken, .user = user};
	CLEANUP(freep) char *bytes = malloc(PANICFILE_BYTES_MAX);
	int r;

	if (!bytes)
		return refuse(&talk, -ENOMEM, "cannot be read: out of memory.");
	r = begin_session(&talk, udid);
	if (r < 0)
		return r;
	move_reports(&talk);
	r = open_files(&talk);
	for (size_t i = 0; i < ARRAY_SIZE(folders) && r == 0 && !talk.ended; i++)
		r = take_folder(&talk, folders[i], bytes);
	return r < 0 ? r : talk.count;
}
