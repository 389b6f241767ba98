/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/firmware/firmware.h"

#include <errno.h>
#include <libgen.h>
#include <nettle/sha1.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "client/firmware/archive.h"
#include "client/phrase.h"
#include "client/tool_version.h"
#include "common/base/text.h"
#include "common/diagnosis/tool_age.h"

#define MANIFEST_BYTES_MAX (16u << 20)
#define NAMED_MAX 8 /* damaged or missing files that are named */
#define AGAIN "Download the firmware file again."
#define TOOL "idevicerestore"
#define HEAD_BYTES 16 /* of an Image4 payload: the beginning of its sequence, and its type */

enum what { ARCHIVE, MANIFEST, MODEL, COMPONENTS, CONTENTS, DIGESTS, RESTORE_TOOL, DISK };

static const struct {
	const char *id;	   /* for scripts; must never change */
	const char *title; /* for people */
} checks[] = {
	[ARCHIVE] = {"archive", "the file"},
	[MANIFEST] = {"manifest", "the manifest"},
	[MODEL] = {"model", "the model"},
	[COMPONENTS] = {"components", "the components"},
	[CONTENTS] = {"contents", "the contents"},
	[DIGESTS] = {"digests", "the digests"},
	[RESTORE_TOOL] = {"restore-tool", "the restore tool"},
	[DISK] = {"disk", "disk space"},
};

/* The digests of the member that is being read. */
struct hashing {
	struct sha1_ctx sha1;
	struct sha384_ctx sha384;
	bool begun, payload; /* its first piece was read; it is an Image4 payload */
	uint64_t done;	     /* bytes of all members */
	unsigned percent;
};

struct check {
	const struct firmware_options *options;
	struct firmware_archive archive;
	struct manifest *manifest;
	struct findings findings;
	struct hashing hashing;
	size_t changed; /* files that differ from their digest */
};

static void say(struct check *check, enum what what, enum finding_result result, const char *advice,
	const char *format, ...) PRINTF_LIKE(5, 6);
static void say(struct check *check, enum what what, enum finding_result result, const char *advice,
	const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	findings_add(&check->findings, checks[what].id, checks[what].title, result, advice, format,
		arguments);
	va_end(arguments);
}

/* The first component with this path; NULL if the manifest does not name the file. */
static const struct component *find_component(const struct check *check, const char *path)
{
	const struct manifest *manifest = check->manifest;

	for (size_t i = 0; i < manifest->component_count; i++)
		if (text_equal(manifest->components[i].path, path))
			return &manifest->components[i];
	return NULL;
}

/* "iBSS (Firmware/dfu/iBSS.n104ap.RELEASE.im4p)", or the path alone. */
static void name_member(const struct check *check, const char *path, char *out, size_t size)
{
	const struct component *component = find_component(check, path);

	if (component)
		snprintf(out, size, "%s (%s)", component->name, path);
	else
		text_copy(out, size, path);
}

/* The archive itself. Returns false if nothing else can be checked. */
static bool check_archive(struct check *check, int error)
{
	const struct firmware_archive *archive = &check->archive;

	if (error < 0)
		say(check, ARCHIVE, FINDING_PROBLEM, AGAIN,
			"It is damaged, incomplete or not a firmware file: %s.", archive->problem);
	else if (archive->inconsistent)
		say(check, ARCHIVE, FINDING_WARNING, AGAIN,
			"Its directory contradicts the headers of its files: it may be damaged.");
	else
		say(check, ARCHIVE, FINDING_OK, NULL, "It lists %zu files, %s unpacked.",
			archive->count, phrase_bytes((int64_t)archive->bytes).text);
	return error == 0;
}

/* Reads it under the names that idevicerestore looks for. */
static int read_manifest(struct check *check)
{
	static const char *const names[] = {"BuildManifest.plist", "BuildManifesto.plist"};
	CLEANUP(freep) char *bytes = NULL;
	size_t length = 0;
	int r = -ENOENT;

	for (size_t i = 0; r == -ENOENT && i < ARRAY_SIZE(names); i++)
		r = firmware_extract(
			&check->archive, names[i], MANIFEST_BYTES_MAX, &bytes, &length);
	return r < 0 ? r : manifest_read(bytes, length, &check->manifest);
}

static bool check_manifest(struct check *check, int error)
{
	const struct manifest *manifest = check->manifest;

	if (error < 0) {
		say(check, MANIFEST, FINDING_PROBLEM, AGAIN, "BuildManifest.plist %s.",
			error == -ENOENT  ? "is missing: this is not a whole firmware file"
			: error == -E2BIG ? "is too large"
					  : "is damaged");
		return false;
	}
	say(check, MANIFEST, FINDING_OK, NULL, "It is version %s (%s).",
		manifest->version[0] ? manifest->version : "?",
		manifest->build[0] ? manifest->build : "?");
	return true;
}

