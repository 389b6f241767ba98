/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/vm/phone/phone.h"

#include "common/base/macro.h"
#include "tests/vm/phone/descriptors.h"

#include <errno.h>
#include <string.h>

#define TYPE_KIND_MASK 0x60
#define TYPE_KIND_STANDARD 0x00

/* USB 2.0 specification, table 9-4. */
enum standard_request {
	REQUEST_GET_STATUS = 0,
	REQUEST_CLEAR_FEATURE = 1,
	REQUEST_SET_FEATURE = 3,
	REQUEST_GET_DESCRIPTOR = 6,
	REQUEST_GET_CONFIGURATION = 8,
	REQUEST_SET_CONFIGURATION = 9,
	REQUEST_SET_INTERFACE = 11,
};

_Static_assert((int)DESCRIPTOR_MAXIMUM_BYTES <= (int)CONTROL_REPLY_MAXIMUM_BYTES,
	"a descriptor has to fit into a control reply");

void phone_init(struct phone *phone, const struct identity *identity)
{
	memset(phone, 0, sizeof(*phone));
	phone->identity = identity;
	link_init(&phone->link);
}

static bool in_boot_loader(const struct phone *phone)
{
	return phone->mode == MODE_DFU || phone->mode == MODE_RECOVERY || phone->mode == MODE_IBEC;
}

static bool phone_attached(const struct phone *phone)
{
	return phone->link.socket >= 0;
}

int phone_attach(struct phone *phone, enum mode mode)
{
	int r = link_plug(&phone->link, phone->identity->port);

	if (r < 0)
		return r;
	phone->mode = mode;
	phone->configuration = 0;
	if (in_boot_loader(phone))
		iboot_init(&phone->iboot, mode, &phone->report);
	else
		mux_init(&phone->mux, phone->identity, mode, &phone->faults, &phone->report);
	report(&phone->report, "attached %s", mode_name(mode));
	return 0;
}

void phone_detach(struct phone *phone)
{
	if (!phone_attached(phone))
		return;
	link_unplug(&phone->link);
	if (!in_boot_loader(phone))
		mux_done(&phone->mux);
	report(&phone->report, "detached");
}

static int standard_control(struct phone *phone, const struct control *control, uint8_t *reply)
{
	switch (control->request) {
	case REQUEST_GET_DESCRIPTOR:
		return descriptor_get(phone->identity, phone->mode, control->value, reply);
	case REQUEST_GET_STATUS:
		put_le16(reply, 1); /* powered by itself */
		return 2;
	case REQUEST_GET_CONFIGURATION:
		reply[0] = phone->configuration;
		return 1;
	case REQUEST_SET_CONFIGURATION:
		phone->configuration = (uint8_t)control->value;
		report(&phone->report, "configured %u", phone->configuration);
		return 0;
	case REQUEST_CLEAR_FEATURE:
	case REQUEST_SET_FEATURE:
	case REQUEST_SET_INTERFACE:
		return 0;
	default:
		return -EPIPE;
	}
}

static struct control read_setup(const struct usbip_request *request, const uint8_t *data)
{
	const uint8_t *setup = request->setup;

	return (struct control){
		.type = setup[0],
		.request = setup[1],
		.value = get_le16(setup + 2),
		.index = get_le16(setup + 4),
		/* The data that came decides, not what the setup packet says of it. */
		.length = (uint16_t)request->length,
		.data = data,
	};
}

static int serve_control(struct phone *phone, const struct usbip_request *request)
{
	const struct control control = read_setup(request, phone->data);
	uint8_t reply[CONTROL_REPLY_MAXIMUM_BYTES];
	int size;

	if ((control.type & TYPE_KIND_MASK) == TYPE_KIND_STANDARD)
		size = standard_control(phone, &control, reply);
	else if (in_boot_loader(phone))
		size = iboot_control(&phone->iboot, &control, reply);
	else
		size = -EPIPE;

	if (size < 0)
		return link_complete(&phone->link, request->sequence, size, NULL, 0);
	if (!request->to_host)
		return link_complete(&phone->link, request->sequence, 0, NULL, request->length);
	if ((uint32_t)size > request->length)
		size = (int)request->length;
	return link_complete(&phone->link, request->sequence, 0, reply, (size_t)size);
}

