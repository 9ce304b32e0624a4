# SPDX-License-Identifier: MIT
"""Random scenarios: kernel, memory map, phases, virtualization. Valid or nearly so: `mmusim validate` decides."""

KIB, MIB = 1 << 10, 1 << 20
PAGE, BLOCK = 4 * KIB, 128 * MIB
VERSIONS = ["5.8", "5.10", "6.1", "6.12", "6.18", "7.x"]
PATTERNS = ["sequential", "strided", "uniform", "zipf"]


def kernel(dice, cores):
    k = {"version": dice.pick(VERSIONS)}
    dice.maybe(k, "levels", 0.2, lambda: 5)
    cpu = {feature: False for feature in ("pse", "pge", "nx", "gbpages") if dice.chance(0.2)}
    if cpu:
        k["cpu"] = cpu
    for key, chance, draw in (("vmemmap_pages", 0.4, lambda: dice.pick(["auto", "base"])), ("pti", 0.3, lambda: True),
                              ("struct_page_bytes", 0.2, lambda: 80), ("mem_section_bytes", 0.2, lambda: 16),
                              ("kaslr_seed", 0.3, lambda: dice.next() >> 12), ("hvo", 0.4, lambda: True),
                              ("memmap_on_memory", 0.3, lambda: True), ("debug_vm", 0.2, lambda: True),
                              ("memory_hotremove", 0.2, lambda: False), ("processes", 0.3, lambda: dice.skewed(0, 20)),
                              ("hypervisor", 0.3, lambda: False)):
        dice.maybe(k, key, chance, draw)
    if dice.chance(0.05):
        k["fail_allocation"] = {"kind": dice.pick(["any", "leaf_block", "table", "usage_map", "section_root"]),
                                "nth": dice.skewed(1, 200)}
    if dice.chance(0.6 if cores > 1 else 0.1):
        k["memmap_init"] = True
        dice.maybe(k, "deferred_struct_page_init", 0.8, lambda: True)
    return k