static bool has_name(char (*names)[FIRMWARE_NAME_SIZE], size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcasecmp(names[i], name) == 0)
			return true;
	return false;
}

static void check_model(struct check *check)
{
	const struct manifest *manifest = check->manifest;
	const char *product = check->options->product;
	const struct model *model = product ? model_by_product(product) : NULL;
	const char *name = model ? model->name : product;

	if (!product)
		say(check, MODEL, FINDING_UNKNOWN,
			"Name the device: --device DEVICE or --device iPhone12,3.",
			"It names %zu %s: %s%s.", manifest->product_count,
			manifest->product_count == 1 ? "model" : "models",
			manifest->product_count ? manifest->products[0] : "none",
			manifest->product_count > 1 ? " and others" : "");
	else if (!has_name(manifest->products, manifest->product_count, product))
		say(check, MODEL, FINDING_PROBLEM, "Download the firmware file for this model.",
			"It is for other models than %s (%s).", name, product);
	else if (model && !has_name(manifest->boards, manifest->board_count, model->board))
		say(check, MODEL, FINDING_WARNING, NULL, "It is for %s, but names no board %s.",
			name, model->board);
	else
		say(check, MODEL, FINDING_OK, NULL, "It is for %s (%s).", name, product);
}

/* Whether each file of the manifest is in the archive. */
static void check_components(struct check *check)
{
	const struct manifest *manifest = check->manifest;
	size_t missing = 0;

	for (size_t i = 0; i < manifest->component_count; i++) {
		const struct component *component = &manifest->components[i];

		if (find_component(check, component->path) != component ||
			firmware_find(&check->archive, component->path))
			continue;
		if (++missing <= NAMED_MAX)
			say(check, COMPONENTS, FINDING_PROBLEM, AGAIN, "%s is missing (%s).",
				component->name, component->path);
	}
	if (missing > NAMED_MAX)
		say(check, COMPONENTS, FINDING_PROBLEM, AGAIN, "%zu more are missing.",
			missing - NAMED_MAX);
	if (!missing)
		say(check, COMPONENTS, FINDING_OK, NULL, "All files of the manifest are there.");
}

/* The digest of a payload is that of its whole file; of other files it may be of a part:
 * https://github.com/tihmstar/img4tool compares them so. */
static bool is_payload(const void *bytes, size_t length)
{
	return memmem(bytes, length < HEAD_BYTES ? length : HEAD_BYTES, "\x16\x04IM4P", 6) != NULL;
}

static bool has_digest(
	const struct component *component, const uint8_t *sha1, const uint8_t *sha384)
{
	const uint8_t *digest = component->digest_length == SHA1_DIGEST_SIZE	 ? sha1
				: component->digest_length == SHA384_DIGEST_SIZE ? sha384
										 : NULL;

	return digest && memcmp(component->digest, digest, component->digest_length) == 0;
}

/* The end of a member: compares it with the manifest. */
static void compare_digest(struct check *check, const struct member *member)
{
	struct hashing *hashing = &check->hashing;
	const struct manifest *manifest = check->manifest;
	uint8_t sha1[SHA1_DIGEST_SIZE], sha384[SHA384_DIGEST_SIZE];
	bool given = false;
	char name[FIRMWARE_NAME_SIZE + FIRMWARE_PATH_SIZE + 4];

	sha1_digest(&hashing->sha1, sizeof(sha1), sha1);
	sha384_digest(&hashing->sha384, sizeof(sha384), sha384);
	if (member->damaged)
		return;
	for (size_t i = 0; i < manifest->component_count; i++) {
		const struct component *component = &manifest->components[i];

		if (!component->digest_length || !text_equal(component->path, member->path))
			continue;
		given = true;
		if (has_digest(component, sha1, sha384))
			return;
	}
	if (!given || ++check->changed > NAMED_MAX)
		return;
	name_member(check, member->path, name, sizeof(name));
	say(check, DIGESTS, FINDING_PROBLEM, AGAIN,
		"%s is not the file that the manifest names: its digest differs.", name);
}

static void show_progress(struct check *check, size_t length)
{
	struct hashing *hashing = &check->hashing;
	uint64_t bytes = check->archive.bytes;
	unsigned percent;

	hashing->done += length;
	percent = bytes && hashing->done < bytes ? (unsigned)(hashing->done * 100 / bytes) : 100;
	if (check->options->progress && percent != hashing->percent)
		check->options->progress(check->options->user, percent);
	hashing->percent = percent;
}

/* A firmware_piece. */
static void hash_piece(void *user, const struct member *member, const void *bytes, size_t length)
{
	struct check *check = user;
	struct hashing *hashing = &check->hashing;

	if (length == 0) {
		if (hashing->payload)
			compare_digest(check, member);
		hashing->begun = hashing->payload = false;
		return;
	}
	if (!hashing->begun)
		hashing->payload = is_payload(bytes, length);
	hashing->begun = true;
	if (hashing->payload) {
		sha1_update(&hashing->sha1, length, bytes);
		sha384_update(&hashing->sha384, length, bytes);
	}
	show_progress(check, length);
}