static int serve_bulk_out(struct phone *phone, const struct usbip_request *request)
{
	int status = 0;

	if (in_boot_loader(phone))
		iboot_file(&phone->iboot, request->length);
	else
		status = mux_input(&phone->mux, phone->data, request->length);
	if (status == -ENOMEM)
		return status;
	if (status < 0)
		report(&phone->report, "no mux packet in %u bytes", request->length);
	return link_complete(&phone->link, request->sequence, 0, NULL, request->length);
}

static enum fault_part part_of(const struct usbip_request *request)
{
	if (request->endpoint != 0)
		return request->to_host ? FAULT_BULK_IN : FAULT_BULK_OUT;
	return (request->setup[0] & TYPE_KIND_MASK) == TYPE_KIND_STANDARD ? FAULT_ENUMERATION
									  : FAULT_CONTROL;
}

static int serve_transfer(struct phone *phone, const struct usbip_request *request)
{
	const enum fault_kind fault = phone->faults.kinds[part_of(request)];

	if (fault == FAULT_SILENT)
		return link_hold(&phone->link, request);
	if (fault != FAULT_NONE)
		return link_complete(&phone->link, request->sequence, fault_status(fault), NULL, 0);
	if (request->endpoint == 0)
		return serve_control(phone, request);
	if (request->to_host)
		return link_hold(&phone->link, request);
	return serve_bulk_out(phone, request);
}

/* Gives what the mux has for the host to the transfers that wait for it. */
static int serve_waiting(struct phone *phone)
{
	const enum fault_kind fault = phone->faults.kinds[FAULT_BULK_IN];
	const struct link_transfer *transfer;
	const uint8_t *packet;
	size_t size;
	int r = 0;

	if (in_boot_loader(phone) || fault == FAULT_SILENT)
		return 0;
	while (r == 0 && (transfer = link_waiting(&phone->link, ENDPOINT_MUX_TO_HOST))) {
		if (fault != FAULT_NONE) {
			r = link_release(&phone->link, transfer, fault_status(fault), NULL, 0);
			continue;
		}
		packet = mux_peek(&phone->mux, &size);
		if (!packet)
			break;
		r = link_release(&phone->link, transfer, 0, packet, size);
		mux_sent(&phone->mux);
	}
	return r;
}

int phone_set_fault(struct phone *phone, const char *part, const char *kind)
{
	int r = fault_set(&phone->faults, part, kind);

	if (r < 0 || !phone_attached(phone))
		return r;
	return serve_waiting(phone);
}

static int send_message(struct phone *phone, const struct bytes *message)
{
	int r;

	if (!phone_attached(phone) || in_boot_loader(phone))
		return -ENOTCONN;
	r = mux_send(&phone->mux, message);
	return r < 0 ? r : serve_waiting(phone);
}

int phone_send_progress(struct phone *phone, uint64_t operation, uint64_t percent)
{
	CLEANUP(bytes_done) struct bytes message = {0};
	int r = service_add_progress(&message, operation, percent);

	return r < 0 ? r : send_message(phone, &message);
}

int phone_send_status(struct phone *phone, uint64_t status)
{
	CLEANUP(bytes_done) struct bytes message = {0};
	int r = service_add_status(&message, status);

	return r < 0 ? r : send_message(phone, &message);
}

int phone_send_data_request(struct phone *phone, const char *type)
{
	CLEANUP(bytes_done) struct bytes message = {0};
	int r = service_add_data_request(&message, type);

	return r < 0 ? r : send_message(phone, &message);
}

int phone_send_log(struct phone *phone, const char *text)
{
	CLEANUP(bytes_done) struct bytes message = {0};
	int r = service_add_log(&message, text);

	return r < 0 ? r : send_message(phone, &message);
}

int phone_serve(struct phone *phone)
{
	struct usbip_request request;
	int r = link_receive(&phone->link, &request, phone->data);

	if (r == 0)
		r = request.kind == USBIP_UNLINK ? link_unlink(&phone->link, &request)
						 : serve_transfer(phone, &request);
	if (r == 0)
		r = serve_waiting(phone);
	if (r == -ENOTCONN) {
		phone_detach(phone);
		return 0;
	}
	return r;
}
