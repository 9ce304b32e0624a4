#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`mmusim sweep` as its users drive it. usage: sweep_test.py MMUSIM SOURCE_DIR"""
import json
import os
import random
import shlex
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time
import unittest

MMUSIM, SOURCE = (os.path.abspath(a) for a in sys.argv[1:3])
ENTRIES = "entries=/platform/tlbs/stlb/arrays/0/entries="
WAYS = "ways=/platform/tlbs/stlb/arrays/0/ways="
SCENARIO = {"name": "small", "platform": "textbook", "kernel": {"version": "6.1"},
            "memory": {"ranges": [{"start": "0x1000", "end": "0x10000000", "node": 0}], "reserved": []},
            "phases": [{"phase": "boot", "timed": False},
                       {"phase": "workload", "stage": "w", "kind": "random_pfn", "parameters": {"operations": 300}}]}


def lackey(accesses, pages, seed=1):
    """A trace as valgrind writes it: loads and stores of random pages, half of them of a few."""
    draw = random.Random(seed)
    lines = ["==7== Lackey, an example Valgrind tool"]
    for i in range(accesses):
        page = draw.randrange(pages) if i % 2 else draw.randrange(1 + pages // 16)
        lines.append(f" {'LS'[i % 7 == 0]} {0x10000000 + page * 4096 + draw.randrange(500) * 8:08x},8")
    return "\n".join(lines) + "\n"


class SweepTest(unittest.TestCase):
    def setUp(self):
        self.work = tempfile.TemporaryDirectory()
        self.addCleanup(self.work.cleanup)
        self.environment = dict(os.environ)

    def path(self, *names):
        return os.path.join(self.work.name, *names)

    def write(self, name, content):
        with open(self.path(name), "w") as file:
            file.write(content if isinstance(content, str) else json.dumps(content))
        return self.path(name)

    def trace(self, accesses=4000, pages=900):
        return self.write("t.lackey", lackey(accesses, pages))

    def mmusim(self, *arguments, code=0):
        done = subprocess.run([MMUSIM, *arguments], capture_output=True, text=True, timeout=300, cwd=self.work.name,
                              env=self.environment)
        self.assertEqual(done.returncode, code, (arguments, done.stdout[-800:], done.stderr[-800:]))
        return done

    def sweep(self, *arguments, out="out", code=0):
        return self.mmusim("sweep", *arguments, "--out", self.path(out), code=code)

    def start(self, *arguments, out="out"):
        return subprocess.Popen([MMUSIM, "sweep", *arguments, "--out", self.path(out)], stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL, env=self.environment)

    def rows(self, query="SELECT * FROM points ORDER BY number", out="out"):
        with sqlite3.connect(self.path(out, "sweep.sqlite")) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(query)]

    def csv(self, out="out"):
        with open(self.path(out, "sweep.csv")) as file:
            return file.read()

    def lasting(self, out="out"):
        """What two equal sweeps have in common: everything but time."""
        return self.rows("SELECT id, number, status, message, command, summary FROM points ORDER BY number", out)

    def assert_alone(self, row):
        """The command of the point gives the summary that the sweep has."""
        command = shlex.split(row["command"])
        self.assertEqual(command[0], "mmusim")
        self.mmusim(*command[1:], "--out", self.path("alone"), "--force")
        with open(self.path("alone", "summary.json")) as file:
            alone = json.load(file)
        del alone["host"]
        self.assertEqual(json.dumps(json.loads(row["summary"])), json.dumps(alone))


