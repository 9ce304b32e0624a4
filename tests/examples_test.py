# SPDX-License-Identifier: MIT
"""Every folder of examples/ runs, with less work than a user's run."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

MMUSIM, SOURCE = (os.path.abspath(p) for p in (sys.argv.pop(1), sys.argv.pop(1)))
NEEDS_PACKAGE = ("own-replacement-policy", "tlm")  # run by consumer_test.py, which installs it
ARGUMENTS = {"own-boot": [SOURCE + "/tests/data/bootlogs/double-spaced.txt"],
             "crash-dump": [SOURCE + "/tests/data/crash/k61-128m.kdump.xz"]}


class Examples(unittest.TestCase):
    def test_each_runs(self):
        folders = sorted(f for f in os.listdir(SOURCE + "/examples") if os.path.isdir(f"{SOURCE}/examples/{f}"))
        self.assertGreaterEqual(len(folders), 10)
        with open(SOURCE + "/examples/README.md") as file:
            listed = file.read()
        for folder in folders:
            self.assertIn(f"| `{folder}` |", listed)
            self.assertTrue(os.path.exists(f"{SOURCE}/examples/{folder}/README.md"))
            if folder in NEEDS_PACKAGE:
                continue
            if "valgrind" in folder and not shutil.which("valgrind"):
                continue
            with self.subTest(folder), tempfile.TemporaryDirectory() as home:
                os.symlink(MMUSIM, home + "/mmusim")
                environment = dict(os.environ, PATH=f"{home}:{os.environ['PATH']}", OUT=home + "/out", SHORT="20000")
                done = subprocess.run([f"{SOURCE}/examples/{folder}/run.sh", *ARGUMENTS.get(folder, [])], cwd=home, env=environment,
                                      capture_output=True, text=True, timeout=300)
                self.assertEqual(done.returncode, 0, done.stdout[-1000:] + done.stderr[-2000:])
                self.assertTrue(done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
