/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* offline_call STATE_DIR METHOD PARAMETERS: answers a reading method from what a daemon left, for
 * test_query.py. Prints the name of the error, or an empty line, and the parameters. */
#include <stdio.h>
#include <string.h>

#include "common/query/query.h"
#include "common/store/offline.h"

int main(int argc, char **argv)
{
	struct offline *offline;
	struct query query = {0};
	struct json_object *parameters, *answer;
	const char *error;
	size_t length;
	struct offline_errors errors;

	if (argc != 4 || json_read(argv[3], strlen(argv[3]), &parameters) < 0 ||
		offline_open(argv[1], &errors, &offline) < 0)
		return 1;
	query.store = offline_store(offline);
	answer = query_call(&query, argv[2], parameters, &error);
	printf("%s\n%s\n", error ? error : "", json_write(answer, &length));
	json_object_put(answer);
	json_object_put(parameters);
	offline_free(offline);
	return 0;
}
