/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/doctor/system.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "common/base/file.h"
#include "common/base/text.h"
#include "common/model/usb_identity.h"

#define FILE_BYTES_MAX 65536 /* maximum to read of one file */

/* Sets errno and returns false if the path is too long. */
static bool join(const char *root, const char *path, char out[static PATH_MAX])
{
	int length = snprintf(out, PATH_MAX, "%s%s", root, path);

	errno = ENAMETOOLONG;
	return length >= 0 && length < PATH_MAX;
}

bool system_exists(const char *root, const char *path)
{
	char full[PATH_MAX];

	return join(root, path, full) && access(full, F_OK) == 0;
}

char *system_read(const char *root, const char *path, size_t *ret_length)
{
	char full[PATH_MAX], *bytes;
	size_t length;
	int r;

	if (!join(root, path, full))
		return NULL;
	/* A planted pipe must not block us. */
	r = file_read(full, O_NONBLOCK, FILE_BYTES_MAX, &bytes, &length);
	if (r < 0) {
		errno = -r;
		return NULL;
	}
	if (ret_length)
		*ret_length = length;
	return bytes;
}

bool system_read_line(const char *root, const char *path, char *out, size_t size)
{
	CLEANUP(freep) char *text = system_read(root, path, NULL);

	*out = '\0';
	if (!text)
		return false;
	text_clean(text, strcspn(text, "\n"), out, size);
	return true;
}

long long system_read_number(const char *root, const char *path, int base)
{
	char line[64], *end;
	long long number;

	if (!system_read_line(root, path, line, sizeof(line)))
		return -1;
	number = strtoll(line, &end, base);
	return end == line ? -1 : number;
}

static int is_shown(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int system_each(const char *root, const char *folder, system_visit *visit, void *user)
{
	struct dirent **entries;
	char full[PATH_MAX];
	bool go_on = true;
	int count;

	if (!join(root, folder, full))
		return -errno;
	count = scandir(full, &entries, is_shown, alphasort);
	if (count < 0)
		return -errno;
	for (int i = 0; i < count; i++) {
		go_on = go_on && visit(user, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return 0;
}

bool system_read_link(const char *root, const char *path, char *out, size_t size)
{
	char full[PATH_MAX];
	ssize_t length;

	*out = '\0';
	if (!join(root, path, full))
		return false;
	length = readlink(full, out, size - 1);
	out[length > 0 ? length : 0] = '\0';
	return length > 0;
}

struct process_visit {
	const char *root;
	system_visit_process *visit;
	void *user;
};

/* The program's file is better than comm, which is truncated to 15 characters and is a script's own
 * name; it is readable only for processes of the same user. */
static void read_name(const char *root, const char *pid, char out[static SYSTEM_NAME_SIZE])
{
	char path[PATH_MAX], link[PATH_MAX];
	const char *slash;

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	system_read_line(root, path, out, SYSTEM_NAME_SIZE);
	snprintf(path, sizeof(path), "/proc/%s/exe", pid);
	if (strlen(out) < 15 || !system_read_link(root, path, link, sizeof(link)))
		return;
	slash = strrchr(link, '/');
	if (slash && text_starts_with(slash + 1, out))
		text_clean(slash + 1, strlen(slash + 1), out, SYSTEM_NAME_SIZE);
}

static bool visit_entry(void *user, const char *name)
{
	const struct process_visit *all = user;
	struct system_process process = {0};

	if (strspn(name, "0123456789") != strlen(name))
		return true;
	process.pid = atoi(name);
	read_name(all->root, name, process.name);
	/* It may have ended meanwhile. */
	return !process.name[0] || all->visit(all->user, &process);
}

int system_each_process(const char *root, system_visit_process *visit, void *user)
{
	struct process_visit all = {root, visit, user};

	return system_each(root, "/proc", visit_entry, &all);
}

struct phone_list {
	const char *root;
	struct system_phone *phones;
	int count;
};

static long long read_attribute(const char *root, const char *device, const char *name, int base)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/bus/usb/devices/%s/%s", device, name);
	return system_read_number(root, path, base);
}

/* What its serial number shows in recovery and DFU mode. */
static const struct model *read_model(const char *root, const char *device, uint16_t product)
{
	char path[PATH_MAX], serial[256];

	snprintf(path, sizeof(path), "/sys/bus/usb/devices/%s/serial", device);
	if (!system_read_line(root, path, serial, sizeof(serial)))
		return NULL;
	return usb_identity_read(product, serial).model;
}

static bool add_phone(void *user, const char *name)
{
	struct phone_list *list = user;
	struct system_phone phone = {0};
	uint16_t product;

	if (strlen(name) >= sizeof(phone.port) || strchr(name, ':') ||
		read_attribute(list->root, name, "idVendor", 16) != USB_VENDOR_APPLE)
		return true;
	product = (uint16_t)read_attribute(list->root, name, "idProduct", 16);
	phone.mode = usb_product_mode(product);
	if (phone.mode == MODE_UNKNOWN)
		return true;
	phone.model = read_model(list->root, name, product);
	text_copy(phone.port, sizeof(phone.port), name);
	phone.bus = (int)read_attribute(list->root, name, "busnum", 10);
	phone.address = (int)read_attribute(list->root, name, "devnum", 10);
	list->phones[list->count++] = phone;
	return list->count < SYSTEM_PHONES_MAX;
}

int system_phones(const char *root, struct system_phone phones[static SYSTEM_PHONES_MAX])
{
	struct phone_list list = {.root = root, .phones = phones};
	int r = system_each(root, "/sys/bus/usb/devices", add_phone, &list);

	return r < 0 ? r : list.count;
}
