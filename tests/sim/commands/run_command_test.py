#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs `mmusim run` as users do. usage: run_command_test.py MMUSIM SOURCE_DIR"""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

MMUSIM, SOURCE = sys.argv[1:3]
SCENARIO = {
    "name": "t", "platform": "milan", "kernel": {"version": "6.1"},
    "memory": {"ranges": [{"start": "0x1000", "end": "0x9f000", "node": 0}, {"start": "0x100000", "end": "0x20000000", "node": 0}],
               "reserved": [{"start": "0x0", "end": "0x100000"}, {"start": "0x1000000", "end": "0x4411000"}],
               "early_tables": "from_memblock"},
    "phases": [{"phase": "boot"}, {"phase": "workload", "stage": "w", "kind": "random_pfn", "parameters": {"operations": 20000}}],
}


class Run(unittest.TestCase):
    def setUp(self):
        self.work = tempfile.TemporaryDirectory()
        self.addCleanup(self.work.cleanup)

    def path(self, name):
        return os.path.join(self.work.name, name)

    def scenario(self, document=SCENARIO):
        with open(self.path("s.json"), "w") as file:
            file.write(document if isinstance(document, str) else json.dumps(document))
        return self.path("s.json")

    def run_it(self, out, *options, document=SCENARIO):
        return subprocess.run([MMUSIM, "run", self.scenario(document), "--out", self.path(out), *options], capture_output=True,
                              text=True)

    def summary(self, out):
        with open(os.path.join(self.path(out), "summary.json")) as file:
            summary = json.load(file)
        summary.pop("host")
        return summary

    def test_equal_results_with_and_without_events_and_in_lock_step(self):
        variants = {"a": [], "b": [], "none": ["--events", "none"], "all": ["--events", "all"], "step": ["--lock-step"]}
        for out, options in variants.items():
            done = self.run_it(out, *options)
            self.assertEqual(done.returncode, 0, done.stderr)
        for out in variants:
            self.assertEqual(self.summary(out), self.summary("a"), out)
        with open(os.path.join(self.path("a"), "events.jsonl.zst"), "rb") as a, \
                open(os.path.join(self.path("b"), "events.jsonl.zst"), "rb") as b:
            self.assertEqual(a.read(), b.read())

    def test_seed_changes_the_workload_and_nothing_else(self):
        self.run_it("a", "--seed", "1")
        self.run_it("b", "--seed", "2")
        a, b = self.summary("a"), self.summary("b")
        self.assertEqual(a["phases"][0], b["phases"][0])
        self.assertNotEqual(a["phases"][1], b["phases"][1])

    def test_tables_and_kernel_log(self):
        done = self.run_it("a", "--tables", self.path("t.json"))
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(self.path("t.json")) as file:
            stages = json.load(file)["stages"]
        self.assertEqual([s["stage"] for s in stages], ["boot", "w"])
        self.assertEqual(set(stages[0]["entries"][0]), {"level", "va", "index", "table_pa", "value"})
        with open(os.path.join(self.path("a"), "kernel.log")) as file:
            self.assertIn("PMD -> [", file.read())

    def test_bad_scenarios_leave_nothing_and_name_the_place(self):
        cases = [(dict(SCENARIO, surplus=1), "/surplus: unknown key"), (dict(SCENARIO, seed="x"), "/seed: expected"),
                 (dict(SCENARIO, phases=[{"phase": "replay", "trace": "nowhere"}]), "/phases/0/trace: no such file"),
                 (json.dumps(SCENARIO)[:-1] + ",}", "line 1"), ("[]", "expected a scenario"), ("", "")]
        for document, expected in cases:
            done = self.run_it("bad", "--tables", self.path("t.json"), document=document)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(self.path("s.json"), done.stderr)
            self.assertIn(expected, done.stderr)
            self.assertFalse(os.path.exists(self.path("bad")))
            self.assertFalse(os.path.exists(self.path("t.json")))

    def test_a_failed_job_exits_1_and_says_why(self):
        document = dict(SCENARIO, phases=[{"phase": "boot", "expect": "-ENOMEM"}])
        done = self.run_it("a", document=document)
        self.assertEqual(done.returncode, 1)
        self.assertIn('phase 0 (boot, stage "boot") returned 0, expected -ENOMEM', done.stderr)

    def test_environment_failures_exit_3(self):
        done = subprocess.run([MMUSIM, "run", self.scenario(), "--out", "/proc/no/such"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertEqual(subprocess.run([MMUSIM, "run", self.path("missing.json")], capture_output=True).returncode, 3)

    def test_interrupt_closes_everything(self):
        document = json.loads(json.dumps(SCENARIO))
        document["phases"][1]["parameters"]["operations"] = 1 << 40
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            process = subprocess.Popen([MMUSIM, "run", self.scenario(document), "--out", self.path("i"), "--force"],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            time.sleep(1.5)
            process.send_signal(number)
            self.assertEqual(process.wait(timeout=30), code, process.stderr.read())
            process.stderr.close()
            self.assertTrue(self.summary("i")["interrupted"])
            log = subprocess.run(["zstdcat", os.path.join(self.path("i"), "events.jsonl.zst")], capture_output=True, text=True)
            self.assertTrue(json.loads(log.stdout.splitlines()[-1])["interrupted"])

    def test_verify_agrees_with_a_recorded_kernel_and_sees_a_changed_one(self):
        recorded = os.path.join(SOURCE, "tests/data/recorded/boot-512m-4l.json.xz")
        self.assertEqual(subprocess.run([MMUSIM, "verify", recorded], capture_output=True).returncode, 0)
        import lzma
        with lzma.open(recorded) as file:
            dump = json.load(file)
        dump["stages"][0]["entries"][3]["value"] = "0x80000000deadb1e3"
        with open(self.path("d.json"), "w") as file:
            json.dump(dump, file)
        done = subprocess.run([MMUSIM, "verify", self.path("d.json")], capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("first: level 2", done.stdout)

    def test_shipped_scenarios_hold(self):
        folder = os.path.join(SOURCE, "configs/scenarios")
        files = [os.path.join(folder, f) for f in sorted(os.listdir(folder))]
        done = subprocess.run([MMUSIM, "validate", *files], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.count(": ok: scenario"), len(files))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
