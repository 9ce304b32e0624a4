# SPDX-License-Identifier: MIT
"""Random platforms: every key of `mmusim keys /platform` but those of LEFT_OUT (a test compares).

What is drawn here by hand has values that fit each other; all other keys come from the table of `mmusim keys`.
"""

from dice import Dice
from key_table import Rest, places_of, read_keys
from random_dram import random_device

SHIPPED = ["textbook", "skylake-sp", "cascade-lake", "icelake-sp", "sapphire-rapids", "rome", "milan", "genoa", "turin"]
COUNTER_NAMES = ["generic", "intel", "skylakex", "cascadelakex", "icelakex", "sapphirerapids", "amdzen2", "amdzen3",
                 "amdzen4", "amdzen5"]
# Keys that say nothing about the machine.
LEFT_OUT = {"/platform/name", "/platform/description", "/platform/dram/device/name", "/platform/dram/device/description"}


def geometry(dice, most):
    """Draws a set-associative structure of about `most` entries."""
    replacement = dice.pick(["lru", "lru", "tree_plru", "skylake", "random", "srrip", "drrip", "ship"])
    ways = {"tree_plru": dice.pick([1, 2, 4, 8, 16, 32]), "skylake": 12}.get(replacement, dice.pick([1, 2, 3, 4, 6, 8, 16]))
    sets = dice.skewed(1, max(1, most // ways))
    if replacement == "drrip":
        sets = max(sets, 4)
    g = {}
    if dice.chance(0.12):
        g["index_hash"] = dice.pick(["linear", "xor7", "xor8"])
        sets = {"xor7": 128, "xor8": 256}.get(g["index_hash"], sets)
    g["entries"] = sets * ways
    if sets != 1 or replacement != "lru" or dice.chance(0.5):
        g["ways"] = ways
    if replacement != "lru" or dice.chance(0.5):
        g["replacement"] = replacement
    return g


def tlb(dice, most):
    arrays = []
    sizes = dice.shuffled(["4K", "2M", "1G"])
    pieces = [sizes] if dice.chance(0.3) else [sizes[:1], sizes[1:]] if dice.chance(0.5) else [[s] for s in sizes]
    for pages in pieces[: dice.between(1, 3)]:
        arrays.append(geometry(dice, most))
        arrays[-1]["pages"] = pages
    t = {"arrays": arrays}
    dice.maybe(t, "hit_penalty_cycles", 0.5, lambda: dice.skewed(0, 20))
    dice.maybe(t, "coalesce_4k_by_4", 0.25, lambda: True)
    dice.maybe(t, "smash_1g_into_2m", 0.25, lambda: True)
    return t


def tlbs(dice):
    t = {"l1_dtlb": tlb(dice, 64), "l1_itlb": tlb(dice, 64), "stlb": tlb(dice, 512)}
    dice.maybe(t, "l1_dtlb_stores", 0.3, lambda: tlb(dice, 32))
    dice.maybe(t, "l2_itlb", 0.3, lambda: tlb(dice, 128))
    dice.maybe(t, "l3_tlb", 0.2, lambda: tlb(dice, 1024))
    for name, level in t.items():
        dice.maybe(level, "holds_pdes", 0.5 if name == "stlb" else 0.03, lambda: True)
    for name in ("stlb", "l2_itlb", "l3_tlb"):
        if name in t:
            dice.maybe(t[name], "inclusion", 0.3, lambda: dice.pick(["none", "inclusive", "exclusive"]))
    dice.maybe(t["stlb"], "lookups_per_cycle", 0.2, lambda: dice.between(0, 2))
    dice.maybe(t["stlb"], "miss_registers", 0.2, lambda: dice.between(0, 6))
    dice.maybe(t, "next_page_prefetch", 0.25, lambda: True)
    dice.maybe(t, "prefetcher", 0.2, lambda: tlb_prefetcher(dice))
    return t


def tlb_prefetcher(dice):
    return {"kind": dice.pick(["next_page", "stride", "distance"]), "degree": dice.between(1, 4),
            "entries": dice.skewed(1, 64)}


def nested(dice):
    """Draws the structures that a guest's walks use."""
    n = {}
    dice.maybe(n, "tlb", 0.6, lambda: {size: geometry(dice, 48) for size in dice.shuffled(["4K", "2M", "1G"])[1:]})
    for level in ("pde", "pdpte", "pml4e", "pml5e"):
        dice.maybe(n, level, 0.4, lambda: geometry(dice, 16))
    dice.maybe(n, "lookup_cycles", 0.5, lambda: dice.between(0, 8))
    return n


def page_walkers(dice, stlb_holds_pdes):
    caches = {}
    if stlb_holds_pdes and dice.chance(0.7):
        caches["pde_in_second_level_tlb"] = True
    elif dice.chance(0.6):
        caches["pde"] = geometry(dice, 32)
    if dice.chance(0.3):
        caches["upper"] = geometry(dice, 32)
    else:
        for level in ("pdpte", "pml4e", "pml5e"):
            dice.maybe(caches, level, 0.5, lambda: geometry(dice, 16))
    dice.maybe(caches, "lookup_cycles", 0.5, lambda: dice.between(0, 8))
    w = {}
    dice.maybe(w, "walkers", 0.8, lambda: dice.skewed(1, 8))
    if caches or dice.chance(0.5):
        w["paging_structure_caches"] = caches
    dice.maybe(w, "reads_enter_at", 0.2, lambda: dice.pick(["l1d", "l2", "l3"]))
    dice.maybe(w, "nested", 0.5, lambda: nested(dice))
    return w


def cache(dice, kib, latency):
    c = {"latency_cycles": latency}
    replacement = dice.pick(["lru", "lru", "tree_plru", "random", "srrip", "drrip", "ship"])
    ways = dice.pick([1, 2, 4, 8, 16] if replacement == "tree_plru" else [1, 2, 3, 4, 5, 8, 12, 16])
    c["size_kib"] = max(1, dice.skewed(1, kib) // ways) * ways
    c["ways"] = ways
    if replacement != "lru":
        c["replacement"] = replacement
    dice.maybe(c, "miss_registers", 0.7, lambda: dice.skewed(1, 16))
    dice.maybe(c, "ports", 0.7, lambda: dice.skewed(1, 4))
    dice.maybe(c, "policy", 0.5, lambda: dice.pick(["fill", "victim", "inclusive"]))
    if dice.chance(0.1):
        c["prefetcher"] = cache_prefetcher(dice)
    else:
        dice.maybe(c, "prefetch_next_line", 0.2, lambda: True)
    return c


def cache_prefetcher(dice):
    return {"kind": dice.pick(["next_line", "stride", "stream"]), "degree": dice.between(1, 4),
            "trackers": dice.skewed(1, 16)}


def add_prefetchers(dice, platform):
    """Gives most caches and TLBs prefetchers: on several cores their requests meet those of other cores."""
    all_caches = platform.setdefault("caches", {})
    for level in ("l1d", "l1i", "l2", "l3"):
        if dice.chance(0.6) and (level in all_caches or level != "l1i"):
            all_caches.setdefault(level, {}).pop("prefetch_next_line", None)
            all_caches[level]["prefetcher"] = cache_prefetcher(dice)
    if dice.chance(0.6):
        platform.setdefault("tlbs", {})["prefetcher"] = tlb_prefetcher(dice)


def caches(dice):
    l1 = dice.skewed(1, 8)
    l2 = l1 + dice.skewed(1, 20)
    l3 = l2 + dice.skewed(1, 80)
    c = {"l1d": cache(dice, 32, l1), "l2": cache(dice, 128, l2), "l3": cache(dice, 1024, l3)}
    if c["l1d"].get("policy") == "victim":  # nothing is above it that could fill it
        del c["l1d"]["policy"]
    dice.maybe(c, "l1i", 0.5, lambda: cache(dice, 32, l1))
    if c.get("l1i", {}).get("policy") == "victim":
        del c["l1i"]["policy"]
    return c


def core(dice):
    c = {"model": dice.pick(["blocking", "window"])}
    if dice.chance(0.5):
        c["period_ps"] = 2 * dice.between(50, 1000) if dice.chance(0.8) else 2 * dice.between(50, 5000)
    else:
        c["frequency_mhz"] = dice.between(400, 6000)
    for key, low, high in (("issue_width", 1, 8), ("window", 1, 512), ("load_queue", 1, 128), ("store_queue", 1, 128),
                           ("outstanding_misses", 1, 64)):
        dice.maybe(c, key, 0.8, lambda low=low, high=high: dice.skewed(low, high))
    for key, high in (("retire_width", 8), ("load_ports", 4), ("store_ports", 3)):
        dice.maybe(c, key, 0.4, lambda high=high: dice.between(0, high))
    dice.maybe(c, "fetch_ahead", 0.4, lambda: dice.skewed(1, 128))
    dice.maybe(c, "tlb_flush_cycles", 0.5, lambda: dice.skewed(0, 500))
    dice.maybe(c, "first_touch_cycles", 0.2, lambda: dice.skewed(0, 2000))
    return c


def memory_types(dice):
    types = {"default_type": dice.pick(["WB", "WB", "WB", "WT", "WP", "WC", "UC"])}
    dice.maybe(types, "pat", 0.3, lambda: "0x0007040600070106")
    if dice.chance(0.5):
        size = 1 << dice.between(12, 26)
        types["ranges"] = [{"start": hex(size * dice.between(0, 64)), "bytes": size,
                            "type": dice.pick(["UC", "WC", "WT", "WP", "WB"])}]
    return types


def processor(dice):
    p = {"vendor": dice.pick(["intel", "amd"]), "physical_address_bits": dice.between(36, 52),
         "paging_levels": dice.between(4, 5)}
    dice.maybe(p, "gib_pages", 0.3, lambda: dice.chance(0.5))
    dice.maybe(p, "counter_names", 0.5, lambda: dice.pick(COUNTER_NAMES))
    dice.maybe(p, "memory_types", 0.2, lambda: memory_types(dice))
    return p


def dram(dice):
    d = {}
    if dice.chance(0.75):
        d["device"] = random_device(dice)
        if "channel_interleave" in d["device"]["address_map"]:
            dice.maybe(d, "channels", 0.5, lambda: dice.between(1, 6))
    else:
        d["device"] = dice.pick(["ddr4-2400", "ddr4-2666", "ddr5-4800"])
        d["channels"] = dice.between(1, 6)
    dice.maybe(d, "to_memory_ns", 0.5, lambda: dice.between(0, 40))
    dice.maybe(d, "from_memory_ns", 0.5, lambda: dice.between(0, 400) / 10)
    return d


def changed_preset(dice):
    """Draws a shipped platform of which one or two parts are drawn anew."""
    p = {"base": dice.pick(SHIPPED), "core": {"model": dice.pick(["blocking", "window"])}}
    if dice.chance(0.5):
        p["core"].update(core(dice))
    if dice.chance(0.4):
        level = dice.pick(["l1d", "l2", "l3"])
        p["caches"] = {level: {"prefetch_next_line": True}}
    dice.maybe(p, "dram", 0.3, lambda: dram(dice))
    dice.maybe(p, "cores", 0.3, lambda: dice.between(2, 4))
    return p


def platform_by_hand(dice):
    """Draws a platform: wholly random, or a shipped one with changes."""
    if dice.chance(0.35):
        return changed_preset(dice)
    p = {"cores": dice.pick([1, 1, 1, 2, 3]), "processor": processor(dice), "core": core(dice), "tlbs": tlbs(dice)}
    p["page_walkers"] = page_walkers(dice, p["tlbs"]["stlb"].get("holds_pdes", False))
    p["caches"] = caches(dice)
    p["dram"] = dram(dice)
    return p


def rest_of_platform(program):
    """Returns what draws the keys that platform_by_hand() never does."""
    dice, drawn = Dice(1), set()
    for _ in range(600):
        drawn.update(places_of(platform_by_hand(dice)))
    return Rest(read_keys(program, "/platform"), drawn, LEFT_OUT)


def random_platform(dice, rest, several=False):
    """Draws a platform; `rest` is what rest_of_platform() returned. `several`: of several cores."""
    platform = platform_by_hand(dice)
    if several:
        platform["cores"] = dice.pick([2] * 8 + [3] * 4 + [4] * 4 + [8] * 7 + [64])
    if platform.get("cores", 1) > 1:
        add_prefetchers(dice, platform)
    if platform.get("cores", 1) > 1 or dice.chance(0.2):
        rest.add_to(dice, platform, 0.5)
    return platform
