#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A bad entry in a knowledge file ends the build with its file and line; as it stands the
knowledge is accepted. Prints TAP. Argument: the folder of the knowledge files."""

import importlib
import pathlib
import shutil
import sys
import tempfile

SOURCE = pathlib.Path(sys.argv[1])
sys.dont_write_bytecode = True
sys.path.insert(0, str(SOURCE))
import textfile  # noqa: E402

# Which generator reads a file, and with which arguments; {} is the folder.
DIAGNOSIS = ("generate_diagnosis.py", "{}", "{}/out.c", "{}/out.h")
SIGNS = ("generate_signs.py", "{}/signs.txt", "{}/out.a", "{}/out.e", "{}/linksigns.txt", "{}/out.b",
         "{}/out.c", "{}/out.d")
CODES = ("generate_codes.py", "{}", "{}/out.a", "{}/out.b", "{}/out.c")
PANICS = ("generate_panics.py", "{}/panics.txt", "{}/models.txt", "{}/out.a", "{}/out.b")
GENERATORS = {
    "panics.txt": PANICS,
    "rules.txt": DIAGNOSIS,
    "causes.txt": DIAGNOSIS,
    "experiments.txt": DIAGNOSIS,
    "facts.txt": DIAGNOSIS,
    "signs.txt": SIGNS,
    "linksigns.txt": SIGNS,
    "errors.txt": CODES,
    "operations.txt": CODES,
    "checkpoints.txt": CODES,
    "sources.txt": CODES,
    "budgets.txt": ("generate_budgets.py", "{}/budgets.txt", "{}/out.inc"),
    "factors.txt": ("generate_factors.py", "{}/factors.txt", "{}/causes.txt",
                    "{}/experiments.txt", "{}/out.inc", "{}/out.h"),
    "faults.txt": ("generate_faults.py", "{}/faults.txt", "{}/out.inc"),
    "guides.txt": ("generate_guides.py", "{}/kinds.txt", "{}/guides.txt", "{}/out.inc"),
    "tools.txt": ("generate_tools.py", "{}/tools.txt", "{}/out.inc"),
    "kinds.txt": ("generate_models.py", "{}/kinds.txt", "{}/models.txt", "{}/out.inc", "{}/out.b"),
    "models.txt": ("generate_models.py", "{}/kinds.txt", "{}/models.txt", "{}/out.inc", "{}/out.b"),
}
RULE = ("\nrule added-by-test\n  cause: cable\n  for: weak\n  when: failed\n"
        "  text: A text.\n  source: a test of the build\n")
SIGN = ("\nsign added-by-test\n  text: a text of a log\n  means: A sentence.\n"
        "  source: a test of the build\n")
LINK_SIGN = SIGN.replace("  text:", "  from: kernel\n  says: link\n  text:")
MODEL = "iPhone99,9  z99ap  0x9999  0x02  lightning  2026-09  iphone_15  face-id  iPhone 99\n"
FAULT = ("\nfault added-by-test\n  of: usbmuxd\n  version: 1.0-1\n  means: A sentence.\n"
         "  advice: Do it.\n  source: a test of the build\n")
KIND = "\nkind added-by-test\n  families: iphone_99\n  has: battery\n  source: a test of the build\n"
ERROR = ("\nerror itunes 7777\n  means: A sentence.\n  suspects: cable\n  try: swap-cable\n"
         "  source: library\n")
OPERATION = "\noperation 777\n  name: Added by test\n  means: A sentence.\n  source: idr\n"
CHECKPOINT = OPERATION.replace("operation 777", "checkpoint 0x7777")
PANIC = ("\npanic added-by-test\n  text: a text\n  means: A sentence.\n  part: a part\n"
         "  on: iphone_11 = a part\n  class: either\n  sure: weak\n  source: a test\n")
MASK = ("\nmask added-by-test\n  models: iPhone14,5\n  bit: 0x8 = a part\n"
        "  class: hardware\n  sure: weak\n  source: a test\n")
BUDGET = "\nbudget added-by-test\n  seconds: 1\n  means: a wait\n  source: a test of the build\n"
TOOL = ("\ntool added-by-test\n  role: restore\n  says: community\n  old: 1.0.0 2020\n"
        "  source: a test\n")
# What is added to which file, or done to its text, and what the message must say; None: it is
# accepted.
PART = """
part ears
  name: ears
  cause: other-flex
  minimal: off
  values: state wet
  step: minimal-boot
  source: a source
