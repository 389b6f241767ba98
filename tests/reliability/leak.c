/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loses some memory, so that checked.py sees whether leaks are found at all. */
#include <stdlib.h>
#include <string.h>

int main(void)
{
	void *volatile lost = malloc(64);

	if (lost)
		memset(lost, 1, 64);
	lost = NULL;
	return 0;
}
