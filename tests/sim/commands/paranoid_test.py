#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""--paranoid finds nothing wrong: shipped scenarios, shortened, and shipped traces; all, or those of a name.
usage: paranoid_test.py MMUSIM SOURCE [NAME]"""
import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

MMUSIM, SOURCE = (os.path.abspath(p) for p in (sys.argv.pop(1), sys.argv.pop(1)))
NAME = sys.argv.pop(1) if len(sys.argv) > 1 else "*"
LIMIT = 30000


def parsed(path):
    """JSON with comments."""
    with open(path) as f:
        return json.loads(re.sub(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', lambda m: m[1] or "", f.read(), flags=re.S))


def host_apart(path):
    with open(path) as f:
        summary = json.load(f)
    del summary["host"]
    return summary


class Paranoid(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)

    def found(self, pattern):
        paths = sorted(glob.glob(os.path.join(SOURCE, pattern)))
        self.assertTrue(paths, pattern)
        return paths

    def mmusim(self, name, *arguments):
        out = os.path.join(self.dir.name, name)
        r = subprocess.run([MMUSIM, *arguments, "--out", out, "--force"], capture_output=True, text=True, timeout=600)
        self.assertEqual(r.returncode, 0, f"{arguments}: {r.stderr}")
        return host_apart(os.path.join(out, "summary.json"))

    def test_shipped_scenarios(self):
        for path in self.found(f"configs/scenarios/{NAME}.json"):
            scenario = parsed(path)
            sets = []
            for i, phase in enumerate(scenario["phases"]):
                if phase["phase"] in ("workload", "replay"):
                    sets += ["--set", f"/phases/{i}/limit={LIMIT}"]
                elif phase["phase"] in ("dax", "pmem", "online", "deferred_init"):  # struct pages by the million
                    sets += ["--set", f"/phases/{i}/timed=false"]
                elif phase["phase"] == "hugetlb" and "beside" in phase:  # every folio costs all cores
                    sets += [word for key in ("allocate", "free") if key in phase for word in ("--set", f"/phases/{i}/{key}=8")]
            for variant, patch in scenario.get("variants", {None: {}}).items():
                platform = patch.get("platform", {})
                if isinstance(platform, dict) and platform.get("cores", 1) > 8:
                    continue  # more cores take the same code for longer
                arguments = ["run", path, "--events", "none", *sets, *(["--variant", variant] if variant else [])]
                with self.subTest(scenario=os.path.basename(path), variant=variant):
                    self.assertEqual(self.mmusim("a", *arguments, "--paranoid"), self.mmusim("b", *arguments))

    def test_shipped_traces(self):
        for path in self.found(f"traces/{NAME}.vmt.xz"):
            for model in ("functional", "cycle"):
                for platform in ("milan", "sapphire-rapids"):
                    arguments = ["replay", path, "--model", model, "--platform", platform, "--limit", str(LIMIT)]
                    with self.subTest(trace=os.path.basename(path), model=model, platform=platform):
                        self.assertEqual(self.mmusim("a", *arguments, "--paranoid"), self.mmusim("b", *arguments))


unittest.main()
