/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/triage/budget.h"

#include <stddef.h>

#include "common/base/macro.h"
#include "common/base/text.h"

/* Times of one good restore of an iPhone 11 Pro, for scale: 13 s from boot to recovery, 14 s from
 * recovery to the ramdisk, 40 s more to the first percent of the image. */
static const struct budget budgets[] = {
	{"wait-disconnect", 60, "the phone was told to leave this mode and did not",
		"idevicerestore, recovery.c: 60 s for iBEC to disconnect"},
	{"wait-recovery", 60, "the phone was due in recovery mode",
		"idevicerestore, recovery.c: 60 s for iBEC to come back"},
	{"wait-restore-mode", 300, "the phone was due in restore mode",
		"idevicerestore, idevicerestore.c: 300 s after the kernelcache"},
	{"restored-silence", 120, "the phone has reported nothing while it restores",
		"restored gives its host 120 s; our choice to take the same for the other way"},
	{"asr", 60, "the phone has taken none of the system image",
		"our choice: the tool's own attempts to reach the image receiver last 18 s"},
	{"return", 120, "the phone left and has not come back",
		"our choice: eight times the 14 s of a good change from recovery to restore mode"},
	{"reboot", 300, "the phone was due back after its reboot",
		"our choice: as long as for restore mode"},
	{"run-idle", 600, "nothing was heard of the restore tool",
		"Apple's library allows 600 s for each change of mode"},
	{"watched-idle", 900, "the phone stays where it is and no restore goes on",
		"our choice: half as long again as Apple's longest wait"},
	{"watched-restore", 7200, "the phone stays in restore mode",
		"our choice: a whole restore of an iPhone 11 Pro took 441 s"},
};

const struct budget *budget_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(budgets); i++)
		if (text_equal(budgets[i].name, name))
			return &budgets[i];
	return NULL;
}
