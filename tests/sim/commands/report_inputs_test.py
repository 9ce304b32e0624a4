#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`mmusim report` on results that were changed: every part that is missing or of another type is refused with its place.
usage: report_inputs_test.py MMUSIM"""
import copy
import json
import os
import random
import subprocess
import sys
import tempfile
import unittest

MMUSIM = os.path.abspath(sys.argv[1])
SCENARIO = {"name": "small", "platform": "textbook", "kernel": {"version": "6.1"},
            "memory": {"ranges": [{"start": "0x1000", "end": "0x8000000", "node": 0}],
                       "reserved": [{"start": "0x1000000", "end": "0x2000000"}]},
            "phases": [{"phase": "boot"}, {"phase": "workload", "kind": "linear_pfn_scan", "limit": 1000}], "variants": {"a": {}, "b": {}}}
VALUES = [None, 5, -1, 1e300, True, "x", "", [], {}, [[]], [None], "\x1b[2J", "\ud7ff"]


def places(node, at=()):
    """Where each value of a document is, as the keys that lead to it."""
    yield at
    if isinstance(node, (dict, list)):
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            yield from places(node[key], (*at, key))


class Report(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.dir.cleanup)
        with open(cls.path("s.json"), "w") as f:
            json.dump(SCENARIO, f)
        subprocess.run([MMUSIM, "compare", "s.json", "--out", "d"], cwd=cls.dir.name, check=True, capture_output=True)

    @classmethod
    def path(cls, *names):
        return os.path.join(cls.dir.name, *names)

    def report(self):
        return subprocess.run([MMUSIM, "report", "d"], cwd=self.dir.name, capture_output=True, text=True, timeout=60)

    def changed(self, file, content):
        """The answer to `content` in place of a file, which is put back."""
        with open(file, "rb") as f:
            before = f.read()
        try:
            with open(file, "wb") as f:
                f.write(content if isinstance(content, bytes) else json.dumps(content).encode())
            return self.report()
        finally:
            with open(file, "wb") as f:
                f.write(before)

    def load(self, *names):
        with open(self.path(*names)) as f:
            return json.load(f)

    def test_labels_and_directories_of_another_type(self):
        document = self.load("d", "compare.json")
        for key in ("label", "directories", "failures"):
            for value in (None, 5, 1.5, {}, [5], [None], [["a"]], True):
                if key == "directories" and value == []:
                    continue
                broken = copy.deepcopy(document)
                broken["runs"][0][key] = value
                r = self.changed(self.path("d", "compare.json"), broken)
                self.assertEqual(r.returncode, 2, (key, value, r.stderr))
                self.assertIn(f"d/compare.json: /runs/0/{key}", r.stderr)

    def test_comparisons_that_are_none(self):
        for content in (b"", b"[]", b"5", b"null", b"{", b"\xff", b'{"format":"mmusim-compare"}', b'{"format":"mmusim-compare","runs":5}',
                        b'{"format":"mmusim-compare","runs":[5]}', b'{"format":"mmusim-compare","runs":[{}]}', b"[" * 100000):
            r = self.changed(self.path("d", "compare.json"), content)
            self.assertEqual(r.returncode, 2, (content[:50], r.stderr))
            self.assertIn("d/compare.json", r.stderr)

    def test_a_comparison_with_comments_is_read(self):
        with open(self.path("d", "compare.json"), "rb") as f:
            text = f.read()
        self.assertEqual(self.changed(self.path("d", "compare.json"), b"// mine\n" + text).returncode, 0)
        with open(self.path("d", "a", "summary.json"), "rb") as f:
            text = f.read()
        self.assertEqual(self.changed(self.path("d", "a", "summary.json"), b"/* mine */" + text).returncode, 0)

    def test_nothing_that_is_changed_makes_it_crash(self):
        chance = random.Random(1)
        for names in (("d", "compare.json"), ("d", "a", "summary.json"), ("d", "a", "tables.json")):
            document = self.load(*names)
            where = [p for p in places(document) if p and len(p) < 5]
            for _ in range(60):
                broken = copy.deepcopy(document)
                at = chance.choice(where)
                parent = broken
                for key in at[:-1]:
                    parent = parent[key]
                if chance.random() < 0.4 and isinstance(parent, dict):
                    del parent[at[-1]]
                else:
                    parent[at[-1]] = chance.choice(VALUES)
                r = self.changed(self.path(*names), broken)
                self.assertIn(r.returncode, (0, 2), (names, at, r.stderr[-500:]))
                if r.returncode == 2:
                    self.assertIn(os.path.join(*names), r.stderr)
                self.assertNotIn("\x1b", r.stdout + r.stderr)

    def test_the_same_label_twice_stays_two_runs(self):
        r = subprocess.run([MMUSIM, "report", "d/a", "d/b", "d/a", "--out", "r.html"], cwd=self.dir.name, capture_output=True, text=True)
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertIn("a (2)", r.stdout)

    def test_names_that_are_no_utf8(self):
        os.rename(self.path("d", "b"), os.fsencode(self.path("d")) + b"/b\xff")
        try:
            r = subprocess.run([MMUSIM.encode(), b"report", b"d/a", b"d/b\xff", b"--out", b"r\xff.html"], cwd=self.dir.name, capture_output=True)
            self.assertEqual(r.returncode, 0, r.stderr)
            with open(os.fsencode(self.dir.name) + b"/r\xff.html", encoding="utf-8") as f:
                self.assertIn("b\ufffd", f.read())
        finally:
            os.rename(os.fsencode(self.path("d")) + b"/b\xff", self.path("d", "b"))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
