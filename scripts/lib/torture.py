# SPDX-License-Identifier: MIT
"""What the classes of scripts/torture share: counting, a scenario, a run of it and what it leaves."""
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCENARIO = {"name": "tortured", "platform": "textbook", "kernel": {"version": "6.1", "cpu": {"pse": False}},
            "memory": {"ranges": [{"start": "0x1000", "end": "0x8000000", "node": 0}],
                       "reserved": [{"start": "0x1000000", "end": "0x2000000"}]},
            "phases": [{"phase": "boot"},
                       {"phase": "workload", "stage": "random", "kind": "uniform",
                        "parameters": {"region": "vmemmap", "bytes": "1MiB", "accesses": 150000}}]}
ENDLESS = json.loads(json.dumps(SCENARIO).replace("150000", "1000000000000"))


class Failure(Exception):
    pass


def expect(condition, what):
    if not condition:
        raise Failure(what)


class Torture:
    """One run of the script: where it works, and what came out."""

    def __init__(self, options):
        self.mmusim = os.path.abspath(options.mmusim)
        self.short = options.short
        self.random = random.Random(options.seed)
        self.dir = tempfile.mkdtemp(prefix="mmusim-torture-")
        self.rows, self.failures, self.blocks = [], [], {}

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def count(self, full, short):
        return short if self.short else full

    def note(self, what, problem):
        self.failures.append(f"{what}: {problem}")
        print(f"FAILED: {what}: {problem}", file=sys.stderr)

    def row(self, name, tried, survived, lost):
        self.rows.append((name, tried, survived, lost))
        print(f"{name}: {survived} of {tried} survived" + ("" if lost is None else f", {lost} records lost"), flush=True)

    def each(self, name, cases, body):
        """Runs body(case) for each; it returns the records lost, or None where none can be."""
        survived, lost, tried = 0, None, 0
        for case in cases:
            tried += 1
            shutil.rmtree(self.path("out"), ignore_errors=True)
            try:
                records = body(case)
                survived += 1
                if records is not None:
                    lost = (lost or 0) + records
            except (Failure, subprocess.TimeoutExpired, json.JSONDecodeError, OSError) as problem:
                self.note(f"{name}, case {tried} ({str(case)[:200]})", problem)
        self.row(name, tried, survived, lost)

    def write(self, name, document):
        with open(self.path(name), "w") as f:
            f.write(document if isinstance(document, str) else json.dumps(document))
        return self.path(name)

    def run_command(self, scenario, *arguments):
        return [self.mmusim, "run", scenario, "--out", self.path("out"), "--force", "--events", "pte,walks", *arguments]

    # What a log holds, whole lines only, however it ended.
    def log_lines(self):
        path = self.path("out", "events.jsonl.zst")
        if not os.path.exists(path):
            return []
        text = subprocess.run(["zstd", "-dcq", path], capture_output=True).stdout
        return text[:text.rfind(b"\n") + 1].splitlines()

    def begun(self, process):
        """Waits until the log exists, so that the signal meets a run and not a program that starts."""
        while not os.path.exists(self.path("out", "events.jsonl.zst")) and process.poll() is None:
            time.sleep(0.002)

    def start(self, scenario):
        return subprocess.Popen(self.run_command(scenario), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def leftovers(self):
        return [f for f in os.listdir(self.path("out")) if ".tmp" in f] if os.path.isdir(self.path("out")) else []

    def keep(self, what, result, files):
        kept = tempfile.mkdtemp(prefix="mmusim-torture-kept-")
        for name in files:
            shutil.copy(name, kept)
        self.note(what, f"exit code {result.returncode}, files kept in {kept}: {result.stderr[-500:]}")

    def table(self):
        lines = ["| Class | Tried | Survived | Records lost |", "|---|---:|---:|---:|"]
        for name, tried, survived, lost in self.rows:
            lines.append(f"| {name} | {tried:,} | {survived:,} | {'' if lost is None else lost} |")
        return "\n".join(lines)
