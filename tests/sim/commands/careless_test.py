#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What careless users do: each gets the right exit code and a message that says what to do, and nothing half-written stays.
usage: careless_test.py MMUSIM SOURCE"""
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

MMUSIM, SOURCE = (os.path.abspath(p) for p in (sys.argv.pop(1), sys.argv.pop(1)))
BOOT = {"phase": "boot"}
SCENARIO = {"name": "small", "platform": "textbook", "kernel": {"version": "6.1"},
            "memory": {"ranges": [{"start": "0x1000", "end": "0x8000000", "node": 0}],
                       "reserved": [{"start": "0x1000000", "end": "0x2000000"}]},
            "phases": [BOOT, {"phase": "workload", "kind": "linear_pfn_scan"}]}
ENDLESS = {"phase": "workload", "kind": "uniform", "parameters": {"region": "vmemmap", "bytes": "1MiB", "accesses": 10 ** 12}}


class Careless(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)
        self.write("s.json", SCENARIO)

    def path(self, *names):
        return os.path.join(self.dir.name, *names)

    def write(self, name, content):
        with open(self.path(name), "wb") as f:
            f.write(content if isinstance(content, bytes) else json.dumps(content).encode())
        return self.path(name)

    def mmusim(self, *arguments, **more):
        return subprocess.run([MMUSIM, *arguments], capture_output=True, text=True, errors="replace", timeout=120, cwd=self.dir.name,
                              **more)

    def check(self, arguments, code, *said, **more):
        r = self.mmusim(*arguments, **more)
        self.assertEqual(r.returncode, code, f"{str(arguments)[:200]}: {r.stderr[:1000]}")
        for text in said:
            self.assertIn(text, r.stderr)
        self.assertLess(len(r.stderr), 5000)
        return r

    # --- where results go

    def test_out_is_a_file(self):
        self.write("file", b"")
        self.check(["run", "s.json", "--out", "file"], 3, "file: cannot create directory: Not a directory")
        self.check(["run", "s.json", "--out", "file/below"], 3, "file/below: cannot create directory: Not a directory")
        self.check(["compare", "s.json", "s.json", "--out", "file"], 3, "file: cannot create directory: Not a directory")

    def test_out_is_read_only(self):
        os.mkdir(self.path("out"), 0o555)
        if os.access(self.path("out"), os.W_OK):
            self.skipTest("this user may write anywhere")
        self.check(["run", "s.json", "--out", "out"], 3, "out/events.jsonl.zst: cannot create: Permission denied")

    def start_endless(self):
        self.write("endless.json", {**SCENARIO, "phases": [BOOT, ENDLESS]})
        process = subprocess.Popen([MMUSIM, "run", "endless.json", "--out", "out"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                   cwd=self.dir.name)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.kill)
        while not os.path.exists(self.path("out", "events.jsonl.zst")):
            self.assertIsNone(process.poll())
            time.sleep(0.01)
        return process

    def test_out_vanishes_while_it_runs(self):
        process = self.start_endless()
        shutil.rmtree(self.path("out"))
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[1].decode()
        self.assertEqual(process.returncode, 3, said)
        self.assertIn("No such file or directory", said)

    def test_two_runs_into_the_same_directory(self):
        process = self.start_endless()
        self.check(["run", "s.json", "--out", "out"], 3, "out: another run writes its results there: give this one another --out")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130)
        self.check(["run", "s.json", "--out", "out", "--force"], 0)

    def test_relative_paths(self):
        os.mkdir(self.path("a"))
        shutil.copy(self.path("s.json"), self.path("a"))
        self.check(["run", "a/../a/s.json", "--out", "./b/../b/c"], 0)
        self.assertTrue(os.path.exists(self.path("b", "c", "summary.json")))

    def test_names_that_lead_elsewhere(self):
        for name in ("../../up", "a/b", "..", ".", "a\0b", "x\n", "x" * 300):
            self.write("n.json", {**SCENARIO, "name": name})
            self.check(["run", "n.json"], 2, "n.json: /name: expected the name of a directory")
        self.assertEqual(sorted(os.listdir(self.dir.name)), ["n.json", "s.json"])

    # --- what they type

    def test_numbers(self):
        for number in ("-1", "99999999999999999999", "1e3", "0x10", "nan", ""):
            self.check(["run", "s.json", "--seed", number], 2, "--seed")
        self.check(["run", "s.json", "--max-memory", "nan"], 2, '--max-memory: "nan" is no size')
        self.check(["run", "s.json", "--max-memory", "-1GiB"], 2, "is no size")
        self.check(["run", "s.json", "--watchdog", "-1"], 2, "--watchdog")
        self.check(["run", "s.json", "--max-memory", "1KiB"], 3, "needs about", "the limit is")

    def test_huge_values(self):
        self.check(["run", "s.json", "--set", "/memory/ranges/0/end=1e999"], 2, "/memory/ranges/0/end")
        self.check(["run", "s.json", "--set", "/seed=NaN"], 2, "/seed")
        self.check(["run", "s.json", "--set", "/seed=-1"], 2, "/seed: expected a non-negative integer")
        self.check(["run", "s.json", "--set", "/name=" + "x" * 100000], 2, "/name")
        self.check(["run", "s.json", "--set", "/phases=" + "[" * 50000], 2, "--set /phases=[[[", "nested deeper than")
        self.check(["run", "s.json", "--set", "/a" * 50000 + "=1"], 2, "more than 100 levels deep")
        self.check(["run", "s.json", "--set", b"/name=\xff\xfe"], 2, "--set: not valid UTF-8")

    def test_files_that_are_something_else(self):
        self.check(["run", "/dev/null"], 2, "not valid JSON")
        self.check(["run", "missing.json"], 3)
        for command in ("replay", "dram", "translate"):
            if command == "translate":
                self.check([command, "/dev/null"], 0)  # no case, no answer
            else:
                self.check([command, "/dev/null"], 2, "empty, expected a trace")
            self.check([command, "."], 2, "is a directory")
            self.check([command, "missing"], 3, "missing: cannot open: No such file or directory")

    # --- what is in the files

    def test_numbers_that_are_none(self):
        text = json.dumps(SCENARIO)[:-1]
        self.write("nan.json", (text + ',"seed":NaN}').encode())
        self.check(["run", "nan.json"], 2, "nan.json: line 1, column", "not valid JSON")
        self.write("inf.json", (text + ',"seed":1e999}').encode())
        self.check(["run", "inf.json"], 2, "inf.json: number overflow parsing '1e999'")

    def test_deep_nesting(self):
        for name, content in (("array.json", b"[" * 100000 + b"]" * 100000), ("object.json", b'{"a":' * 100000 + b"1" + b"}" * 100000)):
            self.write(name, content)
            self.check(["run", name], 2, f"{name}: nested deeper than")
            self.check(["validate", name], 2, f"{name}: nested deeper than")
            self.check(["trace", "info", name], 2)
            self.check(["translate", name], 1)

    def test_a_line_without_end(self):
        with open(self.path("line"), "wb") as f:  # no disk space needed: a hole, read as zeros, then digits
            f.write(b"5" * (1 << 20))
            f.truncate(1 << 30)
        small = lambda: resource.setrlimit(resource.RLIMIT_DATA, (512 << 20, 512 << 20))
        # The address sanitizer takes more than that for itself, so that there the message alone is checked.
        limit = {"preexec_fn": small} if self.mmusim("--version", preexec_fn=small).returncode == 0 else {}
        self.check(["trace", "info", "line", "--format", "lackey"], 2, "line longer than", **limit)
        self.check(["dram", "line"], 2, "line longer than", **limit)
        self.check(["run", "line"], 2, "larger than 256 MiB")
        self.check(["translate", "line"], 1)

    def test_names_that_are_no_utf8(self):
        shutil.copy(os.path.join(SOURCE, "tests/data/traces/full.vmt"), os.path.join(os.fsencode(self.dir.name), b"t\xff.vmt"))
        self.check(["replay", b"t\xff.vmt", "--levels", "5", "--platform", "sapphire-rapids", "--out", "out"], 0)
        with open(self.path("out", "summary.json"), encoding="utf-8") as f:
            self.assertEqual(json.load(f)["configuration"]["trace"], "t\ufffd.vmt")
        self.check(["trace", "info", "--json", b"t\xff.vmt"], 0)
        self.write("u.json", json.dumps({**SCENARIO, "name": "AAAA"}).encode().replace(b"AAAA", b"\xff\xfe"))
        self.check(["run", "u.json"], 2, "u.json: line 1, column", "ill-formed UTF-8")

    # --- Ctrl-C where nothing comes

    def wait_until_caught(self, process):
        """Until the program catches SIGINT, which takes a while on a busy machine."""
        for _ in range(400):
            with open(f"/proc/{process.pid}/status") as status:
                caught = int(re.search(r"SigCgt:\s*([0-9a-f]+)", status.read()).group(1), 16)
            if caught >> (signal.SIGINT - 1) & 1:
                return
            time.sleep(0.05)
        self.fail("SIGINT is never caught")

    def test_interrupt_while_a_pipe_has_nothing(self):
        for command in (["dram", "-"], ["replay", "-"], ["trace", "info", "-"], ["translate", "-"]):
            process = subprocess.Popen([MMUSIM, *command], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                       cwd=self.dir.name)
            self.wait_until_caught(process)
            process.send_signal(signal.SIGINT)
            try:
                code = process.wait(timeout=20)
            finally:
                process.kill()
                process.stdin.close()
                process.stderr.close()
            self.assertEqual(code, 130, command)
            self.assertEqual(sorted(os.listdir(self.dir.name)), ["s.json"])

    def test_interrupted_dram_tells_what_it_did(self):
        process = subprocess.Popen([MMUSIM, "dram", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdin.write(b"".join(b"%d 0x%x R\n" % (i * 50, i * 64) for i in range(100)))
        process.stdin.flush()
        self.wait_until_caught(process)
        time.sleep(0.5)  # until it has read what there is
        process.send_signal(signal.SIGINT)
        self.addCleanup(process.kill)
        self.assertEqual(process.wait(timeout=20), 130)
        said = json.loads(process.stdout.read())
        for stream in (process.stdin, process.stdout, process.stderr):
            stream.close()
        self.assertTrue(said["interrupted"])
        self.assertEqual(said["requests"], 100)


unittest.main()
