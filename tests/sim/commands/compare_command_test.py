#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`mmusim compare` and `report` as programs, with a stand-in for the runs. usage: compare_command_test.py MMUSIM"""
import json
import os
import subprocess
import sys
import tempfile
import unittest

MMUSIM = os.path.abspath(sys.argv.pop(1))
SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..")
TRACE = os.path.join(SOURCE, "traces", "ops-512m-4l.vmt.xz")
FAKE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fake_run.py")
SCENARIO = {"name": "small", "platform": "textbook", "kernel": {"version": "6.1"},
            "memory": {"ranges": [{"start": "0x1000", "end": "0x20000000", "node": 0}], "reserved": []},
            "phases": [{"phase": "boot"}, {"phase": "workload", "stage": "scan", "kind": "linear_pfn_scan"}]}


class Compare(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)

    def path(self, *names):
        return os.path.join(self.dir.name, *names)

    def scenario(self, variants, name="s.json", **changes):
        with open(self.path(name), "w") as f:
            json.dump({**SCENARIO, **changes, "variants": {v: {} for v in variants}}, f)
        return self.path(name)

    def mmusim(self, *arguments):
        return subprocess.run([MMUSIM, *arguments], capture_output=True, text=True, timeout=60)

    def compare(self, *arguments):
        return self.mmusim("compare", *arguments, "--out", self.path("out"), "--program", FAKE)

    def test_writes_table_json_csv_and_report(self):
        r = self.compare(self.scenario(["basepages", "hugepages"]))
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertIn("hugepages against basepages saves 4.029 of 8.03 cycles per access (50.2 %)", r.stdout)
        self.assertEqual(r.stderr, "")
        self.assertEqual(sorted(os.listdir(self.path("out"))), ["basepages", "compare.csv", "compare.json", "hugepages", "report.html"])
        with open(self.path("out", "compare.json")) as f:
            walks = next(m for m in json.load(f)["metrics"] if m["key"] == "walks")
        self.assertEqual(walks["runs"]["hugepages"]["mean"], 51)
        self.assertEqual(walks["runs"]["basepages"]["mean"], 130001)

    def test_failures_are_named_and_the_others_finish(self):
        r = self.compare(self.scenario(["basepages", "crashes", "fails", "hangs", "hugepages"]), "--timeout", "4")
        self.assertEqual(r.returncode, 1)
        self.assertIn("crashes: failed: killed by signal 11 (Segmentation fault)", r.stdout)
        self.assertIn("fails: failed: exit code 1: the scenario is impossible", r.stdout)
        self.assertIn("hangs: failed: stopped after", r.stdout)
        self.assertIn("hugepages against basepages", r.stdout)
        self.assertTrue(os.path.exists(self.path("out", "report.html")))

    def test_all_failing_is_said(self):
        r = self.compare(self.scenario(["crashes", "fails"]))
        self.assertEqual(r.returncode, 1)
        self.assertIn("No run succeeded.", r.stdout)

    def test_repeats_count_seeds_up(self):
        r = self.compare(self.scenario(["basepages", "hugepages"]), "--repeat", "3")
        self.assertEqual(r.returncode, 0, r.stderr)
        with open(self.path("out", "compare.json")) as f:
            walks = next(m for m in json.load(f)["metrics"] if m["key"] == "walks")
        self.assertEqual(walks["runs"]["hugepages"]["n"], 3)
        self.assertEqual(walks["runs"]["hugepages"]["mean"], 52)  # 50 + seeds 1, 2, 3
        self.assertAlmostEqual(walks["runs"]["hugepages"]["ci95"], 4.303 / 3 ** 0.5, places=6)

    def test_nothing_to_compare_is_bad_input(self):
        r = self.compare(self.scenario([]))
        self.assertEqual(r.returncode, 2)
        self.assertIn("has no variants", r.stderr)
        self.assertFalse(os.path.exists(self.path("out")))

    def test_different_workloads_are_refused_before_anything_is_written(self):
        a = self.scenario([], "a.json")
        b = self.scenario([], "b.json", phases=[{"phase": "boot"}, {"phase": "workload", "stage": "scan", "kind": "zap"}])
        r = self.compare(a, b)
        self.assertEqual(r.returncode, 2)
        self.assertIn("different workloads", r.stderr)
        self.assertFalse(os.path.exists(self.path("out")))

    def test_bad_scenario_is_refused_before_anything_runs(self):
        r = self.compare(self.scenario(["basepages", "hugepages"], kernel={"version": "2.4"}))
        self.assertEqual(r.returncode, 2)
        self.assertIn("/kernel/version", r.stderr)
        self.assertFalse(os.path.exists(self.path("out")))

    def test_report_renders_again(self):
        self.compare(self.scenario(["basepages", "hugepages"]))
        with open(self.path("out", "report.html")) as f:
            before = f.read()
        os.remove(self.path("out", "report.html"))
        r = self.mmusim("report", self.path("out"))
        self.assertEqual(r.returncode, 0, r.stderr)
        with open(self.path("out", "report.html")) as f:
            after = f.read()
        data = lambda html: html[html.index('id="data">'):html.index("</script>")]
        self.assertEqual(data(before), data(after))
        one = self.mmusim("report", self.path("out", "hugepages"), "--out", self.path("one.html"))
        self.assertEqual(one.returncode, 0, one.stderr)

    def test_report_refuses_with_what_to_do(self):
        os.mkdir(self.path("unfinished"))
        with open(self.path("unfinished", "events.jsonl.zst"), "w"):
            pass
        r = self.mmusim("report", self.path("unfinished"))
        self.assertEqual(r.returncode, 2)
        self.assertIn("run it again", r.stderr)


