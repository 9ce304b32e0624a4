# SPDX-License-Identifier: MIT
"""What must hold within one execution: the event log against the summary, and sums of counters."""

import collections
import json
import re

import checks

KIND = re.compile(r'{"event":"(\w+)"')
ACCESS = re.compile(r'{"event":"access","id":\d+,"core":\d+,"begin_cycle":(\d+),"end_cycle":(\d+),.*?"stages":({[^}]*})')
WALK = re.compile(r'{"event":"walk",.*')

CAUSES = ("for_load", "for_store", "for_fetch", "for_prefetch")
REASONS = ("load", "store", "fetch", "entry", "prefetch")


def equal(check, what, left, right):
    if left != right:
        raise checks.Violation(check, f"{what}: {left} and {right}")


def at_most(what, left, right):
    if left > right:
        raise checks.Violation("counters", f"{what}: {left} is more than {right}")


def equal_counts(what, left, right):
    equal("counters", what, left, right)


def stages_of_accesses(text):
    """Checks that the stages of each access add up to the cycles it took; returns how many there are and the sums by stage.

    Most of a log are accesses, and many have the same stages: each such text is read once."""
    known, counted, found = {}, collections.Counter(), 0
    for begin, end, stages in ACCESS.findall(text):
        found += 1
        counted[stages] += 1
        if stages not in known:
            known[stages] = sum(json.loads(stages).values())
        if int(end) - int(begin) != known[stages]:
            raise checks.Violation("stages", f"an access from cycle {begin} to {end} has the stages {stages}")
    sums = collections.Counter()
    for stages, count in counted.items():
        for stage, cycles in json.loads(stages).items():
            sums[stage] += count * cycles
    return found, sums


def cycles_of_walks(text):
    """Checks that the parts of each walk add up to the cycles it took; returns how many there are and their cycles."""
    found = cycles = 0
    for line in WALK.findall(text):
        record = json.loads(line)
        took = record["end_cycle"] - record["begin_cycle"]
        found, cycles = found + 1, cycles + took
        parts = record["queue_cycles"] + record["structure_cache_cycles"] + record["update_cycles"]
        parts += record.get("exit_cycles", 0) + record.get("restart_cycles", 0)
        parts += sum(read["cycles"] for read in record["reads"])
        if "reads_omitted" not in record:
            equal("stages", f"a walk took, and its parts: {record}", took, parts)
    return found, cycles


def check_log(text, summary, measures_all):
    """(f), (g): parts of accesses and walks add up, records add up to the totals."""
    last = text[text.rfind("\n", 0, -1) + 1:]
    if not last.startswith('{"event":"totals"'):
        raise checks.Violation("log", "it has no totals")
    last = json.loads(last)
    counted = collections.Counter(KIND.findall(text))
    accesses, stages = stages_of_accesses(text)
    walks, walk_cycles = cycles_of_walks(text)
    equal("log", "accesses with stages, and all", accesses, counted["access"])
    equal("log", "walks read, and all", walks, counted["walk"])
    for kind, count in last["records"].items():
        equal("log", f"records of kind {kind}, and in the totals", counted[kind], count)
    for key, value in last["totals"].items():
        equal("log", f"total {key} of the log, and in the summary", value, summary["totals"].get(key))
    if measures_all:
        equal("log", "walks of the log, and in the summary", walks, summary["totals"]["walks"])
        equal("log", "cycles of walks in the log, and in the summary", walk_cycles, summary["machine"]["walk_cycles"])
        for stage, cycles in stages.items():
            equal("log", f"stage {stage} of the log, and in the summary", cycles,
                  summary["machine"]["stage_cycles"][stage])


def check_core(core, name):
    lsu, stlb, walkers = core["lsu"], core["stlb"], core["page_walkers"]
    for kind in ("read", "write", "fetch"):
        equal("counters", f"{name}: {kind} lookups, and hits with misses", lsu[f"{kind}_tlb_lookups"],
              lsu[f"{kind}_tlb_hits"] + lsu[f"{kind}_tlb_misses"])
    equal("counters", f"{name}: stlb lookups, and hits with misses", stlb["lookups"], stlb["hits"] + stlb["misses"])
    equal("counters", f"{name}: walks, and by cause", walkers["walks"], sum(walkers[c]["started"] for c in CAUSES))
    equal("counters", f"{name}: walks, and in the latency distribution", walkers["walks"],
          walkers["latency_cycles"]["count"])
    at_most(f"{name}: cycles with a walk", walkers["active_cycles"], walkers["pending_cycles"])
    for cache in ("l1d", "l1i", "l2"):
        for reason in REASONS if cache in core else ():
            at_most(f"{name}.{cache}: {reason} misses", core[cache][f"{reason}_misses"],
                    core[cache][f"{reason}_requests"])


def check_summary(summary, warms_up):
    """(g): counters that say the same thing in two ways agree."""
    totals, machine = summary["totals"], summary["machine"]
    at_most("first-level misses", totals["l1_dtlb_misses"], totals["lookups"])
    at_most("second-level misses", totals["stlb_misses"], totals["l1_dtlb_misses"])
    equal("counters", "walks, and in the latency distribution", totals["walks"], machine["walk_latency_cycles"]["count"])
    equal("counters", "cycles of walks, and in the distribution", machine["walk_cycles"],
          machine["walk_latency_cycles"]["sum"])
    equal("counters", "entry reads, and by level", totals["entry_reads"],
          sum(sum(hits.values()) for hits in machine["walk_reads_by_level"].values()))
    for name, module in summary["counters"].items():
        if name.startswith("core") and "lsu" in module:
            check_core(module, name)
    for key in checks.COUNTS if summary.get("phases") else ():
        of_phases = sum(p["totals"][key] for p in summary["phases"])
        (at_most if warms_up else equal_counts)(f"{key} of all phases, and of the run", of_phases, totals[key])
