#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the disk holds if the power fails at any moment of a run: power_loss_layer notes every operation on files, and each
moment is turned into several disks that a file system may leave (nothing that was not synchronised; names without their
bytes; any part of both). On none of them may results look complete that are not.
usage: power_loss_test.py MMUSIM SOURCE LAYER"""
import json
import os
import random
import subprocess
import sys
import tempfile
import unittest

MMUSIM, SOURCE, LAYER = (os.path.abspath(p) for p in sys.argv[1:4])
SCENARIO = {"name": "small", "platform": "textbook", "kernel": {"version": "6.1"},
            "memory": {"ranges": [{"start": "0x1000", "end": "0x8000000", "node": 0}],
                       "reserved": [{"start": "0x1000000", "end": "0x2000000"}]},
            "phases": [{"phase": "boot"}, {"phase": "workload", "kind": "linear_pfn_scan"}]}


class File:
    """Bytes as written, and as synchronised."""

    def __init__(self, data=b"", durable=b""):
        self.data, self.durable = bytearray(data), bytes(durable)


class Disk:
    """A file system that promises what POSIX does: fsync() of a file keeps its bytes, fsync() of a directory its names."""

    def __init__(self, files, directories):
        self.names = {path: File(data, data) for path, data in files.items()}
        self.names.update({path: None for path in directories})
        self.durable = dict(self.names)
        self.pending = []  # (directory, name, what it names or False) of names not synchronised yet, in order

    def change(self, path, target):
        if target is False:
            self.names.pop(path, None)
        else:
            self.names[path] = target
        self.pending.append((os.path.dirname(path), path, target))

    def apply(self, operation, first, second):
        if operation == "create":
            self.change(first, File())
        elif operation == "mkdir":
            self.change(first, None)
        elif operation == "truncate":
            self.names[first].data = bytearray()
        elif operation == "write":
            self.names[first].data += second
        elif operation == "unlink":
            self.change(first, False)
        elif operation == "rename":
            moved = self.names[first]
            self.change(second, moved)
            self.change(first, False)
        elif operation == "sync":
            if self.names[first] is not None:
                self.names[first].durable = bytes(self.names[first].data)
                return
            for directory, path, target in [p for p in self.pending if p[0] == first]:
                self.keep(self.durable, path, target)
            self.pending = [p for p in self.pending if p[0] != first]

    @staticmethod
    def keep(names, path, target):
        if target is False:
            names.pop(path, None)
        else:
            names[path] = target

    def after_loss(self, keep_name, keep_bytes):
        """The files after a loss of power; the arguments choose what that was not synchronised is there nevertheless."""
        names = dict(self.durable)
        for _, path, target in self.pending:
            if keep_name():
                self.keep(names, path, target)
        found = {}
        for path, file in names.items():
            parent = os.path.dirname(path)
            if file is not None and (parent in names or parent not in self.names):
                found[path] = bytes(file.data[:max(len(file.durable), int(keep_bytes() * len(file.data)))])
        return found

    def losses(self, chance):
        yield self.after_loss(lambda: False, lambda: 0)
        yield self.after_loss(lambda: True, lambda: 0)
        yield self.after_loss(lambda: True, lambda: 1)
        for _ in range(3):
            yield self.after_loss(lambda: chance.random() < 0.5, chance.random)


def journal_of(path):
    with open(path, "rb") as f:
        text = f.read()
    at = 0
    while at < len(text):
        end = text.index(b"\n", at)
        operation, first, second = text[at:end].split()
        at = end + 1
        one = text[at:at + int(first)].decode()
        at += int(first)
        yield operation.decode(), one, text[at:at + int(second)] if operation == b"write" else text[at:at + int(second)].decode()
        at += int(second)


class PowerLoss(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)
        self.root = os.path.realpath(self.dir.name)
        with open(self.path("s.json"), "w") as f:
            json.dump(SCENARIO, f)

    def path(self, *names):
        return os.path.join(self.root, *names)

    def tree(self):
        files, directories = {}, [self.root]
        for folder, subfolders, names in os.walk(self.root):
            directories += [os.path.join(folder, name) for name in subfolders]
            for name in names:
                with open(os.path.join(folder, name), "rb") as f:
                    files[os.path.join(folder, name)] = f.read()
        return files, directories

    def mmusim(self, *arguments, **environment):
        r = subprocess.run([MMUSIM, *arguments], cwd=self.root, capture_output=True, text=True, env={**os.environ, **environment})
        self.assertEqual(r.returncode, 0, r.stderr)

    def noted(self, *arguments, syncs=True):
        """Runs mmusim through the layer: the disk before, the operations, the files after."""
        before = self.tree()
        with tempfile.NamedTemporaryFile() as journal:
            more = {} if syncs else {"POWER_LOSS_NO_SYNC": "1"}
            self.mmusim(*arguments, LD_PRELOAD=LAYER, POWER_LOSS_JOURNAL=journal.name, POWER_LOSS_ROOT=self.root, **more)
            operations = list(journal_of(journal.name))
        self.assertTrue(operations, "the layer noted nothing")
        return before, operations, self.tree()[0]

    def broken(self, before, operations, after, sealed):
        """The first disk on which the file that says "complete" stands beside anything else than what belongs to it."""
        chance = random.Random(1)
        disk = Disk(*before)
        seal, parts = sealed
        seen = set()
        for number, operation in enumerate([("begin", "", ""), *operations]):
            disk.apply(*operation)
            for files in disk.losses(chance):
                if seal not in files:
                    continue
                # Beside the old seal nothing but what was there before, beside the new one all that belongs to it.
                old = files[seal] == before[0].get(seal) and all(files.get(p) in (None, before[0].get(p)) for p in parts)
                new = files[seal] == after[seal] and all(files.get(p) == after[p] for p in parts)
                seen |= {"new"} if new else set()
                if not old and not new:
                    return f"after operation {number} {operation[0]} {operation[1]}: {sorted(files)}"
        self.assertIn("new", seen)
        # What the program reported as done is there, whatever happens now.
        kept = disk.after_loss(lambda: False, lambda: 0)
        for path in [seal, *parts]:
            if kept.get(path) != after[path]:
                return f"after the end: {path} is lost"
        return None

    def results(self, folder, *more):
        return self.path(folder, "summary.json"), [self.path(folder, name) for name in ("events.jsonl.zst", *more)]

    def test_a_first_run(self):
        self.assertIsNone(self.broken(*self.noted("run", "s.json", "--out", "new/d"), self.results("new/d", "kernel.log")))

    def test_a_run_over_another(self):
        self.mmusim("run", "s.json", "--out", "d", "--seed", "7", "--events", "all")
        self.assertIsNone(self.broken(*self.noted("run", "s.json", "--out", "d", "--force"), self.results("d", "kernel.log")))

    def test_a_replay_over_a_run(self):
        self.mmusim("run", "s.json", "--out", "d", "--record", "r.mmt")
        noted = self.noted("replay", "r.mmt", "--out", "d", "--force", "--events", "walks")
        self.assertIsNone(self.broken(*noted, self.results("d")))

    def test_recordings_are_whole_or_what_they_were(self):
        arguments = ["run", "s.json", "--out", "d", "--force", "--record", "r.mmt.zst", "--timeline", "t.json", "--tables", "p.json"]
        self.mmusim(*arguments, "--seed", "7")
        noted = self.noted(*arguments)
        for name in ("r.mmt.zst", "t.json", "p.json"):
            self.assertIsNone(self.broken(*noted, (self.path(name), [])), name)

    def test_a_comparison(self):
        self.mmusim("compare", "s.json", "s.json", "--out", "d")
        noted = self.noted("compare", "s.json", "s.json", "--out", "d", "--force", "--set", "/seed=9")
        sides = [self.path("d", side, "summary.json") for side in ("s", "s__2_")]
        self.assertIsNone(self.broken(*noted, (self.path("d", "compare.json"), sides)))

    def test_without_synchronising_it_would_be_noticed(self):
        self.mmusim("run", "s.json", "--out", "d", "--seed", "7")
        noted = self.noted("run", "s.json", "--out", "d", "--force", syncs=False)
        self.assertIsNotNone(self.broken(*noted, self.results("d", "kernel.log")))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
