# SPDX-License-Identifier: MIT
"""One execution of a case by the program, in a folder of its own.

A case is a JSON document: {"seed", "scenario"} for a run; {"seed", "platform", "trace", "options", "settings"} for a
replay, with "core_traces" for further cores, or "threads" instead of "trace" (random_trace.py). All file names are relative to the folder, so that no name of a temporary folder reaches what is compared.
"""

import json
import os
import shutil
import subprocess

WATCHDOG_SECONDS = 20
LONGEST_SECONDS = 300
OF_THE_EXECUTION = ("host", "command", "configuration", "program")  # parts of a summary that tell how it was driven


class Execution:
    """How one execution ended: `code` (as the program's exit code; negative: by a signal), `said`, `summary`, `folder`."""

    def __init__(self, code, said, summary, folder):
        self.code, self.said, self.summary, self.folder = code, said, summary, folder

    def ended(self):
        return f"exit {self.code}: {self.said[-400:].strip()}"

    def died(self):
        return self.code not in (0, 1, 2)

    def refused(self):
        return self.code == 2

    def log(self):
        """Returns the event log."""
        path = os.path.join(self.folder, "out", "events.jsonl.zst")
        text = subprocess.run(["zstd", "-dcq", path], capture_output=True, check=True).stdout
        return text.decode()


class Runner:
    """Executes cases with one program, below one temporary folder."""

    def __init__(self, program, scratch):
        self.program, self.scratch = program, scratch

    def call(self, arguments, folder, standard_input=None):
        try:
            done = subprocess.run([self.program, *arguments], cwd=folder, stdin=subprocess.DEVNULL,
                                  capture_output=True, timeout=LONGEST_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            return -9, f"still running after {LONGEST_SECONDS} s"
        return done.returncode, done.stderr.decode("utf-8", "replace")

    def folder(self, name):
        path = os.path.join(self.scratch, name)
        shutil.rmtree(path, ignore_errors=True)
        os.makedirs(path)
        return path

    def write_case(self, case, folder):
        """Writes the files of a case; returns the words of its command."""
        def put(name, text):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as out:
                out.write(text)
        if "scenario" in case:
            put("scenario.json", json.dumps(case["scenario"]))
            return ["run", "scenario.json"]
        put("platform.json", json.dumps(case["platform"]))
        header = {"format": "mmusim-trace", "version": 1, "source": "random"}
        words = ["replay", "--platform", "platform.json", "--salvage"]
        for core, records in enumerate([case["trace"], *case.get("core_traces", [])] if "trace" in case else []):
            put(f"trace{core}.jsonl", "".join(json.dumps(r) + "\n" for r in [header, *records]))
            words += ["--core-trace", f"{core}=trace{core}.jsonl"] if core else ["trace0.jsonl"]
        if "threads" in case:
            put("threads.execlog", "".join(f'{core}, {hex(pc)}, 0x48, "mov", {kind}, {hex(va)}\n'
                                           for core, pc, kind, va in case["threads"]))
            words.append("threads.execlog")
        for key, value in case["options"].items():
            words += [f"--{key}"] if value is True else [f"--{key}", str(value)]
        for key, value in case["settings"].items():
            words += ["--set", f"{key}={json.dumps(value)}"]
        return words

    def valid(self, case):
        """Asks `mmusim validate`; returns what it says against the case, empty if nothing."""
        folder = self.folder("valid")
        self.write_case(case, folder)
        names = ["scenario.json"] if "scenario" in case else ["platform.json"]
        code, said = self.call(["validate", *names], folder)
        return "" if code == 0 else said or f"exit {code}"

    def execute(self, case, name, options=(), record_of=None):
        """Executes a case, or replays the record that another execution of it made."""
        folder = self.folder(name)
        if record_of is not None:
            os.link(os.path.join(record_of.folder, "record.mmt"), os.path.join(folder, "record.mmt"))
            words = ["replay", "record.mmt"]
        else:
            words = self.write_case(case, folder)
        words += ["--out", "out", "--watchdog", str(WATCHDOG_SECONDS), *options]
        code, said = self.call(words, folder)
        summary = None
        path = os.path.join(folder, "out", "summary.json")
        if code in (0, 1) and os.path.exists(path):
            with open(path, encoding="utf-8") as text:
                summary = json.load(text)
            for part in OF_THE_EXECUTION:
                summary.pop(part, None)
        return Execution(code, said, summary, folder)
