/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Versions of programs and libraries, and USB controllers, with a known fault: a constant table
 * from knowledge/faults.txt. It looks at no system. */
#pragma once

struct known_fault {
	const char *of;
	const char *version;
	const char *means;
	const char *advice;
};

/* The fault of that version of a program's Debian package or of a library's file, or of the PCI
 * identifier (1022:43b9) of a usb-controller; NULL = none is known. A rebuild such as 1.1.1-2+b1 is
 * the same version. */
const struct known_fault *known_fault_of(const char *of, const char *version);
