#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Replays as request streams for DRAM simulators. usage: request_conversion_test.py MMUSIM SOURCE_DIR"""
import gzip
import json
import os
import unittest

from replay_support import ReplayTest

# The word of a write and the place of the time of each form; None: it has none.
FORMS = {"dramsim3": (" WRITE ", -1), "ramulator1": (" W", None), "ramulator2": ("ST ", None), "stl": ("\twrite\t", 0),
         "own": (" W", 0)}
MACHINE = ("--platform", "textbook", "--set", "/platform/caches/l3/size_kib=1024")


class Requests(ReplayTest):
    def trace(self):
        """Reads and writes over 4 MiB, four times the last-level cache: misses, page walks, write-backs."""
        return self.write("t.din", "".join(f"{i % 3 == 0:d} {0x10000000 + 64 * (i * 7919 % 65536):x}\n" for i in range(40000)))

    def lines(self, path):
        with (gzip.open if path.endswith(".gz") else open)(path, "rt") as file:
            return file.read().splitlines()

    def dram(self, path, *options):
        return json.loads(self.mmusim("dram", path, *options).stdout)

    def test_each_form_holds_what_the_replay_counts_and_is_read_back(self):
        trace = self.trace()
        for window in ((), ("--core", "window", "--skip", "1000", "--warmup", "25000", "--limit", "10000")):
            summary = self.replay(trace, *MACHINE, *window)
            counted = summary["counters"]["dram"]
            self.assertGreater(counted["writes"], 1000)
            for form, (word, time) in FORMS.items():
                path = self.path(f"requests.{form}" + (".gz" if form == "stl" else ""))
                self.mmusim("trace", "convert", trace, path, "--to", form, *MACHINE, *window)
                lines = self.lines(path)
                self.assertEqual(sum(word in line for line in lines), counted["writes"], form)
                self.assertEqual(len(lines), counted["reads"] + counted["writes"], form)
                if time is not None:
                    times = [float(line.split()[time].rstrip(":")) for line in lines]
                    self.assertEqual(times, sorted(times), form)
                    self.assertGreater(times[-1], 1000)
                read = self.dram(path)
                self.assertEqual((read["form"], read["requests"]), (form, len(lines)))

    def test_walk_reads_are_among_them_and_times_begin_with_the_measured_part(self):
        # One read in each of 4096 pages: its line, and a line of the tables for each eighth.
        trace = self.write("pages.din", "".join(f"0 {0x10000000 + 4096 * i:x}\n" for i in range(4096)))
        self.mmusim("trace", "convert", trace, self.path("all"), "--to", "dramsim3", *MACHINE)
        self.assertGreaterEqual(len(self.lines(self.path("all"))), 4096 + 512)
        self.mmusim("trace", "convert", trace, self.path("last"), "--to", "dramsim3", *MACHINE, "--warmup", "4000")
        last = self.lines(self.path("last"))
        self.assertEqual(len(last), 96 + 12)
        self.assertLess(int(last[0].split()[2]), 1000)

    def test_what_makes_no_sense_is_refused(self):
        trace = self.small("ls.lackey")
        out = self.path("out.jsonl")
        for options, message in ((MACHINE, b"options of a replay"), (("--limit", "5"), b"options of a replay"),
                                 (("--pages", "2M"), b"options of a replay"),
                                 (("--to", "stl", "--lossless"), b"requests to memory are not the trace's accesses"),
                                 (("--to", "stl", "--platform", "nowhere"), b"nowhere"),
                                 (("--to", "dramsim"), b"--to: unknown")):
            done = self.mmusim("trace", "convert", trace, out, *options, code=2)
            self.assertIn(message, done.stderr)
            self.assertFalse(os.path.exists(out))


if __name__ == "__main__":
    unittest.main(argv=["request_conversion_test"])
