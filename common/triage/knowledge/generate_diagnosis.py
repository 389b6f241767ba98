#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks facts, causes, advice, experiments and rules and writes them as const C tables.
A bad entry ends the build with file:line."""

import pathlib
import re
import sys

STRENGTHS = {"weak": 1, "moderate": 3, "strong": 6, "conclusive": 10}
PHASES = {
    "phase1-connection": "PHASE_CONNECTION",
    "phase1-software": "PHASE_SOFTWARE",
    "phase2-hardware": "PHASE_HARDWARE",
    "undecided": "PHASE_UNDECIDED",
}
# Terms with values, and whether the values are numbers.
VALUE_TERMS = {
    "sign": False, "operation": True, "checkpoint": True, "amr": True, "itunes": True,
    "history": False, "tool": False, "came-back": False, "stage": False, "entry": False,
    "action": False, "condition": False, "verdict": False, "suspect": False,
}
DRAFT_TERMS = {"verdict", "suspect"}
MODES = {"normal", "recovery", "dfu", "wtf", "restore", "usb-only", "gone"}
STAGES = {"dfu", "recovery", "boot-ramdisk", "restore", "reboot", "normal"}
PLACEHOLDERS = {"computers", "cables", "failures", "operation", "checkpoint", "code", "tool",
                "cable", "product", "words"}
TEXT_MAX = 240


class Bad(Exception):
    pass


class Block:
    """One entry: its kind, name and `key: value` lines, each with its line number."""

    def __init__(self, path, line, kind, name):
        self.path, self.line, self.kind, self.name = path, line, kind, name
        self.values = {}

    def bad(self, message, key=None):
        line = self.values[key][0][0] if key in self.values else self.line
        raise Bad(f"{self.path}:{line}: {self.kind} {self.name}: {message}")

    def all(self, key):
        return [value for _, value in self.values.get(key, [])]

    def one(self, key, default=None):
        found = self.all(key)
        if len(found) > 1:
            self.bad(f"{key} stands twice", key)
        if not found and default is None:
            self.bad(f"{key} is missing")
        return found[0] if found else default


def read_blocks(path, kind, keys):
    blocks, names = [], set()
    for number, raw in enumerate(pathlib.Path(path).read_text("utf-8").splitlines(), 1):
        line = raw.rstrip()
        if not line or line.lstrip().startswith("#"):
            continue
        if not line[0].isspace():
            words = line.split()
            if len(words) != 2 or words[0] != kind:
                raise Bad(f"{path}:{number}: expected '{kind} NAME'")
            if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", words[1]):
                raise Bad(f"{path}:{number}: bad name '{words[1]}'")
            if words[1] in names:
                raise Bad(f"{path}:{number}: {words[1]} stands twice")
            names.add(words[1])
            blocks.append(Block(path, number, kind, words[1]))
            continue
        match = re.fullmatch(r"\s+([a-z]+):\s+(.*)", line)
        if not match or not blocks:
            raise Bad(f"{path}:{number}: expected '  key: value'")
        if match[1] not in keys:
            raise Bad(f"{path}:{number}: unknown key '{match[1]}'")
        blocks[-1].values.setdefault(match[1], []).append((number, match[2]))
    return blocks


def read_facts(path):
    facts = {}
    for number, line in enumerate(pathlib.Path(path).read_text("utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = re.fullmatch(r"([a-z0-9]+(?:-[a-z0-9]+)*)\s+(\S.*)", line)
        if not match:
            raise Bad(f"{path}:{number}: expected 'word  meaning'")
        if match[1] in facts:
            raise Bad(f"{path}:{number}: {match[1]} stands twice")
        facts[match[1]] = match[2]
    return facts


def read_signs(path):
    """The ids of signs.txt: the second word of lines that begin with `sign`."""
    ids = set()
    for line in pathlib.Path(path).read_text("utf-8").splitlines():
        match = re.match(r"sign\s+(\S+)", line)
        if match:
            ids.add(match[1])
    return ids


def quote(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def fact_id(word):
    return "FACT_" + word.upper().replace("-", "_")


class Compiler:
    def __init__(self, facts, signs):
        self.facts, self.signs = facts, signs
        self.causes, self.lines, self.serial = [], [], 0

    def check_values(self, block, key, name, values):
        known = {"came-back": MODES, "entry": MODES, "stage": STAGES,
                 "suspect": {c.name for c in self.causes}, "verdict": set(PHASES)}.get(name)
        if name == "sign" and self.signs is not None:
            known = self.signs
        for value in values:
            if known is not None and value not in known:
                block.bad(f"{name}={value}: no such {name}", key)
            if VALUE_TERMS[name]:
                try:
                    int(value, 0)
                except ValueError:
                    block.bad(f"{name}={value}: not a number", key)

    def term(self, block, key, text, draft):
        negated = text.startswith("!")
        name, equals, rest = text.lstrip("!").partition("=")
        if not equals:
            if name not in self.facts:
                block.bad(f"unknown fact '{name}'", key)
            return f"{{.kind = TERM_FACT, .negated = {int(negated)}, .fact = {fact_id(name)}}}"
        if name not in VALUE_TERMS or (name in DRAFT_TERMS and not draft):
            block.bad(f"unknown term '{name}='", key)
        values = rest.split(",")
        self.check_values(block, key, name, values)
        self.serial += 1
        array = f"values_{self.serial}"
        if VALUE_TERMS[name]:
            items, ctype, field = ", ".join(values), "int64_t", "numbers"
        else:
            items, ctype, field = ", ".join(map(quote, values)), "char *const", "words"
        self.lines.append(f"static const {ctype} {array}[] = {{{items}}};")
        kind = "TERM_" + name.upper().replace("-", "_")
        return (f"{{.kind = {kind}, .negated = {int(negated)}, .{field} = {array}, "
                f".count = {len(values)}}}")

    def terms(self, block, key, prefix, draft=False, needed=True):
        text = block.one(key, None if needed else "")
        items = [self.term(block, key, word, draft) for word in text.split()]
        if not items:
            return "NULL", 0
        array = f"{prefix}_{block.name.replace('-', '_')}"
        self.lines.append(f"static const struct term {array}[] = {{")
        self.lines += [f"\t{item}," for item in items] + ["};"]
        return array, len(items)

    def text(self, block, key="text"):
        value = block.one(key)
        if len(value) > TEXT_MAX:
            block.bad(f"{key} is longer than {TEXT_MAX} characters", key)
        for word in re.findall(r"\{(.*?)\}", value):
            if word not in PLACEHOLDERS:
                block.bad(f"unknown word {{{word}}}", key)
        if "%" in value:
            block.bad("no percentages: no counted rates exist", key)
        return quote(value)

    def number(self, block, key, low, high):
        value = block.one(key)
        if not value.isdigit() or not low <= int(value) <= high:
            block.bad(f"{key} is not from {low} to {high}", key)
        return int(value)

    def strings(self, values, limit, block, key):
        if len(values) > limit:
            block.bad(f"more than {limit} of {key}", key)
        return "{" + ", ".join(map(quote, values)) + "}" if values else "{NULL}"

    def cause_index(self, block, key, word):
        for index, cause in enumerate(self.causes):
            if cause.name == word:
                return index
        block.bad(f"unknown cause '{word}'", key)

    def write_causes(self, blocks):
        self.causes = blocks
        rows = []
        for b in blocks:
            if b.one("phase") not in PHASES:
                b.bad("unknown phase", "phase")
            rows.append(f"\t{{{quote(b.name)}, {quote(b.one('title'))}, {PHASES[b.one('phase')]}, "
                        f"{self.number(b, 'prior', 0, 9)}, {quote(b.one('means'))}, "
                        f"{self.strings(b.all('advice'), 2, b, 'advice')}, "
                        f"{quote(b.one('source'))}}},")
        return rows

    def write_advice(self, blocks):
        rows = []
        for b in blocks:
            if b.name not in PHASES:
                b.bad("unknown phase")
            rows.append(f"\t{{{PHASES[b.name]}, {self.strings(b.all('advice'), 4, b, 'advice')}, "
                        f"{quote(b.one('source'))}}},")
        return rows

    def write_experiments(self, blocks):
        rows = []
        for b in blocks:
            tests = [self.cause_index(b, "tests", word) for word in b.one("tests").split()]
            when = self.terms(b, "when", "when", draft=True)
            unless = self.terms(b, "unless", "unless", draft=True, needed=False)
            first = self.terms(b, "first", "first", draft=True, needed=False)
            outcomes = []
            for value in b.all("outcome"):
                condition, arrow, conclusion = value.partition(" => ")
                if not arrow:
                    b.bad("outcome without ' => '", "outcome")
                outcomes.append(f"{{{quote(condition)}, {quote(conclusion)}}}")
            if not 1 <= len(outcomes) <= 4:
                b.bad("needs one to four outcomes")
            rows.append(
                f"\t{{.word = {quote(b.name)}, .title = {quote(b.one('title'))}, "
                f".minutes = {self.number(b, 'minutes', 1, 600)}, "
                f".risk = {self.number(b, 'risk', 0, 9)}, "
                f".tests = {sum(1 << index for index in tests):#x}, .when = {when[0]}, "
                f".when_count = {when[1]}, .unless = {unless[0]}, .unless_count = {unless[1]}, "
                f".first = {first[0]}, .first_count = {first[1]}, "
                f".text = {self.text(b)}, .outcomes = {{{', '.join(outcomes)}}}, "
                f".outcome_count = {len(outcomes)}, .source = {quote(b.one('source'))}}},")
        return rows

    def write_rules(self, blocks):
        rows = []
        for b in blocks:
            sides = [side for side in ("for", "against") if b.all(side)]
            if len(sides) != 1:
                b.bad("needs either for or against")
            sign = 1 if sides == ["for"] else -1
            strength = b.one(sides[0])
            repeat = b.one("repeat", strength)
            for word in (strength, repeat):
                if word not in STRENGTHS:
                    b.bad(f"unknown strength '{word}'", sides[0])
            if b.one("opens", "no") not in ("yes", "no"):
                b.bad("opens is yes or no", "opens")
            when = self.terms(b, "when", "rule")
            source = b.one("source")
            if len(source) < 8:
                b.bad("needs a source", "source")
            for word in b.one("cause").split():
                phase = PHASES.get(word, "PHASE_NONE")
                cause = "CAUSE_NONE" if word in PHASES else self.cause_index(b, "cause", word)
                rows.append(
                    f"\t{{.id = {quote(b.name)}, .cause = {cause}, .phase = {phase}, "
                    f".weight = {sign * STRENGTHS[strength]}, "
                    f".repeat_weight = {sign * STRENGTHS[repeat]}, "
                    f".opens = {int(b.one('opens', 'no') == 'yes')}, .when = {when[0]}, "
                    f".when_count = {when[1]}, .text = {self.text(b)}, "
                    f".source = {quote(source)}}},")
        return rows


def table(ctype, name, rows):
    return [f"const {ctype} {name}[] = {{", *rows, "};",
            f"const size_t {name}_count = {len(rows)};", ""]


def build(folder, signs_path):
    facts = read_facts(folder / "facts.txt")
    compiler = Compiler(facts, read_signs(signs_path) if signs_path else None)
    causes = read_blocks(folder / "causes.txt", "cause",
                         {"title", "phase", "prior", "means", "advice", "source"})
    advice = read_blocks(folder / "advice.txt", "phase", {"advice", "source"})
    experiments = read_blocks(folder / "experiments.txt", "experiment",
                              {"title", "minutes", "risk", "tests", "when", "unless", "first",
                               "text", "outcome", "source"})
    rules = read_blocks(folder / "rules.txt", "rule",
                        {"cause", "for", "against", "repeat", "opens", "when", "text", "source"})
    cause_rows = compiler.write_causes(causes)
    advice_rows = compiler.write_advice(advice)
    experiment_rows = compiler.write_experiments(experiments)
    rule_rows = compiler.write_rules(rules)
    source = ["/* Generated from the text files of common/triage/knowledge. */",
              '#include "common/triage/knowledge.h"',
              '#include "common/triage/knowledge/fact_ids.h"', "", *compiler.lines, "",
              *table("struct cause_info", "knowledge_causes", cause_rows),
              *table("struct phase_advice", "knowledge_advice", advice_rows),
              *table("struct experiment", "knowledge_experiments", experiment_rows),
              *table("struct rule", "knowledge_rules", rule_rows),
              *table("struct fact_info", "knowledge_facts",
                     [f"\t{{{quote(word)}, {quote(text)}}}," for word, text in facts.items()])]
    header = ["/* Generated from common/triage/knowledge/facts.txt. */", "#pragma once", "",
              "enum fact_id {", *[f"\t{fact_id(word)}," for word in facts], "\tFACT_COUNT", "};", "",
              "#define FACT_FUNCTIONS(X) \\",
              " \\\n".join(f"\tX({fact_id(word)}, {fact_id(word).lower()})" for word in facts), ""]
    return "\n".join(source), "\n".join(header)


def main():
    if len(sys.argv) not in (4, 5):
        sys.exit("usage: generate_diagnosis.py FOLDER TABLES.c FACTS.h [SIGNS.txt]")
    try:
        source, header = build(pathlib.Path(sys.argv[1]),
                               pathlib.Path(sys.argv[4]) if len(sys.argv) == 5 else None)
    except Bad as error:
        sys.exit(str(error))
    pathlib.Path(sys.argv[2]).write_text(source, "utf-8")
    pathlib.Path(sys.argv[3]).write_text(header, "utf-8")


if __name__ == "__main__":
    main()
