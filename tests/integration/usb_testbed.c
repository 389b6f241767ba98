/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/integration/usb_testbed.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <umockdev.h>

#define PORTS_MAX 64
#define PORT_TEXT_SIZE 32
#define SERIAL_SIZE 256
#define SPEED_SIZE 8

struct testbed_port {
	char port[PORT_TEXT_SIZE]; /* empty = free */
	char *syspath;
};

struct usb_testbed {
	UMockdevTestbed *testbed;
	char *folder;
	char speed[SPEED_SIZE];
	int next_address; /* one sequence for all buses: no number is used twice */
	struct testbed_port ports[PORTS_MAX];
};

struct usb_testbed *usb_testbed_new(void)
{
	const char *preload = getenv("LD_PRELOAD");
	struct usb_testbed *testbed;

	if (!preload || !strstr(preload, "libumockdev-preload"))
		return NULL;
	testbed = calloc(1, sizeof(*testbed));
	if (!testbed)
		return NULL;
	testbed->testbed = umockdev_testbed_new();
	testbed->folder = umockdev_testbed_get_root_dir(testbed->testbed);
	testbed->next_address = 2;
	usb_testbed_set_speed(testbed, "480");
	return testbed;
}

struct usb_testbed *usb_testbed_free(struct usb_testbed *testbed)
{
	if (!testbed)
		return NULL;
	for (size_t i = 0; i < PORTS_MAX; i++)
		g_free(testbed->ports[i].syspath);
	g_free(testbed->folder);
	g_object_unref(testbed->testbed);
	free(testbed);
	return NULL;
}

const char *usb_testbed_folder(const struct usb_testbed *testbed)
{
	return testbed->folder;
}

void usb_testbed_set_speed(struct usb_testbed *testbed, const char *speed)
{
	snprintf(testbed->speed, sizeof(testbed->speed), "%s", speed);
}

static struct testbed_port *find_port(struct usb_testbed *testbed, const char *port)
{
	for (size_t i = 0; i < PORTS_MAX; i++) {
		if (strcmp(testbed->ports[i].port, port) == 0)
			return &testbed->ports[i];
	}
	return NULL;
}

/* The path above `port`: 1-2.3 is below 1-2, 1-2 below usb1. */
static int parent_of(const char *port, char parent[static PORT_TEXT_SIZE])
{
	const char *dash = strchr(port, '-');
	const char *cut = strrchr(port, '.');

	if (!dash || dash == port || strlen(port) >= PORT_TEXT_SIZE ||
		strspn(port, "0123456789-.") != strlen(port))
		return -EINVAL;
	if (cut)
		snprintf(parent, PORT_TEXT_SIZE, "%.*s", (int)(cut - port), port);
	else
		snprintf(parent, PORT_TEXT_SIZE, "usb%.*s", (int)(dash - port), port);
	return 0;
}

/* As udev's ID_SERIAL_SHORT: what is no letter, digit or one of a few signs becomes '_'. */
static void mangle(const char *serial, char out[static SERIAL_SIZE])
{
	snprintf(out, SERIAL_SIZE, "%s", serial ? serial : "");
	for (char *c = out; *c; c++) {
		if (*c == ' ' || *c == '[' || *c == ']')
			*c = '_';
	}
}

static int plug(struct usb_testbed *testbed, const char *port, const char *parent,
	uint16_t vendor_id, uint16_t product_id, const char *serial)
{
	struct testbed_port *slot = find_port(testbed, "");
	char vendor[8], product[8], bus[8], address[16], triple[32], mangled[SERIAL_SIZE];
	const char *attributes[] = {"idVendor", vendor, "idProduct", product, "busnum", bus,
		"devnum", address, "speed", testbed->speed, serial ? "serial" : NULL, serial, NULL};
	const char *properties[] = {"DEVTYPE", "usb_device", "PRODUCT", triple, "BUSNUM", bus,
		"DEVNUM", address, serial ? "ID_SERIAL_SHORT" : NULL, mangled, NULL};
	int number;

	if (!slot)
		return -ENOSPC;
	number = strncmp(port, "usb", 3) == 0 ? 1 : testbed->next_address++;
	mangle(serial, mangled);
	snprintf(vendor, sizeof(vendor), "%04x", vendor_id);
	snprintf(product, sizeof(product), "%04x", product_id);
	snprintf(bus, sizeof(bus), "%d", atoi(port + (number == 1 ? 3 : 0)));
	snprintf(address, sizeof(address), "%d", number);
	snprintf(triple, sizeof(triple), "%x/%x/100", vendor_id, product_id);
	/* This sends the uevent "add", so everything must exist before. */
	slot->syspath = umockdev_testbed_add_devicev(
		testbed->testbed, "usb", port, parent, (char **)attributes, (char **)properties);
	if (!slot->syspath)
		return -EIO;
	snprintf(slot->port, sizeof(slot->port), "%s", port);
	return number;
}

/* Makes the hub or root hub at `port` where there is none, and those above it. */
static int make_hub(struct usb_testbed *testbed, const char *port, const char **ret_syspath)
{
	struct testbed_port *known = find_port(testbed, port);
	char parent[PORT_TEXT_SIZE];
	const char *above = NULL;
	int r;

	if (!known && strncmp(port, "usb", 3) == 0) {
		r = plug(testbed, port, NULL, 0x1d6b, 0x0002, NULL);
	} else if (!known) {
		r = parent_of(port, parent);
		if (r == 0)
			r = make_hub(testbed, parent, &above);
		if (r == 0)
			r = plug(testbed, port, above, 0x05e3, 0x0610, NULL);
	} else {
		r = 0;
	}
	if (r < 0)
		return r;
	*ret_syspath = find_port(testbed, port)->syspath;
	return 0;
}

int usb_testbed_add(struct usb_testbed *testbed, const char *port, uint16_t vendor_id,
	uint16_t product_id, const char *serial)
{
	char parent[PORT_TEXT_SIZE];
	const char *above;
	int r;

	r = parent_of(port, parent);
	if (r < 0)
		return r;
	if (find_port(testbed, port))
		return -EEXIST;
	r = make_hub(testbed, parent, &above);
	if (r < 0)
		return r;
	return plug(testbed, port, above, vendor_id, product_id, serial);
}

int usb_testbed_remove(struct usb_testbed *testbed, const char *port)
{
	int r = usb_testbed_uevent(testbed, port, "remove");

	return r < 0 ? r : usb_testbed_remove_unseen(testbed, port);
}

int usb_testbed_remove_unseen(struct usb_testbed *testbed, const char *port)
{
	struct testbed_port *slot = *port ? find_port(testbed, port) : NULL;

	if (!slot)
		return -ENOENT;
	umockdev_testbed_remove_device(testbed->testbed, slot->syspath);
	g_free(slot->syspath);
	*slot = (struct testbed_port){0};
	return 0;
}

int usb_testbed_uevent(struct usb_testbed *testbed, const char *port, const char *action)
{
	struct testbed_port *slot = *port ? find_port(testbed, port) : NULL;

	if (!slot)
		return -ENOENT;
	umockdev_testbed_uevent(testbed->testbed, slot->syspath, action);
	return 0;
}
