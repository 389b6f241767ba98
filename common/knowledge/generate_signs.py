#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Turns signs.txt into the rows of two C arrays of struct log_pattern (common/logs/log_pattern.h):
texts of any line, then texts of lines that a tool prints as an error, in small letters; linksigns.txt
into those of struct link_pattern (common/logs/link_log.h), and those with advice into those of struct
mux_fault (common/model/mux_visibility.h). What the signs of both say by themselves becomes the table
of common/diagnosis/sign_says.c."""

import textfile
from textfile import quote

WRITERS = {"kernel": "LINK_KERNEL", "usbmuxd": "LINK_USBMUXD", "manager": "LINK_MANAGER"}
SIDES = {word: f"PATTERN_FROM_{word.upper()}" for word in ("either", "tool", "phone")}
TEXT_LEAST, ERROR_LEAST, TEXT_MOST = 6, 4, 255


def texts(sign, key="text"):
    """None of what the daemon itself concludes: no line says it."""
    if sign.all("from") == ["daemon"]:
        return []
    found = sign.all(key)
    if not sign.all("text") and not sign.all("error"):
        sign.bad("text is missing")
    for text in found:
        least = {"text": TEXT_LEAST, "error": ERROR_LEAST}[key]
        if not least <= len(text) <= TEXT_MOST:
            sign.bad(f"{key} has {least} to {TEXT_MOST} characters: shorter ones slow the search",
                     key)
        if key == "error" and text != text.lower():
            sign.bad(f"an error is in small letters: {text}", key)
    return found


def log_cells(sign, text):
    noise = sign.word("noise", {"yes": "true", "": "false"}, "")
    return [quote(sign.name), quote(text), sign.word("from", SIDES, "either"), noise,
            quote(sign.one("means")),
            quote(sign.one("source")),
            "true" if sign.all("do") else "false",
            "true" if sign.all("says") == ["link-lost"] else "false"]


def event(sign):
    if sign.word("noise", {"yes": True, "": False}, ""):
        return "EVENT_NONE"
    return "EVENT_USB_ERROR" if sign.says() == "SAYS_LINK" else "EVENT_MUX_ERROR"


def link_cells(sign, text):
    return [quote(sign.name), sign.word("from", WRITERS), event(sign), quote(text),
            sign.shaped("ignore", r"-\d+", "0")]


def fault_cells(sign):
    """The sentence stands after others, without its capital and its full stop."""
    means = sign.one("means")
    return [quote(sign.name), event(sign), quote(means[0].lower() + means[1:-1]),
            quote(sign.one("advice")), quote(sign.one("source"))]


def main(source, log_target, error_target, link_source, link_target, says_target, fault_target):
    says = []
    keys = {"text", "means", "source"}
    log_keys, link_keys = {"error", "noise", "from", "do", "says"}, {"from", "says", "noise", "ignore", "advice"}
    for path, targets, own, cells in (
            (source, {"text": log_target, "error": error_target}, log_keys, log_cells),
            (link_source, {"text": link_target}, link_keys, link_cells)):
        signs = textfile.read_blocks(path, {"sign": keys | own})
        for key, target in targets.items():
            textfile.write(target, [f"\t{{{', '.join(cells(sign, text))}}},"
                                    for sign in signs for text in texts(sign, key)])
        for sign in signs:
            sign.shaped("means", r"[A-Za-z].*\.")
            sign.one("source")
        says += [f"\t{{{quote(sign.name)}, {sign.says()}}}," for sign in signs if sign.all("says")]
    textfile.write(says_target, says)
    textfile.write(fault_target, [f"\t{{{', '.join(fault_cells(sign))}}}," for sign in signs if sign.all("advice")])


if __name__ == "__main__":
    textfile.run(main, "SIGNS.txt SIGNS.inc ERRORS.inc LINKSIGNS.txt LINKSIGNS.inc SIGN_SAYS.inc"
                  " MUX_FAULTS.inc")