static void check_contents(struct check *check)
{
	char name[FIRMWARE_NAME_SIZE + FIRMWARE_PATH_SIZE + 4];
	size_t damaged = 0;

	sha1_init(&check->hashing.sha1);
	sha384_init(&check->hashing.sha384);
	firmware_read(&check->archive, hash_piece, check);
	for (size_t i = 0; i < check->archive.count; i++) {
		if (!check->archive.members[i].damaged || ++damaged > NAMED_MAX)
			continue;
		name_member(check, check->archive.members[i].path, name, sizeof(name));
		say(check, CONTENTS, FINDING_PROBLEM, AGAIN, "%s is damaged.", name);
	}
	if (damaged > NAMED_MAX)
		say(check, CONTENTS, FINDING_PROBLEM, AGAIN, "%zu more are damaged.",
			damaged - NAMED_MAX);
	if (!damaged)
		say(check, CONTENTS, FINDING_OK, NULL, "Every file has the right checksum.");
	if (!check->changed)
		say(check, DIGESTS, FINDING_OK, NULL, "No Image4 file differs from the manifest.");
}

/* The installed restore tool may not know a later firmware. */
static void check_tool(struct check *check)
{
	char version[TOOL_VERSION_SIZE] = "", package[TOOL_PACKAGE_SIZE] = "",
	     both[TOOL_VERSION_SIZE];
	int firmware = firmware_build_year(check->manifest->build), tool;
	int r = tool_version_ask(TOOL, version);

	if (r == -ENOENT) {
		say(check, RESTORE_TOOL, FINDING_UNKNOWN, NULL, TOOL " is not installed.");
		return;
	}
	tool_package_ask(TOOL, package);
	tool_version_join(version, package, both);
	tool = tool_version_year(TOOL, both);
	if (!tool || !firmware)
		say(check, RESTORE_TOOL, FINDING_UNKNOWN, NULL,
			"The age of " TOOL " %s or of the firmware is not known.", both);
	else if (tool < firmware)
		say(check, RESTORE_TOOL, FINDING_WARNING,
			"Use a newer one: see `idevicetriage doctor`.",
			TOOL " %s is from %d, the firmware from %d: the tool may not support it.",
			both, tool, firmware);
	else
		say(check, RESTORE_TOOL, FINDING_OK, NULL,
			TOOL " %s is not older than the firmware.", both);
}

/* Some restore tools unpack the filesystem image beside the file. */
static void check_disk(struct check *check)
{
	const struct manifest *manifest = check->manifest;
	CLEANUP(freep) char *path = strdup(check->options->path);
	uint64_t largest = 0, free_bytes;
	struct statvfs disk;

	for (size_t i = 0; i < manifest->component_count; i++) {
		const struct member *member =
			text_equal(manifest->components[i].name, "OS")
				? firmware_find(&check->archive, manifest->components[i].path)
				: NULL;

		if (member && member->size > largest)
			largest = member->size;
	}
	if (!path || !largest || statvfs(dirname(path), &disk) < 0)
		return;
	free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
	if (free_bytes < largest)
		say(check, DISK, FINDING_WARNING, "Free some space on that disk.",
			"The filesystem image needs %s, the disk of the file has %s free: a tool "
			"that unpacks the image there will fail.",
			phrase_bytes((int64_t)largest).text,
			phrase_bytes((int64_t)free_bytes).text);
	else
		say(check, DISK, FINDING_OK, NULL,
			"There is room to unpack the filesystem image (%s).",
			phrase_bytes((int64_t)largest).text);
}

static void run_checks(struct check *check, int listed)
{
	if (!check_archive(check, listed) || !check_manifest(check, read_manifest(check)))
		return;
	check_model(check);
	check_components(check);
	if (!check->options->contents)
		return;
	check_contents(check);
	check_tool(check);
	check_disk(check);
}

int firmware_check(const struct firmware_options *options, struct json_object **ret)
{
	CLEANUP(manifest_freep) struct manifest *manifest = NULL;
	struct check check = {.options = options};
	struct json_object *result;
	int r = firmware_open(options->path, options->contents, &check.archive);

	if (r == 0 || r == -EBADMSG || r == -E2BIG) {
		run_checks(&check, r);
		r = 0;
	}
	manifest = check.manifest;
	firmware_archive_done(&check.archive);
	result = findings_finish(&check.findings);
	if (r < 0 || !result) {
		json_object_put(result);
		return r < 0 ? r : -ENOMEM;
	}
	json_put_text(&check.findings.builder, result, "file", options->path);
	if (manifest) {
		json_put_known_text(
			&check.findings.builder, result, "productVersion", manifest->version);
		json_put_known_text(
			&check.findings.builder, result, "productBuild", manifest->build);
	}
	*ret = result;
	return 0;
}
