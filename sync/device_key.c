/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sync/device_key.h"

#include <stdio.h>
#include <nettle/hmac.h>

void device_key_make(const unsigned char shop_key[static SHOP_KEY_BYTES], uint64_t ecid,
	char ret[static DEVICE_KEY_SIZE])
{
	uint8_t message[8], digest[SHA256_DIGEST_SIZE];
	struct hmac_sha256_ctx context;

	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)(ecid >> (56 - 8 * i));
	hmac_sha256_set_key(&context, SHOP_KEY_BYTES, shop_key);
	hmac_sha256_update(&context, sizeof(message), message);
	hmac_sha256_digest(&context, sizeof(digest), digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(ret + 2 * i, 3, "%02x", digest[i]);
}
