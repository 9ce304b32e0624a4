#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`mmusim measure` on whatever machine the tests run on: a file that validates and runs, a report, a sentence for what is
missing. Nothing here depends on what the machine shows. usage: measure_command_test.py MMUSIM SOURCE"""
import glob
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest

MMUSIM, SOURCE = (os.path.abspath(p) for p in (sys.argv.pop(1), sys.argv.pop(1)))
SMALL = ["--seconds", "3", "--memory", "16MiB"]


class Measure(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)

    def path(self, name):
        return os.path.join(self.dir.name, name)

    def mmusim(self, *arguments, code=0, **more):
        done = subprocess.run([MMUSIM, *arguments], capture_output=True, text=True, timeout=300, cwd=self.dir.name, **more)
        self.assertEqual(done.returncode, code, f"{arguments}: {done.stdout[-500:]} {done.stderr[-1000:]}")
        return done

    def platform(self, name="m.json"):
        with open(self.path(name)) as f:
            return json.load(f)

    def test_the_file_validates_says_where_each_number_is_from_and_runs(self):
        out = self.mmusim("measure", "-o", "m.json", "--preset", "textbook", *SMALL).stdout
        self.assertIn("platform: m.json", out)
        self.assertIn("ok", self.mmusim("validate", "m.json").stdout)
        missing = []

        def look(node, pointer):
            if isinstance(node, list):
                for i, member in enumerate(node):
                    look(member, f"{pointer}/{i}")
            if pointer == "/dram/device":
                self.assertIn("from preset textbook", node["source"])
            elif isinstance(node, dict):
                for key, value in node.items():
                    number = isinstance(value, (int, float)) and not isinstance(value, bool)
                    if number and not re.search(rf"(^|; ){re.escape(key)}: .+", node.get("source", "")):
                        missing.append(f"{pointer}/{key}")
                    look(value, f"{pointer}/{key}")

        look(self.platform(), "")
        self.assertEqual(missing, [])
        text = json.dumps(self.platform())
        self.assertIn("from preset textbook", text)
        self.assertIn("measured", text)
        self.mmusim("explain", "0x1000", "--set", "/platform=m.json", code=0)
        with open(self.path("measure.html")) as f:
            report = f.read()
        self.assertIn("pages-4K", report)
        self.assertNotIn("http", report.replace("http://www.w3.org", ""))

    def test_an_interrupt_leaves_a_partial_result(self):
        child = subprocess.Popen([MMUSIM, "measure", "-o", "m.json", "--memory", "128MiB"], cwd=self.dir.name,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        caught = 0
        for _ in range(500):  # until the program catches the signal
            with open(f"/proc/{child.pid}/status") as status:
                caught = int(re.search(r"SigCgt:\s*([0-9a-f]+)", status.read()).group(1), 16)
            if caught & 1 << (signal.SIGINT - 1):
                break
            time.sleep(0.01)
        time.sleep(0.2)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=120)
        self.assertEqual(child.returncode, 130, err)
        self.assertIn("Interrupted", out)
        self.assertIn("ok", self.mmusim("validate", "m.json").stdout)

    def test_little_time_is_said(self):
        out = self.mmusim("measure", "--seconds", "1", "--memory", "16MiB", "--no-simulation").stdout
        self.assertRegex(out, "time was up|entries")

    def test_without_huge_pages_addresses_and_a_second_processor(self):
        one = min(os.sched_getaffinity(0))

        def restrict():
            import resource
            resource.setrlimit(resource.RLIMIT_AS, (600 << 20, 600 << 20))
            os.sched_setaffinity(0, {one})

        asan = bool(glob.glob(os.path.join(os.path.dirname(MMUSIM), "*asan*"))) or "asan" in MMUSIM or "tsan" in MMUSIM
        out = self.mmusim("measure", "-o", "m.json", "--no-huge-pages", "--no-simulation", *SMALL,
                          preexec_fn=None if asan else restrict).stdout
        self.assertIn("There are no 2 MiB pages here", out)
        self.assertIn("ok", self.mmusim("validate", "m.json").stdout)

    def test_nothing_is_left_behind(self):
        before = set(os.listdir("/dev/shm")) if os.path.isdir("/dev/shm") else set()
        self.mmusim("measure", "-o", "m.json", "--seconds", "1", "--memory", "8MiB", "--no-simulation")
        self.assertEqual(sorted(os.listdir(self.dir.name)), ["m.json", "measure.html"])
        if os.path.isdir("/dev/shm"):
            self.assertEqual({n for n in os.listdir("/dev/shm") if "mmusim" in n} - before, set())

    def test_wrong_options_are_refused_before_anything_is_measured(self):
        self.assertIn("milann", self.mmusim("measure", "--preset", "milann", code=2).stderr)
        self.assertIn("--seconds", self.mmusim("measure", "--seconds", "0", code=2).stderr)
        self.assertIn("--memory", self.mmusim("measure", "--memory", "x", code=2).stderr)


if __name__ == "__main__":
    unittest.main()
