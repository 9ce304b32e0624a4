#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Random platforms, scenarios and traces, driven in every way there is: what must not differ is compared (README.md).

usage: campaign.py MMUSIM [--seeds FIRST COUNT] [--jobs N] [--several-cores] [--keep DIR] [--tries N] [--only CHECK,...]
       campaign.py MMUSIM --print SEED | --case FILE
"""

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import checks
import execution
import shrink
from dice import Dice
from random_platform import random_platform, rest_of_platform
from random_scenario import random_scenario
from random_trace import random_trace

MOST_DRAWS = 50  # for one seed, until a case is valid
# Kinds of workloads, but those that `parameters` of random_scenario.py draws for.
KINDS = ["random_pfn", "linear_pfn_scan", "gup_fast", "buddy_alloc", "page_cache", "reclaim", "compaction", "mix",
         "pointer_chase"]


def draw(dice, seed, rest, several):
    platform = random_platform(dice, rest, several)
    if dice.chance(0.5):
        return {"seed": seed, "scenario": random_scenario(dice, platform, KINDS)}
    processor = platform.get("processor", {})
    levels = 4 if "base" in platform else processor.get("paging_levels", 4)
    return {"seed": seed, "platform": platform, **random_trace(dice, levels, processor.get("gib_pages", True), platform.get("cores", 1))}


def random_case(seed, runner, options):
    """Draws the case of a seed, again and again until it is valid; returns it and what was said against the others."""
    dice, refusals = Dice(seed), []
    for _ in range(MOST_DRAWS):
        case = draw(dice, seed, options.rest, options.several_cores)
        said = runner.valid(case)
        if not said:
            return case, refusals
        refusals.append(said)
    raise RuntimeError(f"seed {seed}: no valid case in {MOST_DRAWS} draws: {refusals[-1]}")


def violation_of(runner, case):
    try:
        return None, checks.Checker(runner, case).check()
    except checks.Violation as violation:
        return violation, "violation"


def keep_small(runner, case, found, options):
    """Shrinks and stores a failing case; returns a line on it."""
    def fails(smaller):
        if runner.valid(smaller):
            return False
        violation, _ = violation_of(runner, smaller)
        return violation is not None and violation.check == found.check
    small = shrink.Shrinker(fails, options.tries).shrink(case)
    last, _ = violation_of(runner, small)
    os.makedirs(options.keep, exist_ok=True)
    path = os.path.join(options.keep, f"seed-{case['seed']}.json")
    with open(path, "w", encoding="utf-8") as out:
        json.dump(small, out, indent=1)
    return f"  as small as it gets: {path}: {str(last)[:600]}"


def check_seed(argument):
    seed, options = argument
    with tempfile.TemporaryDirectory(dir=options.scratch) as scratch:
        runner = execution.Runner(options.program, scratch)
        case, refusals = random_case(seed, runner, options)
        found, how = violation_of(runner, case)
        if found is not None and options.only and found.check not in options.only:
            found, how = None, f"other ({found.check})"
        text = ""
        if found is not None:
            text = f"seed {seed}: {str(found)[:600]}"
            if options.tries:
                text += "\n" + keep_small(runner, case, found, options)
        return seed, how, len(refusals), text


def campaign(options):
    """Checks all seeds; returns how many failed."""
    begin, ended, refusals = time.monotonic(), {}, 0
    first, count = options.seeds
    with multiprocessing.Pool(options.jobs) as pool:
        work = [(seed, options) for seed in range(first, first + count)]
        for _, how, refused, text in pool.imap_unordered(check_seed, work):
            ended[how] = ended.get(how, 0) + 1
            refusals += refused
            if text:
                print(text, flush=True)
    failed = ended.get("violation", 0)
    ways = ", ".join(f"{n} {how}" for how, n in sorted(ended.items()))
    print(f"{count} seeds from {first}: {failed} failed ({ways}; {refusals} draws were not valid), "
          f"{time.monotonic() - begin:.0f} s")
    return failed


def one_case(options):
    """Checks one case. A case that could not be checked to the end (refused, failed job) counts as failed."""
    with open(options.case, encoding="utf-8") as text:
        case = json.load(text)
    with tempfile.TemporaryDirectory(dir=options.scratch) as scratch:
        found, how = violation_of(execution.Runner(options.program, scratch), case)
    print(f"{options.case}: {found or how}")
    return 0 if how == "done" else 1


def read_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--seeds", nargs=2, type=int, default=[1, 200], metavar=("FIRST", "COUNT"))
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--several-cores", action="store_true", help="only machines of several cores")
    parser.add_argument("--keep", default="differential-failures")
    parser.add_argument("--tries", type=int, default=150, help="executions of checks to shrink one case; 0: none")
    parser.add_argument("--only", type=lambda text: text.split(","), metavar="CHECK,...",
                        help="checks that make the campaign fail; the others are counted (all)")
    parser.add_argument("--print", type=int, metavar="SEED", dest="printed")
    parser.add_argument("--case", metavar="FILE")
    options = parser.parse_args()
    options.program = os.path.abspath(options.program)
    options.rest = rest_of_platform(options.program)
    options.scratch = "/dev/shm" if os.path.isdir("/dev/shm") else None
    return options


def main():
    options = read_options()
    if options.printed is not None:
        with tempfile.TemporaryDirectory(dir=options.scratch) as scratch:
            json.dump(random_case(options.printed, execution.Runner(options.program, scratch), options)[0], sys.stdout, indent=1)
        return 0
    if options.case:
        return one_case(options)
    return 1 if campaign(options) else 0


if __name__ == "__main__":
    sys.exit(main())
