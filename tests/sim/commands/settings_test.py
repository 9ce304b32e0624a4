#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""--platform and --set mean the same on every command that has a machine. usage: settings_test.py MMUSIM SOURCE"""
import glob
import json
import os
import subprocess
import sys
import tempfile
import unittest

MMUSIM, SOURCE = (os.path.abspath(p) for p in (sys.argv.pop(1), sys.argv.pop(1)))
SCENARIO = {"name": "small", "platform": "textbook", "kernel": {"version": "6.1"},
            "memory": {"ranges": [{"start": "0x1000", "end": "0x8000000", "node": 0}],
                       "reserved": [{"start": "0x1000000", "end": "0x2000000"}]},
            "phases": [{"phase": "boot", "timed": False},
                       {"phase": "workload", "kind": "random_pfn", "parameters": {"operations": 500}}]}
IMAGE = os.path.join(SOURCE, "tests/data/images/img-512m-4l.ptimg.xz")


class Settings(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)
        self.write("s.json", SCENARIO)

    def path(self, name):
        return os.path.join(self.dir.name, name)

    def write(self, name, document):
        with open(self.path(name), "w") as f:
            json.dump(document, f)

    def mmusim(self, *arguments, code=0):
        done = subprocess.run([MMUSIM, *arguments], capture_output=True, text=True, timeout=300, cwd=self.dir.name)
        self.assertEqual(done.returncode, code, f"{arguments}: {done.stdout[-500:]} {done.stderr[-1000:]}")
        return done

    def configuration(self, *options):
        self.mmusim("run", "s.json", "--out", "o", "--force", *options)
        with open(self.path("o/summary.json")) as f:
            return json.load(f)["configuration"]

    def test_run_takes_a_platform_and_settings_of_it(self):
        c = self.configuration("--platform", "genoa", "--set", "/platform/tlbs/stlb/arrays/0/entries=1536", "--set",
                               "/kernel/version=6.12")
        self.assertEqual(c["platform"]["name"], "genoa")
        self.assertEqual(c["platform"]["tlbs"]["stlb"]["arrays"][0]["entries"], 1536)
        self.assertEqual(c["kernel"]["version"], "6.12")

    def test_a_platform_file_of_the_current_folder_is_found(self):
        os.mkdir(self.path("below"))
        self.write("below/s.json", SCENARIO)
        self.write("mine.json", {"base": "textbook", "name": "mine"})
        self.mmusim("run", "below/s.json", "--platform", "mine.json", "--out", "o", "--force")
        self.mmusim("run", "below/s.json", "--set", "/platform=mine.json", "--out", "o", "--force")
        with open(self.path("o/summary.json")) as f:
            self.assertEqual(json.load(f)["configuration"]["platform"]["name"], "mine")

    def test_compare_keeps_settings_of_its_platforms(self):
        self.mmusim("compare", "s.json", "--platform", "textbook", "--platform", "milan", "--set", "/platform/cores=2",
                    "--set", "/platform/tlbs/stlb/arrays/0/ways=4", "--out", "o", "--force")
        for folder in ("s_on_textbook", "s_on_milan"):
            with open(self.path(f"o/{folder}/summary.json")) as f:
                platform = json.load(f)["configuration"]["platform"]
            self.assertEqual((platform["cores"], platform["tlbs"]["stlb"]["arrays"][0]["ways"]), (2, 4), folder)

    def test_explain_takes_them_for_scenarios_and_images(self):
        for target in (["--scenario", "s.json"], ["--image", IMAGE]):
            self.mmusim("explain", "0xffffea0000000040", *target, "--platform", "milan", "--set",
                        "/platform/tlbs/stlb/arrays/0/ways=4")
            self.mmusim("explain", "0xffffea0000000040", *target, "--set", "/platform/tlbs/stlb/arrays/0/wasy=4", code=2)

    def test_validate_takes_them(self):
        milan = os.path.join(SOURCE, "configs/platforms/milan.json")
        self.mmusim("validate", "s.json", milan, "--set", "/platform/cores=2")
        self.mmusim("validate", "s.json", "--platform", "genoa", "--set", "/kernel/levels=5")
        said = self.mmusim("validate", "s.json", "--platform", "milan", "--set", "/kernel/levels=5", code=2).stderr
        self.assertIn("/kernel/levels: 5 levels on platform milan", said)
        said = self.mmusim("validate", milan, "--set", "/platform/tlbs/stlb/arrays/0/ways=7", code=2).stderr
        self.assertIn("/tlbs/stlb/arrays/0/ways: 7 ways do not divide", said)
        device = os.path.join(SOURCE, "configs/dram/ddr4-3200.json")
        self.assertIn("this is a DRAM part", self.mmusim("validate", device, "--set", "/platform/cores=2", code=2).stderr)

    def test_verify_takes_settings(self):
        dump = sorted(glob.glob(os.path.join(SOURCE, "tests/data/recorded/*.xz")))[0]
        self.mmusim("verify", dump)
        said = self.mmusim("verify", dump, "--set", "/kernel/vmemmap_pgaes=base", code=2).stderr
        self.assertIn("did you mean /kernel/vmemmap_pages?", said)

    def test_every_command_names_the_nearest_key(self):
        for command in (["run", "s.json"], ["compare", "s.json", "s.json"], ["explain", "0x0", "--scenario", "s.json"],
                        ["validate", "s.json"], ["translate", "/dev/null"]):
            said = self.mmusim(*command, "--set", "/platform/tlbs/stbl/arrays/0/entries=4", code=2).stderr
            self.assertIn("/platform/tlbs: no key \"stbl\", did you mean /platform/tlbs/stlb?", said, command)

    def test_a_wrong_setting_leaves_nothing(self):
        self.mmusim("run", "s.json", "--set", "/platform/cores=0", "--out", "o", code=2)
        self.assertFalse(os.path.exists(self.path("o")))


class Lists(unittest.TestCase):
    def printed(self, *arguments, code=0):
        done = subprocess.run([MMUSIM, *arguments], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout if code == 0 else done.stderr

    def test_keys_of_shipped_files_are_listed(self):
        lines = self.printed("keys").splitlines()
        paths = {line.split()[0] for line in lines}
        for path in ("/platform/core/issue_width", "/platform/tlbs/stlb/arrays/N/entries", "/platform/dram/device/tck_ps",
                     "/kernel/version", "/memory/ranges/N/start", "/phases/N[hot_add]/size", "/phases/N[workload]/limit",
                     "/phases/N[workload,zipf]/parameters/exponent"):
            self.assertIn(path, paths)
        self.assertEqual(len(json.loads(self.printed("keys", "--json"))), len(lines))

    def test_prefixes(self):
        self.assertTrue(all(line.startswith("/platform/core") for line in self.printed("keys", "platform.core").splitlines()))
        self.assertIn("did you mean \"stlb\"?", self.printed("keys", "stbl", code=2))

    def test_presets_name_their_kind_and_misspelt_ones_the_nearest(self):
        self.assertIn("platform milan:", self.printed("presets", "milan"))
        self.assertIn("kernel profile 6.1:", self.printed("presets", "6.1"))
        self.assertIn("did you mean \"milan\"?", self.printed("presets", "millan", code=2))
        self.assertEqual(json.loads(self.printed("presets", "zipf", "--print"))["parameters"]["unit"], "4KiB")
        for name in ("milan", "ddr4-3200", "boot-base-vs-huge", "6.12", "mix"):
            self.assertIn(" ", self.printed("presets", name))
            json.loads(self.printed("presets", name, "--print"))


if __name__ == "__main__":
    unittest.main()
