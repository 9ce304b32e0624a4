# SPDX-License-Identifier: MIT
"""FunctionalMachine and trace.open() of the Python package, against the program.
usage: native_test.py MMUSIM SOURCE PACKAGES; exits 77 (skipped) without NumPy"""
import ast
import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import threading
import unittest

try:
    import numpy as np
except ImportError:
    sys.exit(77)

MMUSIM, SOURCE, PACKAGES = (os.path.abspath(sys.argv.pop(1)) for _ in range(3))
os.environ["MMUSIM_PROGRAM"] = MMUSIM
sys.path.insert(0, PACKAGES)
import mmusim  # noqa: E402


def addresses(count):
    """A program's: some pages often, some seldom; some accesses cross a page boundary."""
    dice = np.random.default_rng(1)
    page = np.where(dice.random(count) < 0.5, dice.integers(0, 60, count), dice.integers(0, 5000, count))
    return (0x7f0000000000 + page * 4096 + dice.integers(0, 4096, count)).astype(np.uint64)


class Native(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def trace(self, given, kind="r"):
        path = self.folder.name + "/t.din"
        with open(path, "w") as file:
            file.writelines(f"{kind} {va:x} 8\n" for va in given.tolist())
        return path

    def replayed(self, path, *options):
        subprocess.run([MMUSIM, "replay", path, "--model", "functional", "--out", self.folder.name + "/o", "--force", *options], check=True,
                       capture_output=True)
        with open(self.folder.name + "/o/summary.json") as file:
            totals = json.load(file)["totals"]
        del totals["cycles"]
        return totals

    def test_counts_are_those_of_replay(self):
        given = addresses(50_000)
        for kind, letter in (("read", "r"), ("write", "w")):
            path = self.trace(given, letter)
            for platform, pages in (("textbook", "4K"), ("milan", "4K"), ("skylake-sp", "2M")):
                machine = mmusim.FunctionalMachine(platform, pages=pages)
                machine.access(given, kind)
                expected = self.replayed(path, "--platform", platform, "--pages", pages)
                self.assertEqual(machine.totals, {name: expected[name] for name in machine.totals}, (platform, kind))
                self.assertGreater(machine.totals["stlb_misses"], 0)
                self.assertEqual(machine.faults, 0)

    def test_each_call_returns_its_own_counts(self):
        given = addresses(20_000)
        machine = mmusim.FunctionalMachine("textbook")
        first, second = machine.access(given[:9000]), machine.access(given[9000:])
        self.assertEqual(first["accesses"], 9000)
        self.assertEqual({n: first[n] + second[n] for n in first}, machine.totals)
        whole = mmusim.FunctionalMachine("textbook")
        self.assertEqual(whole.access(given), machine.totals, "the division into calls changes nothing")

    def test_blocks_of_a_trace_give_the_same_counts(self):
        given = addresses(30_000)
        path = self.trace(given)
        machine = mmusim.FunctionalMachine("milan")
        with mmusim.trace.open(path, block=1000) as trace:
            self.assertEqual(trace.info["form"], "dinero")
            blocks = list(trace)
        for block in blocks:
            self.assertEqual(block.dtype, mmusim.trace.DTYPE)
            self.assertLessEqual(len(block), 1000)
            machine.access(block)
        self.assertTrue((np.concatenate([b["va"] for b in blocks]) == given).all())
        self.assertTrue(all((b["bytes"] == 8).all() and (b["kind"] == 0).all() for b in blocks))
        expected = self.replayed(path, "--platform", "milan")
        self.assertEqual(machine.totals, {name: expected[name] for name in machine.totals})

    def test_any_integers_and_strides_are_taken(self):
        machine = mmusim.FunctionalMachine("textbook")
        self.assertEqual(machine.access(np.arange(0, 40 * 4096, 4096)[::2])["walks"], 20)
        self.assertEqual(machine.access([0x1000, 0x3000])["l1_dtlb_misses"], 2)
        self.assertEqual(machine.access(np.array([], dtype=np.uint64))["accesses"], 0)

    def test_a_changed_platform_is_that_machine(self):
        given = addresses(30_000)
        small = mmusim.Platform("textbook")
        small["/tlbs/stlb/arrays/0/entries"] = 96
        self.assertGreater(mmusim.FunctionalMachine(small).access(given)["stlb_misses"],
                           mmusim.FunctionalMachine("textbook").access(given)["stlb_misses"])

    def test_what_is_wrong_is_an_exception(self):
        with self.assertRaisesRegex(mmusim.InputError, "levels"):
            mmusim.FunctionalMachine("textbook", levels=6)
        with self.assertRaisesRegex(mmusim.InputError, "--pages"):
            mmusim.FunctionalMachine("textbook", pages="3K")
        machine = mmusim.FunctionalMachine("textbook")
        with self.assertRaises(ValueError):
            machine.access([0], "look")
        with self.assertRaisesRegex(mmusim.InputError, "bytes"):
            machine.access([0], bytes=0)
        with self.assertRaisesRegex(mmusim.InputError, "float64"):
            machine.access(np.array([0.5]))
        records = np.zeros(3, dtype=mmusim.trace.DTYPE)
        with self.assertRaisesRegex(mmusim.InputError, "record 0"):
            machine.access(records)
        with self.assertRaises(mmusim.Error) as caught:
            mmusim.trace.open(self.folder.name + "/none.din")
        self.assertEqual(caught.exception.code, 3)
        machine.access(np.array([1 << 63], dtype=np.uint64))
        self.assertEqual(machine.faults, 1)

    def test_errors_of_platforms_name_the_key(self):
        document = mmusim.Platform("textbook").document
        document["tlbs"]["stlb"]["arrays"][0]["ways"] = 5
        with self.assertRaises(mmusim.InputError) as caught:
            mmusim.FunctionalMachine(document)
        self.assertTrue(caught.exception.pointer.startswith("/tlbs/stlb/arrays/0"), caught.exception)
        with self.assertRaises(mmusim.InputError) as caught:  # the module itself, which the program did not ask before
            mmusim.functional.native().FunctionalMachine(json.dumps(document), "4K", "sequential", 4, 1)
        self.assertTrue(caught.exception.pointer.startswith("/tlbs/stlb/arrays/0"), caught.exception)

    def test_threads_take_turns(self):
        given, machine = addresses(40_000), mmusim.FunctionalMachine("textbook")
        threads = [threading.Thread(target=machine.access, args=(given,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(machine.totals["accesses"], 160_000)

    def test_the_notebook_prints_what_stands_in_it(self):
        folder = SOURCE + "/docs/examples"
        with open(folder + "/functional-machine.ipynb") as file:
            cells = [cell for cell in json.load(file)["cells"] if cell["cell_type"] == "code"]
        names = {}
        before = os.getcwd()
        os.chdir(folder)
        self.addCleanup(os.chdir, before)
        for cell in cells:
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                exec("".join(cell["source"]), names)  # noqa: S102
            self.assertEqual(printed.getvalue(), "".join(line for out in cell["outputs"] for line in out["text"]))

    def test_stubs_name_what_the_modules_have(self):
        for name in ("functional", "trace"):
            module = getattr(mmusim, name) if name == "trace" else sys.modules["mmusim.functional"]
            with open(f"{PACKAGES}/mmusim/{name}.pyi") as file:
                for node in ast.parse(file.read()).body:
                    if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
                        ours = getattr(module, node.name)
                        self.assertTrue(ours.__doc__)
                        for inner in node.body if isinstance(node, ast.ClassDef) else []:
                            self.assertTrue(hasattr(ours, inner.name), inner.name)


if __name__ == "__main__":
    unittest.main(verbosity=2)
