#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""No key without effect: each number of a platform, set to two values, changes what some small run gives.
usage: key_effects_test.py MMUSIM

The keys come from `mmusim keys`, so a new one fails here until a bench shows what it does, or WITHOUT_EFFECT says why none
can. A bench is a machine and what runs on it; a refusal of the one value is a result like any other.
"""

import copy
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor

WITHOUT_EFFECT = {
    "/platform/processor/physical_address_bits": "says which entries are malformed; replays and kernels make none",
    **{f"/platform/page_walkers/nested/pml{level}e/{key}": "one entry covers 512 GiB of a guest or more, and so all it has"
       for level in (4, 5) for key in ("entries", "ways")},
}
IGNORED = ("host", "command", "configuration", "counter_meanings", "program", "name")

L1 = {"size_kib": 2, "ways": 4, "latency_cycles": 4, "miss_registers": 4, "ports": 1}
SMALL = {
    "base": "textbook",
    "core": {"model": "window", "window": 64, "load_queue": 16, "store_queue": 8, "outstanding_misses": 6},
    "tlbs": {
        "l1_dtlb": {"arrays": [{"pages": ["4K", "2M", "1G"], "entries": 8, "ways": 4}]},
        "l1_dtlb_stores": {"arrays": [{"pages": ["4K", "2M", "1G"], "entries": 8, "ways": 4}]},
        "l1_itlb": {"arrays": [{"pages": ["4K", "2M", "1G"], "entries": 4, "ways": 2}]},
        "stlb": {"hit_penalty_cycles": 7, "arrays": [{"pages": ["4K", "2M", "1G"], "entries": 32, "ways": 4}]},
        "l2_itlb": {"hit_penalty_cycles": 7, "arrays": [{"pages": ["4K", "2M", "1G"], "entries": 8, "ways": 4}]},
        "l3_tlb": {"hit_penalty_cycles": 20, "arrays": [{"pages": ["4K", "2M", "1G"], "entries": 64, "ways": 4}]},
    },
    "page_walkers": {
        "walkers": 2,
        "paging_structure_caches": {name: {"entries": 4, "ways": 2} for name in ("pde", "pdpte", "pml4e", "pml5e")},
        "nested": {
            "tlb": {size: {"entries": 4, "ways": 2} for size in ("4K", "2M", "1G")},
            **{name: {"entries": 4, "ways": 2} for name in ("pde", "pdpte", "pml4e", "pml5e")},
        },
    },
    "caches": {"l1d": L1, "l1i": L1,
               "l2": {"size_kib": 16, "ways": 4, "latency_cycles": 14, "miss_registers": 4, "ports": 1},
               "l3": {"size_kib": 64, "ways": 4, "latency_cycles": 40, "miss_registers": 4, "ports": 1}},
}


def patched(base, patch):
    """Returns a copy of `base` with an RFC 7386 patch, whose nulls stay: they take keys from a base of the file."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    merged = copy.deepcopy(base) if isinstance(base, dict) else {}
    for key, value in patch.items():
        merged[key] = patched(merged.get(key), value)
    return merged


