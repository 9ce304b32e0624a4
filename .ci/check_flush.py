#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compare the kernel model's TLB shoot-downs with those recorded from a real kernel.

usage: check_flush.py MMUSIM FLUSH.json[.xz]...
For each recorded operation on HugeTLB folios, dimms, device memory and memory of a process a scenario is run that does the
same: on as many CPUs, with the kernel's version and options from the recording's header. Inputs from the record are the memory it works
on, the list of folios and, where folios are optimised one by one, which leaves of the vmemmap earlier operations had
split already. Compared are
  rounds   number, order, interface, form, range; that every CPU takes part once; INVLPGs and their addresses on each CPU;
           the kind of interrupt (a recorded null, or one to fewer CPUs, is allowed: something was queued already)
  steps    the functions that edit tables, with their ranges, and where among them the flushes lie
  counts   INVLPG and CR4 writes that a plugin counted at the instruction in another boot (HugeTLB and device memory);
           rounds that serialise all CPUs for the first and the last optimised folio
  users    shoot-downs of a process with threads on all CPUs: one call with its range, on which CPUs it ran and who was
           interrupted, INVLPGs and CR3 loads of each (as in one of the boots: a thread may be off its CPU for a moment)
Left out, because they are not deterministic: insmod_dax, pages freed by a worker after the record's end. Exit 0 only if everything compared is equal."""
import json
import lzma
import os
import re
import subprocess
import sys
import tempfile

MIB, PAGE = 1 << 20, 4096
BLOCK = 128 * MIB
VMEMMAP, STRUCT_PAGE = 0xFFFFEA0000000000, 64
PMD_PAGES, PUD_PAGES = 512, 512 * 512
SERIES = ((5008, "5.8"), (5009, "5.10"), (5019, "6.1"), (6002, "6.12"), (6015, "6.16"), (6017, "6.18"), (7001, "7.1"),
          (7002, "7.2"), (7003, "7.3"))
STEPS = ("vmemmap_populate", "vmemmap_free", "vmemmap_remap_range", "remove_pagetable", "hugetlb_vmemmap_optimize",
         "hugetlb_vmemmap_restore", "hugetlb_vmemmap_optimize_folio", "hugetlb_vmemmap_restore_folio",
         "hugetlb_vmemmap_optimize_folios", "hugetlb_vmemmap_restore_folios")
FORMS = {"all": "full", "range": "range", "process": "full"}
CALLS = {"dontneed": "madvise", "protect": "mprotect", "unmap_frees_tables": "munmap"}
FUNCTIONS = {"full": "do_flush_tlb_all", "range": "do_kernel_range_flush"}


def load(path):
    return json.load(lzma.open(path)) if path.endswith(".xz") else json.load(open(path))


def version_of(release):
    major, minor = (int(n) for n in re.match(r"(\d+)\.(\d+)", release).groups())
    return [name for first, name in SERIES if first <= major * 1000 + minor][-1]


def kernel_of(header):
    words = header["cmdline"].split()
    last = {w.split("=")[0]: w.split("=")[-1] for w in words}
    cpu = {"pcid": False, "invpcid": False}  # QEMU's TCG has neither
    return {
        "version": version_of(header["kernel"]),
        "cpu": cpu,
        "hvo": last.get("hugetlb_free_vmemmap") == "on",
        "hvo_static_key": True,
        "pti": last.get("pti") == "on" or "GenuineIntel" in header["cpu"],
        "memmap_on_memory": last.get("memory_hotplug.memmap_on_memory") == "1",
        "apic": "xapic",
        "idle_loop": "poll" if last.get("idle") == "poll" else "halt",
    }


def memory_of(header):
    low, total = 3072 * MIB, header["mem_mib"] * MIB  # QEMU's pc machine
    ranges = [{"start": "0x1000", "end": "0x9f000"}, {"start": "0x100000", "end": hex(min(total, low) - 128 * 1024)}]
    if total > low:
        ranges.append({"start": hex(1 << 32), "end": hex((1 << 32) + total - low)})
    return {"ranges": ranges, "reserved": [{"start": "0x1000000", "end": "0x4000000"}]}


def dimm_of(header, bytes_):
    blocks = (header.get("memory_blocks") or {}).get(f"{bytes_ // MIB}m")
    if blocks:
        return int(blocks[0].removeprefix("memory")) * BLOCK
    return (1 << 32) + (header["mem_mib"] - 3072) * MIB + (512 * MIB * 2 if "nvdimm" in str(header["qemu_args"]) else 0)


