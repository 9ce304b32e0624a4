#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What `mmusim replay` writes beside its summary: the same files as `run`. usage: replay_outputs_test.py MMUSIM SOURCE_DIR"""
import collections
import json
import os
import unittest

from replay_support import ReplayTest

WINDOW = ["--core", "window"]
BLOCKING = ["--core", "blocking"]
RUN_CORE = {"blocking": ["--set", "/platform/core/model=blocking"], "window": ["--set", "/platform/core/model=window"]}


class PerInstruction(ReplayTest):
    def test_numbers_are_those_of_the_counters(self):
        # Four reads in each of 3000 pages, four pages at a time: walks can overlap.
        reads = (f"0 {0x10000000 + 4096 * (4 * (i // 16) + i % 4) + 64 * (i // 4 % 4):x}\n" for i in range(12000))
        trace = self.write("t.din", "".join(reads))
        for core, walkers in (("blocking", 1), ("window", 2)):
            summary = self.replay(trace, "--platform", "textbook", "--core", core, "--set", f"/platform/page_walkers/walkers={walkers}")
            shown, totals, machine = summary["replay"]["per_instruction"], summary["totals"], summary["counters"]
            self.assertEqual(shown["instructions"], 12000)
            self.assertAlmostEqual(shown["ipc"], 12000 / totals["cycles"])
            self.assertAlmostEqual(shown["memory_reads_under_way"], machine["dram"]["read_cycles"] / totals["cycles"])
            walkers_of_core = machine["core0"]["page_walkers"]
            self.assertAlmostEqual(shown["walks_in_parallel"], walkers_of_core["pending_cycles"] / walkers_of_core["active_cycles"])
            if core == "blocking":
                self.assertEqual(shown["walks_in_parallel"], 1)
                self.assertLess(shown["memory_reads_under_way"], 1)
                self.assertNotIn("memory_level_parallelism", shown)
            else:
                self.assertGreater(shown["walks_in_parallel"], 1.2)
                self.assertLessEqual(shown["walks_in_parallel"], walkers)
                self.assertGreater(shown["memory_reads_under_way"], 1.2)
            misses = shown["misses_per_1000_instructions"]
            for name, count in (("l1_dtlb", totals["l1_dtlb_misses"]), ("stlb", totals["stlb_misses"]), ("walks", totals["walks"]),
                                ("pde", totals["walks"] - walkers_of_core["start_level_1"]),
                                ("pdpte", walkers_of_core["start_level_3"] + walkers_of_core["start_level_4"]),
                                ("l1d", sum(machine["core0"]["l1d"][k + "_misses"] for k in ("load", "store", "entry"))),
                                ("l3", sum(machine["l3"][k + "_misses"] for k in ("load", "store", "entry")))):
                self.assertAlmostEqual(misses[name], count / 12, msg=name)
            self.assertGreater(misses["pde"], 0)

    def test_memory_level_parallelism_is_one_in_a_chain_and_the_slots_without_one(self):
        for depends_on, expected in ((1, 1), (None, 5)):
            lines = ['{"format":"mmusim-trace","version":1,"source":"hand"}']
            for i in range(4000):
                access = {"access": "read", "va": hex(0x10000000 + 4096 * (i * 7919 % 4096)), "bytes": 8, "user": True}
                if i and depends_on:
                    access["depends_on"] = depends_on
                lines.append(json.dumps(access))
            trace = self.write("t.jsonl", "\n".join(lines) + "\n")
            summary = self.replay(trace, "--salvage", "--platform", "textbook", "--core", "window",
                                  "--set", "/platform/core/outstanding_misses=5")
            shown = summary["replay"]["per_instruction"]["memory_level_parallelism"]
            core = summary["counters"]["core0"]["core"]
            self.assertAlmostEqual(shown, core["miss_cycles"] / core["miss_active_cycles"])
            self.assertAlmostEqual(shown, expected, delta=0.01)


