# SPDX-License-Identifier: MIT
"""Installs mmusim, builds a project against the package, and runs the installed program far from the source tree."""
import os
import subprocess
import sys
import tempfile
import unittest

BUILD, SOURCE = sys.argv.pop(1), sys.argv.pop(1)


def call(*arguments, **options):
    result = subprocess.run(arguments, capture_output=True, text=True, **options)
    if result.returncode != 0:
        raise AssertionError(f"{arguments}: {result.returncode}\n{result.stdout}{result.stderr}")
    return result.stdout


class Consumer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.prefix = cls.folder.name + "/prefix"
        call("cmake", "--install", BUILD, "--prefix", cls.prefix)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_a_project_finds_the_package_and_runs_a_machine(self):
        out = self.folder.name + "/consumer"
        call("cmake", "-S", SOURCE + "/tests/consumer", "-B", out, "-DCMAKE_PREFIX_PATH=" + self.prefix,
             "-DCMAKE_BUILD_TYPE=Release")
        call("cmake", "--build", out)
        lines = call(out + "/consumer", cwd="/").splitlines()
        words = lines[0].split()
        self.assertEqual(words[:4], ["accesses", "1000", "walks", "250"])
        self.assertGreater(int(words[5]), 1000)
        self.assertEqual(lines[1], "accesses 1000 walks 250 cycles 0 faults 0")
        self.assertEqual(lines[2], "observed 250")
        self.assertIn("fault: ", lines[3])
        self.assertEqual(lines[4], "core0.page_walkers.walks 251")

    def test_the_installed_program_needs_no_source_tree(self):
        folder = self.folder.name + "/elsewhere"
        os.makedirs(folder)
        program = self.prefix + "/bin/mmusim"
        text = call(program, "compare", "boot-base-vs-huge", "--set", "/phases/1/limit=2000", "--out", "o", cwd=folder)
        self.assertIn("report: o/report.html", text)
        trace = self.prefix + "/share/mmusim/traces/ops-512m-4l.vmt.xz"
        call(program, "replay", trace, "--limit", "1000", "--out", "r", cwd=folder)

    def example(self, name):
        environment = dict(os.environ, PREFIX=self.prefix, OUT=self.folder.name + "/out", SHORT="20000",
                           PATH=f"{self.prefix}/bin:{os.environ['PATH']}")
        return call(f"{SOURCE}/examples/{name}/run.sh", env=environment)

    def test_a_replacement_policy_of_a_users_own_is_measured(self):
        self.assertIn("misses with LRU 12217, with SRRIP 10564", self.example("own-replacement-policy"))

    def test_a_virtual_platform_counts_what_replay_counts(self):
        text = self.example("tlm")
        self.assertIn("accesses 20000 ", text)
        self.assertIn("replay: {'accesses': 20000, ", text)

    def test_only_the_public_headers_are_installed(self):
        headers = sorted(os.listdir(self.prefix + "/include/mmusim"))
        self.assertEqual(headers, ["events.h", "experiment.h", "kernel.h", "machine.h", "platform.h", "scenario.h", "tlm.h"])
        self.assertEqual(os.listdir(self.prefix + "/include"), ["mmusim"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