def device_of(header, kind):
    ends = [int(re.search(r"-([0-9a-f]+) :", text.splitlines()[-1]).group(1), 16) + 1 for text in header["dax"]]
    size = 512 * MIB
    end = ends[0] if kind == "pmem" else ends[1]
    return {"start": hex(end - size), "size": size, "memmap": "device" if kind == "pmem" else "ram", "align": 2 * MIB}


def pfn_of(va):
    return (va - VMEMMAP) // STRUCT_PAGE


def folios_in(steps):
    """Folios of the walks, in order; each once."""
    folios = []
    for step in steps:
        if step[0] != "vmemmap_remap_range":
            continue
        start, end = int(step[1], 16), int(step[2], 16)
        pages = PUD_PAGES if end - start > 8 * PAGE else PMD_PAGES
        folio = [pfn_of(start) // pages * pages, pages]
        if folio not in folios:
            folios.append(folio)
    return folios


def pmds_of(folio):
    per_pmd = 2 * MIB // STRUCT_PAGE  # pages whose struct pages one leaf holds
    return range(folio[0] // per_pmd, (folio[0] + folio[1] - 1) // per_pmd + 1)


def split_before(record, folios):
    """2 MiB folios, one for each leaf that was split before the operation: kernels that flush for each split show it."""
    split_now = {pfn_of(int(r["start"], 16)) // (2 * MIB // STRUCT_PAGE) for r in record["rounds"]
                 if r["form"] == "full" and "start" in r and int(r["end"], 16) - int(r["start"], 16) == 2 * MIB}
    touched = {pmd for folio in folios for pmd in pmds_of(folio)}
    of_pmd = {}
    for folio in folios:
        for pmd in pmds_of(folio):
            of_pmd.setdefault(pmd, [max(folio[0], pmd * (2 * MIB // STRUCT_PAGE)), PMD_PAGES])
    return [of_pmd[pmd] for pmd in sorted(touched - split_now)]


def keeper_of(folios):
    """A folio far from all of them: while it is optimised, none of them is the first or the last."""
    used = {pmd for folio in folios for pmd in pmds_of(folio)}
    for pfn in range(0x50000, 0xA0000, PUD_PAGES // 8):
        if not used & set(pmds_of([pfn, PMD_PAGES])):
            return [pfn, PMD_PAGES]
    raise ValueError("no place for a folio")


def hugetlb(**keys):
    return {"phase": "hugetlb", **keys}


def hugetlb_phases(record, kernel):
    """(before, the operation itself), or None for what cannot be compared."""
    name, steps = record["operation"], record["steps"]
    name = name.removeprefix("busy_")
    if name.endswith("_touch"):
        return [], [{"phase": "mark"}]
    size = "1GiB" if "1g" in name else "2MiB"
    surplus = "surplus" in name
    frees = "_free" in name
    folios = folios_in(steps)
    if "demote" in name:
        keep = keeper_of(folios)
        gigantic = [f for f in folios if f[1] == PUD_PAGES]
        return [hugetlb(optimise=[keep] + gigantic)], [hugetlb(demote=gigantic)]
    counts = re.search(r"(\d+) -> (\d+)", record["description"])
    count = abs(int(counts[2]) - int(counts[1])) if counts else int(re.search(r"_(\d+)(_|$)", name.split("_2m", 1)[-1])[1])
    if not kernel["hvo"]:
        if frees:
            return [hugetlb(page=size, allocate=count, surplus=surplus)], [hugetlb(page=size, free=count, surplus=surplus)]
        return [], [hugetlb(page=size, allocate=count, surplus=surplus)]
    if surplus and frees and len(folios) != count:
        return None
    if len(folios) != count:
        raise ValueError(f"{len(folios)} folios recorded, {count} expected")
    keep = [] if name.endswith(("_first", "_last")) else [hugetlb(optimise=[keeper_of(folios)])]
    if frees:
        return keep + [hugetlb(optimise=folios, surplus=surplus)], [hugetlb(restore=folios, surplus=surplus)]
    one_by_one = surplus or kernel["version"] in ("6.1",)
    split = [hugetlb(optimise=[f], surplus=surplus) for f in split_before(record, folios)] if one_by_one else []
    split += [hugetlb(restore=p["optimise"], surplus=surplus) for p in split]
    return keep + split, [hugetlb(optimise=folios, surplus=surplus)]


def dimm_phases(name, header):
    what, size = re.match(r"dimm_(\w+?)_(\d+)m", name).groups()
    start = dimm_of(header, int(size) * MIB)
    whole = {"start": hex(start), "size": int(size) * MIB}
    index = re.search(r"_(\d)$", name)
    block = {"start": hex(start + int(index[1]) * BLOCK), "size": BLOCK} if index else whole
    add, online = {"phase": "hot_add", **whole}, {"phase": "online", **whole}
    if what == "add":
        return [], [add]
    if what == "online":
        return [add], [{"phase": "online", **block}]
    if what == "offline":
        return [add, online], [{"phase": "offline", **block}]
    return [add] + ([online] if "online" in name else []), [{"phase": "hot_remove", **whole}]


def dax_phases(name, header):
    device = device_of(header, name.rsplit("_", 1)[1])
    add = {"phase": "dax", **device}
    if "create" in name:
        return [], [add]
    return [add], [{"phase": "pmem_remove", "start": device["start"], "size": device["size"]}]


def phases_of(record, header, kernel):
    name = record["operation"]
    if name.startswith(("hvo_", "busy_hvo_")):
        return hugetlb_phases(record, kernel)
    if name.startswith("dimm_"):
        return dimm_phases(name, header)
    if name.startswith("dax_"):
        return dax_phases(name, header)
    if name.startswith("user"):
        state, what, pages = re.match(r"(user|userpark)_([a-z_]+?)(\d*)$", name).groups()
        return [], [{"phase": "process", "call": CALLS[what], "pages": int(pages or 2), "asleep": state == "userpark"}]
    return None


def simulate(mmusim, header, kernel, before, operation):
    """Events of the operation alone."""
    phases = [{"phase": "boot"}] + before
    for phase in phases + operation:
        phase["timed"] = False
        phase["stage"] = "before"
    for phase in operation:
        phase["stage"] = "operation"
    platform = {"base": "skylake-sp", "cores": header["smp"]}
    scenario = {"name": "flush", "platform": platform, "kernel": kernel, "memory": memory_of(header),
                "phases": phases + operation}
    with tempfile.TemporaryDirectory() as work:
        path, out = os.path.join(work, "s.json"), os.path.join(work, "out")
        json.dump(scenario, open(path, "w"))
        run = subprocess.run([mmusim, "run", path, "--events", "ipis", "--out", out], capture_output=True, text=True)
        if run.returncode != 0:
            raise ValueError(f"mmusim: {run.stderr.strip()}")
        log = subprocess.run(["zstdcat", os.path.join(out, "events.jsonl.zst")], capture_output=True, check=True, text=True)
    here = False
    for event in map(json.loads, log.stdout.splitlines()):
        if event["event"] == "phase":
            here = event["stage"] == "operation"
        elif here:
            yield event


def rounds_in(events):
    rounds, latest = {}, {}
    for e in events:
        if e["event"] == "ipi" and e["to"] in latest:
            latest[e["to"]]["vectors"].add(e["vector"])
        if e["event"] != "flush":
            continue
        mine = rounds.setdefault(e["round"], {"form": FORMS[e["scope"]], "entry": e["entry"], "executed": [], "invlpg": {},
                                              "cr4": {}, "vectors": set(), "va": e.get("va"), "pages": e.get("pages")})
        latest[e["core"]] = mine
        mine["executed"].append(e["core"])
        mine["invlpg"][e["core"]] = e.get("invlpg", 0)
        mine["cr4"][e["core"]] = e.get("cr4", 0)
    return list(rounds.values())


def steps_in(events):
    steps, seen = [], set()
    for e in events:
        if e["event"] == "call" and e["function"] in STEPS:
            start = int(e.get("va", "0x0"), 16)
            steps.append([e["function"]] + ([start, start + e["bytes"]] if start else []))
        if e["event"] == "flush" and e["round"] not in seen:
            seen.add(e["round"])
            steps.append(["FLUSH", FORMS[e["scope"]]])
    return steps


class Comparison:
    def __init__(self):
        self.errors = []

    def equal(self, what, mine, real):
        if mine != real:
            self.errors.append(f"{what}: {mine}, recorded {real}")

    def rounds(self, mine, real, smp):
        self.equal("rounds", [r["form"] for r in mine], [r["form"] for r in real])
        cpus = list(range(smp))
        for i, (m, r) in enumerate(zip(mine, real)):
            place = f"round {i}"
            self.equal(f"{place} function", FUNCTIONS[m["form"]], r["func"])
            self.equal(f"{place} executed", sorted(m["executed"]), sorted(r["executed"]))
            self.equal(f"{place} on all CPUs once", sorted(m["executed"]), cpus)
            if r["entry"] != "?":
                self.equal(f"{place} entry", m["entry"], r["entry"])
            if "start" in r:
                self.equal(f"{place} start", m["va"], r["start"])
                self.equal(f"{place} pages", m["pages"], r["pages"])
            if r["form"] == "range":
                self.equal(f"{place} INVLPGs", m["invlpg"], {int(cpu): n for cpu, n in r["invlpg"].items()})
            kind = "mask" if 0xFC in m["vectors"] else "single" if 0xFB in m["vectors"] else None
            if r["ipi"] not in (None, kind) and not (r["ipi"] == "single" and kind == "mask"):
                self.errors.append(f"{place} interrupt: {kind}, recorded {r['ipi']}")

    def addresses(self, mine, log, smp):
        pages = []
        for r in mine:
            if r["form"] == "range":
                pages += [int(r["va"], 16) + i * PAGE for i in range(r["pages"])]
        for cpu in range(smp):
            real = [int(e["args"]["addr"], 16) for e in log if e["cpu"] == cpu and e["function"] == "flush_tlb_one_kernel"]
            self.equal(f"INVLPG addresses of CPU {cpu}", pages, real)

    def steps(self, mine, real, probed):
        real = [[s[0]] + ([s[1]] if s[0] == "FLUSH" else [int(a, 16) for a in s[1:3]]) for s in real]
        known = {s[0] for s in real} | probed
        self.equal("steps", [s for s in mine if s[0] == "FLUSH" or s[0] in known], real)

    def instructions(self, mine, counted, smp):
        for cpu in map(str, range(smp)):
            for key, what in (("invlpg", "insn_invlpg"), ("cr4", "insn_mov_cr4")):
                self.equal(f"{what} of CPU {cpu}", sum(r[key][int(cpu)] for r in mine), counted.get(what, {}).get(cpu, 0))


def user_parts(events):
    """What each CPU did in the shoot-down, by CPU: INVLPGs and CR3 loads."""
    flushes = [e for e in events if e["event"] == "flush"]
    return {str(e["core"]): (e.get("invlpg", 0), e.get("cr3", 0)) for e in flushes}, flushes


def compare_user(record, events):
    check = Comparison()
    mine, flushes = user_parts(events)
    asked = [e["args"] for e in record["log"] if e["function"] == "flush_tlb_mm_range"]
    check.equal("interfaces", sorted({e["entry"] for e in flushes}), ["flush_tlb_mm_range"])
    check.equal("calls", 1, len(asked))
    check.equal("pages", {e["pages"] for e in flushes}, {(int(a["end"], 16) - int(a["start"], 16)) // PAGE for a in asked})
    idle = {cpu for cpu, (pages, loads) in mine.items() if record["operation"].startswith("userpark") and cpu != "0"}
    real = []
    for repeat in record["repeats"]:
        ran = record["counts"][repeat]["functions"]
        count = lambda function, cpu: ran.get(function, {}).get(cpu, 0)
        # An idle CPU loads init_mm's tables, which no probe sees.
        real.append({cpu: (count("native_flush_tlb_one_user", cpu), count("native_flush_tlb_local", cpu) + (cpu in idle))
                     for cpu in ran.get("flush_tlb_func", {})})
    if mine not in real:
        check.equal("INVLPGs and CR3 loads by CPU", mine, real)
    return check.errors


def compare(mmusim, header, record):
    """None if the record cannot be compared, else a list of differences."""
    kernel = kernel_of(header)
    plan = phases_of(record, header, kernel)
    if plan is None:
        return None
    events = list(simulate(mmusim, header, kernel, *plan))
    mine, name = rounds_in(events), record["operation"]
    if name.startswith("user"):
        return compare_user(record, events)
    check = Comparison()
    check.rounds(mine, record["rounds"], header["smp"])
    probed = {probe[0] for probe in header["probe_hits_and_misses"]}
    check.addresses(mine, record["log"], header["smp"])
    check.steps(steps_in(events), record["steps"], probed)
    if record.get("executed_by_plugin") and name.startswith(("hvo_", "dax_")):
        check.instructions(mine, record["executed_by_plugin"], header["smp"])
    if name.endswith(("_first", "_last")) and name.startswith("hvo_"):
        by_function = record["counts"]["a"]["smp_call_function_many_cond_by_function"]
        check.equal("do_sync_core", sum(e["event"] == "call" and e["function"] == "do_sync_core" for e in events),
                    by_function.get("do_sync_core", 0))
    return check.errors


def check_file(mmusim, path):
    header = load(path)
    compared, left_out, bad = 0, 0, 0
    for record in header["operations"]:
        try:
            errors = compare(mmusim, header, record)
        except ValueError as error:
            errors = [str(error)]
        if errors is None:
            left_out += 1
            continue
        compared += 1
        bad += bool(errors)
        for error in errors[:5]:
            print(f"{os.path.basename(path)} {record['operation']}: {error[:600]}")
    print(f"{os.path.basename(path)}: {compared - bad} of {compared} operations equal, {left_out} not deterministic")
    return bad == 0


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    good = [check_file(sys.argv[1], path) for path in sys.argv[2:]]
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