class CompareTraces(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)

    def path(self, *names):
        return os.path.join(self.dir.name, *names)

    def mmusim(self, *arguments, code=0):
        done = subprocess.run([MMUSIM, *arguments], capture_output=True, text=True, timeout=300, cwd=self.dir.name)
        self.assertEqual(done.returncode, code, done.stdout[-500:] + done.stderr)
        return done

    def walks(self, out):
        with open(self.path(out, "compare.json")) as f:
            compared = json.load(f)
        walks = next(m for m in compared["metrics"] if m["key"] == "walks")
        return compared, {label: run["mean"] for label, run in walks["runs"].items()}

    def replayed(self, trace, out, *options):
        self.mmusim("replay", trace, "--limit", "5000", "--out", out, *options)
        with open(self.path(out, "summary.json")) as f:
            return json.load(f)

    def test_sides_of_a_trace_are_its_replays(self):
        with open(self.path("t.din"), "w") as f:  # 150 pages again and again: more than one of the TLBs holds
            f.writelines(f"r {(i % 150) << 12:x} 8\n" for i in range(2000))
        self.mmusim("compare", "t.din", "--limit", "1500", "--platform", "textbook", "--pages", "4K", "--vary",
                    "entries=/platform/tlbs/stlb/arrays/0/entries=12,192", "--out", "c")
        compared, walks = self.walks("c")
        self.assertEqual(list(walks), ["entries=12 on textbook", "entries=192 on textbook"])
        for entries in (12, 192):
            self.mmusim("replay", "t.din", "--limit", "1500", "--platform", "textbook", "--pages", "4K", "--set",
                        f"/platform/tlbs/stlb/arrays/0/entries={entries}", "--out", f"r{entries}")
            with open(self.path(f"r{entries}", "summary.json")) as f:
                self.assertEqual(walks[f"entries={entries} on textbook"], json.load(f)["totals"]["walks"])
        self.assertGreater(walks["entries=12 on textbook"], walks["entries=192 on textbook"])
        done = self.mmusim("compare", "r12", "r192", "--out", "again")  # the same from the folders
        self.assertEqual(list(self.walks("again")[1].values()), list(walks.values()))
        self.assertIn("r192 against r12 saves", done.stdout)
        self.assertEqual([run["directories"] for run in self.walks("again")[0]["runs"]], [["../r12"], ["../r192"]])
        self.mmusim("report", "again")  # which finds the folders again
        self.mmusim("compare", "again", "r12", "--out", "more")
        self.assertEqual(list(self.walks("more")[1]), ["r12", "r192", "r12 (2)"])

    def test_platforms_are_compared_with_the_first_and_miss_curves_kept(self):
        self.mmusim("compare", TRACE, "--limit", "5000", "--platform", "milan", "--platform", "textbook", "--model",
                    "functional", "--what-if", "--out", "c")
        compared, walks = self.walks("c")
        self.assertEqual(compared["bases"], dict.fromkeys(walks, "ops-512m-4l on milan"))
        what_if = self.replayed(TRACE, "r", "--platform", "milan", "--model", "functional", "--what-if")["replay"]["what_if"]
        curve, counted = compared["what_if"][1], what_if["curves"][1]
        self.assertEqual((curve["page_size"], curve["ways"], curve["entries"]), ("4K", 8, counted["entries"]))
        for run in curve["runs"].values():
            self.assertEqual(run, [1000 * m / what_if["lookups"] for m in counted["misses"]])
        with open(self.path("c", "compare.csv")) as f:
            self.assertEqual(sum(line.startswith("what-if 4K 8-way") for line in f), 2 * len(counted["entries"]))

    def test_unlike_things_are_refused_with_what_to_do(self):
        self.replayed(TRACE, "a")
        self.mmusim("replay", TRACE, "--limit", "4000", "--out", "b")
        for arguments, said in ((["a", "b"], "different workloads"), (["a"], "nothing to compare"),
                                (["a", "boot-base-vs-huge"], "expected inputs of one kind"),
                                (["a", "a", "--platform", "milan"], "--platform: a holds finished results"),
                                ([TRACE], "--vary with two values"), (["boot-base-vs-huge", "--what-if"], "is for traces"),
                                ([TRACE, "--vary", "/platform/tlbs/stlb/arrays/0/entries=1,2"], "/tlbs/stlb/arrays/0/ways: ")):
            self.assertIn(said, self.mmusim("compare", *arguments, "--out", "c", code=2).stderr)
            self.assertFalse(os.path.exists(self.path("c")))
        self.mmusim("compare", "a", "a", "--out", "a", code=2)

    def test_careless_words_are_refused_with_what_is_wrong(self):
        entries = "/platform/tlbs/stlb/arrays/0/entries"
        with open(self.path("t.din"), "w") as f:
            f.writelines(f"r {i << 12:x} 8\n" for i in range(100))
        for arguments, said in ((["t.din", "--vary", f"a={entries}=96,192", "--vary", f"b={entries}=96,192"], f"two of them set {entries}"),
                                (["t.din", "--vary", f"a={entries}=96,96"], "96 stands there twice"),
                                (["t.din", "--vary", f"a={entries}=96,192", "--vary", "a=/platform/page_walkers/walkers=1,2"], "two are called"),
                                (["nowhere.din", "t.din"], "nowhere.din: no such file or folder"),
                                (["t.din", "nofolder/"], "nofolder/: no such file or folder")):
            self.assertIn(said, self.mmusim("compare", *arguments, "--out", "c", code=2).stderr)
            self.assertFalse(os.path.exists(self.path("c")))

    def test_a_part_does_not_compare_with_a_whole(self):
        for name in ("whole", "part"):
            self.replayed(TRACE, name)
        with open(self.path("part", "summary.json"), "r+") as f:
            text = f.read().replace('"interrupted": false', '"interrupted": true', 1)
            f.seek(0)
            f.write(text)
        self.assertIn("part was interrupted", self.mmusim("compare", "whole", "part", "--out", "c", code=2).stderr)
        self.mmusim("report", "whole", "part", "--out", self.path("both.html"))  # which says so


unittest.main()