class ReplayOutputs(ReplayTest):
    def load(self, name):
        with open(self.path(name)) as file:
            return json.load(file)

    def tracks(self, name):
        """Slices by the name of their group of tracks."""
        events = self.load(name)["traceEvents"]
        groups = {e["pid"]: e["args"]["name"] for e in events if e["name"] == "process_name"}
        drawn = collections.defaultdict(list)
        for e in events:
            if e["ph"] == "X":
                drawn[groups[e["pid"]]].append((e["tid"], e["ts"], e["dur"], e["name"], json.dumps(e["args"])))
        return drawn

    def test_timeline_and_signals_are_those_of_the_run_that_was_recorded(self):
        groups = "walkers,misses,dram-queues,dram-banks"
        for core, options in RUN_CORE.items():
            self.run_scenario("run", "--record", self.path("r.mmt"), "--timeline", self.path("run.json"), "--vcd",
                              self.path("run.vcd"), "--vcd-signals", groups, "--events", "none", *options)
            self.replay(self.path("r.mmt"), "--timeline", self.path("again.json"), "--vcd", self.path("again.vcd"),
                        "--vcd-signals", groups)
            run, again = self.tracks("run.json"), self.tracks("again.json")
            self.assertEqual(set(again), {"phases", "accesses that walked", "page walkers", "DRAM banks"}, core)
            with open(self.path("run.vcd")) as a, open(self.path("again.vcd")) as b:
                self.assertEqual(a.read(), b.read(), core)
            run_phases = [s[1] for s in run["phases"]]
            self.assertEqual([s[1] for s in again["phases"] if s[3] != "replay (replay)"], run_phases, core)

    def test_a_short_timeline_draws_what_the_run_drew(self):
        # So short that nothing is thinned out.
        document = {"name": "short", "platform": "textbook", "kernel": {"version": "6.1"},
                    "memory": {"ranges": [{"start": "0x1000", "end": "0x8000000", "node": 0}],
                               "reserved": [{"start": "0x1000000", "end": "0x3000000"}]},
                    "phases": [{"phase": "boot", "timed": False},
                               {"phase": "workload", "kind": "random_pfn", "parameters": {"operations": 500}}]}
        self.run_scenario("run", "--record", self.path("r.mmt"), "--timeline", self.path("run.json"), "--events", "none",
                          document=document)
        self.replay(self.path("r.mmt"), "--timeline", self.path("again.json"))
        run, again = self.tracks("run.json"), self.tracks("again.json")
        for group in ("accesses that walked", "page walkers", "DRAM banks"):
            self.assertGreater(len(run[group]), 0)
            self.assertEqual(run[group], again[group], group)

    def test_signals_count_every_walk_of_a_foreign_trace(self):
        summary = self.replay(self.small("full.vmt"), "--vcd", self.path("t.vcd"), "--vcd-signals", "phase,walkers")
        rises, value, phases = 0, 0, []
        with open(self.path("t.vcd")) as file:
            for line in file:
                if line.startswith("b"):
                    now = int(line.split()[0][1:], 2)
                    rises += max(0, now - value)
                    value = now
                elif line.startswith("s"):
                    phases.append(line.split()[0][1:])
        self.assertGreater(summary["totals"]["walks"], 0)
        self.assertEqual(phases[0], "marker_1:replay")  # the trace's own marker, in the first cycle

    def test_tables_at_the_end_are_those_of_the_run(self):
        self.run_scenario("run", "--record", self.path("r.mmt"), "--tables", self.path("run.json"))
        self.replay(self.path("r.mmt"), "--tables", self.path("again.json"))
        run, again = self.load("run.json"), self.load("again.json")
        self.assertEqual([s["stage"] for s in again["stages"]], ["replay"])
        self.assertEqual(again["stages"][0]["levels"], run["stages"][-1]["levels"])
        self.assertEqual(again["stages"][0]["entries"], run["stages"][-1]["entries"])

    def test_tables_made_on_first_touch_hold_the_pages_touched(self):
        for pages, level in (("4K", 1), ("2M", 2)):
            summary = self.replay(self.small("full.vmt"), "--pages", pages, "--tables", self.path("t.json"))
            entries = self.load("t.json")["stages"][0]["entries"]
            leaves = [e for e in entries if e["level"] == level]
            mapped = summary["replay"]["mapped"]
            self.assertEqual(len(leaves), mapped["pages_4k" if level == 1 else "pages_2m"])
            self.assertEqual(len({e["table_pa"] for e in entries}), mapped["tables"])
            self.assertEqual(entries, sorted(entries, key=lambda e: (int(e["va"], 16), -e["level"])))

    def assert_recorded(self, trace, *options, same=("totals", "machine", "counters"), again=()):
        """Records a replay, replays that, and expects the same counts; recording itself changes nothing."""
        plain = self.replay(trace, *options)
        first = self.replay(trace, *options, "--record", self.path("r.mmt.zst"))
        plain.pop("host"), first.pop("host")
        self.assertEqual(plain, first)
        second = self.replay(self.path("r.mmt.zst"), *again)
        for part in same:
            self.assertEqual(first[part], second[part], (part, options))
        return first, second

    def test_a_recorded_replay_replayed_gives_the_same_counts(self):
        trace = self.small("full.vmt")
        for options in ([], WINDOW, ["--pages", "thp:0.5", "--seed", "7"], ["--frames", "random", "--seed", "9", *WINDOW],
                        ["--pages", "2M", "--levels", "5", "--platform", "sapphire-rapids"], ["--flushes", "none"],
                        ["--flushes", "all", "--no-pcids"], ["--no-fetches"], ["--skip", "100", "--limit", "300"]):
            first, second = self.assert_recorded(trace, *options)
            self.assertEqual(first["configuration"]["tables"], "touched")
            self.assertEqual(second["configuration"]["tables"], "touched")

    def test_given_options_win_over_the_recorded_ones(self):
        trace = self.small("full.vmt")
        self.replay(trace, "--pages", "2M", "--record", self.path("r.mmt"))
        own, other = self.replay(self.path("r.mmt")), self.replay(self.path("r.mmt"), "--pages", "4K")
        self.assertEqual(own["configuration"]["pages"], "2M")
        self.assertEqual(other["configuration"]["pages"], "4K")

    def test_a_replay_with_warm_up_is_recorded_with_it(self):
        first = self.replay(self.small("full.vmt"), "--warmup", "200", "--record", self.path("r.mmt"), *WINDOW)
        second = self.replay(self.path("r.mmt"), "--warmup", "200")
        for part in ("totals", "machine", "counters"):
            self.assertEqual(first[part], second[part], part)

    def test_tables_of_the_trace_are_recorded_again(self):
        for core in ("blocking", "window"):
            self.run_scenario("run", "--record", self.path("run.mmt"), *RUN_CORE[core])
            _, second = self.assert_recorded(self.path("run.mmt"))
            self.assertEqual(second["configuration"]["tables"], "recorded")

    def test_tables_of_a_map_become_part_of_the_trace(self):
        trace = self.shipped("bootinit-512m-4l.vmt.xz")
        mapped = ["--map", "boot-base-vs-huge", "--variant", "basepages", "--limit", "20000"]
        for core in (BLOCKING, WINDOW):
            _, second = self.assert_recorded(trace, *mapped, *core)
            self.assertEqual(second["configuration"]["tables"], "recorded")

    def test_the_functional_model_records_too(self):
        functional = ["--model", "functional"]
        self.assert_recorded(self.small("full.vmt"), *functional, again=functional)
        self.assert_recorded(self.shipped("bootinit-512m-4l.vmt.xz"), "--map", "boot-base-vs-huge", "--limit", "5000",
                             *functional, again=functional)

    def test_what_needs_records_is_refused_without_time(self):
        for option in ("--timeline", "--vcd"):
            done = self.mmusim("replay", self.small("full.vmt"), "--model", "functional", option, self.path("f"), "--out",
                               self.path("o"), code=2)
            self.assertIn(f"{option}: the functional model has no time".encode(), done.stderr)
            self.assertFalse(os.path.exists(self.path("f")) or os.path.exists(self.path("o")))

    def test_a_form_that_cannot_hold_all_says_what_is_dropped(self):
        done = self.mmusim("replay", self.small("full.vmt"), "--out", self.path("o"), "--record", self.path("r.lackey"))
        self.assertIn(b"r.lackey: dropped: ", done.stderr)

    def test_an_unknown_form_is_refused_before_anything_runs(self):
        done = self.mmusim("replay", self.small("full.vmt"), "--out", self.path("o"), "--record", self.path("r.txt"), code=2)
        self.assertIn(b"--record-form", done.stderr)
        self.assertFalse(os.path.exists(self.path("r.txt")) or os.path.exists(self.path("o")))


if __name__ == "__main__":
    unittest.main(argv=["replay_outputs_test"], verbosity=2)
