#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Prints what a restore tool prints when something fails: the texts of its error calls, one per line,
sorted, from a checkout of its source. The lists in texts/ were made by it; the test `failure_texts` feeds
each text to the log parser. Of a format, only %s and %d are left.

    git -C CHECKOUT archive COMMIT src | tar -x -C FOLDER
    tests/coverage/collect.py FOLDER/src"""

import ast
import pathlib
import re
import sys

# Calls that report a failure, and which argument is the format.
CALLS = {"error": 0, "reterror": 0, "retcustomerror": 0, "logger": 1, "retassure": 1,
         "retcustomassure": 2, "assure": 1, "usbmuxd_log": 1, "printf": 0, "fprintf": 1, "setHelperError": 0,
         "debug_info": 0, "LIBUSBMUXD_ERROR": 0, "LIBUSBMUXD_DEBUG": 1, "SOCKET_ERR": 1}
ALWAYS = {"error", "reterror", "retcustomerror", "retassure", "retcustomassure", "assure"}
# The first argument of these is the level; those that count.
LEVELS = {"logger": "LL_ERROR", "usbmuxd_log": "LL_(ERROR|FATAL|WARNING)"}
# What libimobiledevice and its kin print before the text of these.
PREFIXES = {"debug_info": "%(file)s:%%d %(function)s(): ", "LIBUSBMUXD_ERROR": "[libusbmuxd] ",
            "LIBUSBMUXD_DEBUG": "[libusbmuxd] ", "SOCKET_ERR": "[socket] "}
FUNCTION = re.compile(r"(?m)^\w[\w *]*?(\w+)\([^;]*?\)\s*\{")
LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')
# Of what printf prints, only what says so.
DENIES = re.compile(r"(?i)\[error\]|error:|fail")
# The same for those libraries, whose calls print their work too.
LIBRARY_DENIES = re.compile(r"(?i)error|fail|warning|could not|unable|can(no|')t|invalid|incorrect|unexpected|unknown"
                            r"|unsupported|refused|incomplete|partial|time[d-]? ?out|(did|is) not|no pair|memory"
                            r"|interrupted|not a socket|missing|mismatch")
CONVERSION = re.compile(r"%[-+ #0]*(?:\*|\d+)?(?:\.(?:\*|\d+))?(?:hh|h|ll|l|z|j|t|q)?([a-zA-Z])")
EXCEPTION = "exceptions."  # before the name of one, as a traceback prints it
LONGEST = 250  # of a line that the parser is given


def plain(text):
    """One line, of conversions %s and %d alone."""
    text = text.replace("%%", "\0")
    text = CONVERSION.sub(lambda match:
                          {"s": "%s", "c": "%s", "p": "0x%d"}.get(match[1], "%d"), text)
    text = text.replace("\0", "%").replace('\\"', '"').replace("\\t", " ")
    text = re.sub(r"\\n|\\r|\n", "\n", text).strip("\n").split("\n")[0]
    return re.sub(r"\s+", " ", text).strip()[:LONGEST]


def arguments(source, at):
    """Those of the call whose first argument begins there."""
    found, depth, begin, in_text = [], 1, at, False
    while at < len(source):
        c = source[at]
        if in_text:
            at += c == "\\"
            in_text = c != '"'
        elif c == '"':
            in_text = True
        elif c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
            if depth == 0:
                return found + [source[begin:at]]
        elif c == "," and depth == 1:
            found.append(source[begin:at])
            begin = at + 1
        at += 1
    return found


def literal(argument):
    """The text of an argument of string literals; macros of formats between them become %s."""
    argument = argument.strip()
    if not argument.startswith('"') and not re.match(r"[A-Z][A-Za-z0-9_]* *\"", argument):
        return None
    argument = re.sub(r"\bPRI[a-zA-Z0-9]+", '"d"', argument)
    return "".join(LITERAL.findall(argument))


def denies(name, text):
    """Whether a call says that something failed."""
    if name in PREFIXES:
        return LIBRARY_DENIES.search(text)
    return name in ALWAYS or name in LEVELS or DENIES.search(text)


def function_at(source, at):
    """The name of the function that the call there stands in."""
    return ([""] + [one[1] for one in FUNCTION.finditer(source, 0, at)])[-1]


def c_texts(source, file):
    source = re.sub(r"/\*.*?\*/", " ", source, flags=re.S)
    source = re.sub(r"(?m)^\s*//.*$", "", source)
    for match in re.finditer(r"\b(\w+)\s*\(", source):
        name = match[1]
        if name not in CALLS:
            continue
        found = arguments(source, match.end())
        if len(found) <= CALLS[name] or (
                name in LEVELS and not re.search(LEVELS[name], found[0])):
            continue
        text = literal(found[CALLS[name]])
        if text and text.startswith("%s") and found[CALLS[name] + 1:][:1] == [" __func__"]:
            text = function_at(source, match.start()) + text[2:]
        if text and denies(name, text):
            yield PREFIXES.get(name, "") % {
                "file": file, "function": function_at(source, match.start())} + text


def python_text(node):
    """The text of a string, with %s for what is filled in; None for what is none."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "%s"
                       for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Mod)):
        left, right = python_text(node.left), python_text(node.right)
        return left if isinstance(node.op, ast.Mod) else (left or "%s") + (right or "%s")
    return None


def name_of(node):
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def python_texts(source):
    """Of logged errors the text, of exceptions the line that a traceback ends with."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Raise) and node.exc is not None:
            call = node.exc if isinstance(node.exc, ast.Call) else None
            name = name_of(call.func if call else node.exc)
            if not re.fullmatch(r"[A-Z]\w+", name) or name in ("NotImplementedError", "Exit"):
                continue
            text = python_text(call.args[0]) if call and call.args else None
            yield f"{EXCEPTION}{name}: {text}" if text else EXCEPTION + name
        elif isinstance(node, ast.Call) and name_of(node.func) in ("error", "critical", "exception") \
                and isinstance(node.func, ast.Attribute) and "log" in name_of(node.func.value) \
                and node.args:
            text = python_text(node.args[0])
            if text:
                yield text


def is_failure(text):
    """Not what the tool itself calls a warning, and not a format of nothing but arguments."""
    return re.sub(r"%[sd]|[\W_]|(?i:error)", "", text) and \
        not re.match(r"(\[?WARNING|NOTE|DEBUG|#+ )", text)


def main(paths):
    texts = set()
    for root in map(pathlib.Path, paths):
        for path in [root] if root.is_file() else sorted(root.rglob("*")):
            if path.suffix in (".c", ".cpp", ".hpp", ".h", ".m"):
                found = c_texts(path.read_text("utf-8", "replace"), path.name)
            elif path.suffix == ".py":
                found = python_texts(path.read_text("utf-8"))
            else:
                continue
            texts |= {plain(text) for text in found}
    print("\n".join(sorted(text for text in texts if is_failure(text))))


if __name__ == "__main__":
    main(sys.argv[1:])
