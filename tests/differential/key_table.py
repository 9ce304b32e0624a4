# SPDX-License-Identifier: MIT
"""The table of `mmusim keys`, and values drawn for the keys of it that no code here draws by hand."""

import re
import subprocess

MOST_STEPS = 8  # a number is at most so many times its default, or so large where the default is 0


class Key:
    """A line of the table: `at` is the pointer below the prefix, such as "/tlbs/stlb/arrays/N/ways"."""

    def __init__(self, pointer, kind, span, default, prefix):
        self.pointer, self.kind, self.default = pointer, kind, default
        self.at = pointer[len(prefix):]
        low, _, high = span.partition(" to ")
        numbers = kind in ("integer", "number") and high
        self.low, self.high = (int(float(low)), int(float(high))) if numbers else (0, 0)
        self.words = re.split(", | or ", span) if kind == "choice" else []

    def drawable(self):
        return bool(self.words) or self.kind == "true or false" or self.high > self.low

    def draw(self, dice):
        """Returns a value in the key's range: small numbers often, with some on both ends."""
        if self.words:
            return dice.pick(self.words)
        if self.kind == "true or false":
            return dice.chance(0.5)
        usual = int(self.default) if self.default.isdigit() else 0
        return dice.skewed(self.low, min(self.high, max(usual, self.low + 1) * MOST_STEPS))


def read_keys(program, prefix):
    """Returns the keys below a pointer, as the program knows them."""
    out = subprocess.run([program, "keys", prefix], capture_output=True, text=True, check=True).stdout
    rows = [re.split(r"\s{2,}", line) for line in out.splitlines() if line.startswith("/")]
    return [Key(row[0], row[1], row[2], row[3], prefix) for row in rows if row[0] != prefix]


def places_of(document, at=""):
    """Yields the pointers of all keys of a document; "N" stands for any element of a list."""
    if isinstance(document, dict):
        for key, value in document.items():
            yield f"{at}/{key}"
            yield from places_of(value, f"{at}/{key}")
    elif isinstance(document, list):
        for value in document:
            yield from places_of(value, f"{at}/N")


def objects_at(document, place, may_make):
    """Yields the objects of a document at a place, a list of keys; `may_make` makes those that are missing."""
    if not place:
        if isinstance(document, dict):
            yield document
        return
    first, rest = place[0], place[1:]
    if isinstance(document, list) and first == "N":
        for value in document:
            yield from objects_at(value, rest, may_make)
    elif isinstance(document, dict):
        if may_make and first not in document:
            document[first] = {}
        if first in document:
            yield from objects_at(document[first], rest, may_make)


class Rest:
    """Draws what other code leaves out: keys that it does not know. New keys of the program join by themselves."""

    def __init__(self, keys, drawn_by_hand, left_out):
        self.own = {k.at: k for k in keys if k.at not in drawn_by_hand and k.pointer not in left_out}

    def add_to(self, dice, document, chance):
        for key in self.own.values():
            if not key.drawable() or not dice.chance(chance):
                continue
            holder, _, name = key.at.rpartition("/")
            for found in objects_at(document, holder.split("/")[1:], may_make=holder in self.own):
                found[name] = key.draw(dice)
