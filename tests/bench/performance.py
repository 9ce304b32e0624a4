#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Sets the simulator's speed beside the machine's own limits and writes docs/performance.md (scripts/bench runs it).

usage: performance.py BUILD [--quick] [--long] [-o FILE]"""
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time

MILAN = {"platform": "milan", "kernel": {"version": "6.12"}}
RESERVED = [{"start": "0x0", "end": "0x100000"}, {"start": "0x1000000", "end": "0x4411000"}]
GIB = 1 << 30


class Bench:
    def __init__(self, build, quick):
        self.build = build
        self.quick = quick
        self.rounds = 1 if quick else 3
        self.mmusim = os.path.join(build, "mmusim")
        self.work = tempfile.TemporaryDirectory()
        self.runs = 0

    def google(self, program, pattern="."):
        """{benchmark: millions of items (or megabytes) per CPU-second}, the median of three."""
        say(f"{program} {pattern}")
        command = [os.path.join(self.build, "tests/bench", program), f"--benchmark_filter={pattern}", "--benchmark_format=json",
                   "--benchmark_min_time=" + ("0.02" if self.quick else "0.2"), "--benchmark_repetitions=" + ("1" if self.quick else "3")]
        out = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout)
        rates = {}
        for b in out["benchmarks"]:
            if b.get("run_type") != "iteration" or b.get("error_occurred"):
                continue
            rates.setdefault(b["run_name"], []).append(b.get("items_per_second", b.get("bytes_per_second", 0)) / 1e6)
        return {name: statistics.median(values) for name, values in rates.items()}

    def process(self, *arguments):
        """(CPU-seconds, wall seconds, peak MiB) of one mmusim process with its children."""
        begin = time.monotonic()
        child = subprocess.Popen([self.mmusim, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        errors = child.stderr.read()
        _, status, usage = os.wait4(child.pid, 0)
        if status != 0:
            sys.exit(f"{' '.join(arguments)}: {errors.decode()}")
        return usage.ru_utime + usage.ru_stime, time.monotonic() - begin, usage.ru_maxrss / 1024

    def scenario(self, gib, pages, phases, **more):
        """Path of a scenario with that much memory."""
        self.runs += 1
        s = {"name": f"bench-{self.runs}", **MILAN, **more}
        s["kernel"] = {**s["kernel"], "vmemmap_pages": pages, **more.get("kernel", {})}
        top = 4 * GIB + max(gib - 3, 0) * GIB
        low = min(gib, 3) * GIB
        ranges = [{"start": "0x1000", "end": "0x9f000", "node": 0}, {"start": "0x100000", "end": hex(low), "node": 0}]
        if gib > 3:
            ranges.append({"start": hex(4 * GIB), "end": hex(top), "node": 0})
        s["memory"] = {"ranges": ranges, "reserved": RESERVED, "early_tables": "from_memblock"}
        s["phases"] = phases
        path = os.path.join(self.work.name, s["name"] + ".json")
        with open(path, "w") as out:
            json.dump(s, out)
        return path

    def run(self, scenario, events="none", *more):
        self.runs += 1
        return self.process("run", scenario, "--events", events, "--out", os.path.join(self.work.name, f"out{self.runs}"), *more)


def say(text):
    print(text, file=sys.stderr, flush=True)


def boot(timed=True):
    return {"phase": "boot", "stage": "boot", "timed": timed}


def uniform(accesses, size="256MiB", warmup=200000):
    return {"phase": "workload", "stage": "uniform", "kind": "uniform", "warmup": warmup,
            "parameters": {"region": "vmemmap", "bytes": size, "accesses": warmup + accesses, "gap": 0}}


def row(*cells):
    return "| " + " | ".join(str(c) for c in cells) + " |"


def table(*header):
    return [row(*header), row(*["---"] * len(header))]


def number(x):
    return f"{x:.0f}" if x >= 100 else f"{x:.1f}" if x >= 10 else f"{x:.2f}"


def verdict(reached):
    return "yes" if reached else "**no**"


def wall_verdict(reached):
    """Of wall-clock time, which says little while others use the processors."""
    return verdict(reached) if reached or os.getloadavg()[0] < os.cpu_count() + 1 else "machine busy"


def ceilings(ceiling):
    out = table("Ceiling, this machine, this run", "per CPU-second")
    for name, unit, what in (("plain_loop/stride_64", "M lookups", "plain TLB loop (64 x 4 ways + 1536 x 12 ways, LRU), 64 B stride"),
                             ("plain_loop/random_4MiB", "M lookups", "the same, random over 4 MiB"),
                             ("plain_loop/random_1GiB", "M lookups", "the same, random over 1 GiB"),
                             ("memory_copy", "MB", "memcpy of 64 MiB"),
                             ("systemc_wait", "M waits", "timed waits of one SystemC thread"),
                             ("zstd_compress", "MB", "zstd -1 of event-log lines"),
                             ("zstd_decompress", "MB", "zstd, the same back")):
        out.append(row(what, f"{number(ceiling[name])} {unit}"))
    return out


# (benchmark, what it is, ceiling it stands beside, target in M/s or as a fraction of the ceiling)
ACCESSES = [
    ("functional/stride_64", "functional, 64 B stride", "plain_loop/stride_64", None, 0.5),
    ("functional/random_4MiB", "functional, random over 4 MiB", "plain_loop/random_4MiB", None, 0.5),
    ("functional/random_1GiB", "functional, random over 1 GiB", "plain_loop/random_1GiB", None, 0.5),
    ("blocking/hits_16KiB", "cycle mode, blocking core, all hits", "plain_loop/stride_64", 40, None),
    ("blocking/stride_64_1GiB", "cycle mode, blocking, 64 B stride over 1 GiB", "plain_loop/stride_64", 12, None),
    ("blocking/random_1GiB", "cycle mode, blocking, random 4 KiB pages over 1 GiB", "plain_loop/random_1GiB", 2, None),
    ("window/hits_16KiB", "cycle mode, window core, 10 misses outstanding, all hits", "plain_loop/stride_64", 15, None),
    ("window/random_1GiB", "the same, random over 1 GiB", "systemc_wait", 0.5, None),
    ("dram/dependent_random/reference", "DRAM alone, dependent random reads", "plain_loop/random_1GiB", 3, None),
    ("dram/saturated_random/reference", "DRAM alone, 32 random reads under way", "plain_loop/random_1GiB", 1, None),
    ("dram/idle_random/reference", "DRAM alone, idle", "plain_loop/random_1GiB", 3, None),
]
READERS = [("read_vmt1_xz", "VMT1, xz", None), ("read_vmt1_zstd", "VMT1, zstd", 20), ("read_binary", "binary JSON Lines twin", 20),
           ("read_binary_zstd", "the same, zstd", 20), ("read_champsim_zstd", "ChampSim, zstd", 20), ("read_lackey", "lackey text", 8)]


def loops(bench):
    """The ceilings, the accesses and the readers: the best of three rounds in which each has its turn, so that what else
    happens on the machine in one of them does not make a fraction of a ceiling."""
    rates = {}
    for _ in range(bench.rounds):
        for program, pattern in (("ceiling_bench", "."), ("machine_bench", "functional"), ("machine_bench", "blocking"),
                                 ("machine_bench", "window"), ("dram_bench", "reference"), ("trace_bench", "read_")):
            for name, rate in bench.google(program, pattern).items():
                rates[name] = max(rate, rates.get(name, 0))
    return rates


def accesses(rates):
    out = table("Accesses in memory", "M/s", "ceiling", "fraction of it", "to reach", "reached")
    for name, what, beside, target, fraction in ACCESSES:
        rate, top = rates[name], rates[beside]
        goal = f"{number(target)} M/s" if target else f"{fraction} of the ceiling"
        out.append(row(what, number(rate), f"{beside} {number(top)}", f"{rate / top:.2f}", goal,
                       verdict(rate >= (target or fraction * top))))
    return out


def readers(rates):
    rates = {name.split("/")[0]: rate for name, rate in rates.items() if name.startswith("read_")}
    out = table("Trace readers", "M records/s, CPU of both threads", "to reach", "reached")
    for name, what, target in READERS:
        out.append(row(what, number(rates[name]), f"{target} M/s" if target else "faster than cycle mode",
                       verdict(rates[name] >= (target or 12))))
    return out


def kernel(bench):
    gib = 16 if bench.quick else 1024
    out = table("Kernel work, timed, Milan", "CPU s", "to reach", "reached", "peak MiB")
    for pages, target in (("base", 6), ("auto", 0.1)):
        say(f"populate {gib} GiB {pages}")
        scenario = bench.scenario(gib, pages, [boot()])
        cpu, _, peak = best(bench.rounds, lambda: bench.run(scenario))
        out.append(row(f"boot of {gib} GiB: populate, {'base' if pages == 'base' else 'huge'} pages", number(cpu), target, verdict(cpu <= target), f"{peak:.0f}"))
    gib = 4 if bench.quick else 64
    for pages in ("base", "auto"):
        say(f"memmap_init {gib} GiB {pages}")
        scenario = bench.scenario(gib, pages, [boot()])
        without = best(bench.rounds, lambda: bench.run(scenario))[0]
        scenario = bench.scenario(gib, pages, [boot()], kernel={"memmap_init": True})
        cpu, _, peak = best(bench.rounds, lambda: bench.run(scenario))
        out.append(row(f"memmap_init of {gib} GiB after populate, {'base' if pages == 'base' else 'huge'} pages, nine stores for each struct page", number(cpu - without), 8,
                       verdict(cpu - without <= 8), f"{peak:.0f}"))
    starts = [bench.run(bench.scenario(1, "auto", [boot()])) for _ in range(9)]
    startup = statistics.median(s[0] for s in starts)
    out.append(row("a small scenario (1 GiB, huge pages) from start to end (median of nine)", f"{startup:.3f}", 0.05, verdict(startup <= 0.05), f"{starts[0][2]:.0f}"))
    wall = min(s[1] for s in starts)
    out.append(row("the same, wall (best of nine)", f"{wall:.3f}", 0.05, wall_verdict(wall <= 0.05), ""))
    return out


def best(repeat, measure):
    return min(measure() for _ in range(repeat))


def outputs(bench):
    out = table("Outputs", "measured", "to reach", "reached")
    scenario = bench.scenario(32, "base", [boot(), uniform(20000 if bench.quick else 1000000)])
    say("event log")
    runs = {events: [bench.run(scenario, events) for _ in range(bench.rounds)] for events in ("none", "pte,walks")}
    for index, what in ((0, "CPU of both threads"), (1, "wall")):
        ratio = min(r[index] for r in runs["pte,walks"]) / min(r[index] for r in runs["none"])
        out.append(row(f"event log of PTE writes and walks, compressed: {what} beside the same run without", f"{ratio:.2f} x", "1.5 x", verdict(ratio <= 1.5) if index == 0 else wall_verdict(ratio <= 1.5)))
    say("compare")
    side = bench.scenario(32, "base", [boot(), uniform(20000 if bench.quick else 4000000)],
                          variants={"one": {"seed": 1}, "two": {"seed": 2}})
    together = best(3, lambda: bench.process("compare", side, "--out", os.path.join(bench.work.name, "compare"), "--force")[1])
    apart = best(3, lambda: bench.process("compare", side, "--jobs", "1", "--out", os.path.join(bench.work.name, "apart"), "--force")[1])
    out.append(row("`compare` of two variants beside one after the other (`--jobs 1`), report included, wall", f"{apart / together:.2f} x faster", "1.8 x", wall_verdict(apart / together >= 1.8)))
    return out


def flat(bench, long):
    out = table("Flat cost: uniform random over 256 MiB of the vmemmap in base pages, timed, Milan", "ns of CPU per access", "beside the first")
    lengths = [10**5] if bench.quick else [10**6, 10**7] + ([10**8, 10**9] if long else [])
    first = None
    base = best(3, lambda: bench.run(bench.scenario(64, "base", [boot(False), uniform(0)]))[0])
    for n in lengths:
        say(f"flat {n}")
        cost = (best(3 if n < 10**8 else 1, lambda: bench.run(bench.scenario(64, "base", [boot(False), uniform(n)]))[0]) - base) / n * 1e9
        first = first or cost
        out.append(row(f"{n:,} accesses" + ("" if n < 10**8 else " (one run)"), number(cost), f"{cost / first:.2f}"))
    first = None
    n = 10**5 if bench.quick else 10**7
    for gib in (1, 64) if bench.quick else (1, 16, 1024, 16384):
        say(f"flat {gib} GiB")
        repeat = 3
        base = best(repeat, lambda: bench.run(bench.scenario(gib, "auto", [boot(False), uniform(0, "8MiB")]))[0])
        scenario = bench.scenario(gib, "auto", [boot(False), uniform(n, "8MiB")])
        costs = [bench.run(scenario) for _ in range(1 if bench.quick else repeat)]
        cost = (min(c[0] for c in costs) - base) / n * 1e9
        first = first or cost
        out.append(row(f"{gib} GiB of simulated memory, huge pages, over 8 MiB ({costs[0][2]:.0f} MiB of host memory)", number(cost), f"{cost / first:.2f}"))
    return out


def main():
    arguments = sys.argv[1:]
    quick = "--quick" in arguments
    bench = Bench(arguments[0], quick)
    rates = loops(bench)
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    out = ["# Performance", "",
           "Written by `scripts/bench`: each figure is from one run on one machine, and the ceilings were measured in that run too.",
           f"Machine: {cpu}, {os.cpu_count()} processors, load at the beginning {os.getloadavg()[0]:.1f}. Rates are per second of CPU time, so",
           "that other work on the machine disturbs them little; what is wall-clock time says so. " +
           ("Each is from one measurement." if quick else "Each is the best of three, of ceilings,\n"
            "accesses and readers in rounds in which each had its turn.") + " Release build: expect 10 to 20 % from run to run.", ""]
    parts = [("The ceilings", ceilings(rates)), ("Accesses", accesses(rates)), ("Trace readers", readers(rates)),
             ("Kernel work", kernel(bench)), ("Outputs and comparisons", outputs(bench)), ("Flat cost", flat(bench, "--long" in arguments))]
    for title, lines in parts:
        out += ["## " + title, "", *lines, ""]
    notes = os.path.join(os.path.dirname(os.path.abspath(__file__)), "performance_notes.md")
    if os.path.exists(notes):
        out += [open(notes).read().rstrip(), ""]
    text = "\n".join(out)
    print(text)
    if not quick:
        path = arguments[arguments.index("-o") + 1] if "-o" in arguments else "docs/performance.md"
        with open(path, "w") as file:
            file.write(text)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main()
