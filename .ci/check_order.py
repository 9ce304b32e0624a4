#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Check the order of the kernel model's accesses to page tables against a recorded kernel's.

usage: check_order.py MMUSIM DUMP.json[.xz] ORDER.json[.xz]
Two comparisons, over the boot or over the later stages, whichever the order file covers: the sequence of (level, index,
flags) of entry writes, and the sequence of (level, index) of all accesses, consecutive ones to one entry taken as one.
Writes of zero are left out: which functions that clear entries were recorded differs. The boot ends before hugetlb_init.
The recording may end before reads that follow the last write; reads of HVO's walks that no recorded function made are
left out. Exit 0 only if both are equal."""
import json
import lzma
import os
import subprocess
import sys
import tempfile

ADDRESS = ((1 << 52) - 1) & ~0xFFF
ZEROING = ("alloc_block_zero", "clear_page", "memset")
HVO_WALKS = ("vmemmap_wrprotect_hvo", "vmemmap_remap_range")


def load(path):
    return json.load(lzma.open(path)) if path.endswith(".xz") else json.load(open(path))


def recorded(order):
    for e in order["events"]:
        if e["size"] != 8 or e.get("count", 1) > 1 or any(f in e["fn"] for f in ZEROING):
            continue
        yield e["op"], e["level"], e["index"], int(e["value"], 16) if e["value"] else None


def simulated(mmusim, dump_path, order):
    with tempfile.TemporaryDirectory() as work:
        scenario, out = os.path.join(work, "s.json"), os.path.join(work, "out")
        subprocess.run([mmusim, "scenario", "--from", dump_path, "-o", scenario], check=True, stderr=subprocess.DEVNULL)
        subprocess.run([mmusim, "run", scenario, "--events", "tables", "--out", out], check=True, stdout=subprocess.DEVNULL)
        log = subprocess.run(["zstdcat", os.path.join(out, "events.jsonl.zst")], capture_output=True, check=True, text=True)
    base = int(load(dump_path)["stages"][0]["vmemmap_base"], 16)
    # Kernels whose walk for HVO is the generic one read its upper levels, and the PMD once more on the way to its PTEs, in
    # functions that were not recorded.
    walks_recorded = any(e["fn"].startswith("vmemmap_remap_range") for e in order["events"])
    boot, above = False, 0
    for e in map(json.loads, log.stdout.splitlines()):
        if e["event"] == "phase":
            boot = e["stage"] == "boot" and e["name"] == "boot"
            later = e["stage"] != "boot"
        if e["event"] not in ("pte_read", "pte_write") or not (boot if order["scope"] == "boot" else later):
            continue
        if e["cause"] in HVO_WALKS and e["event"] == "pte_read" and not walks_recorded:
            above, before = e["level"], above
            if e["level"] > 2 or (e["level"] == 2 and before != 3):
                continue
        if base <= int(e["va"], 16) < base + (1 << 44):
            write = e["event"] == "pte_write"
            yield "w" if write else "r", e["level"], e["index"], int(e["new" if write else "value"], 16)


def writes(accesses):
    return [(level, index, value & ~ADDRESS) for op, level, index, value in accesses if op == "w" and value]


def touched(accesses):
    out = []
    for _, level, index, _ in accesses:
        if not out or out[-1] != (level, index):
            out.append((level, index))
    return out


def last_reads(accesses):
    """How many of touched() come after the last write."""
    writes = [i for i, access in enumerate(accesses) if access[0] == "w"]
    return len(touched(accesses)) - len(touched(accesses[: writes[-1] + 1])) if writes else 0


def compare(what, mine, real):
    equal = next((i for i, (a, b) in enumerate(zip(mine, real)) if a != b), min(len(mine), len(real)))
    good = equal == len(mine) == len(real)
    print(f"{what}: {equal} of {len(real)} in recorded order, {len(mine)} made")
    if not good:
        print(f"  first difference: {mine[equal:equal + 1]}, recorded {real[equal:equal + 1]}")
    return good


def main(mmusim, dump_path, order_path):
    order = load(order_path)
    mine, real = list(simulated(mmusim, dump_path, order)), list(recorded(order))
    good = compare(f"{order['name']} writes", writes(mine), writes(real))
    # Removal was not among the recorded functions, so reads can be compared only where nothing was removed.
    removed = any(op == "w" and not value for op, _, _, value in mine)
    if not removed:
        wanted, made = touched(real), touched(mine)
        if 0 < len(made) - len(wanted) <= last_reads(mine):
            made = made[: len(wanted)]
        good &= compare(f"{order['name']} accesses", made, wanted)
    return good


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(not main(*sys.argv[1:]))
