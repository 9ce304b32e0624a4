# SPDX-License-Identifier: MIT
"""The Python package gives what the command line gives."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

MMUSIM, SOURCE = (os.path.abspath(p) for p in (sys.argv.pop(1), sys.argv.pop(1)))
os.environ["MMUSIM_PROGRAM"] = MMUSIM
sys.path.insert(0, SOURCE + "/python")
import mmusim  # noqa: E402

TRACE = SOURCE + "/traces/big-8g-4l.vmt.xz"
SMALL = {"name": "small", "platform": "textbook", "kernel": {"version": "6.1"},
         "memory": {"ranges": [{"start": "0x1000", "end": "0x10000000"}]},
         "phases": [{"phase": "boot"}, {"phase": "workload", "stage": "scan", "kind": "linear_pfn_scan"}],
         "variants": {"base": {"kernel": {"vmemmap_pages": "base"}}, "huge": {}}}


class Python(unittest.TestCase):
    def test_a_run_is_that_of_the_command_line(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(folder + "/s.json", "w") as file:
                json.dump(SMALL, file)
            subprocess.run([MMUSIM, "run", folder + "/s.json", "--variant", "base", "--seed", "4", "--out", folder + "/o"], check=True,
                           capture_output=True)
            with open(folder + "/o/summary.json") as file:
                expected = json.load(file)
        ours = mmusim.run(SMALL, variant="base", seed=4)
        self.assertIsNone(ours.folder)
        for key in ("totals", "machine", "kernel", "counters"):
            self.assertEqual(ours[key], expected[key])
        self.assertEqual([p["stage"] for p in ours.phases()], ["boot", "scan"])

    def test_results_stay_where_they_are_wanted(self):
        with tempfile.TemporaryDirectory() as folder:
            ours = mmusim.run(SMALL, out=folder + "/o", events="pte,walks")
            self.assertEqual(ours.folder, folder + "/o")
            self.assertTrue(os.path.exists(folder + "/o/events.jsonl.zst"))

    def test_settings_and_platforms_change_the_machine(self):
        small = mmusim.Platform("textbook")
        small["/tlbs/stlb/arrays/0/entries"] = 96
        replays = [mmusim.replay(TRACE, platform=p, limit=400000, model="functional", set=s)["totals"]["stlb_misses"]
                   for p, s in (("textbook", None), (small, None), ("textbook", {"/platform/tlbs/stlb/arrays/0/entries": 96}))]
        self.assertLess(replays[0], replays[1])
        self.assertEqual(replays[1], replays[2])

    def test_a_comparison_has_both_sides(self):
        comparison = mmusim.compare(mmusim.Scenario(SMALL))
        self.assertEqual(set(comparison.results), {"base", "huge"})
        self.assertIn("huge against base", comparison.headline)
        walks = {row["run"]: row["mean"] for row in comparison.table() if row["metric"] == "walks"}
        self.assertEqual(walks["base"], comparison.results["base"][0]["sections"]["workload"]["totals"]["walks"])

    def test_a_sweep_has_a_row_for_each_point(self):
        entries = "/platform/tlbs/stlb/arrays/0/entries"
        sweep = mmusim.sweep(TRACE, {"entries=" + entries: [96, 192], "/replay/frames": ["sequential", "random"]}, platform="textbook",
                             model="functional", set={"/replay/limit": 20000}, seed=3)
        self.assertEqual([(p["entries"], p["frames"], p["seed"], p["status"]) for p in sweep],
                         [(e, f, 3, "done") for e in (96, 192) for f in ("sequential", "random")])
        alone = mmusim.replay(TRACE, platform="textbook", model="functional", set={entries: 96}, limit=20000, seed=3)
        self.assertEqual(sweep[0]["summary"]["totals"], alone["totals"])
        with tempfile.TemporaryDirectory() as folder:
            document = {"scenario": "boot-base-vs-huge", "axes": [{"set": "/platform/no/such/key", "values": [1]}]}
            with self.assertRaises(mmusim.InputError):
                mmusim.sweep(document, out=folder + "/o")

    def test_questions(self):
        answer = mmusim.explain(0xffffea0000000040)
        self.assertTrue(answer)
        self.assertEqual(mmusim.translate([{"id": "x"}])[0]["line"], 1)
        self.assertIn("/platform/core/window", [k["key"] for k in mmusim.keys("/platform/core")])

    def test_errors_name_the_key(self):
        with self.assertRaises(mmusim.InputError) as caught:
            mmusim.run("boot-base-vs-huge", set={"/platform/tlbs/stlb/arrays/0/entires": 5})
        self.assertIn("entries", str(caught.exception), "the nearest key")
        platform = mmusim.Platform("milan")
        with self.assertRaises(mmusim.InputError) as caught:
            platform["/core/window"] = "wide"
        self.assertEqual(caught.exception.pointer, "/core/window")
        self.assertIsInstance(platform["/core/window"], int, "a refused value changes nothing")
        with self.assertRaises(mmusim.InputError):
            mmusim.replay(SOURCE + "/README.md")


if __name__ == "__main__":
    unittest.main(verbosity=2)