class Points(SweepTest):
    def test_functional_points_equal_replays_alone(self):
        trace = self.trace()
        self.sweep(trace, "--model", "functional", "--vary", ENTRIES + "64,256,1024", "--vary", WAYS + "4,8", "--vary",
                   "/replay/frames=sequential,random", "--repeat", "2")
        rows = self.rows()
        self.assertEqual(len(rows), 24)
        self.assertEqual([(r["entries"], r["ways"], r["frames"], r["seed"]) for r in rows[:5]],
                         [(64, 4, "sequential", 1), (64, 4, "sequential", 2), (64, 4, "random", 1), (64, 4, "random", 2),
                          (64, 8, "sequential", 1)])
        self.assertGreater(rows[0]["stlb_misses"], rows[-1]["stlb_misses"])
        for row in rows[::5]:
            self.assert_alone(row)

    def test_points_with_time_equal_replays_alone(self):
        self.sweep(self.trace(), "--vary", "walkers=/platform/page_walkers/walkers=1,2", "--vary",
                   "/replay/pages=4K,2M", "--platform", "skylake-sp", "--vary", "/replay/warmup=0,500")
        rows = self.rows()
        self.assertEqual(len(rows), 8)
        for row in rows:
            self.assertGreater(row["cycles"], 0)
        for row in rows[::3]:
            self.assert_alone(row)

    def test_points_of_a_scenario_equal_runs_alone(self):
        scenario = self.write("s.json", SCENARIO)
        self.sweep(scenario, "--vary", "operations=/phases/1/parameters/operations=100,200", "--repeat", "2", "--seed", "7")
        rows = self.rows()
        self.assertEqual([(r["operations"], r["seed"]) for r in rows], [(100, 7), (100, 8), (200, 7), (200, 8)])
        for row in rows[1::2]:
            self.assert_alone(row)

    def test_a_sweep_file_crosses_zips_and_patches(self):
        self.write("s.json", SCENARIO)
        second = dict(SCENARIO, name="second", seed=3)
        self.write("u.json", second)
        sweep = self.write("SWEEP.json", {
            "scenario": ["s.json", "u.json"], "repeat": 2, "metrics": ["walks", "cycles"],
            "axes": [{"zip": [{"name": "entries", "set": "/platform/tlbs/stlb/arrays/0/entries", "values": [256, 512]},
                              {"name": "ways", "set": "/platform/tlbs/stlb/arrays/0/ways", "values": [4, 8]}]},
                     {"name": "load", "patches": {"a-few": {"phases": SCENARIO["phases"][:1] + [
                         {"phase": "workload", "stage": "w", "kind": "linear_pfn_scan"}]}, "same": {}}}]})
        self.sweep(sweep)
        rows = self.rows()
        self.assertEqual(len(rows), 2 * 2 * 2 * 2)
        self.assertEqual({(r["entries"], r["ways"]) for r in rows}, {(256, 4), (512, 8)})
        self.assertEqual([r["load"] for r in rows[:4]], ["a-few", "a-few", "same", "same"])
        self.assertEqual({r["seed"] for r in rows if "u.json" in r["scenario"]}, {3, 4})
        self.assert_alone(rows[0])
        # The file that is left says the same sweep.
        again = self.sweep(self.path("out", "sweep.json"), out="again")
        self.assertIn("16 of 16 points done", again.stdout)
        self.assertEqual(self.csv(), self.csv("again"))

    def test_a_failed_point_is_kept_and_the_others_finish(self):
        trace = self.trace(500)
        arguments = [trace, "--model", "functional", "--vary", ENTRIES + "64,100,128", "--vary", WAYS + "8"]
        done = self.sweep(*arguments, code=1)
        self.assertIn("2 of 3 points done, 1 failed", done.stdout)
        rows = self.rows()
        self.assertEqual([r["status"] for r in rows], ["done", "failed", "done"])
        self.assertIn("8 ways do not divide", rows[1]["message"])
        self.assertIn("do not divide", self.csv())

    def test_bad_input_is_refused_and_nothing_written(self):
        trace = self.trace(100)
        self.assertIn("did you mean", self.sweep(trace, "--vary", "/platform/tlbs/stbl/x=1,2", code=2).stderr)
        self.assertIn("expected [NAME=]", self.sweep(trace, "--vary", "entries", code=2).stderr)
        self.assertIn("two axes", self.sweep(trace, "--vary", "a=/replay/skip=1", "--vary", "a=/replay/limit=1", code=2).stderr)
        self.assertIn("same configuration", self.sweep(trace, "--vary", "a=/replay/skip=1,1", code=2).stderr)
        self.assertIn("column of every sweep", self.sweep(trace, "--vary", "walks=/replay/skip=1", code=2).stderr)
        self.write("SWEEP.json", {"trace": "t.lackey", "axes": [{"set": "/replay/skip"}]})
        self.assertIn("/axes/0/values", self.sweep(self.path("SWEEP.json"), code=2).stderr)
        self.assertFalse(os.path.exists(self.path("out")))

    def test_a_dry_run_counts_and_writes_nothing(self):
        done = self.sweep(self.trace(), "--model", "functional", "--vary", ENTRIES + "64,128", "--repeat", "30", "--dry-run")
        self.assertIn("60 points", done.stdout)
        self.assertIn("expected time", done.stdout)
        self.assertFalse(os.path.exists(self.path("out")))

    def test_the_report_names_best_point_and_knee(self):
        # Every other access goes to 64 of 1024 pages: 64 entries get half of what there is to get.
        done = self.sweep(self.trace(20000, 1024), "--model", "functional", "--vary", ENTRIES + "16,32,64,128,256,512,1024,2048",
                          "--vary", WAYS + "4,8")
        self.assertRegex(done.stdout, r"least STLB misses: \d+ at entries 2048, ways")
        self.assertRegex(done.stdout, r"its knee over entries: \d+ \(in \d of 2 curves\)")
        if os.path.exists(self.path("out", "report.html")):
            with open(self.path("out", "report.html")) as file:
                text = file.read()
            self.assertIn("\"knees\":[[0,0,", text)


