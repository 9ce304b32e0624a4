#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reads and replays recorded traces. usage: check_traces.py MMUSIM TRACE.vmt.xz PLATFORMS_DIR [ACCESSES]

`trace info --json` has to agree with the meta file beside the trace in all records and totals. Then, on each platform
with the in-order core, the functional and the cycle model have to agree in every hit, miss and walk, and every recorded
translation has to be the one that was used. ACCESSES bounds what is replayed (default: 300000); 0: all of it."""
import json
import os
import re
import subprocess
import sys
import tempfile

COUNTS = ("accesses", "lookups", "l1_dtlb_misses", "stlb_misses", "walks", "entry_reads")


def wrong_totals(mmusim, trace, meta):
    info = json.loads(subprocess.run([mmusim, "trace", "info", "--json", trace], check=True, capture_output=True).stdout)
    wrong = [] if info["records"] == meta["records"] else ["records: %s, expected %s" % (info["records"], meta["records"])]
    for key, expected in meta["totals"].items():
        if info["totals"].get(key) != expected:
            wrong.append("totals/%s: %s, expected %s" % (key, info["totals"].get(key), expected))
    return wrong


def replayed(mmusim, trace, platform, levels, limit, model, work):
    command = [mmusim, "replay", trace, "--platform", platform, "--levels", levels, "--model", model, "--out", work, "--force"]
    subprocess.run(command + (["--limit", str(limit)] if limit else []), check=True, stdout=subprocess.DEVNULL)
    with open(os.path.join(work, "summary.json")) as file:
        return json.load(file)


def main(mmusim, trace, platforms, accesses="300000"):
    with open(trace.removesuffix(".vmt.xz") + ".meta.json") as file:
        meta = json.load(file)
    wrong = wrong_totals(mmusim, trace, meta)
    levels = "5" if "-5l" in os.path.basename(trace) else "4"
    with tempfile.TemporaryDirectory() as work:
        for name in sorted(os.listdir(platforms)):
            with open(os.path.join(platforms, name)) as file:
                text = file.read()
            if levels == "5" and not re.search(r'"paging_levels"\s*:\s*5', text):
                continue
            platform = os.path.join(work, name)
            with open(platform, "w") as file:
                file.write(re.sub(r'("model"\s*:\s*)"window"', r'\1"blocking"', text))
            cycle, functional = (replayed(mmusim, trace, platform, levels, int(accesses), model, os.path.join(work, "out"))
                                 for model in ("cycle", "functional"))
            for key in COUNTS:
                if cycle["totals"][key] != functional["totals"][key]:
                    wrong.append("%s: %s: cycle %d, functional %d" % (name, key, cycle["totals"][key], functional["totals"][key]))
            for summary in (cycle, functional):
                if summary["replay"]["faults"] or summary["replay"]["events"]["translation_mismatches"]:
                    wrong.append("%s: faults or translations that were not honoured" % name)
    print("\n".join(wrong) if wrong else "%s: totals agree, functional and cycle counts agree" % os.path.basename(trace))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
