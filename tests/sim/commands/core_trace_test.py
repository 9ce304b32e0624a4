#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Replays several traces on several cores, as users do. usage: core_trace_test.py MMUSIM SOURCE_DIR"""
import os
import unittest

from replay_support import ReplayTest

TRANSLATION = ("accesses", "lookups", "l1_dtlb_misses", "stlb_misses", "walks", "entry_reads")
TWO = ("--set", "/platform/cores=2")


class CoreTraces(ReplayTest):
    def both(self):
        return self.shipped("ops-512m-4l.vmt.xz"), self.shipped("big-8g-4l.vmt.xz")

    def without_host(self, summary):
        return {key: value for key, value in summary.items() if key != "host"}

    def test_each_core_translates_as_if_it_were_alone_and_the_sum_is_that_of_all(self):
        first, second = self.both()
        window = ("--warmup", "3000", "--limit", "8000")
        for model in ("cycle", "functional"):
            both = self.replay(first, "--core-trace", f"1={second}", *TWO, *window, "--model", model)
            alone = [self.replay(trace, *window, "--model", model)["totals"] for trace in (first, second)]
            cores = both["replay"]["cores"]
            self.assertEqual([core["core"] for core in cores], [0, 1])
            self.assertEqual([core["trace"] for core in cores], [first, second])
            for key in TRANSLATION:
                self.assertEqual([core["totals"][key] for core in cores], [totals[key] for totals in alone], key)
                self.assertEqual(both["totals"][key], sum(totals[key] for totals in alone), key)
            self.assertEqual(both["totals"]["cycles"], max(core["totals"]["cycles"] for core in cores))
            self.assertEqual(both["replay"]["warmup_accesses"], 6000)
            self.assertEqual([core["per_instruction"]["instructions"] for core in cores], [8000, 8000])
            # They share the last-level cache and DRAM: neither is faster than alone.
            for core, totals in zip(cores, alone):
                self.assertGreaterEqual(core["totals"]["cycles"], totals["cycles"])

    def test_driving_changes_nothing(self):
        first, second = self.both()
        for core in ("blocking", "window"):
            given = (first, "--core-trace", f"1={second}", *TWO, "--limit", "5000", "--core", core)
            self.assertEqual(self.without_host(self.replay(*given)), self.without_host(self.replay(*given, "--lock-step")))

    def test_lengths_are_those_of_each_trace_and_a_core_rests_at_its_end(self):
        short = self.write("short.din", "".join(f"2 {0x400000 + 4 * i:x}\n0 {0x10000000 + 4096 * i:x}\n" for i in range(50)))
        long = self.write("long.din", "".join(f"0 {0x20000000 + 4096 * i:x}\n" for i in range(500)))
        summary = self.replay(f"--core-trace=3={long}", "--core-trace", f"1={short}", "--set", "/platform/cores=4",
                              "--warmup", "10i", "--limit", "100i")
        cores = summary["replay"]["cores"]
        self.assertEqual([core["core"] for core in cores], [1, 3])
        self.assertEqual([core["per_instruction"]["instructions"] for core in cores], [40, 100])
        self.assertEqual([core["accesses"] for core in summary["phases"][0]["cores"]], [0, 40, 0, 100])

    def test_processors_of_one_log_are_threads_of_one_process(self):
        lines = "".join(f'{cpu}, 0x{0x401000 + 4 * i:x}, 0x90, "mov", load, 0x{0x10000000 + 4096 * i:x}\n'
                        for i in range(20) for cpu in (0, 1))
        log = self.write("two.execlog", lines)
        for model in ("cycle", "functional"):
            summary = self.replay(log, "--core-per-stream", *TWO, "--model", model)
            self.assertEqual([core["totals"]["accesses"] for core in summary["replay"]["cores"]], [20, 20])
            self.assertEqual([core["stream"] for core in summary["replay"]["cores"]], [0, 1])
            if model == "cycle":  # both use the same pages
                self.assertEqual(summary["replay"]["mapped"]["pages_4k"], 21)

    def test_what_makes_no_sense_is_refused(self):
        trace = self.small("full.vmt")
        for options, message in (
                ((trace, "--core-trace", f"1={trace}"), b"there is no core 1, platform milan has 1"),
                ((trace, "--core-trace", f"0={trace}", *TWO), b"core 0 has two traces"),
                ((trace, "--core-trace", "one=x", *TWO), b"expected N=FILE with the number of a core"),
                ((trace, "--core-trace", "1=", *TWO), b"expected N=FILE with the number of a core"),
                ((), b"no trace, expected TRACE or --core-trace N=FILE"),
                (("-", "--core-trace", "1=-", *TWO), b"standard input can be one trace only"),
                ((trace, "--core-trace", f"1={trace}", *TWO, "--roi", "1"), b"the phases of several traces do not begin together"),
                ((trace, "--core-trace", f"1={trace}", *TWO, "--sample", "1:2"), b"do not lie together"),
                ((trace, "--core-trace", f"1={trace}", *TWO, "--what-if"), b"it counts the misses of one core"),
                ((trace, "--core-trace", f"1={trace}", *TWO, "--record", self.path("r.mmt")), b"a trace holds the accesses of one core"),
                ((trace, "--core-trace", f"1={trace}", *TWO, "--tables", self.path("t.json")), b"page tables of its own"),
                ((trace, "--core-per-stream", *TWO), b"does not tell several processors or threads apart"),
                ((trace, "--core-per-stream", "--core-trace", f"1={trace}", *TWO), b"either several traces or one")):
            done = self.mmusim("replay", *options, "--out", self.path("refused"), code=2)
            self.assertIn(message, done.stderr)
            self.assertFalse(os.path.exists(self.path("refused")))


if __name__ == "__main__":
    unittest.main(argv=["core_trace_test"])
