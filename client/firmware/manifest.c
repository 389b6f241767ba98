/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/firmware/manifest.h"

#include <errno.h>
#include <plist/plist.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/plist_guard.h"
#include "common/base/text.h"

#define DEPTH_MAX 16
#define COMPONENTS_MAX 4096
#define NAMES_MAX 512 /* product types, boards */

static void plist_freep(plist_t *plist)
{
	if (*plist)
		plist_free(*plist);
}

struct manifest *manifest_free(struct manifest *manifest)
{
	if (!manifest)
		return NULL;
	free(manifest->products);
	free(manifest->boards);
	free(manifest->components);
	free(manifest);
	return NULL;
}

/* The item of a dict, if it has this type. */
static plist_t item(plist_t dict, const char *key, plist_type type)
{
	plist_t found = dict && plist_get_node_type(dict) == PLIST_DICT
				? plist_dict_get_item(dict, key)
				: NULL;

	return found && plist_get_node_type(found) == type ? found : NULL;
}

static bool copy_string(plist_t string, char *out, size_t size)
{
	const char *text = string ? plist_get_string_ptr(string, NULL) : NULL;

	return text && text_is_utf8(text, strlen(text)) && text_copy(out, size, text);
}

static uint32_t count_of(plist_t array)
{
	return array ? plist_array_get_size(array) : 0;
}

/* Adds a string to a list of different ones. */
static int add_name(char (**names)[FIRMWARE_NAME_SIZE], size_t *count, plist_t string)
{
	char name[FIRMWARE_NAME_SIZE];

	if (!string || plist_get_node_type(string) != PLIST_STRING ||
		!copy_string(string, name, sizeof(name)))
		return 0;
	for (size_t i = 0; i < *count; i++)
		if (text_equal((*names)[i], name))
			return 0;
	if (*count == NAMES_MAX)
		return -E2BIG;
	if (!*names && !(*names = calloc(NAMES_MAX, sizeof(**names))))
		return -ENOMEM;
	text_copy((*names)[(*count)++], FIRMWARE_NAME_SIZE, name);
	return 0;
}

static int read_products(struct manifest *manifest, plist_t root)
{
	plist_t products = item(root, "SupportedProductTypes", PLIST_ARRAY);
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < count_of(products); i++)
		r = add_name(&manifest->products, &manifest->product_count,
			plist_array_get_item(products, i));
	return r;
}

static void read_digest(struct component *component, plist_t entry)
{
	plist_t digest = item(entry, "Digest", PLIST_DATA);
	uint64_t length = 0;
	const char *bytes = digest ? plist_get_data_ptr(digest, &length) : NULL;

	if (!bytes || length > sizeof(component->digest))
		return;
	memcpy(component->digest, bytes, length);
	component->digest_length = length;
}

static bool is_same(const struct component *a, const struct component *b)
{
	return text_equal(a->path, b->path) && a->digest_length == b->digest_length &&
	       memcmp(a->digest, b->digest, a->digest_length) == 0;
}

static int add_component(struct manifest *manifest, const char *name, plist_t entry)
{
	struct component component = {0};
	plist_t path = item(item(entry, "Info", PLIST_DICT), "Path", PLIST_STRING);

	if (!copy_string(path, component.path, sizeof(component.path)))
		return 0;
	text_clean(name, strlen(name), component.name, sizeof(component.name));
	read_digest(&component, entry);
	for (size_t i = 0; i < manifest->component_count; i++)
		if (is_same(&manifest->components[i], &component))
			return 0;
	if (manifest->component_count == COMPONENTS_MAX)
		return -E2BIG;
	manifest->components[manifest->component_count++] = component;
	return 0;
}

static void iterator_freep(plist_dict_iter *iterator)
{
	free(*iterator);
}

static int read_components(struct manifest *manifest, plist_t dict)
{
	CLEANUP(iterator_freep) plist_dict_iter iterator = NULL;
	int r = 0;

	if (!dict)
		return 0;
	plist_dict_new_iter(dict, &iterator);
	while (iterator && r == 0) {
		plist_t entry = NULL;
		char *name = NULL;

		plist_dict_next_item(dict, iterator, &name, &entry);
		if (!name)
			break;
		r = add_component(manifest, name, entry);
		free(name);
	}
	return r;
}

static int read_identities(struct manifest *manifest, plist_t root)
{
	plist_t identities = item(root, "BuildIdentities", PLIST_ARRAY);
	int r = count_of(identities) > 0 ? 0 : -EBADMSG;

	for (uint32_t i = 0; r == 0 && i < count_of(identities); i++) {
		plist_t identity = plist_array_get_item(identities, i);

		r = add_name(&manifest->boards, &manifest->board_count,
			item(item(identity, "Info", PLIST_DICT), "DeviceClass", PLIST_STRING));
		if (r == 0)
			r = read_components(manifest, item(identity, "Manifest", PLIST_DICT));
	}
	return r;
}

/* Apple writes XML. The nesting of the binary format cannot be checked before libplist parses it.
 */
static plist_t parse(const char *bytes, size_t length)
{
	plist_t root = NULL;

	if (length <= UINT32_MAX && !plist_is_binary(bytes, (uint32_t)length) &&
		!plist_too_deep(bytes, length, DEPTH_MAX))
		plist_from_xml(bytes, (uint32_t)length, &root);
	return root;
}

int manifest_read(const char *bytes, size_t length, struct manifest **ret)
{
	CLEANUP(manifest_freep) struct manifest *manifest = calloc(1, sizeof(*manifest));
	CLEANUP(plist_freep) plist_t root = parse(bytes, length);
	int r;

	if (!root)
		return -EBADMSG;
	if (!manifest || !(manifest->components = calloc(COMPONENTS_MAX, sizeof(struct component))))
		return -ENOMEM;
	copy_string(item(root, "ProductVersion", PLIST_STRING), manifest->version,
		sizeof(manifest->version));
	copy_string(item(root, "ProductBuildVersion", PLIST_STRING), manifest->build,
		sizeof(manifest->build));
	r = read_products(manifest, root);
	if (r == 0)
		r = read_identities(manifest, root);
	if (r == 0 && manifest->component_count == 0)
		r = -EBADMSG;
	if (r == 0)
		*ret = TAKE_PTR(manifest);
	return r;
}