def memory(dice):
    """Draws one or two nodes with or without a hole; returns them and the end of memory."""
    end = BLOCK * dice.pick([1, 1, 1, 2, 3])
    nodes = 2 if dice.chance(0.3) else 1
    middle = 2 * MIB * dice.between(32, end // (2 * MIB) - 1)
    hole = PAGE * dice.skewed(0, 200) if dice.chance(0.3) else 0
    ranges = [{"start": "0x1000", "end": "0x9f000", "node": 0}, {"start": "0x100000", "end": hex(middle), "node": 0}]
    if middle + hole < end:
        ranges.append({"start": hex(middle + hole), "end": hex(end), "node": nodes - 1})
    reserved = [{"start": "0x0", "end": "0x100000"},
                {"start": "0x1000000", "end": hex(dice.pick([0x2000000, 0x2C00000, 0x3000000]) + PAGE * dice.skewed(32, 500))}]
    return {"ranges": ranges, "reserved": reserved, "early_tables": "from_memblock"}, end


def parameters(dice, kind):
    if kind == "pointer_chase":
        return {"pages": dice.skewed(1, 200), "accesses": dice.skewed(1, 2000)}
    if kind == "mix":
        return {"parts": [{"kind": k, "weight": dice.between(1, 5)} for k in ("random_pfn", "linear_pfn_scan", "gup_fast")]}
    if kind not in PATTERNS:
        return {}
    p = {"region": dice.pick(["vmemmap", "direct_map"]), "bytes": PAGE * dice.skewed(1, 256),
         "accesses": dice.skewed(1, 4000), "access_bytes": dice.pick([1, 8, 8, 16, 64]),
         "direction": dice.pick(["read", "write", "modify"])}
    dice.maybe(p, "gap", 0.5, lambda: dice.skewed(0, 300))
    if kind == "strided":
        p["stride"] = dice.skewed(1, 3 * PAGE)
    return p


def workload(dice, kinds):
    kind = dice.pick(kinds + PATTERNS)
    phase = {"phase": "workload", "kind": kind, "limit": dice.skewed(1, 4000)}
    drawn = parameters(dice, kind)
    if drawn:
        phase["parameters"] = drawn
    dice.maybe(phase, "warmup", 0.4, lambda: dice.skewed(0, 1000))
    return phase


def process(dice, cores):
    """Draws a process that gives memory back, with threads that work in its heap or sleep."""
    phase = {"phase": "process", "call": dice.pick(["madvise", "mprotect", "munmap"]), "pages": dice.skewed(1, 600),
             "repeat": dice.skewed(1, 8), "heap": PAGE * dice.skewed(1, 1024)}
    if cores == 1 or dice.chance(0.3):
        return phase | {"asleep": True}
    own = {"base": "0x7f0000000000", "bytes": phase["heap"], "user": True}
    return phase | {"beside": {"kind": dice.pick(["uniform", "sequential"]), "parameters": own}}


def changes(dice, end, cores):
    """Draws memory that comes and goes after the boot."""
    size = BLOCK if dice.chance(0.5) else 2 * MIB * dice.between(1, 8)
    where = {"start": hex(end), "size": size}
    kind = dice.between(0, 6)
    if kind == 0:
        phases = [{"phase": "hot_add", **where}]
        if size == BLOCK and dice.chance(0.6):
            phases.append({"phase": "online", **where, "zone": dice.pick(["movable", "normal"])})
            if dice.chance(0.5):
                phases.append({"phase": "offline", **where})
        return phases + ([{"phase": "hot_remove", **where}] if dice.chance(0.5) else [])
    if kind == 1:
        phases = [{"phase": "pmem", **where, "memmap": dice.pick(["ram", "device"])}]
    elif kind == 2:
        phases = [{"phase": "dax", **where, "align": "2MiB", "memmap": dice.pick(["ram", "device"]),
                   "compound": dice.pick(["0", "2MiB"])}]
    elif kind == 3:
        phases = [{"phase": "hugetlb", "allocate": dice.between(1, 12), "scattered": dice.chance(0.5)}]
        return phases + ([{"phase": "hugetlb", "free": dice.between(1, 12)}] if dice.chance(0.6) else [])
    elif kind == 4:
        phases = [{"phase": "set_memory", "allocate": dice.between(1, 12), "pages": dice.skewed(1, 64),
                   "scattered": dice.chance(0.7), "alias": dice.chance(0.5)}]
        return phases + ([{"phase": "set_memory", "free": dice.between(1, 12)}] if dice.chance(0.6) else [])
    elif kind == 5:
        return [process(dice, cores)]
    else:
        return [{"phase": "mark", "stage": "marked"}]
    return phases + ([{"phase": "pmem_remove", **where}] if dice.chance(0.5) else [])


def virtualization(dice, several=False):
    """`several`: of a replay, which may have guests that share a core."""
    v = {"mode": dice.pick(["ept", "npt"])}
    dice.maybe(v, "host_levels", 0.3, lambda: 5)
    dice.maybe(v, "host_pages", 0.7, lambda: dice.pick(["4K", "2M", "1G", {"pattern": [
        {"bytes": 2 * MIB * dice.between(1, 4), "pages": "2M"}, {"bytes": PAGE * dice.between(1, 900), "pages": "4K"}]}]))
    dice.maybe(v, "huge_fraction", 0.3, lambda: dice.between(0, 10) / 10)
    dice.maybe(v, "host_offset", 0.3, lambda: hex((1 << 30) + PAGE * dice.skewed(0, 1 << 19)))
    dice.maybe(v, "host_frames", 0.3, lambda: dice.pick(["sequential", "random"]))
    for key in ("accessed_dirty", "tags", "on_demand"):
        dice.maybe(v, key, 0.4, lambda: dice.chance(0.5))
    dice.maybe(v, "exit_cycles", 0.3, lambda: dice.skewed(0, 5000))
    if several:
        dice.maybe(v, "guests", 0.4, lambda: dice.between(1, 4))
        dice.maybe(v, "slice_accesses", 0.5, lambda: dice.skewed(1, 500))
    return v


def random_scenario(dice, platform, kinds):
    cores = platform.get("cores", 1)
    s = {"name": "random", "platform": platform, "kernel": kernel(dice, cores)}
    s["memory"], end = memory(dice)
    init = s["kernel"].get("memmap_init", False)
    deferred = s["kernel"].get("deferred_struct_page_init", False)
    phases = [{"phase": "boot"}]
    if dice.chance(0.97 if init else 0.5):  # each struct page is a dozen accesses
        phases[0]["timed"] = False
    if deferred:
        phases.append({"phase": "deferred_init"})
        dice.maybe(phases[-1], "workers", 0.5, lambda: dice.between(1, cores))
    for i in range(dice.between(1, 3)):
        if dice.chance(0.6):
            phases.append(workload(dice, kinds))
        if dice.chance(0.6):
            for change in changes(dice, end + i * BLOCK, cores):
                # Each struct page of such a block is several accesses.
                dice.maybe(change, "timed", 0.9 if change["phase"] in ("online", "offline", "pmem") else 0.2, lambda: False)
                phases.append(change)
    s["phases"] = phases
    s["seed"] = dice.between(1, 1000)
    dice.maybe(s, "virtualization", 0.25, lambda: virtualization(dice))
    return s
