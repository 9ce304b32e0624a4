#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Near the limits of numbers, results are right; beyond them there is a sentence. usage: limits_test.py MMUSIM SOURCE"""
import json
import os
import subprocess
import sys
import tempfile
import unittest

MMUSIM, SOURCE = (os.path.abspath(p) for p in sys.argv[1:3])
SLOW = {"base": "textbook", "core": {"period_ps": 10000},
        "page_walkers": {"paging_structure_caches": {"lookup_cycles": 2 ** 32}}}
LAST_CYCLE = (2 ** 63 - 1) // (SLOW["core"]["period_ps"] * 1000)
TIB = 2 ** 40


class Limits(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, *names):
        return os.path.join(self.folder.name, *names)

    def write(self, name, document):
        with open(self.path(name), "w") as out:
            out.write(document if isinstance(document, str) else json.dumps(document))
        return name

    def trace(self, pages):
        lines = [{"format": "mmusim-trace", "version": 1, "source": "test"}]
        lines += [{"access": "read", "va": hex(0x400000 + 4096 * i), "bytes": 8, "user": True, "awaited": True}
                  for i in range(pages)]
        return self.write(f"t{pages}.jsonl", "".join(json.dumps(line) + "\n" for line in lines))

    def call(self, *words, code=0):
        done = subprocess.run([MMUSIM, *words], capture_output=True, text=True, cwd=self.folder.name, timeout=300,
                              env={**os.environ, "MMUSIM_CONFIGS": f"{SOURCE}/configs"})
        self.assertEqual(done.returncode, code, done.stderr[-600:])
        return done.stderr

    def summary(self, folder="out"):
        with open(self.path(folder, "summary.json")) as text:
            return json.load(text)

    def test_time_up_to_the_last_cycle_and_not_beyond(self):
        self.write("p.json", SLOW)
        fits = LAST_CYCLE // 2 ** 32  # so many walks, one after the other
        for core in ("blocking", "window"):
            for options in ((), ("--lock-step",), ("--events", "all")):
                words = ("--salvage", "--platform", "p.json", "--core", core, *options, "--out", "out", "--force")
                self.call("replay", self.trace(fits - 1), *words)
                cycles = self.summary()["totals"]["cycles"]
                self.assertGreater(cycles, (fits - 1) * 2 ** 32)
                self.assertLess(cycles, LAST_CYCLE)
                said = self.call("replay", self.trace(fits + 1), *words, code=1)
                self.assertIn(f"simulated time is beyond cycle {LAST_CYCLE}", said)

    def test_exits_that_take_longer_than_there_is_time(self):
        guest = [word for key, value in (("mode", "ept"), ("on_demand", "true"), ("exit_cycles", str(2 ** 32)))
                 for word in ("--set", f"/virtualization/{key}={value}")]
        self.write("p.json", {"base": "textbook", "core": {"period_ps": 10000}})
        for core in ("blocking", "window"):
            said = self.call("replay", self.trace(400), "--salvage", "--platform", "p.json", "--core", core, *guest,
                             "--out", "out", "--force", code=1)
            self.assertIn("simulated time is beyond cycle", said)

    def test_a_machine_of_16_tib(self):
        memory = {"ranges": [{"start": "0x1000", "end": "0x9f000", "node": 0},
                             {"start": "0x100000", "end": hex(16 * TIB), "node": 0}],
                  "reserved": [{"start": "0x0", "end": "0x100000"}, {"start": "0x1000000", "end": "0x3000000"}],
                  "early_tables": "from_memblock"}
        phases = [{"phase": "boot", "timed": False}, {"phase": "workload", "kind": "random_pfn", "limit": 200}]
        for width, levels, code in ((52, 5, 0), (44, 4, 0), (43, 4, 2)):
            platform = {"base": "sapphire-rapids", "processor": {"physical_address_bits": width}}
            self.write("s.json", {"name": "big", "platform": platform, "memory": memory, "phases": phases,
                                  "kernel": {"version": "6.12", "levels": levels}})
            said = self.call("run", "s.json", "--events", "none", "--out", "out", "--force", code=code)
            if code == 0:
                self.assertEqual(self.summary()["memmap_bytes"]["struct_pages"], 16 * TIB // 64)
            else:
                self.assertIn("/memory", said)

    def test_numbers_that_json_cannot_tell_apart_are_refused(self):
        words = ("--salvage", "--events", "none", "--force", "--out")
        self.call("replay", self.trace(50), *words, "b")
        summary = self.summary("b")
        for cycles, code in ((2 ** 53 - 1, 0), (2 ** 53 + 2, 2)):
            summary["totals"]["cycles"] = cycles
            for phase in summary["phases"]:
                phase["totals"]["cycles"] = cycles
            self.write("b/summary.json", summary)
            said = self.call("report", "b", code=code)
            if code:
                self.assertIn("at most 2^53", said)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
