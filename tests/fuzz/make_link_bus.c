/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes the seeds of fuzz_link_bus: a restore up to each point, and a fault after it. Usage:
 * make_link_bus FILE… (one for each seed) */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/macro.h"
#include "tests/rig/bus.h"

static void write_step(FILE *file, enum bus_item_kind kind, uint64_t number)
{
	if (number > UINT16_MAX)
		number = UINT16_MAX;
	fputc(kind, file);
	fputc((int)(number & 0xff), file);
	fputc((int)(number >> 8), file);
}

static void write_item(FILE *file, const struct bus_item *item, uint64_t before_us)
{
	uint64_t passed_ms = (item->at_us - before_us) / USEC_PER_MSEC;

	if (passed_ms)
		write_step(file, BUS_PASS, passed_ms);
	if (item->kind == BUS_RECORD) {
		write_step(file, BUS_RECORD, item->length);
		fwrite(item->bytes, 1, item->length, file);
	} else if (item->kind == BUS_ATTACH) {
		write_step(file, BUS_ATTACH,
			item->address << 2 | (item->product == BUS_PRODUCT_RECOVERY));
	} else if (item->kind != BUS_PASS) {
		write_step(
			file, item->kind, item->kind == BUS_LOST ? item->records : item->address);
	}
}

static void add_fault(struct bus *bus, int number)
{
	if (number == 0)
		bus_transfer(bus, BUS_ENDPOINT_IN, -EPROTO, NULL, 0);
	else if (number == 1)
		bus_submit(bus, BUS_ENDPOINT_OUT, "x", 1);
	else
		bus_corrected(bus);
	bus_lost(bus, 3);
	bus_pass(bus, 20000);
	bus_detach(bus);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		FILE *file = fopen(argv[i], "wb");
		struct bus_connection image;
		struct bus bus;

		if (!file) {
			fprintf(stderr, "%s: %s\n", argv[i], strerror(errno));
			return 1;
		}
		bus_init(&bus);
		bus.captured_max = 512;
		bus.mux_version = i == 2 ? 1 : 2;
		bus_restore(&bus, (enum bus_point)((i - 1) % (BUS_AT_STATUS + 1)), &image);
		add_fault(&bus, i % 3);
		for (size_t j = 0; j < bus.count; j++)
			write_item(file, &bus.items[j], j ? bus.items[j - 1].at_us : BUS_START_US);
		bus_done(&bus);
		if (fclose(file) != 0)
			return 1;
	}
	return 0;
}
