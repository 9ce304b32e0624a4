#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The generator draws every key of a platform that the program knows. usage: known_keys_test.py MMUSIM"""

import re
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
from dice import Dice
from random_platform import LEFT_OUT, random_platform
from random_scenario import virtualization

DRAWS = 4000
# Objects whose keys the generator does not draw yet.
NOT_DRAWN = ("/platform/topology",)


def keys_of(document, at):
    """Yields the keys of a document in the notation of `mmusim keys`: N for any element of a list."""
    if isinstance(document, dict):
        for key, value in document.items():
            place = f"{at}/{key}"
            yield place
            yield from keys_of(value, place)
    elif isinstance(document, list):
        for value in document:
            yield from keys_of(value, f"{at}/N")


class KnownKeys(unittest.TestCase):
    def known(self, prefix):
        out = subprocess.run([PROGRAM, "keys", prefix], capture_output=True, text=True, check=True).stdout
        return {line.split()[0] for line in out.splitlines() if line.startswith("/")}

    def assert_drawn(self, prefix, draw, left_out=frozenset()):
        drawn = set()
        dice = Dice(1)
        for _ in range(DRAWS):
            drawn.update(keys_of(draw(dice), prefix))
        known = {re.sub(r"\[.*\]", "", key) for key in self.known(prefix)} - {prefix} - left_out
        known = {key for key in known if not key.startswith(NOT_DRAWN)}
        self.assertEqual(sorted(known - drawn), [], "keys that the generator does not draw")

    def test_every_key_of_a_platform_is_drawn(self):
        self.assert_drawn("/platform", random_platform, LEFT_OUT)

    def test_every_key_of_virtualization_is_drawn(self):
        self.assert_drawn("/virtualization", lambda dice: virtualization(dice, several=True), {"/virtualization/seed"})


PROGRAM = sys.argv.pop(1)
if __name__ == "__main__":
    unittest.main()
