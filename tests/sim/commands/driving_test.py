#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How the simulator is driven changes nothing, and valid input never aborts or stands still.
usage: driving_test.py MMUSIM SOURCE_DIR"""
import json
import os
import subprocess
import sys
import tempfile
import unittest

MMUSIM, SOURCE = sys.argv[1], sys.argv[2]
HOLE = [{"start": "0x100000", "end": "0x20000000", "node": 0}]
RESERVED = [{"start": "0x1000000", "end": "0x2000000"}]


def scenario(platform, *phases, **kernel):
    return {"name": "driven", "platform": platform, "kernel": {"version": "6.12", **kernel},
            "memory": {"ranges": HOLE, "reserved": RESERVED, "early_tables": "from_memblock"},
            "phases": [{"phase": "boot", "timed": False}, *phases]}


def workload(kind, limit, **parameters):
    phase = {"phase": "workload", "kind": kind, "limit": limit}
    return {**phase, "parameters": parameters} if parameters else phase


class Driving(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def call(self, *words):
        return subprocess.run([MMUSIM, *words], capture_output=True, text=True, cwd=self.folder.name,
                              stdin=subprocess.DEVNULL, env={**os.environ, "MMUSIM_CONFIGS": f"{SOURCE}/configs"})

    def write(self, name, document):
        with open(self.path(name), "w") as out:
            json.dump(document, out)
        return name

    def summary(self, *words):
        done = self.call(*words, "--out", "out", "--force", "--watchdog", "60")
        self.assertEqual(done.returncode, 0, done.stderr[-600:])
        with open(self.path("out/summary.json")) as text:
            return {k: v for k, v in json.load(text).items() if k not in ("host", "command")}

    def assert_same_however_driven(self, name, *words):
        plain = self.summary("run", name, "--events", "none", *words)
        for options in (["--events", "none", "--lock-step"], ["--events", "all"], ["--events", "all", "--lock-step"]):
            other = self.summary("run", name, *options, *words)
            for part in plain:
                self.assertEqual(plain[part], other[part], f"{part} with {options}")
        return plain

    def test_writes_that_wait_outside_a_full_queue(self):
        for platform in ("milan", "rome", "genoa"):
            name = self.write("s.json", scenario(platform, workload(
                "strided", 40000, region="direct_map", direction="write", stride="2KiB")))
            for core in ("window", "blocking"):
                self.assert_same_however_driven(name, "--core", core)

    def test_a_write_queue_of_one_place(self):
        controller = {"write_queue": 1, "write_high_watermark": 1, "write_low_watermark": 0, "read_queue": 1}
        device = {"controller": controller}
        platform = {"base": "textbook", "dram": {"device": device}}
        name = self.write("s.json", scenario(platform, workload("uniform", 5000, region="direct_map", direction="write")))
        for core in ("window", "blocking"):
            self.assert_same_however_driven(name, "--core", core)

    def test_a_full_read_queue_takes_the_next_one_in_the_same_cycle_whoever_woke_the_controller(self):
        # Cycles of core and DRAM that have no common multiple near, and a place that comes free between two of the core's.
        timing = {"CL": 10, "CWL": 6, "BL/2": 4, "tRCD": 14, "tRP": 8, "tRAS": 36, "tRC": 53, "tCCD_S": 4, "tCCD_L": 5,
                  "tRRD_S": 4, "tRRD_L": 4, "tFAW": 28, "tWTR_S": 4, "tWTR_L": 9, "tWR": 22, "tRTP": 12, "tRFC": 259, "tREFI": 1887}
        address_map = {"column": "13,6,7,11,17,14", "bank_group": "16,12,9", "bank": "8,18", "rank": "10,19", "channel": "15",
                       "row": "20,21,22,23,24,25,26,27,28,29,30,31,32,33"}
        device = {"tck_ps": 1268, "channels": 2, "ranks": 4, "bank_groups": 8, "row_size": 4096, "timing_cycles": timing,
                  "controller": {"read_queue": 1, "page_policy": "closed"}, "address_map": address_map}
        small = {"arrays": [{"entries": 12, "ways": 6, "pages": ["2M", "4K", "1G"]}]}
        platform = {"core": {"period_ps": 1052}, "tlbs": {"l1_dtlb": small, "l1_itlb": small, "stlb": small},
                    "caches": {"l2": {"prefetcher": {"kind": "next_line"}}},
                    "dram": {"device": device, "from_memory_ns": 22.9}}
        name = self.write("s.json", {
            "platform": platform, "memory": {"ranges": [{"end": "0x5800000"}]},
            "phases": [{"phase": "boot"}, workload("compaction", 7)],
            "virtualization": {"mode": "ept", "on_demand": True, "exit_cycles": 0}})
        self.assert_same_however_driven(name)

    def test_cores_whose_cycle_is_longer_than_those_of_the_dram(self):
        platform = {"base": "textbook", "core": {"period_ps": 10000}, "dram": {"device": "ddr5-4800"}}
        name = self.write("s.json", scenario(platform, workload("buddy_alloc", 2000), workload("page_cache", 4000)))
        for core in ("window", "blocking"):
            self.assert_same_however_driven(name, "--core", core)

    def test_several_cores(self):
        for platform in ("sapphire-rapids", "genoa"):
            for core in ("blocking", "window"):
                self.assert_same_however_driven("eight-processors", "--set", f"/platform={platform}", "--core", core,
                                                "--set", "/phases/1/limit=3000")

    def test_deferred_initialisation_on_several_cores(self):
        for cores in (2, 3):
            platform = {"base": "milan", "cores": cores}
            document = scenario(platform, {"phase": "deferred_init"}, workload("page_cache", 2000),
                                memmap_init=True, deferred_struct_page_init=True)
            name = self.write("s.json", document)
            for core in ("blocking", "window"):
                self.assert_same_however_driven(name, "--core", core)

    def test_prefetches_end_soon_after_what_they_are_for(self):
        for level in ("l1d", "l2", "l3"):
            platform = {"base": "milan", "caches": {level: {"prefetch_next_line": True}}}
            phases = [workload("uniform", 5000, region="vmemmap"), workload("reclaim", 3000)]
            name = self.write("s.json", scenario(platform, *phases, vmemmap_pages="base"))
            without = self.write("without.json", scenario("milan", *phases, vmemmap_pages="base"))
            for core in ("blocking", "window"):
                run = self.assert_same_however_driven(name, "--core", core)
                self.call("run", name, "--core", core, "--record", "r.mmt", "--out", "recorded", "--force")
                again = self.summary("replay", "r.mmt")
                self.assertLess(abs(run["totals"]["cycles"] - again["totals"]["cycles"]), 2000)
                plain = self.summary("run", without, "--core", core, "--events", "none")
                self.assertLess(abs(run["totals"]["cycles"] / plain["totals"]["cycles"] - 1), 0.25)

    def test_a_phase_ends_after_the_lines_that_prefetched_walks_prefetched(self):
        platform = {"core": {"model": "window"},
                    "tlbs": {"l1_dtlb": {"arrays": [{"entries": 6, "pages": ["2M"]}]},
                             "l1_itlb": {"arrays": [{"ways": 1, "pages": ["2M"]}]},
                             "stlb": {"arrays": [{"entries": 64, "pages": ["4K"]}]},
                             "prefetcher": {"kind": "next_page", "degree": 4}},
                    "page_walkers": {"walkers": 1, "paging_structure_caches": {}, "reads_enter_at": "l2"},
                    "caches": {"l1d": {"latency_cycles": 1}, "l2": {"prefetcher": {"kind": "stream"}}, "l3": {"miss_registers": 1}}}
        writes = workload("zipf", 83, region="direct_map", bytes=98304, direction="write")
        for phases, seed in (([writes], 3), ([{"phase": "deferred_init"}, writes], 651)):
            name = self.write("s.json", {"platform": platform, "memory": {"ranges": [{"start": "0x100000", "end": "0x7000000"}]},
                                         "phases": [{"phase": "boot"}, *phases, {"phase": "hugetlb", "free": 11}], "seed": seed})
            self.assert_same_however_driven(name)

    def test_a_fetch_across_lines_leaves_the_second_one_behind(self):
        lines = [{"format": "mmusim-trace", "version": 1, "source": "test"}]
        for at in (0x400168, 0x400FF0, 0x400168, 0x400FF0):  # within a page, and into the next page
            lines.append({"access": "fetch", "va": hex(at), "bytes": 32, "user": True})
            lines.append({"access": "fetch", "va": hex(at + 48), "bytes": 4, "user": True})
        with open(self.path("t.jsonl"), "w") as out:
            out.writelines(json.dumps(line) + "\n" for line in lines)
        for frames in ("sequential", "random"):
            self.summary("replay", "t.jsonl", "--salvage", "--core", "window", "--paranoid", "--frames", frames)

    def test_requesters_that_find_no_moment_in_a_cycle_are_refused(self):
        core = {"period_ps": 100, "outstanding_misses": 64}
        for cores, code in ((64, 2), (40, 0)):
            name = self.write("p.json", {"base": "textbook", "cores": cores, "core": core})
            self.assertEqual(self.call("validate", name).returncode, code)
        name = self.write("s.json", scenario({"base": "textbook", "cores": 40, "core": core},
                                             workload("page_cache", 300)))
        self.assert_same_however_driven(name, "--core", "window")

    def test_refreshes_that_leave_no_time_are_refused_with_the_arithmetic(self):
        printed = self.call("presets", "ddr4-2400", "--print").stdout
        device = json.loads(printed)
        timing = device["timing_cycles"]
        timing.update({"tRFC": 191, "tREFI": 300})
        document = {"base": "textbook", "dram": {"device": device}}
        for interval, code in ((300, 2), (2000, 0)):
            timing["tREFI"] = interval
            done = self.call("validate", self.write("p.json", document))
            self.assertEqual(done.returncode, code, done.stdout + done.stderr)
            if code:
                self.assertIn("tRFC 191", done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