def trace_of(pages, code_pages, accesses, spread=((1 << 26, 1),)):
    """Returns a trace of loads, stores and fetches of random pages: many near each other, and, for each (distance, count) of
    `spread`, some that lie up to so many such distances from one of them."""
    dice = random.Random(7)
    data = [sum(dice.randrange(count + 1) * distance for distance, count in spread) + (dice.randrange(16) << 12)
            for _ in range(pages)]
    data += [0x200000000 + (i << 12) for i in range(pages)]
    code = [0x10000000 + (i << 12) for i in range(code_pages)]
    lines = ['{"format": "mmusim-trace", "version": 1}']
    for i in range(accesses):
        if i % 3 == 0:
            lines.append(json.dumps({"access": "fetch", "va": hex(dice.choice(code) + 64 * dice.randrange(64)), "bytes": 4}))
        kind = "write" if dice.random() < 0.4 else "read"
        page = dice.choice(data) if dice.random() < 0.6 else data[pages + i // 8 % pages]
        access = {"access": kind, "va": hex(page + 8 * dice.randrange(512)), "bytes": 8}
        if dice.random() < 0.3:
            access["gap"] = dice.randrange(9)
        lines.append(json.dumps(access))
        if dice.random() < 0.4:  # what hits, several in a row
            lines += [json.dumps({"access": kind, "va": hex(0x200000000 + 8 * k), "bytes": 8}) for k in range(6)]
    return "\n".join(lines) + "\n"  # without a trailer: --salvage


def strides(accesses):
    """Returns more of a trace: reads of every third page, and of pages in turn 1, 2 and 4 apart."""
    at, pages = 1 << 20, []
    for i in range(accesses):
        at += 3 if i % 40 < 20 else (1, 2, 4)[i % 3]
        pages.append(at << 12)
    return "".join(json.dumps({"access": "read", "va": hex(page), "bytes": 8}) + "\n" for page in pages)


def requests(accesses):
    """Returns requests to a DRAM: bursts of reads and writes of a few rows in all banks and ranks."""
    dice = random.Random(3)
    lines, now = [], 0
    for _ in range(accesses):
        now += dice.choice([0, 0, 0, 1, 2, 30])
        address = dice.randrange(1 << 20) << 6 if dice.random() < 0.5 else dice.randrange(64) << 6
        lines.append(f"{now} {address:#x} {'W' if dice.random() < 0.45 else 'R'}")
    return "\n".join(lines) + "\n"


def summary_of(folder):
    """Returns what a run in the folder has given, without what tells how it was run."""
    with open(f"{folder}/out/summary.json", encoding="utf-8") as f:
        summary = json.load(f)
    for name in IGNORED:
        summary.pop(name, None)
    return json.dumps(summary, sort_keys=True)


class Bench:
    """A replay of a trace on SMALL with a patch."""

    def __init__(self, trace, patch=None, options=()):
        self.trace, self.patch, self.options = trace, patch or {}, options

    def result(self, folder, path, value):
        """Runs with one key, a list of names, set; returns what can be compared."""
        platform = patched(SMALL, self.patch)
        at = platform
        for name in path[:-1]:
            at = at[int(name)] if isinstance(at, list) else at.setdefault(name, {})
        at[path[-1]] = value
        with open(f"{folder}/p.json", "w", encoding="utf-8") as f:
            json.dump(platform, f)
        with open(f"{folder}/t.jsonl", "w", encoding="utf-8") as f:
            f.write(self.trace)
        done = subprocess.run([PROGRAM, "replay", "t.jsonl", "--platform", "p.json", "--out", "out", "--force", "--salvage",
                               *self.options],
                              cwd=folder, capture_output=True, text=True, check=False)
        if not os.path.exists(f"{folder}/out/summary.json"):
            return done.stderr
        return summary_of(folder)


class FlushBench:
    """A kernel that flushes the TLBs of six cores, two in a cluster, four in a socket."""

    def __init__(self, kernel, surplus=False, beside=True, topology=None):
        self.kernel, self.surplus, self.beside, self.topology = kernel, surplus, beside, topology or {}

    def result(self, folder, path, value):
        topology = {"cores_per_cluster": 2, "cores_per_socket": 4, "delivery_cycles": {"cluster": 600}, **self.topology}
        at = topology
        for name in path[1:-1]:
            at = at.setdefault(name, {})
        at[path[-1]] = value
        work = {"kind": "random_pfn", "parameters": {"operations": 100}}
        phase = {"phase": "hugetlb", **({"beside": work} if self.beside else {}), **({"surplus": True} if self.surplus else {})}
        scenario = {
            "name": "flushes", "platform": {"base": "milan", "cores": 6, "topology": topology},
            "kernel": {"version": "7.3", "hvo": True, "apic": "x2apic_physical", **self.kernel},
            "memory": {"ranges": [{"start": "0x100000", "end": "0x10000000", "node": 0}],
                       "reserved": [{"start": "0x1000000", "end": "0x4411000"}], "early_tables": "from_memblock"},
            "phases": [{"phase": "boot", "stage": "boot", "timed": False}, {**phase, "stage": "allocate", "allocate": 2},
                       {**phase, "stage": "free", "free": 2}]}
        with open(f"{folder}/s.json", "w", encoding="utf-8") as f:
            json.dump(scenario, f)
        done = subprocess.run([PROGRAM, "run", "s.json", "--out", "out", "--force"], cwd=folder, capture_output=True, text=True,
                              check=False)
        return summary_of(folder) if done.returncode == 0 else done.stderr


class DramBench:
    """Requests to a DRAM device alone."""

    def __init__(self, device, patch=None):
        self.device, self.patch = device, patch or {}

    def result(self, folder, path, value):
        with open(os.path.join(CONFIGS, "dram", self.device + ".json"), encoding="utf-8") as f:
            device = patched(json.loads(re.sub(r"//.*", "", f.read())), self.patch)
        at = device
        for name in path[2:-1]:
            at = at.setdefault(name, {})
        at[path[-1]] = value
        with open(f"{folder}/d.json", "w", encoding="utf-8") as f:
            json.dump(device, f)
        with open(f"{folder}/r.txt", "w", encoding="utf-8") as f:
            f.write(requests(3000))
        done = subprocess.run([PROGRAM, "dram", "r.txt", "--dram", "d.json"], cwd=folder, capture_output=True, text=True,
                              check=False)
        return done.stdout if done.returncode == 0 else done.stderr


def result_of(bench, path, value):
    with tempfile.TemporaryDirectory() as folder:
        return bench.result(folder, path, value)


def rules():
    """Yields (pattern, bench, one value, another): the first pattern that fits a key is taken."""
    plain = Bench(trace_of(48, 12, 1200))
    far = Bench(trace_of(200, 4, 900, ((1 << 21, 3), (1 << 30, 2), (1 << 39, 2), (1 << 48, 5))), options=("--levels", "5"))
    guest = Bench(trace_of(300, 4, 900, ((1 << 21, 9),)), options=(
        "--frames", "random", "--set", "/virtualization/mode=ept", "--set", "/virtualization/host_levels=5"))
    yield r"/cores$", plain, 1, 2
    yield r"/paging_levels$", far, 4, 5
    yield r"/frequency_mhz$", plain, 1000, 3000
    yield r"/period_ps$", plain, 1000, 334
    full, ranges = FlushBench({}), FlushBench({}, surplus=True)
    yield r"/topology/idle_exit_cycles$", FlushBench({}, beside=False), 100, 4000
    yield r"/topology/cr4_pair_cycles$", FlushBench({"cpu": {"invpcid": False}}), 100, 4000
    yield r"/topology/cr3_cycles$", FlushBench({"cpu": {"invpcid": False, "pge": False}}), 100, 4000
    yield r"/topology/(invlpgb|tlbsync)_cycles$", FlushBench({"cpu": {"invlpgb_pages": 8}}), 100, 4000
    yield r"/topology/broadcast_gap_cycles$", FlushBench({"cpu": {"invlpgb_pages": 8}}), 100, 1000000
    yield r"/topology/invlpg_cycles$", ranges, 100, 4000
    yield r"/topology/invpcid_page_cycles$", FlushBench({"pti": True}, surplus=True), 100, 4000
    yield r"/topology/cores_per_", full, 2, 1
    yield r"/topology/directory_entries$", full, 0, 48
    yield r"/topology/directory_ways$", FlushBench({}, topology={"directory_entries": 48}), 1, 12
    yield r"/topology/", full, 100, 4000
    yield r"/core/first_touch_cycles$", plain, 0, 500
    yield r"/core/tlb_flush_cycles$", Bench(
        '{"format": "mmusim-trace", "version": 1}\n{"access": "read", "va": "0x1000", "bytes": 8}\n'
        '{"event": "invlpg", "va": "0x1000"}\n', options=("--flushes", "all")), 0, 500
    yield r"/core/(window|load_queue|store_queue|outstanding_misses|fetch_ahead)$", plain, 1, 64
    yield r"/core/issue_width$", plain, 1, 4
    yield r"/core/(retire_width|load_ports|store_ports)$", plain, 0, 1
    yield r"/stlb/(lookups_per_cycle|miss_registers)$", plain, 0, 1
    yield r"/tlbs/prefetcher/degree$", Bench(plain.trace, {"tlbs": {"prefetcher": {"kind": "next_page"}}}), 1, 4
    yield r"/tlbs/prefetcher/entries$", Bench(plain.trace, {"tlbs": {"prefetcher": {"kind": "distance"}}}), 1, 64
    yield r"/tlbs/.*/hit_penalty_cycles$", plain, 1, 9
    yield r"/tlbs/.*/entries$", plain, 4, 16
    yield r"/tlbs/.*/ways$", plain, 1, 4
    yield r"/page_walkers/walkers$", plain, 1, 3
    yield r"/paging_structure_caches/upper/", Bench(far.trace, {"page_walkers": {"paging_structure_caches": {
        "pdpte": None, "pml4e": None, "pml5e": None, "upper": {"entries": 8, "ways": 2}}}}, far.options), 2, 8
    yield r"/paging_structure_caches/[^/]*/ways$", far, 1, 4
    yield r"/paging_structure_caches/[^/]*/entries$", far, 2, 8
    yield r"/paging_structure_caches/lookup_cycles$", plain, 1, 5
    for size in ("2M", "1G"):
        host = Bench(guest.trace, options=(*guest.options, "--set", f"/virtualization/host_pages={size}"))
        yield rf"/nested/tlb/{size}/ways$", host, 1, 4
        yield rf"/nested/tlb/{size}/entries$", host, 2, 64
    yield r"/nested/.*/ways$", guest, 1, 4
    yield r"/nested/.*/entries$", guest, 2, 64
    yield r"/nested/lookup_cycles$", guest, 1, 5
    for level in ("l1d", "l1i", "l2", "l3"):
        stride = Bench(plain.trace, {"caches": {level: {"prefetcher": {"kind": "stride"}}}})
        next_line = Bench(plain.trace, {"caches": {level: {"prefetcher": {"kind": "next_line"}}}})
        yield rf"/{level}/prefetcher/degree$", next_line, 1, 4
        yield rf"/{level}/prefetcher/trackers$", stride, 1, 64
    yield r"/l1[di]/latency_cycles$", plain, 4, 6
    yield r"/caches/.*/latency_cycles$", plain, 20, 30
    yield r"/caches/.*/size_kib$", plain, 8, 32
    yield r"/caches/.*/ways$", plain, 1, 4
    yield r"/caches/.*/(miss_registers|ports)$", plain, 1, 8
    yield r"/dram/(to|from)_memory_ns$", plain, 10, 20
    yield r"/dram/channels$", Bench(plain.trace, {"dram": {"device": "ddr4-2400"}}), 1, 4
    device = DramBench("ddr4-2400", {"channels": 1})
    yield r"/dram/device/tck_ps$", device, 833, 900
    yield r"/dram/device/channels$", device, 1, 2
    yield r"/dram/device/(ranks|bank_groups|banks_per_group)$", device, 2, 4
    yield r"/dram/device/channel_bits$", device, 32, 64
    yield r"/timing_cycles/BL/2$", device, 4, 8
    yield r"/timing_cycles/(activate|column)_slots$", device, 1, 2
    yield r"/timing_cycles/(tRTRS|tPPD|tRTW)$", device, 0, 12
    yield r"/timing_cycles/tREFI$", device, 3000, 9363
    yield r"/timing_cycles/tFAW$", device, 26, 90
    yield r"/timing_cycles/tRRD_S$", device, 4, 6
    yield r"/timing_cycles/tCCD_S$", device, 4, 6
    yield r"/timing_cycles/tWTR_S$", device, 3, 9
    yield r"/timing_cycles/(tRAS|tRC)$", device, 56, 90
    yield r"/timing_cycles/", device, 20, 40
    yield r"/controller/read_queue$", device, 2, 64
    yield r"/controller/write_queue$", device, 48, 64
    yield r"/controller/write_high_watermark$", device, 20, 48
    yield r"/controller/write_low_watermark$", device, 4, 30
    yield r"/controller/starvation_cycles$", device, 10, 4000


def choices():
    """Yields (path, bench, words): choices that are more than a number, each of which gives something else."""
    plain = Bench(trace_of(48, 12, 1200))
    rules_of_replacement = ["lru", "tree_plru", "random", "srrip", "drrip", "ship"]
    yield "page_walkers/reads_enter_at", plain, ["l1d", "l2", "l3"]
    yield "tlbs/stlb/inclusion", plain, ["none", "inclusive", "exclusive"]
    yield "tlbs/l3_tlb/inclusion", plain, ["none", "inclusive", "exclusive"]
    yield "tlbs/stlb/arrays/0/replacement", plain, rules_of_replacement
    yield "tlbs/prefetcher/kind", Bench(plain.trace + strides(200)), ["none", "next_page", "stride", "distance"]
    yield "caches/l2/replacement", plain, rules_of_replacement
    yield "caches/l2/prefetcher/kind", plain, ["none", "next_line", "stride", "stream"]


class KeyEffects(unittest.TestCase):
    def test_each_word_of_a_choice_gives_another_result(self):
        for path, bench, words in choices():
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                results = list(pool.map(lambda word, b=bench, p=path: result_of(b, p.split("/"), word), words))
            same = [(a, b) for i, a in enumerate(words) for j, b in enumerate(words) if i < j and results[i] == results[j]]
            self.assertEqual(same, [], path)

    def test_each_number_of_a_platform_changes_a_result(self):
        listed = json.loads(subprocess.run([PROGRAM, "keys", "/platform", "--json"], capture_output=True, text=True,
                                           check=True).stdout)
        numbers = [k["key"] for k in listed if k["type"] in ("integer", "number")]
        known = list(rules())
        work = {}
        for key in numbers:
            rule = next((rule for rule in known if re.search(rule[0], re.sub(r"\[.*?\]", "", key))), None)
            if rule is not None and key not in WITHOUT_EFFECT:
                work[key] = rule[1:]
        self.assertEqual(sorted(set(numbers) - set(work) - set(WITHOUT_EFFECT)), [], "no bench shows what these do")
        self.assertEqual(sorted(set(WITHOUT_EFFECT) - set(numbers)), [], "no such keys")
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            answers = dict(zip(work, pool.map(lambda key: self.differ(key, *work[key]), work)))
        self.assertEqual([key for key, differ in answers.items() if not differ], [], "both values give the same")

    @staticmethod
    def differ(key, bench, one, other):
        path = re.sub(r"\[.*?\]", "", key).replace("/BL/2", "/BL~12").split("/")[2:]
        path = [name.replace("~1", "/").replace("N", "0") if name == "N" else name.replace("~1", "/") for name in path]
        results = [result_of(bench, path, value) for value in (one, other)]
        if os.environ.get("SHOW"):
            print(key, one, other, "same" if results[0] == results[1] else "differs", [r[:150] for r in results if r[:1] != "{"])
        return results[0] != results[1]


PROGRAM = os.path.abspath(sys.argv.pop(1))
CONFIGS = os.environ.get("MMUSIM_CONFIGS", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "configs"))
if __name__ == "__main__":
    unittest.main()
