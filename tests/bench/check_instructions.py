#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Guards against creeping slowness: host instructions for each simulated access, counted by callgrind.

usage: check_instructions.py COUNTED_RUN [--update]

COUNTED_RUN is the program of a release build. Each run of instructions.json is made with two lengths; the difference,
divided by the accesses between, leaves out start and set-up. More than 5 % above the stored figure fails; a figure
that fell by more than 5 % is reported, so that --update can hold what was won."""
import json
import os
import re
import subprocess
import sys

STORED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "instructions.json")
TOLERANCE = 0.05


def start(program, name, accesses):
    return subprocess.Popen(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program, name, str(accesses)],
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def collected(process):
    log = process.communicate()[1]
    found = re.search(r"Collected : (\d+)", log)
    if process.returncode != 0 or not found:
        sys.exit(f"{' '.join(process.args)}: exit {process.returncode}\n{log}")
    return int(found.group(1))


def main():
    program = sys.argv[1]
    update = "--update" in sys.argv[2:]
    stored = json.load(open(STORED))
    failed = False
    for name, row in stored["runs"].items():
        short, long = row["accesses"]
        counts = [collected(p) for p in [start(program, name, n) for n in (short, long)]]
        per_access = (counts[1] - counts[0]) / (long - short)
        change = per_access / row["instructions_per_access"] - 1 if row["instructions_per_access"] else 0
        verdict = "ok"
        if change > TOLERANCE and not update:
            verdict, failed = "TOO MANY", True
        elif change < -TOLERANCE and not update:
            verdict = "fewer: store the new figure with --update"
        print(f"{name:28} {per_access:9.1f} instructions per access, stored {row['instructions_per_access']:9.1f}, "
              f"{change:+6.1%}  {verdict}", flush=True)
        if update:
            row["instructions_per_access"] = round(per_access, 1)
    if update:
        with open(STORED, "w") as out:
            json.dump(stored, out, indent=2)
            out.write("\n")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main()
