#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""JSON Schemas of `mmusim schema`, checked by an independent validator (python3-jsonschema): every shipped file is accepted,
and what the program refuses key by key is refused. usage: schema_test.py MMUSIM SOURCE"""
import copy
import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

try:
    from jsonschema import Draft202012Validator
except ImportError:
    # The package of Debian belongs to Debian's interpreter.
    if os.path.exists("/usr/bin/python3") and os.environ.get("MMUSIM_SCHEMA_TEST") != "again":
        os.environ["MMUSIM_SCHEMA_TEST"] = "again"
        os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])
    sys.exit("python3-jsonschema is missing; scripts/test installs it")

MMUSIM, SOURCE = (os.path.abspath(p) for p in (sys.argv.pop(1), sys.argv.pop(1)))


def without_comments(text):
    return re.sub(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', lambda m: m.group(1) or "", text, flags=re.S)


def load(path):
    with open(path) as f:
        return json.loads(without_comments(f.read()))


def schema(kind):
    return json.loads(subprocess.run([MMUSIM, "schema", kind], capture_output=True, text=True, check=True).stdout)


def shipped(folder):
    return sorted(glob.glob(os.path.join(SOURCE, "configs", folder, "*.json")))


class Schemas(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.validators = {}
        for kind in ("platform", "dram", "scenario", "sweep", "events", "summary"):
            document = schema(kind)
            Draft202012Validator.check_schema(document)
            assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
            cls.validators[kind] = Draft202012Validator(document)

    def accepted(self, kind, document, name=""):
        errors = [f"{list(e.absolute_path)}: {e.message[:300]}" for e in self.validators[kind].iter_errors(document)]
        self.assertEqual(errors, [], name)

    def program_accepts(self, document):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
            json.dump(document, f)
            f.flush()
            return subprocess.run([MMUSIM, "validate", f.name], capture_output=True, text=True).returncode == 0

    def refused(self, kind, document, why):
        """By the schema, and by the program: the two agree."""
        self.assertFalse(self.validators[kind].is_valid(document), why)
        self.assertFalse(self.program_accepts(document), f"{why}: the program takes it")

    def test_every_shipped_file_is_accepted(self):
        for kind, folder in (("platform", "platforms"), ("dram", "dram"), ("scenario", "scenarios")):
            files = shipped(folder)
            self.assertGreater(len(files), 5)
            for file in files:
                self.accepted(kind, load(file), file)

    def test_every_preset_printed_is_accepted(self):
        for kind, folder in (("platform", "platforms"), ("dram", "dram"), ("scenario", "scenarios")):
            for file in shipped(folder):
                name = os.path.basename(file)[:-5]
                printed = subprocess.run([MMUSIM, "presets", name, "--print"], capture_output=True, text=True, check=True).stdout
                self.accepted(kind, json.loads(printed), name)
                self.assertTrue(self.program_accepts(json.loads(printed)), name)

    def test_every_variant_applied_is_accepted(self):
        for file in shipped("scenarios"):
            document = load(file)
            for name, patch in document.get("variants", {}).items():
                merged = merge(copy.deepcopy(document), patch)
                self.accepted("scenario", merged, f"{file} {name}")

    def change(self, document, pointer, value):
        changed = copy.deepcopy(document)
        node = changed
        *path, last = pointer
        for part in path:
            node = node[part]
        if value is None:
            del node[last]
        else:
            node[last] = value
        return changed

    def test_wrong_platforms_are_refused(self):
        good = load(os.path.join(SOURCE, "configs/platforms/milan.json"))
        for pointer, value in (
            (["cores"], 0), (["cores"], 513), (["cores"], "many"), (["cores"], 1.5), (["colour"], "red"),
            (["core", "model"], "quantum"), (["core", "issue_width"], 33), (["core", "issue_widht"], 4),
            (["tlbs", "stlb", "arrays"], None), (["tlbs", "stlb", "arrays"], []), (["tlbs", "stlb"], None),
            (["tlbs", "stlb", "arrays", 0, "pages"], ["8K"]), (["tlbs", "stlb", "arrays", 0, "pages"], None),
            (["tlbs", "stlb", "arrays", 0, "entries"], 2 ** 60), (["tlbs", "next_page_prefetch"], "yes"),
            (["processor", "vendor"], "via"), (["dram", "channels"], 65), (["dram", "to_memory_ns"], -1),
            (["dram", "device"], 7), (["caches", "l3", "policy"], ""), (["page_walkers"], []), (["name"], 7),
        ):
            self.refused("platform", self.change(good, pointer, value), f"{pointer} {value}")

    def test_wrong_devices_are_refused(self):
        good = load(os.path.join(SOURCE, "configs/dram/ddr5-4800.json"))
        for pointer, value in ((["timing_cycles", "tRCD"], None), (["timing_cycles", "tRCD"], 0), (["timing_cycles", "tXYZ"], 1),
                               (["row_size"], "1 parsec"), (["controller", "page_policy"], "ajar"),
                               (["ranks"], 17), (["address_map", "xor"], [])):
            self.refused("dram", self.change(good, pointer, value), f"{pointer} {value}")

    def test_wrong_scenarios_are_refused(self):
        good = {"platform": "textbook", "kernel": {"version": "6.1"},
                "memory": {"ranges": [{"start": "0x1000", "end": "0x8000000", "node": 0}],
                           "reserved": [{"start": "0x1000000", "end": "0x2000000"}]},
                "phases": [{"phase": "boot"}, {"phase": "workload", "kind": "zipf", "parameters": {"unit": "4KiB"}},
                           {"phase": "hot_add", "start": "0x10000000", "size": "128MiB"}]}
        self.accepted("scenario", good)
        self.assertTrue(self.program_accepts(good))
        for pointer, value in (
            (["memory"], None), (["phases"], None), (["phases"], []), (["phases", 0, "phase"], "boto"), (["phases", 0], {}),
            (["phases", 1, "kind"], "zip"), (["phases", 1, "kind"], None), (["phases", 1, "parameters", "exponent"], 0),
            (["phases", 1, "parameters", "stride"], 4), (["phases", 1, "start"], "0x0"), (["phases", 2, "start"], None),
            (["phases", 2, "kind"], "zipf"), (["phases", 2, "size"], "128 parsecs"), (["kernel", "version"], 6.1),
            (["kernel", "version"], "2.4"), (["kernel", "struct_page_bytes"], 68), (["kernel", "numa_distance"], [[5]]),
            (["memory", "early_tables"], "nowhere"), (["platform"], 7), (["seed"], -1), (["variants"], {"a": 1}),
            (["memory", "ranges", 0, "node"], 1024), (["phases", 0, "expect"], "-EMYSTERY"),
        ):
            self.refused("scenario", self.change(good, pointer, value), f"{pointer} {value}")

    def test_sweeps(self):
        entries, ways = "/platform/tlbs/stlb/arrays/0/entries", "/platform/tlbs/stlb/arrays/0/ways"
        good = {"scenario": "boot-base-vs-huge", "variant": "hugepages", "platform": "textbook", "description": "STLB",
                "set": ["/seed=2"], "repeat": 2, "seed": 3, "metrics": ["cycles", "walks"],
                "axes": [{"name": "entries", "set": entries, "values": [768, 1536]},
                         {"zip": [{"set": "/platform/page_walkers/walkers", "values": [1, 2]},
                                  {"name": "ways", "choices": [{"label": 6, "set": ways + "=6"}, {"label": 12, "set": [ways + "=12"]}]}]},
                         {"name": "load", "patches": {"short": {"kernel": {"hvo": False}}, "long": {"kernel": {"hvo": True}}}}]}
        traces = {"trace": [os.path.join(SOURCE, "traces", t) for t in ("big-8g-4l.vmt.xz", "ops-512m-4l.vmt.xz")],
                  "platform": "textbook", "replay": {"model": "functional", "limit": 1000},
                  "axes": [{"set": "/replay/pages", "values": ["4K", "2M"]}]}
        for document in (good, traces):
            self.accepted("sweep", document)
            self.assertTrue(self.program_accepts(document))
        for pointer, value in (
            (["axes"], 7), (["axes", 0], "entries"), (["axes", 0, "values"], 768), (["axes", 0, "colour"], "red"),
            (["axes", 1, "zip"], {}), (["axes", 1, "zip", 1, "choices"], ["6"]), (["axes", 2, "patches", "short"], 5),
            (["repeat"], 0), (["repeat"], 10 ** 7), (["seed"], -1), (["variant"], 7), (["axis"], []),
        ):
            self.refused("sweep", self.change(good, pointer, value), f"{pointer} {value}")
        self.refused("sweep", dict(traces, replay=5), "replay")
        # What only the program knows: what the keys mean.
        for document in (self.change(good, ["axes", 0, "values"], [768, 7]), self.change(good, ["axes", 0, "set"], "/platform/tlbs/sltb"),
                         self.change(good, ["scenario"], "no-such"), dict(good, trace="t.vmt")):
            self.assertFalse(self.program_accepts(document))

    def test_base_makes_a_patch_of_a_platform(self):
        self.accepted("platform", {"base": "milan", "cores": 2})
        self.accepted("platform", {"base": "milan", "tlbs": {"l2_itlb": None}})
        self.assertFalse(self.validators["platform"].is_valid({"base": "milan", "crores": 2}))
        self.assertFalse(self.validators["platform"].is_valid({"base": 7}))
        memory = {"ranges": [{"start": "0x1000", "end": "0x8000000"}]}
        self.accepted("scenario", {"memory": memory, "phases": [{"phase": "boot"}], "platform": {"base": "milan", "cores": 2}})

    def test_editors_get_meanings_and_defaults(self):
        width = schema("platform")["else"]["properties"]["core"]["properties"]["issue_width"]
        self.assertIn("instructions per cycle", width["description"])
        self.assertEqual(width["default"], 4)

    def test_every_record_of_an_event_log_and_each_summary_is_accepted(self):
        scenario = {"name": "small", "platform": "textbook", "kernel": {"version": "6.12", "hvo": True},
                    "memory": {"ranges": [{"start": "0x1000", "end": "0x10000000"}],
                               "reserved": [{"start": "0x1000000", "end": "0x2000000"}]},
                    "phases": [{"phase": "boot"}, {"phase": "hugetlb", "allocate": 2, "free": 1},
                               {"phase": "hot_add", "start": "0x20000000", "size": "128MiB"},
                               {"phase": "online", "start": "0x20000000", "size": "128MiB"},
                               {"phase": "workload", "kind": "random_pfn", "parameters": {"operations": 300}},
                               {"phase": "offline", "start": "0x20000000", "size": "128MiB"},
                               {"phase": "hot_remove", "start": "0x20000000", "size": "128MiB", "timed": False}]}
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "s.json")
            with open(path, "w") as f:
                json.dump(scenario, f)
            out = os.path.join(folder, "run")
            subprocess.run([MMUSIM, "run", path, "--events", "all", "--out", out], capture_output=True, check=True)
            guest = os.path.join(folder, "guest")
            subprocess.run([MMUSIM, "run", path, "--events", "walks", "--set", "/virtualization/mode=ept", "--set",
                            "/virtualization/on_demand=true", "--out", guest], capture_output=True, check=True)
            text = subprocess.run(["zstdcat", os.path.join(out, "events.jsonl.zst")], capture_output=True, check=True).stdout
            kinds = {}
            text += subprocess.run(["zstdcat", os.path.join(guest, "events.jsonl.zst")], capture_output=True, check=True).stdout
            for line in text.splitlines():
                record = json.loads(line)
                kinds.setdefault(record["event"], []).append(record)
            names = [d["$ref"].rsplit("/", 1)[1] for d in schema("events")["oneOf"]]
            self.assertEqual(set(kinds) - set(names), set())
            self.assertGreaterEqual(len(kinds), 13, "of 17 kinds")
            for records in kinds.values():
                for record in records[:100] + records[-100:]:
                    self.accepted("events", record, record["event"])
            wrong = dict(kinds["walk"][0])
            del wrong["walker"]
            self.assertFalse(self.validators["events"].is_valid(wrong))
            self.assertFalse(self.validators["events"].is_valid(dict(kinds["walk"][0], colour="red")))
            replayed = os.path.join(folder, "replay")
            subprocess.run([MMUSIM, "replay", os.path.join(out, "events.jsonl.zst"), "--out", replayed], capture_output=True,
                           check=True)
            for directory in (out, guest, replayed):
                with open(os.path.join(directory, "summary.json")) as f:
                    summary = json.load(f)
                self.accepted("summary", summary, directory)
                self.assertFalse(self.validators["summary"].is_valid(dict(summary, colour="red")))
                self.assertFalse(self.validators["summary"].is_valid(dict(summary, totals={})))


def merge(target, patch):
    if not isinstance(patch, dict):
        return patch
    target = target if isinstance(target, dict) else {"base": target} if isinstance(target, str) else {}
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        else:
            target[key] = merge(target.get(key), value)
    return target


if __name__ == "__main__":
    unittest.main()
