# SPDX-License-Identifier: MIT
"""What the tests of `mmusim replay` share. usage of each: NAME_test.py MMUSIM SOURCE_DIR"""
import json
import os
import subprocess
import sys
import tempfile
import unittest

MMUSIM, SOURCE = sys.argv[1:3]

# 256 MiB with everything a recording has to hold: tables that come and go, flushes, timed and untimed phases, a program.
SCENARIO = {
    "name": "small", "platform": "milan",
    "kernel": {"version": "6.1", "hvo": True},
    "memory": {"ranges": [{"start": "0x1000", "end": "0x9f000", "node": 0},
                          {"start": "0x100000", "end": "0x10000000", "node": 0}],
               "reserved": [{"start": "0x0", "end": "0x100000"}, {"start": "0x1000000", "end": "0x1c00000"}],
               "early_tables": "from_memblock"},
    "phases": [
        {"phase": "boot", "timed": False},
        {"phase": "workload", "stage": "random", "kind": "random_pfn", "parameters": {"operations": 2000}},
        {"phase": "hugetlb", "stage": "hvo", "allocate": 3},
        {"phase": "hot_add", "stage": "added", "start": "0x20000000", "size": "128MiB"},
        {"phase": "online", "stage": "added", "start": "0x20000000", "size": "128MiB"},
        {"phase": "workload", "stage": "again", "kind": "random_pfn", "parameters": {"operations": 2000}, "warmup": 500},
        {"phase": "hugetlb", "stage": "restored", "free": 1},
        {"phase": "offline", "stage": "gone", "start": "0x20000000", "size": "128MiB"},
        {"phase": "hot_remove", "stage": "gone", "start": "0x20000000", "size": "128MiB"},
    ],
}


class ReplayTest(unittest.TestCase):
    def setUp(self):
        self.work = tempfile.TemporaryDirectory()
        self.addCleanup(self.work.cleanup)

    def path(self, name):
        return os.path.join(self.work.name, name)

    def write(self, name, content):
        with open(self.path(name), "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        return self.path(name)

    def scenario(self, document=SCENARIO):
        return self.write("scenario.json", json.dumps(document))

    def mmusim(self, *arguments, code=0, **options):
        done = subprocess.run([MMUSIM, *arguments], capture_output=True, timeout=300, **options)
        self.assertEqual(done.returncode, code, (arguments, done.stdout[-500:], done.stderr[-500:]))
        return done

    def run_scenario(self, out, *options, document=SCENARIO):
        self.mmusim("run", self.scenario(document), "--out", self.path(out), "--force", *options)
        return self.summary(out)

    def replay(self, trace, *options, out="replayed", **more):
        self.mmusim("replay", trace, "--out", self.path(out), "--force", *options, **more)
        return self.summary(out)

    def summary(self, out):
        with open(os.path.join(self.path(out), "summary.json")) as file:
            return json.load(file)

    def shipped(self, name):
        return os.path.join(SOURCE, "traces", name)

    def small(self, name):
        return os.path.join(SOURCE, "tests", "data", "traces", name)
