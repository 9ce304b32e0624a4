# SPDX-License-Identifier: MIT
"""Reports for tests in a browser: two runs with their tables, twelve runs of which one failed, one run alone, replays of a
trace, a sweep."""
import json
import os
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
FAKE = os.path.join(HERE, "..", "commands", "fake_run.py")
SCENARIO = {"name": "small", "platform": "textbook", "kernel": {"version": "6.1"},
            "memory": {"ranges": [{"start": "0x1000", "end": "0x10000000", "node": 0}], "reserved": []},
            "phases": [{"phase": "boot"},
                       {"phase": "workload", "stage": "scan", "kind": "random_pfn", "parameters": {"operations": 5000}}],
            "variants": {"basepages": {"kernel": {"vmemmap_pages": "base"}}, "hugepages": {}}}


def mmusim(program, *arguments, check=True):
    subprocess.run([program, *arguments], check=check, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def scenario(folder, **changes):
    path = os.path.join(folder, "s.json")
    with open(path, "w") as f:
        json.dump({**SCENARIO, **changes}, f)
    return path


def two_runs(program, folder):
    mmusim(program, "compare", scenario(folder), "--out", os.path.join(folder, "two"))
    return os.path.join(folder, "two", "report.html")


def twelve_runs(program, folder):
    names = [f"{'huge' if i % 2 else 'base'} pages with a name that is rather long, number {i}" for i in range(11)]
    path = scenario(folder, variants={name: {} for name in ["fails", *names]})
    mmusim(program, "compare", path, "--out", os.path.join(folder, "twelve"), "--program", FAKE, check=False)
    return os.path.join(folder, "twelve", "report.html")


def one_run(program, folder):
    out = os.path.join(folder, "two", "hugepages")
    mmusim(program, "report", out, "--out", os.path.join(folder, "one.html"))
    return os.path.join(folder, "one.html")


def no_run(program, folder):
    path = scenario(folder, variants={"fails": {}, "also fails": {}})
    mmusim(program, "compare", path, "--out", os.path.join(folder, "none"), "--program", FAKE, check=False)
    return os.path.join(folder, "none", "report.html")


def replays(program, folder):
    trace = os.path.join(HERE, "..", "..", "..", "traces", "ops-512m-4l.vmt.xz")
    mmusim(program, "compare", trace, "--limit", "5000", "--model", "functional", "--what-if", "--platform", "textbook",
           "--vary", "/platform/tlbs/stlb/arrays/0/entries=96,192", "--out", os.path.join(folder, "replays"))
    return os.path.join(folder, "replays", "report.html")


def sweep(program, folder):
    path = scenario(folder, variants={})
    mmusim(program, "sweep", path, "--vary", "/kernel/vmemmap_pages=base,auto",
           "--vary", "/platform/tlbs/stlb/arrays/0/entries=96,192,384,768", "--out", os.path.join(folder, "sweep"))
    return os.path.join(folder, "sweep", "report.html")


ALL = [two_runs, twelve_runs, one_run, no_run, replays, sweep]