class Interruptions(SweepTest):
    def arguments(self, repeat=5):
        return [self.trace(1500, 400), "--vary", ENTRIES + "64,128,256,512", "--vary", WAYS + "4,8", "--jobs", "2", "--repeat",
                str(repeat)]

    def wait_for_database(self, process):
        while not os.path.exists(self.path("out", "sweep.sqlite")):
            self.assertIsNone(process.poll(), "the sweep has ended")
            time.sleep(0.02)

    def test_killed_at_random_it_ends_as_undisturbed(self):
        arguments = self.arguments(20)
        self.sweep(*arguments, out="undisturbed")
        draw = random.Random(5)
        killed = 0
        for _ in range(5):
            process = self.start(*arguments)
            self.wait_for_database(process)
            time.sleep(draw.random() * 0.2)
            killed += process.poll() is None
            process.kill()
            process.wait()
        self.assertGreater(killed, 0)
        self.sweep(*arguments)
        self.assertEqual(self.csv(), self.csv("undisturbed"))
        self.assertEqual(self.lasting(), self.lasting("undisturbed"))
        self.assertEqual(sorted(os.listdir(self.path("out"))), sorted(os.listdir(self.path("undisturbed"))))

    def test_interrupted_it_says_how_to_go_on(self):
        arguments = self.arguments(60)
        process = subprocess.Popen([MMUSIM, "sweep", *arguments, "--out", self.path("out")], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        self.wait_for_database(process)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, errors)
        self.assertIn("goes on", errors)
        done = sum(r["status"] == "done" for r in self.rows())
        self.assertTrue(0 < done < 480, done)
        self.assertIn(f"{done} of 480 points done", self.mmusim("sweep", "--status", "--out", self.path("out")).stdout)
        self.assertIn("480 of 480 points done", self.mmusim("sweep", self.path("out")).stdout)

    def test_finished_points_are_not_run_again(self):
        arguments = self.arguments()
        self.sweep(*arguments)
        first = self.rows("SELECT id, wall_seconds FROM points ORDER BY number")
        done = self.sweep(*arguments, "--vary", "walkers=/platform/page_walkers/walkers=1,3")
        self.assertIn("80 of 80 points done", done.stdout)
        self.sweep(*arguments)
        self.assertEqual(self.rows("SELECT id, wall_seconds FROM points WHERE number IS NOT NULL ORDER BY number"), first)

    def test_two_sweeps_into_one_folder_are_refused(self):
        process = self.start(*self.arguments(100))
        self.wait_for_database(process)
        try:
            self.assertIn("another run writes", self.sweep(*self.arguments(), code=3).stderr)
        finally:
            process.terminate()
            process.wait()


FAKE_SBATCH = """#!/usr/bin/env python3
# Runs the tasks of a job array one after the other: the first is killed and run again, the second lost, the third run twice.
import os, random, subprocess, sys, time
here = os.path.dirname(os.path.abspath(__file__))
script = sys.argv[-1]
last = int(next(a for a in sys.argv if a.startswith("--array=")).split("-")[-1])
number = len(os.listdir(here + "/jobs")) + 1
open(f"{here}/jobs/{number}", "w").close()
def begin(task):
    return subprocess.Popen(["sh", script], env=dict(os.environ, SLURM_ARRAY_TASK_ID=str(task)), stderr=open(here + "/log", "a"))
for task in range(last + 1):
    if number == 1 and task == 1:
        continue
    process = begin(task)
    if task == 0:
        time.sleep(0.3)
        process.kill()
        process.wait()
        process = begin(task)
    if task == 2:
        begin(task).wait()
    process.wait()
print(f"{number};here")
"""


class Slurm(SweepTest):
    """With stand-ins for sbatch and squeue; slurm_test.py has a real Slurm."""

    def fake(self):
        os.makedirs(self.path("bin", "jobs"))
        for name, text in (("sbatch", FAKE_SBATCH), ("squeue", "#!/bin/sh\nexit 0\n")):
            path = self.write(os.path.join("bin", name), text)
            os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)
        self.environment["PATH"] = self.path("bin") + ":" + os.environ["PATH"]

    def test_lost_killed_and_doubled_tasks_change_nothing(self):
        self.fake()
        arguments = [self.trace(1500, 400), "--vary", ENTRIES + "64,128,256,512", "--vary", WAYS + "4,8", "--repeat", "3"]
        self.sweep(*arguments, out="undisturbed")
        done = self.sweep(*arguments, "--slurm", "--chunk", "5")
        self.assertIn("24 of 24 points done", done.stdout)
        self.assertEqual(len(os.listdir(self.path("bin", "jobs"))), 2)  # one submission for what was lost
        self.assertEqual(self.csv(), self.csv("undisturbed"))
        self.assertEqual(self.lasting(), self.lasting("undisturbed"))
        self.assertEqual(sorted(os.listdir(self.path("out"))), sorted(os.listdir(self.path("undisturbed"))))

    def test_without_waiting_the_results_are_collected_later(self):
        self.fake()
        arguments = [self.trace(300), "--model", "functional", "--vary", ENTRIES + "64,128,256,512"]
        self.sweep(*arguments, "--slurm=--partition=all", "--chunk", "1", "--no-wait")
        self.assertIn("3 of 4 points done, 1 to do", self.mmusim("sweep", "--status", "--out", self.path("out")).stdout)
        self.assertIn("4 of 4 points done", self.sweep(*arguments, "--slurm").stdout)

    def test_a_missing_slurm_is_said(self):
        self.environment["PATH"] = "/nowhere"
        self.assertIn("Slurm is not installed", self.sweep(self.trace(100), "--slurm", code=3).stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
