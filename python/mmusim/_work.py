# SPDX-License-Identifier: MIT
"""The commands as functions."""
import contextlib
import copy
import json
import os
import re
import tempfile

from ._program import InputError, call
from ._results import Comparison, Result, Sweep


@contextlib.contextmanager
def _folder(out):
    """The folder for results: the caller's, which stays, or a temporary one."""
    if out is not None:
        yield os.fspath(out)
        return
    with tempfile.TemporaryDirectory(prefix="mmusim-") as folder:
        yield os.path.join(folder, "out")


@contextlib.contextmanager
def _file(given):
    """A name or path as it is; a Platform, Scenario or dict as a temporary file."""
    if isinstance(given, (str, os.PathLike)):
        yield os.fspath(given)
        return
    document = given.document if isinstance(given, (Platform, Scenario)) else given
    with tempfile.NamedTemporaryFile("w", suffix=".json", prefix=document.get("name", "scenario") + "-") as file:
        json.dump(document, file)
        file.flush()
        yield file.name


def _options(set=None, **named):
    """--set for each assignment, and an option for each name that is given: limit=5 is --limit 5, paranoid=True --paranoid."""
    words = []
    for pointer, value in (set or {}).items():
        words += ["--set", f"{pointer}={json.dumps(value)}"]
    for name, value in named.items():
        option = "--" + name.replace("_", "-")
        for one in value if isinstance(value, (list, tuple)) else [value]:
            if one is True:
                words.append(option)
            elif one is not None and one is not False:
                words += [option, str(one)]
    return words


def run(scenario, *, out=None, set=None, platform=None, **options):
    """Runs a scenario (name, path, Scenario or dict) and returns its Result.

    `set`: values by JSON pointer. `platform`: name, path or Platform. Other keywords are options of `mmusim run`:
    variant="hugepages", seed=3, events="pte,walks", core="window", tables="t.json", ..."""
    with _file(scenario) as path, _file(platform or "") as machine, _folder(out) as folder:
        call("run", path, "--out", folder, *_options(set, platform=machine or None, **options))
        return Result.read(folder, keep=out is not None)


def replay(trace, *, out=None, set=None, platform=None, **options):
    """Replays a trace file and returns its Result. Keywords are options of `mmusim replay`: model="functional", pages="2M",
    warmup="10Mi", limit=1000000, what_if=True, ..."""
    with _file(platform or "") as machine, _folder(out) as folder:
        call("replay", os.fspath(trace), "--out", folder, *_options(set, platform=machine or None, **options))
        return Result.read(folder, keep=out is not None)


def compare(*scenarios, out=None, set=None, platform=None, **options):
    """Compares scenarios, the variants of one, a trace on several platforms, or folders of finished results, and returns a
    Comparison. Keywords are options of `mmusim compare`."""
    with contextlib.ExitStack() as stack:
        paths = [stack.enter_context(_file(s)) for s in scenarios]
        platforms = platform if isinstance(platform, (list, tuple)) else [platform] if platform else []
        machines = [stack.enter_context(_file(p)) for p in platforms]
        folder = stack.enter_context(_folder(out))
        call("compare", *paths, "--out", folder, *_options(set, platform=machines, **options), accept=(0, 1))
        with open(os.path.join(folder, "compare.json")) as file:
            comparison = json.load(file)
        def result(directory):
            inside = os.path.join(folder, directory)
            return Result.read(inside if os.path.exists(inside) else directory, keep=out is not None)

        results = {r["label"]: [result(d) for d in r["directories"]] for r in comparison["runs"] if r["succeeded"]}
        return Comparison(comparison, results)


def _value(value):
    """A value as --vary takes it: a word as it is, which then stands so in its column."""
    return value if isinstance(value, str) and re.fullmatch(r"[\w.:/-]+", value) else json.dumps(value)


def sweep(given, vary=None, *, out=None, set=None, platform=None, **options):
    """Runs a scenario or replays a trace at every combination of values, and returns a Sweep; a sweep document or its path will do too.

    `vary`: values by JSON pointer, or by "NAME=/json/pointer" for a column of that name; /replay/KEY varies an option of a replay.
    Other keywords are options of `mmusim sweep`: model="functional", repeat=10, jobs=2, slurm="--partition=short", ... With `out`,
    what is finished there is not run again."""
    with _file(given) as path, _file(platform or "") as machine, _folder(out) as folder:
        axes = [f"{key}=" + ",".join(map(_value, values)) for key, values in (vary or {}).items()]
        slurm = options.pop("slurm", None)
        words = ["--slurm"] if slurm is True else [f"--slurm={slurm}"] if slurm else []
        call("sweep", path, "--out", folder, *words, *_options(set, vary=axes, platform=machine or None, **options), accept=(0, 1))
        return Sweep.read(folder, keep=out is not None)


def explain(address, *, set=None, **options):
    """How an address ("0xffff...", a number, "pfn:0x1000") is translated. Keywords are options of `mmusim explain`."""
    text = address if isinstance(address, str) else hex(address)
    return json.loads(call("explain", text, "--json", *_options(set, **options)))


def translate(cases, *, set=None, **options):
    """Outcomes of translation cases (docs/page-walk-cases.md), dictionaries both, in the same order."""
    lines = "".join(json.dumps(case) + "\n" for case in cases)
    return [json.loads(line) for line in call("translate", *_options(set, **options), given=lines, accept=(0, 1)).splitlines()]


def keys(prefix=""):
    """Every key of scenarios, platforms and DRAM devices below `prefix`, with type, range, default and meaning."""
    return json.loads(call("keys", *([prefix] if prefix else []), "--json"))


class _Document:
    """A configuration whose keys are checked as they are set, by JSON pointer below the document."""
    _root = ""

    def __init__(self, document):
        self.document = copy.deepcopy(document)

    def __getitem__(self, pointer):
        node = self.document
        for token in pointer.strip("/").split("/"):
            node = node[int(token)] if isinstance(node, list) else node[token]
        return node

    def __setitem__(self, pointer, value):
        changed = copy.deepcopy(self.document)
        node, tokens = changed, pointer.strip("/").split("/")
        for token in tokens[:-1]:
            node = node[int(token)] if isinstance(node, list) else node.setdefault(token, {})
        node[int(tokens[-1]) if isinstance(node, list) else tokens[-1]] = value
        self._check(changed)
        self.document = changed

    def _check(self, document):
        with _file(document) as path:
            call("validate", path)


class Platform(_Document):
    """A machine: Platform("milan") has all keys with their values; platform["/tlbs/stlb/arrays/0/entries"] = 1024 changes one.
    Raises InputError, which names the key, for what no machine can be."""

    def __init__(self, name_or_document):
        if isinstance(name_or_document, str):
            name_or_document = json.loads(call("presets", name_or_document, "--print"))
        super().__init__(name_or_document)
        self._check(self.document)


class Scenario(_Document):
    """A scenario: a shipped one by name, with its keys as they stand there and its defaults filled in, or a dictionary."""

    def __init__(self, name_or_document):
        if isinstance(name_or_document, str):
            name_or_document = json.loads(call("presets", name_or_document, "--print"))
        if not isinstance(name_or_document, dict):
            raise InputError("Scenario: expected a name or a dictionary")
        super().__init__(name_or_document)
        self._check(self.document)