"""
CASES = [
    ("rules.txt", RULE, None),
    ("rules.txt", RULE.replace("when: failed", "when: no-such-fact"), "unknown fact"),
    ("rules.txt", RULE.replace("cause: cable", "cause: gremlins"), "unknown cause"),
    ("rules.txt", RULE.replace("for: weak", "for: certain"), "unknown strength"),
    ("rules.txt", RULE.replace("  source: a test of the build\n", ""), "source is missing"),
    ("rules.txt", RULE.replace("A text.", "True in 90 % of cases."), "no percentages"),
    ("rules.txt", RULE.replace("A text.", "On {planet}."), "unknown word {planet}"),
    ("rules.txt", RULE.replace("failed", "sign=no-such-sign"), "no such sign"),
    ("rules.txt", RULE.replace("failed", "operation=x"), "not a number"),
    ("rules.txt", "\nrule Bad_Name\n", "bad name"),
    ("rules.txt", RULE + RULE, "stands twice"),
    ("rules.txt", "\n  nonsense\n", "expected"),
    ("causes.txt", "\ncause x\n  title: x\n  phase: phase9\n", "unknown phase"),
    ("experiments.txt", "\nexperiment x\n  title: x\n  minutes: 0\n", "is missing"),
    ("facts.txt", "\nfailed  Again.\n", "stands twice"),
    ("signs.txt", SIGN, None),
    ("signs.txt", SIGN.replace("a text of a log", "short"), "text has 6 to 255"),
    ("signs.txt", SIGN.replace("  text: a text of a log\n", ""), "text is missing"),
    ("signs.txt", SIGN.replace("text: a text", "error: a text"), None),
    ("signs.txt", SIGN + "  error: abc\n", "error has 4 to 255"),
    ("signs.txt", SIGN + "  error: Unable\n", "in small letters"),
    ("signs.txt", SIGN + "  noise: perhaps\n", "unknown noise"),
    ("signs.txt", SIGN + "  from: phone\n", None),
    ("signs.txt", SIGN + "  says: bench\n", "unknown says 'bench'"),
    ("signs.txt", SIGN + "  from: kernel\n", "unknown from 'kernel'"),
    ("signs.txt", SIGN + "  means: Another sentence.\n", "means stands twice"),
    ("signs.txt", SIGN + SIGN, "stands twice"),
    ("linksigns.txt", LINK_SIGN, None),
    ("linksigns.txt", LINK_SIGN.replace("from: kernel", "from: nobody"), "unknown from"),
    ("linksigns.txt", LINK_SIGN.replace("says: link", "says: mux-hides"), None),
    ("linksigns.txt", LINK_SIGN.replace("says: link", "says: server"), "unknown says 'server'"),
    ("linksigns.txt", LINK_SIGN.replace("  says: link\n", ""), "says is missing"),
    ("linksigns.txt", LINK_SIGN + "  ignore: 71\n", "ignore is not well-formed"),
    ("linksigns.txt", LINK_SIGN + "  do: Do it.\n", "unknown key"),
    ("linksigns.txt", LINK_SIGN.replace("says: link", "noise: yes"), None),
    ("linksigns.txt", LINK_SIGN + "  advice: Do it.\n", None),
    ("linksigns.txt", LINK_SIGN + "  advice: Do it.\n  advice: Or not.\n", "advice stands twice"),
    ("linksigns.txt", LINK_SIGN.replace("A sentence.", "No full stop"), "means is not well-formed"),
    ("linksigns.txt", LINK_SIGN.replace("  source: a test of the build\n", ""), "source is missing"),
    ("errors.txt", ERROR, None),
    ("errors.txt", ERROR + ERROR.replace("7777", "7778..7779"), None),
    ("errors.txt", ERROR.replace("itunes", "windows"), "bad name"),
    ("errors.txt", ERROR.replace("7777", "7779..7778"), "above the last"),
    ("errors.txt", ERROR.replace("cable\n  try", "gremlins\n  try"), "unknown cause 'gremlins'"),
    ("errors.txt", ERROR.replace("swap-cable", "pray"), "unknown experiment 'pray'"),
    ("errors.txt", ERROR.replace("library", "hearsay"), "unknown source 'hearsay'"),
    ("errors.txt", ERROR.replace("library", "argument: physics"), None),
    ("errors.txt", ERROR.replace("  source: library\n", ""), "source is missing"),
    ("errors.txt", ERROR.replace("  means: A sentence.\n", ""), "means is missing"),
    ("errors.txt", ERROR.replace("A sentence.", "In 60 % of cases."), "no percentages"),
    ("errors.txt", ERROR.replace("A sentence.", 50 * "words "), "longer than 240"),
    ("errors.txt", ERROR + "  like: 7778\n", "no such entry before it"),
    ("errors.txt", ERROR + "  exercises: NAND\n", "unknown key"),
    ("errors.txt", ERROR + "  says: part\n", None),
    ("errors.txt", ERROR + "  says: server-or-part\n", None),
    ("errors.txt", ERROR + "  says: hardware\n", "unknown says 'hardware'"),
    ("operations.txt", OPERATION + "  says: leaves\n", None),
    ("operations.txt", OPERATION + "  says: part\n", "unknown says 'part'"),
    ("checkpoints.txt", CHECKPOINT + "  says: clean-up\n", None),
    ("checkpoints.txt", CHECKPOINT + "  says: leaves\n", "unknown says 'leaves'"),
    ("errors.txt", ERROR + ERROR, "stands twice"),
    ("operations.txt", OPERATION, None),
    ("operations.txt", OPERATION.replace("777", "0x309"), "bad name"),
    ("operations.txt", OPERATION.replace("  name: Added by test\n", ""), "name is missing"),
    ("operations.txt", OPERATION.replace("Added by test", "Waiting for NAND"), "another operation"),
    ("operations.txt", OPERATION + OPERATION, "stands twice"),
    ("checkpoints.txt", CHECKPOINT, None),
    ("checkpoints.txt", CHECKPOINT.replace("0x7777", "7777"), "bad name"),
    ("checkpoints.txt", CHECKPOINT.replace("0x7777", "0x060D"), "stands twice"),
    ("checkpoints.txt", CHECKPOINT + "  stage: the end\n", "unknown key"),
    ("sources.txt", "\nno-meaning\n", "expected"),
    ("sources.txt", "\nidr  again\n", "stands twice"),
    ("panics.txt", PANIC + MASK, None),
    ("panics.txt", PANIC.replace("iphone_11", "iphone_999"), "no such model or family"),
    ("panics.txt", PANIC.replace("either", "perhaps"), "unknown class"),
    ("panics.txt", PANIC.replace("  part: a part\n", ""), "part is missing"),
    ("panics.txt", PANIC.replace("  source: a test\n", ""), "source is missing"),
    ("panics.txt", PANIC + "  unless: no-such\n", "no such entry"),
    ("panics.txt", MASK.replace("0x8", "0x9"), "not one bit"),
    ("panics.txt", MASK + "  whole: 0x8 = a part\n", "stands twice"),
    ("panics.txt", PANIC.replace("panic added", "sensor added").replace("  text: a text\n", "")
     .replace("  means: A sentence.\n", "  also: MIC1 mic1\n"), "sensor mic1 stands twice"),
    ("budgets.txt", BUDGET, "nothing waits so"),
    ("budgets.txt", BUDGET.replace("added-by-test", "asr"), "stands twice"),
    ("budgets.txt", lambda text: text.replace("seconds: 60", "seconds: 0"), "not from 1 to"),
    ("budgets.txt", lambda text: text[:text.index("budget watched-restore")], "missing"),
    ("tools.txt", TOOL, None),
    ("tools.txt", TOOL.replace("role: restore", "role: boss"), "unknown role 'boss'"),
    ("tools.txt", TOOL.replace("community", "part"), "unknown says 'part'"),
    ("tools.txt", TOOL.replace("1.0.0 2020", "1.0.0"), "old is a version and a year"),
    ("tools.txt", TOOL.replace("  source: a test\n", ""), "source is missing"),
    ("tools.txt", TOOL + "  ask: a b\n", "ask is not well-formed"),
    ("tools.txt", TOOL + "  quick: no\n", "unknown quick 'no'"),
    ("factors.txt", PART, None),
    ("factors.txt", PART + PART, "stands twice"),
    ("factors.txt", PART.replace("part ears", "factor ears"), "unknown key 'minimal'"),
    ("factors.txt", PART.replace("part ears", "part Ears"), "bad name"),
    ("factors.txt", PART.replace("other-flex", "other"), "unknown cause"),
    ("factors.txt", PART.replace("minimal-boot", "minimal"), "unknown step"),
    ("factors.txt", PART.replace("state wet", "state Wet"), "bad value"),
    ("factors.txt", PART + "  reads: nose\n", "nothing knows"),
    ("models.txt", MODEL, None),
    ("models.txt", MODEL.replace("lightning", "parallel"), "connector is not well-formed"),
    ("models.txt", MODEL.replace("face-id", "face-id,audio-ic"), None),
    ("models.txt", MODEL.replace("face-id", "touch-id"), "unknown mark"),
    ("models.txt", MODEL.replace("2026-09", "2026-13"), "month of release is not well-formed"),
    ("models.txt", MODEL.replace("iphone_15", "iphone_99"), "family iphone_99 is of no kind"),
    ("models.txt", MODEL + MODEL, "stands twice"),
    ("faults.txt", FAULT, None),
    ("faults.txt", FAULT.replace("  version: 1.0-1\n", ""), "version is missing"),
    ("faults.txt", FAULT.replace("1.0-1", "1.0 1"), "bad version"),
    ("kinds.txt", KIND, None),
    ("kinds.txt", KIND.replace("battery", "sail"), "unknown mark: sail"),
    ("kinds.txt", KIND.replace("iphone_99", "ipad"), "family ipad has two kinds"),
    ("causes.txt", lambda text: text.replace("needs: modem", "needs: sail"), "unknown mark: sail"),
    ("experiments.txt", lambda text: text.replace("needs: front-flex", "needs: sail", 1),
     "unknown mark: sail"),
]


def complaint(name, folder):
    """What the generator of that file says of the folder; empty where it accepts it."""
    script, *arguments = GENERATORS[name]
    generator = importlib.import_module(script.removesuffix(".py"))
    try:
        generator.main(*(pathlib.Path(word.format(folder)) for word in arguments))
    except textfile.Bad as error:
        return str(error)
    return ""


def check(name, added, message):
    with tempfile.TemporaryDirectory() as path:
        folder = pathlib.Path(path)
        for file in SOURCE.glob("*.txt"):
            shutil.copy(file, folder)
        text = (folder / name).read_text("utf-8")
        lines = 0 if callable(added) else len(text.splitlines())
        changed = added(text) if callable(added) else text + added
        (folder / name).write_text(changed, "utf-8")
        said = complaint(name, folder)
        if message is None:
            return not said
        parts = said.split(":", 2)
        return message in said and parts[0].endswith(f"/{name}") and int(parts[1]) > lines


print(f"1..{len(CASES)}")
for number, (name, added, message) in enumerate(CASES, 1):
    print(f"{'ok' if check(name, added, message) else 'not ok'} {number} - {name}: "
          f"{message or 'accepted'}")
