#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Stands in for `mmusim run` in tests of compare: writes a summary computed from the variant's name and the seed.

A variant whose name contains "fails", "crashes" or "hangs" does that instead."""
import argparse
import json
import os
import signal
import sys
import time

STAGES = ["l1_tlb", "stlb", "walk_queue", "structure_caches", "entry_reads", "ad_updates", "data", "stall"]
HITS = ["L1", "L2", "L3", "DRAM", "uncached"]


def section(stages, accesses, walks, latency, kernel):
    totals = {"accesses": accesses, "lookups": accesses, "l1_dtlb_misses": 3 * walks, "stlb_misses": walks, "walks": walks,
              "entry_reads": 2 * walks, "cycles": 4 * accesses + latency * walks}
    reads = {str(level): dict.fromkeys(HITS, 0) for level in range(1, 6)}
    reads["1"]["L2"], reads["1"]["DRAM"], reads["2"]["L1"] = walks - walks // 3, walks // 3, walks
    buckets = [[latency - 9, latency - 9, walks // 2], [latency, latency, walks - walks // 2]] if walks else []
    machine = {"walk_cycles": latency * walks, "stage_cycles": dict.fromkeys(STAGES, 0), "walk_reads_by_level": reads,
               "walk_latency_cycles": {"count": walks, "sum": latency * walks, "min": latency - 9, "max": latency,
                                       "p50": latency - 9, "p95": latency, "p99": latency, "buckets": buckets}}
    machine["stage_cycles"].update(l1_tlb=accesses, entry_reads=(latency - 4) * walks, structure_caches=2 * walks,
                                   data=3 * accesses)
    return {"stages": stages, "totals": totals, "machine": machine, "kernel": kernel}


def summary(scenario, variant, seed):
    huge = "huge" in variant
    kernel = {"entry_writes": 70 if huge else 32900, "other_entry_writes": 12, "entry_reads": 40000, "table_pages": 4 if huge else 68,
              "tables_freed": 0, "bytes_allocated": 1 << 27, "bytes_zeroed": 16384 if huge else 278528, "flushes": 0,
              "populate_cycles": 90000 if huge else 21000000, "direct_map_cycles": 1000, "struct_page_cycles": 9000}
    build = section(["boot"], 100000, 500, 40, kernel)
    work = section(["scan"], 1000000, 50 + seed if huge else 130000 + seed, 22 if huge else 31, dict.fromkeys(kernel, 0))
    functions = [{"function": name, "first_cycle": 1000 * i, "last_cycle": 400000 - 1000 * i, "cycles": 60000 + 20000 * i,
                  "entry_writes": 100 * i, "bytes_zeroed": 4096 * i}
                 for i, name in enumerate(["vmemmap_pgd_populate", "vmemmap_pmd_populate", "vmemmap_alloc_block_zero"])]
    phases = [dict(stage=s, name=n, workload=w, timed=True, begin_cycle=0, end_cycle=p["totals"]["cycles"], totals=p["totals"],
                   machine=p["machine"], kernel=p["kernel"], functions=f)
              for s, n, w, p, f in (("boot", "boot", False, build, functions), ("scan", "workload", True, work, []))]
    return {"format": "mmusim-summary", "version": 1, "program": "mmusim 0.1.0", "command": "run", "name": scenario["name"],
            "interrupted": False, "seed": seed, "core_ghz": 2.45, "totals": work["totals"], "machine": work["machine"],
            "kernel": kernel, "sections": {"build": build, "workload": work}, "phases": phases,
            "perf": {"dTLB-load-misses": work["totals"]["l1_dtlb_misses"]},
            "counters": {"core0": {"dtlb": {"hits": 900000, "misses": 3 * work["totals"]["walks"]}}},
            "counter_meanings": {"core0.dtlb.hits": "lookups that hit", "core0.dtlb.misses": "lookups that missed"},
            "misses_over_time": {"slice_cycles": 10000, "stlb_misses": [(i * 37) % 90 + (0 if huge else 200) for i in range(60)],
                                 "walks": [(i * 37) % 90 for i in range(60)]},
            "configuration": {**scenario, "variants": {}, "kernel": {"version": "6.1", "hugepages": huge}},
            "host": {"date": "2000-01-01T00:00:00Z"}}


def tables(huge):
    base = 0xffffea0000000000
    entries = [{"level": 4, "va": hex(base), "index": 468, "table_pa": "0x2610000", "value": "0x7ffd3067"},
               {"level": 3, "va": hex(base), "index": 0, "table_pa": "0x7ffd3000", "value": "0x7ffd2067"}]
    for i in range(4):
        va = base + (i << 21)
        if huge:
            entries.append({"level": 2, "va": hex(va), "index": i, "table_pa": "0x7ffd2000", "value": hex(0x80000000012000e3 + (i << 21))})
            continue
        entries.append({"level": 2, "va": hex(va), "index": i, "table_pa": "0x7ffd2000", "value": hex(0x70000063 + (i << 12))})
        entries += [{"level": 1, "va": hex(va + (j << 12)), "index": j, "table_pa": hex(0x70000000 + (i << 12)),
                     "value": hex(0x8000000001200063 + (i << 21) + (j << 12))} for j in range(512)]
    return {"stages": [{"stage": "boot", "levels": 4, "entries": entries}]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("command")
    parser.add_argument("scenario")
    for option in ("--out", "--variant", "--platform", "--events", "--tables"):
        parser.add_argument(option, default="")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--set", action="append", default=[])
    o = parser.parse_args()
    if "fails" in o.variant:
        sys.exit("the scenario is impossible")
    if "crashes" in o.variant:
        os.kill(os.getpid(), signal.SIGSEGV)
    if "hangs" in o.variant:
        time.sleep(600)
    with open(o.scenario) as f:
        scenario = json.load(f)
    if o.tables:
        with open(o.tables, "w") as f:
            json.dump(tables("huge" in o.variant), f)
    with open(os.path.join(o.out, "summary.json"), "w") as f:
        json.dump(summary(scenario, o.variant, o.seed), f)


main()
