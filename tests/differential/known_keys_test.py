#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The generator draws every key of a platform that the program knows. usage: known_keys_test.py MMUSIM"""

import sys
import unittest

sys.dont_write_bytecode = True
from dice import Dice
from key_table import Key, Rest, places_of, read_keys
from random_platform import LEFT_OUT, random_platform, rest_of_platform
from random_scenario import virtualization

DRAWS = 4000


class KnownKeys(unittest.TestCase):
    def assert_drawn(self, prefix, draw, left_out=frozenset()):
        drawn, dice = set(), Dice(1)
        for _ in range(DRAWS):
            drawn.update(places_of(draw(dice)))
        keys = read_keys(PROGRAM, prefix)
        self.assertGreater(len(keys), 5)
        missing = sorted(k.pointer for k in keys if k.at not in drawn and k.pointer not in left_out)
        self.assertEqual(missing, [], "keys that the generator does not draw")

    def test_every_key_of_a_platform_is_drawn(self):
        rest = rest_of_platform(PROGRAM)
        self.assert_drawn("/platform", lambda dice: random_platform(dice, rest), LEFT_OUT)

    def test_every_key_of_virtualization_is_drawn(self):
        self.assert_drawn("/virtualization", lambda dice: virtualization(dice, several=True), {"/virtualization/seed"})

    def test_a_new_key_joins_by_itself(self):
        keys = [Key("/p/old", "integer", "1 to 9", "1", "/p"), Key("/p/list/N/new", "choice", "a, b or c", "a", "/p"),
                Key("/p/part", "object", "-", "-", "/p"), Key("/p/part/new", "integer", "2 to 16777216", "150", "/p")]
        rest = Rest(keys, {"/old"}, frozenset())
        words, numbers = set(), set()
        dice = Dice(1)
        for _ in range(300):
            document = {"old": 3, "list": [{}, {}]}
            rest.add_to(dice, document, 0.5)
            self.assertEqual(document["old"], 3)
            words.update(element.get("new") for element in document["list"])
            numbers.add(document.get("part", {}).get("new"))
        self.assertEqual(words, {"a", "b", "c", None})
        self.assertLessEqual({2, None}, numbers)
        self.assertTrue(all(n is None or 2 <= n <= 1200 for n in numbers))


PROGRAM = sys.argv.pop(1)
if __name__ == "__main__":
    unittest.main()
