#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks facts, causes, advice, experiments and rules and writes them as const C tables.
A bad entry ends the build with file:line."""

import re

from generate_factors import SIDES, bits, read_factors, values
from generate_models import needs
from textfile import (SLUG, quote, quote_all, read_blocks, read_lines, read_words, run,
                      write)

STRENGTHS = {"weak": 1, "moderate": 3, "strong": 6, "conclusive": 10}
PHASES = {
    "phase1-connection": "PHASE_CONNECTION",
    "phase1-software": "PHASE_SOFTWARE",
    "phase2-hardware": "PHASE_HARDWARE",
    "undecided": "PHASE_UNDECIDED",
}
WAYS_MAX = 6  # EXPERIMENT_WAYS_MAX of common/diagnosis/knowledge.h
CURED = {"never": "CURED_NEVER", "also": "CURED_ALSO", "only": "CURED_ONLY"}
# How an experiment is seen to be done, and what it changes in the command of the last attempt.
DONE = {word: "DONE_" + word.upper().replace("-", "_") for word in (
    "by-hand", "nothing", "asked", "elsewhere", "replugged", "port", "direct", "recovery", "dfu",
    "mode-change", "alone", "usbmuxd")}
COMMAND = {word: "COMMAND_" + word.upper() for word in (
    "same", "worked", "tool", "firmware", "update", "debug")}
# Terms with values, and whether the values are numbers.
VALUE_TERMS = {
    "sign": False, "usb": True, "operation": True, "checkpoint": True, "amr": True, "itunes": True,
    "history": False, "tool": False, "came-back": False, "stage": False, "entry": False,
    "action": False, "condition": False, "older-than": False, "verdict": False, "suspect": False,
}
# What the comparison of attempts says of factors: their keys, sides, `part`, `decisive` or `each`.
RELATIONS = ("is", "cured", "cured-twice", "cured-out", "cured-new", "returns", "changed", "among",
             "rivaled", "stayed", "tried", "tried-two", "failed-two", "cleared",
             "cleared-out", "shares")
# Several factors of a phase changed together, so many times at least.
TOGETHER = {"together": 1, "together-twice": 2}
# What a rule is about where it is tried for each factor.
OF_FACTOR = {"factor": "ABOUT_FACTOR", "phase": "ABOUT_FACTOR_PHASE"}
DRAFT_TERMS = {"verdict", "suspect"}
MODES = {"normal", "recovery", "dfu", "wtf", "restore", "usb-only", "gone"}
FIRMWARE = r"[0-9]+(\.[0-9]+)+|[0-9]{1,2}[A-Z][0-9]+"
STAGES = {"dfu", "recovery", "boot-ramdisk", "restore", "reboot", "normal"}
PLACEHOLDERS = {"computers", "cables", "failures", "operation", "checkpoint", "code", "tool",
                "cable", "port", "product", "words", "change", "changes", "name"}
TEXT_MAX = 240


def fact_id(word):
    return "FACT_" + word.upper().replace("-", "_")


class Compiler:
    def __init__(self, facts, signs, factors):
        self.facts, self.signs, self.factors = facts, signs, factors
        self.causes, self.lines, self.serial = [], [], 0

    def check_values(self, block, key, name, values):
        known = {"came-back": MODES, "entry": MODES, "stage": STAGES,
                 "suspect": {c.name for c in self.causes}, "verdict": set(PHASES)}.get(name)
        if name == "sign":
            known = self.signs
        for value in values:
            if known is not None and value not in known:
                block.bad(f"{name}={value}: no such {name}", key)
            if name == "older-than" and not re.fullmatch(FIRMWARE, value):
                block.bad(f"{name}={value}: not a firmware such as 9.2.1 or 13D20", key)
            if VALUE_TERMS[name]:
                try:
                    int(value, 0)
                except ValueError:
                    block.bad(f"{name}={value}: not a number", key)

    def factor_set(self, block, key, name, values):
        """A set of factors: their keys, or what they have in common."""
        found = set()
        for value in values:
            members = {number for number, factor in enumerate(self.factors)
                       if value in (factor.name, factor.one("side", "-")) or
                       (value == "part" and factor.kind == "part") or
                       (value == "decisive" and factor.one("once", ""))}
            if not members and value != "each":
                block.bad(f"{name}={value}: no such factor", key)
            found |= members
        return bits(found)

    def comparison_term(self, block, key, name, negated, values):
        if name in TOGETHER:
            if len(values) != 1 or values[0] not in PHASES:
                block.bad(f"{name}= has one phase", key)
            return (f"{{.kind = TERM_TOGETHER, .negated = {negated}, .phase = {PHASES[values[0]]}, "
                    f".times = {TOGETHER[name]}}}")
        each = int(name in ("is", "shares") or "each" in values)
        if each and block.kind != "rule":
            block.bad(f"{name}= asks for the factor of a rule", key)
        return (f"{{.kind = TERM_FACTOR, .negated = {negated}, "
                f".relation = RELATION_{name.upper().replace('-', '_')}, "
                f".factors = {self.factor_set(block, key, name, values)}, .each = {each}}}")

    def term(self, block, key, text, draft):
        negated = text.startswith("!")
        name, equals, rest = text.lstrip("!").partition("=")
        if not equals:
            if name not in self.facts:
                block.bad(f"unknown fact '{name}'", key)
            return f"{{.kind = TERM_FACT, .negated = {int(negated)}, .fact = {fact_id(name)}}}"
        if name in RELATIONS or name in TOGETHER:
            return self.comparison_term(block, key, name, int(negated), rest.split(","))
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
        return self.terms_of(block, key, prefix, block.one(key, None if needed else ""), draft)

    def ways(self, block, *keys):
        """The C initialiser of the alternatives, one per line of the keys."""
        lines = [(key, text) for key in keys for text in block.all(key)]
        if len(lines) > WAYS_MAX:
            block.bad(f"more than {WAYS_MAX} lines of {' and '.join(keys)}")
        ways = [self.terms_of(block, key, f"{key}_{number}", text, True)
                for number, (key, text) in enumerate(lines)]
        return "{" + ", ".join(f"{{{array}, {count}}}" for array, count in ways or [("NULL", 0)]) + "}"

    def terms_of(self, block, key, prefix, text, draft):
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
                        f"{needs(b)}, "
                        f"{b.number('prior', 0, 9)}, {quote(b.one('means'))}, "
                        f"{quote_all(b.all('advice', most=2))}, "
                        f"{quote(b.one('source'))}}},")
        return rows

    def write_advice(self, blocks):
        rows = []
        for b in blocks:
            phase = PHASES | {"works-now": "PHASE_NONE"}
            if b.name not in phase:
                b.bad("unknown phase")
            rows.append(f"\t{{{phase[b.name]}, {quote_all(b.all('advice', most=4))}, "
                        f"{quote(b.one('source'))}}},")
        return rows

    def sets(self, b):
        """The condition that an experiment gives the next attempt."""
        pair = b.one("sets", "")
        if not pair:
            return ""
        key, _, value = pair.partition("=")
        if not value or b.one("done", "by-hand") in ("by-hand", "nothing"):
            b.bad("sets is KEY=VALUE or KEY=? of an experiment with a change", "sets")
        factor = next((factor for factor in self.factors if factor.name == key), None)
        if not factor or value != "?" and values(factor)[1] and value not in values(factor)[1]:
            b.bad(f"no factor takes {pair}", "sets")
        return f".sets_key = {quote(key)}, " + ("" if value == "?" else f".sets_value = {quote(value)}, ")

    def write_experiments(self, blocks):
        rows = []
        for b in blocks:
            tests = [self.cause_index(b, "tests", word) for word in b.one("tests").split()]
            b.one("when")
            when = self.ways(b, "when", "or")
            unless = self.terms(b, "unless", "unless", draft=True, needed=False)
            first = self.ways(b, "first")
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
                f".minutes = {b.number('minutes', 1, 600)}, "
                f".risk = {b.number('risk', 0, 9)}, "
                f".last = {b.word('last', {'yes': 1, 'no': 0}, 'no')}, "
                f".cured = {b.word('cured', CURED, 'never')}, .needs = {needs(b)}, "
                f".tests = {sum(1 << index for index in tests):#x}, .when = {when}, "
                f".unless = {unless[0]}, .unless_count = {unless[1]}, "
                f".first = {first}, "
                f".done = {b.word('done', DONE, 'by-hand')}, {self.sets(b)}"
                f".command = {b.word('command', COMMAND, 'same')}, "
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
            for key in ("opens", "bench", "untested"):
                if b.one(key, "no") not in ("yes", "no"):
                    b.bad(f"{key} is yes or no", key)
            when = self.terms(b, "when", "rule")
            source = b.one("source")
            if len(source) < 8:
                b.bad("needs a source", "source")
            for word in b.one("cause").split():
                about = OF_FACTOR.get(word, "ABOUT_PHASE" if word in PHASES else "ABOUT_CAUSE")
                if (word in OF_FACTOR) != any(term.endswith("=each") for term in b.one("when").split()):
                    b.bad("a cause 'factor' or 'phase' needs a term with 'each', and that needs it",
                          "cause")
                phase = PHASES.get(word, "PHASE_NONE")
                cause = (self.cause_index(b, "cause", word) if about == "ABOUT_CAUSE"
                         else "CAUSE_NONE")
                rows.append(
                    f"\t{{.id = {quote(b.name)}, .about = {about}, .cause = {cause}, "
                    f".phase = {phase}, "
                    f".weight = {sign * STRENGTHS[strength]}, "
                    f".repeat_weight = {sign * STRENGTHS[repeat]}, "
                    f".opens = {int(b.one('opens', 'no') == 'yes')}, "
                    f".bench = {int(b.one('bench', 'no') == 'yes')}, "
                    f".untested = {int(b.one('untested', 'no') == 'yes')}, "
                    f".needs = {needs(b)}, .when = {when[0]}, "
                    f".when_count = {when[1]}, .text = {self.text(b)}, "
                    f".source = {quote(source)}}},")
        return rows


def table(ctype, name, rows):
    return [f"const {ctype} {name}[] = {{", *rows, "};",
            f"const size_t {name}_count = {len(rows)};", ""]


def read_causes(folder):
    return read_blocks(folder / "causes.txt", {
        "cause": {"title", "phase", "prior", "needs", "means", "advice", "source"}})


def read_experiments(folder):
    return read_blocks(folder / "experiments.txt", {
        "experiment": {"title", "minutes", "risk", "tests", "when", "or", "unless", "first", "text",
                       "outcome", "cured", "last", "needs", "done", "sets", "command",
                       "source"}})


def main(folder, target, header):
    facts = read_words(folder / "facts.txt")
    signs = read_blocks(folder / "signs.txt", {
        "sign": {"text", "error", "from", "noise", "do", "says", "means", "source"}})
    # An attempt shows the signs of panics.txt by the panic log that its phone saved.
    panics = {match[1] for _, line in read_lines(folder / "panics.txt")
              if (match := re.fullmatch(rf"\s+sign: ({SLUG})", line))}
    link_signs = {match[1] for _, line in read_lines(folder / "linksigns.txt")
                  if (match := re.fullmatch(rf"sign ({SLUG})", line))}
    compiler = Compiler(facts, {sign.name for sign in signs} | panics | link_signs,
                        read_factors(folder / "factors.txt"))
    causes = read_causes(folder)
    advice = read_blocks(folder / "advice.txt", {"phase": {"advice", "source"}})
    experiments = read_experiments(folder)
    rules = read_blocks(folder / "rules.txt", {
        "rule": {"cause", "for", "against", "repeat", "opens", "bench", "untested", "needs", "when",
                 "text", "source"}})
    cause_rows = compiler.write_causes(causes)
    advice_rows = compiler.write_advice(advice)
    experiment_rows = compiler.write_experiments(experiments)
    rule_rows = compiler.write_rules(rules)
    write(target, [
        "/* Generated from the text files of common/knowledge. */",
        '#include "common/diagnosis/knowledge.h"',
        '#include "common/knowledge/fact_ids.h"',
        '#include "common/model/phone_model.h"', "", *compiler.lines, "",
        *table("struct cause_info", "knowledge_causes", cause_rows),
        *table("struct phase_advice", "knowledge_advice", advice_rows),
        *table("struct experiment", "knowledge_experiments", experiment_rows),
        *table("struct rule", "knowledge_rules", rule_rows),
        *table("struct remedy", "knowledge_remedies",
               [f"\t{{{quote(sign.name)}, {quote(remedy)}}}," for sign in signs
                for remedy in sign.all("do")])])
    write(header, [
        "/* Generated from common/knowledge/facts.txt. */", "#pragma once", "",
        "enum fact_id {", *[f"\t{fact_id(word)}," for word in facts], "\tFACT_COUNT", "};", "",
        "#define FACT_FUNCTIONS(X) \\",
        " \\\n".join(f"\tX({fact_id(word)}, {fact_id(word).lower()})" for word in facts)])


if __name__ == "__main__":
    run(main, "FOLDER TABLES.c FACTS.h")
