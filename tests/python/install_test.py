# SPDX-License-Identifier: MIT
"""The Python package, its extension module and the program, where `cmake --install` and `pip install .` put them.
usage: install_test.py BUILD SOURCE; exits 77 (skipped) without NumPy or pip"""
import glob
import importlib.util
import os
import subprocess
import sys
import tempfile
import unittest

if not all(importlib.util.find_spec(name) for name in ("numpy", "pip", "setuptools", "wheel")):
    sys.exit(77)

BUILD, SOURCE = (os.path.abspath(sys.argv.pop(1)) for _ in range(2))
USE = """
import mmusim, numpy, os
machine = mmusim.FunctionalMachine("milan")
print(machine.access(numpy.arange(0, 1 << 20, 64, dtype=numpy.uint64))["walks"], mmusim.program())
traces = os.path.dirname(mmusim.program()) + "/../share/mmusim/traces/"
print(len(next(mmusim.trace.open(traces + "bootinit-512m-4l.vmt.xz", block=100))))
"""


class Installed(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.prefix = os.path.realpath(folder.name)

    def call(self, *command, **environment):
        kept = {name: value for name, value in os.environ.items() if name not in ("MMUSIM_PROGRAM", "MMUSIM_CONFIGS", "PYTHONPATH")}
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", env={**kept, **environment})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def use(self):
        packages, = glob.glob(self.prefix + "/**/mmusim/__init__.py", recursive=True)
        self.assertTrue(os.path.exists(os.path.join(os.path.dirname(packages), "functional.pyi")))
        printed = self.call(sys.executable, "-c", USE, PYTHONPATH=os.path.dirname(os.path.dirname(packages))).split()
        self.assertEqual((printed[0], printed[2]), ("256", "100"))
        self.assertTrue(printed[1].startswith(self.prefix), printed)

    def test_by_cmake(self):
        self.call("cmake", "--install", BUILD, "--prefix", self.prefix)
        self.use()

    def test_by_pip(self):
        self.call(sys.executable, "-m", "pip", "install", "--no-build-isolation", "--no-deps", "--no-index", "--prefix", self.prefix,
                  SOURCE, MMUSIM_BUILD=BUILD)
        self.use()


if __name__ == "__main__":
    unittest.main(verbosity=2)
