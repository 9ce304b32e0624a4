#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every shipped scenario runs as a guest over Intel's and over AMD's nested tables. Cut short: untimed set-up, few operations, one
variant. usage: guest_scenarios_test.py MMUSIM SOURCE"""
import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

MMUSIM, SOURCE = (os.path.abspath(p) for p in (sys.argv.pop(1), sys.argv.pop(1)))
OPERATIONS = 500
LONG = {"boot", "hot_add", "dax"}  # phases that take long with time


def cut(workload):
    workload.pop("warmup", None)
    workload["limit"] = OPERATIONS


def short(path):
    """The scenario with phases that take no more than a moment."""
    with open(path) as file:
        scenario = json.loads(re.sub(r"^\s*//.*$", "", file.read(), flags=re.M))
    scenario.pop("variants", None)
    for phase in scenario["phases"]:
        if phase["phase"] == "workload":
            cut(phase)
            continue
        if phase["phase"] in LONG:
            phase["timed"] = False
        for key in ("allocate", "free", "repeat"):
            if key in phase:
                phase[key] = min(phase[key], 4)
        if "beside" in phase:
            pattern = phase["beside"]["kind"] == "uniform"
            kept = phase["beside"]["parameters"] if pattern else {}
            phase["beside"]["parameters"] = kept | {"accesses" if pattern else "operations": OPERATIONS}
    return scenario


class GuestScenarios(unittest.TestCase):
    def run_all(self, mode):
        paths = sorted(glob.glob(os.path.join(SOURCE, "configs/scenarios/*.json")))
        self.assertGreater(len(paths), 10)
        for path in paths:
            with self.subTest(os.path.basename(path)), tempfile.TemporaryDirectory() as folder:
                scenario = os.path.join(folder, "s.json")
                with open(scenario, "w") as file:
                    json.dump(short(path), file)
                out = os.path.join(folder, "out")
                done = subprocess.run([MMUSIM, "run", scenario, "--set", f"/virtualization/mode={mode}", "--events", "none",
                                       "--out", out], capture_output=True, text=True, timeout=300)
                self.assertEqual(done.returncode, 0, done.stderr[-500:])
                with open(os.path.join(out, "summary.json")) as file:
                    totals = json.load(file)["totals"]
                self.assertGreater(totals["nested_walks"], 0)

    def test_each_runs_over_ept(self):
        self.run_all("ept")

    def test_each_runs_over_npt(self):
        self.run_all("npt")


if __name__ == "__main__":
    unittest.main()
