#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The table beside ChampSim, from statistics as ChampSim writes them. usage: beside_champsim_test.py MMUSIM SOURCE_DIR"""
import json
import os
import struct
import subprocess
import sys
import unittest

from replay_support import MMUSIM, SOURCE, ReplayTest


class BesideChampSim(ReplayTest):
    def table(self, stats, config):
        # An instruction a record, each with a load, over 50 pages.
        with open(self.path("t.champsim"), "wb") as file:
            for i in range(2000):
                file.write(struct.pack("<Q2B2B4B2Q4Q", 0x401000 + 4 * (i % 64), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                       0x10000000 + 4096 * (i * 7 % 50), 0, 0, 0))
        trace = self.path("t.champsim")
        done = subprocess.run([sys.executable, os.path.join(SOURCE, "scripts", "beside_champsim"), MMUSIM,
                               self.write("stats.json", json.dumps(stats)), self.write("config.json", json.dumps(config)), trace,
                               "100", "1000"], capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in done.stdout.splitlines() if line.startswith("|")]
        return {row[0]: row[1:] for row in rows}, done.stdout

    def stats(self, stlb_misses=9, merged=2):
        cache = {"LOAD": {"hit": [5], "miss": [stlb_misses], "mshr_merge": [merged]}}
        roi = {name: cache for name in ("cpu0_DTLB", "cpu0_ITLB", "cpu0_STLB", "cpu0_L2C", "LLC")}
        roi["cpu0_L1D"] = dict(cache, TRANSLATION={"hit": [10], "miss": [4]})
        return [{"name": "Simulation", "traces": ["ls"], "roi": dict(roi, cores=[{"instructions": 1000, "cycles": 2000}]), "sim": {}}]

    def test_rows_are_those_of_both(self):
        rows, text = self.table(self.stats(), {})
        self.assertEqual(rows["instructions"][:3], ["1000", "1000", "1000"])
        self.assertEqual(rows["IPC"][0], "0.500")
        self.assertEqual((rows["STLB misses"][0], rows["walks"][0], rows["walk reads"][0]), ("9", "7", "14"))
        self.assertEqual(rows["walks"][1], rows["walks"][2])  # the window walks each page once
        self.assertIn("Reads per walk, ChampSim: 2.000", text)
        for row in rows.values():  # a difference has its reason
            self.assertTrue(row[3] == "1.000" or row[4], row)

    def test_the_geometry_is_that_of_the_configuration(self):
        large, _ = self.table(self.stats(), {})
        small, _ = self.table(self.stats(), {"DTLB": {"sets": 1, "ways": 1}, "STLB": {"sets": 1, "ways": 2}})
        self.assertGreater(int(small["DTLB misses"][1]), int(large["DTLB misses"][1]))
        self.assertGreater(int(small["walks"][1]), int(large["walks"][1]))


if __name__ == "__main__":
    unittest.main(argv=["beside_champsim_test"])
