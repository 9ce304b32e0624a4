#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A recorded run, replayed, is the run again. usage: record_and_replay_test.py MMUSIM SOURCE_DIR"""
import copy
import json
import os
import subprocess
import unittest

from replay_support import MMUSIM, SCENARIO, ReplayTest

WINDOW = ["--set", "/platform/core/model=window"]
BLOCKING = ["--set", "/platform/core/model=blocking"]
ACCESSED_AND_DIRTY = 0x60  # set by walks


class RecordAndReplay(ReplayTest):
    def assert_same_run(self, run, replayed):
        for part in ("totals", "machine", "counters", "core_ghz"):
            self.assertEqual(run[part], replayed[part], part)
        self.assertEqual(replayed["replay"]["faults"], 0)

    def events_as_lines(self, trace):
        self.mmusim("trace", "convert", trace, self.path("lines.jsonl"))
        with open(self.path("lines.jsonl")) as file:
            return [json.loads(line) for line in file]

    def test_every_counter_on_both_kinds_of_core(self):
        for core in (BLOCKING, WINDOW):
            run = self.run_scenario("run", "--record", self.path("r.mmt.zst"), *core)
            self.assert_same_run(run, self.replay(self.path("r.mmt.zst")))

    def test_a_guest_is_replayed_as_that_guest(self):
        guest = ["--set", "/virtualization/mode=ept", "--set", "/virtualization/on_demand=true"]
        for core in (BLOCKING, WINDOW):
            run = self.run_scenario("run", "--record", self.path("r.mmt"), *guest, *core)
            self.assertGreater(run["totals"]["nested_walks"], 0)
            self.assert_same_run(run, self.replay(self.path("r.mmt")))
        native = self.replay(self.path("r.mmt"), "--set", "/virtualization/mode=none")
        self.assertNotIn("nested_walks", native["totals"])
        self.assertEqual(native["totals"]["accesses"], run["totals"]["accesses"])

    def test_recording_changes_nothing(self):
        plain = self.run_scenario("plain", "--events", "none")
        recorded = self.run_scenario("recorded", "--record", self.path("r.mmt"))
        plain.pop("host")
        recorded.pop("host")
        self.assertEqual(plain, recorded)

    def test_every_form_and_conversion_holds_it(self):
        run = self.run_scenario("run", "--record", self.path("r.jsonl.gz"))
        self.assert_same_run(run, self.replay(self.path("r.jsonl.gz")))
        self.mmusim("trace", "convert", "--lossless", self.path("r.jsonl.gz"), self.path("again.mmt.xz"))
        self.assert_same_run(run, self.replay(self.path("again.mmt.xz")))
        self.run_scenario("run", "--record", self.path("form"), "--record-form", "binary")
        self.assert_same_run(run, self.replay(self.path("form")))

    def test_the_event_log_is_driven_again(self):
        for core in (BLOCKING, WINDOW):
            run = self.run_scenario("run", "--events", "none", "--record", self.path("r.mmt"), *core)
            self.run_scenario("logged", "--events", "all", *core)
            log = os.path.join(self.path("logged"), "events.jsonl.zst")
            self.assert_same_run(run, self.replay(log))
            self.mmusim("trace", "convert", log, self.path("log.mmt"))
            from_log, recorded = (json.loads(self.mmusim("trace", "info", "--json", self.path(name)).stdout)
                                  for name in ("log.mmt", "r.mmt"))
            self.assertEqual(from_log["checksum"], recorded["checksum"])

    def test_functional_replay_counts_the_same(self):
        run = self.run_scenario("run", "--record", self.path("r.mmt"), *BLOCKING)
        functional = self.replay(self.path("r.mmt"), "--model", "functional")
        for key in ("accesses", "lookups", "l1_dtlb_misses", "stlb_misses", "walks", "entry_reads"):
            self.assertEqual(run["totals"][key], functional["totals"][key], key)

    def test_the_trace_makes_the_same_page_tables(self):
        self.run_scenario("run", "--record", self.path("r.mmt"), "--tables", self.path("t.json"))
        with open(self.path("t.json")) as file:
            stages = {stage["stage"]: stage["entries"] for stage in json.load(file)["stages"]}
        memory = {}
        compared = 0
        lines = self.events_as_lines(self.path("r.mmt"))
        names = [line.get("name") for line in lines]
        ends = {stage: len(names) - names[::-1].index(stage) for stage in stages}
        for place, line in enumerate(lines + [{"event": "marker"}]):
            if line.get("event") == "marker":  # the next phase begins: the one before has left these tables
                for stage in [s for s in stages if place == self.end_of_phase(lines, ends[s])]:
                    for entry in stages[stage]:
                        at = int(entry["table_pa"], 16) + 8 * entry["index"]
                        self.assertEqual(memory.get(at, 0) & ~ACCESSED_AND_DIRTY, int(entry["value"], 16) & ~ACCESSED_AND_DIRTY)
                        compared += 1
            elif line.get("event") == "entry_write":
                memory[int(line["operand"], 16)] = int(line.get("value", "0x0"), 16)
            elif line.get("event") == "zero":
                begin = int(line["operand"], 16)
                for at in [a for a in memory if begin <= a < begin + int(line["value"], 16)]:
                    del memory[at]
        self.assertEqual(compared, sum(len(entries) for entries in stages.values()))

    @staticmethod
    def end_of_phase(lines, begin):
        return next((i for i in range(begin, len(lines)) if lines[i].get("event") == "marker"), len(lines))

    def test_the_platform_is_that_of_the_run_unless_another_is_named(self):
        self.run_scenario("run", "--record", self.path("r.mmt"), "--set", "/platform/core/frequency_mhz=1000")
        own = self.replay(self.path("r.mmt"))
        self.assertEqual(own["core_ghz"], 1.0)
        other = self.replay(self.path("r.mmt"), "--platform", "skylake-sp")
        self.assertEqual(other["configuration"]["platform"]["name"], "skylake-sp")
        self.assertEqual(other["totals"]["accesses"], own["totals"]["accesses"])
        self.assertEqual(other["replay"]["faults"], 0)

    def test_other_pages_on_request(self):
        self.run_scenario("run", "--record", self.path("r.mmt"))
        small, large = (self.replay(self.path("r.mmt"), "--pages", pages) for pages in ("4K", "2M"))
        self.assertEqual(small["configuration"]["tables"], "touched")
        self.assertGreater(small["totals"]["walks"], large["totals"]["walks"])
        self.assertEqual(small["replay"]["faults"] + large["replay"]["faults"], 0)

    def test_a_replayed_phase_within_a_run(self):
        document = copy.deepcopy(SCENARIO)
        document["phases"] = [document["phases"][0],
                              {"phase": "replay", "stage": "trace", "trace": self.small("full.vmt")}]
        run = self.run_scenario("run", "--record", self.path("r.mmt"), "--events", "all", document=document)
        for trace in (self.path("r.mmt"), os.path.join(self.path("run"), "events.jsonl.zst")):
            replayed = self.replay(trace)
            for part in ("totals", "counters"):
                self.assertEqual(run[part], replayed[part])

    def test_several_cores_are_refused_or_said(self):
        document = copy.deepcopy(SCENARIO)
        document["platform"] = {"base": "textbook", "cores": 2}
        document["kernel"] = {"version": "6.1", "memmap_init": True, "deferred_struct_page_init": True}
        document["memory"]["ranges"][1]["end"] = "0x20000000"  # more than one section, else nothing is left to defer
        document["phases"] = [document["phases"][0], {"phase": "deferred_init"}]
        done = self.mmusim("run", self.scenario(document), "--out", self.path("o"), "--record", self.path("r.mmt"), code=2)
        self.assertIn(b"core 1 has accesses of its own", done.stderr)
        self.assertFalse(os.path.exists(self.path("r.mmt")))
        self.run_scenario("logged", "--events", "pte,accesses", document=document)
        done = self.mmusim("replay", os.path.join(self.path("logged"), "events.jsonl.zst"), "--out", self.path("again"))
        self.assertIn(b"the accesses of the others are left out", done.stderr)

    def test_memory_beyond_the_platform_is_refused(self):
        lines = ['{"format":"mmusim-trace","version":1,"page_tables":true}',
                 '{"event":"entry_write","va":"0x0","value":"0x3","operand":"0xfffffffffff000"}', '{"access":"read","va":"0x0"}']
        trace = self.write("beyond.jsonl", "\n".join(lines) + "\n")
        done = self.mmusim("replay", trace, "--salvage", "--out", self.path("out"), code=2)
        self.assertIn(b"the platform's memory ends at", done.stderr)
        self.assertFalse(os.path.exists(self.path("out")))

    def test_an_unknown_form_is_refused_before_anything_runs(self):
        for name in ("r.txt", "r"):
            done = subprocess.run([MMUSIM, "run", self.scenario(), "--out", self.path("o"), "--force", "--record", self.path(name)],
                                  capture_output=True, text=True)
            self.assertEqual(done.returncode, 2)
            self.assertIn("--form", done.stderr)
            self.assertFalse(os.path.exists(self.path(name)))

    def test_a_form_that_cannot_hold_all_says_what_is_dropped(self):
        done = self.mmusim("run", self.scenario(), "--out", self.path("o"), "--record", self.path("r.vmt.xz"))
        self.assertIn(b"events left out", done.stderr)
        info = json.loads(self.mmusim("trace", "info", "--json", self.path("r.vmt.xz")).stdout)
        self.assertEqual(info["totals"]["reads"] + info["totals"]["writes"], self.summary("o")["totals"]["accesses"])


if __name__ == "__main__":
    unittest.main(argv=["record_and_replay_test"], verbosity=2)
