#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What `mmusim run` leaves behind: numbers that follow from its event log, and files that survive interruption, kill -9
and full disks. usage: run_outputs_test.py MMUSIM"""
import collections
import json
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from timeline_slices import overlapping

MMUSIM = os.path.abspath(sys.argv.pop(1))
SCENARIO = {"name": "small", "platform": "textbook", "kernel": {"version": "6.1", "cpu": {"pse": False}},
            "memory": {"ranges": [{"start": "0x1000", "end": "0x10000000", "node": 0}],
                       "reserved": [{"start": "0x1000000", "end": "0x3000000"}]}}
BOOT = {"phase": "boot"}
SCAN = {"phase": "workload", "stage": "scan", "kind": "linear_pfn_scan"}
ENDLESS = {"phase": "workload", "stage": "endless", "kind": "uniform",
           "parameters": {"region": "vmemmap", "bytes": 4194240, "accesses": 1000000000000}}


def records(path):
    """Whole records of an event log, however it ended."""
    text = subprocess.run(["zstd", "-dcq", path], capture_output=True).stdout
    return [json.loads(line) for line in text[:text.rfind(b"\n") + 1].splitlines()]


def begun(path, stage):
    """Is the record that opens `stage` in the log? Reads no further than that."""
    with subprocess.Popen(["zstd", "-dcq", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as unzstd:
        for line in unzstd.stdout:
            if line.startswith(b'{"event":"phase"') and json.loads(line)["stage"] == stage:
                unzstd.kill()
                return True
    return False


class RunOutputs(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)

    def path(self, *names):
        return os.path.join(self.dir.name, *names)

    def command(self, phases, *arguments):
        with open(self.path("s.json"), "w") as f:
            json.dump({**SCENARIO, "phases": phases}, f)
        return [MMUSIM, "run", self.path("s.json"), "--out", self.path("out"), "--force", *arguments]

    def summary(self):
        with open(self.path("out", "summary.json")) as f:
            return json.load(f)

    def log(self):
        return records(self.path("out", "events.jsonl.zst"))

    def test_headline_of_a_comparison_follows_from_the_event_logs(self):
        with open(self.path("c.json"), "w") as f:
            json.dump({**SCENARIO, "phases": [BOOT, SCAN], "variants": {"base": {}, "huge": {"kernel": {"cpu": {"pse": True}}}}}, f)
        subprocess.run([MMUSIM, "compare", self.path("c.json"), "--out", self.path("c"), "--events", "all"], check=True,
                       stdout=subprocess.DEVNULL)
        with open(self.path("c", "compare.json")) as f:
            headline = json.load(f)["headline"]
        seen = {}
        for side in ("base", "huge"):
            count, stage, begin = collections.Counter(), None, 0
            for r in records(self.path("c", side, "events.jsonl.zst")):
                if r["event"] == "phase":
                    stage, begin = r["stage"], r["cycle"]
                count["end"] = r.get("cycle", 0) if r["event"] == "totals" else count["end"]
                count["walks"] += r["event"] == "walk" and stage == "scan"
                count["accesses"] += r["event"] == "access" and stage == "scan"
            count["cycles"] = count["end"] - begin
            seen[side] = count
        found = re.search(r"saves ([\d.,]+) of ([\d.,]+) cycles per access .*, ([\d.,]+) of ([\d.,]+) page walks per 1,000 accesses",
                          headline)
        self.assertTrue(found, headline)
        said = [float(number.replace(",", "")) for number in found.groups()]
        base, huge = (seen[side] for side in ("base", "huge"))
        self.assertEqual(base["accesses"], huge["accesses"])
        for number, scale, saved, whole in (("cycles", 1, *said[:2]), ("walks", 1000, *said[2:])):
            of_base, of_huge = (scale * side[number] / side["accesses"] for side in (base, huge))
            self.assertAlmostEqual(saved / (of_base - of_huge), 1, delta=1e-3, msg=f"{number} saved: {headline}")
            self.assertAlmostEqual(whole / of_base, 1, delta=1e-2, msg=f"{number} of base: {headline}")

    def test_timeline_draws_every_kind_of_track_and_whole_arrows(self):
        subprocess.run(self.command([BOOT, SCAN], "--events", "none", "--timeline", self.path("t.json")), check=True,
                       stdout=subprocess.DEVNULL)
        with open(self.path("t.json")) as f:
            events = json.load(f)["traceEvents"]
        tracks = {e["pid"]: e["args"]["name"] for e in events if e["name"] == "process_name"}
        drawn = {tracks[e["pid"]] for e in events if e["ph"] == "X"}
        self.assertEqual(drawn, {"phases", "kernel code", "accesses that walked", "page walkers", "DRAM banks"})
        arrows = collections.defaultdict(list)
        for e in events:
            if e["ph"] in "stf":
                arrows[e["id"]].append((e["ts"], e["ph"]))
        self.assertTrue(arrows)
        for points in arrows.values():
            self.assertEqual([p for _, p in sorted(points, key=lambda x: (x[0], "stf".index(x[1])))][0], "s")
            self.assertEqual([p for _, p in points].count("f"), 1)

    def test_slices_of_a_timeline_nest_or_follow_each_other(self):
        for core in ([], ["--core", "window", "--platform", "milan"]):
            subprocess.run(self.command([BOOT, SCAN], "--events", "none", "--timeline", self.path("t.json"), *core),
                           check=True, stdout=subprocess.DEVNULL)
            with open(self.path("t.json")) as f:
                events = json.load(f)["traceEvents"]
            self.assertEqual(overlapping(events), [], core)
            accesses = {e["tid"] for e in events if e["ph"] == "X" and e["pid"] == 3}
            self.assertEqual(len(accesses) > 1, bool(core), "a window core has several accesses under way")

    def test_interrupts_of_a_timeline_are_those_that_were_handled(self):
        with open(self.path("cores.json"), "w") as f:
            json.dump({**SCENARIO, "platform": {"base": "textbook", "cores": 4}, "kernel": {"version": "6.1", "hvo": True},
                       "phases": [BOOT, {"phase": "hugetlb", "allocate": 3}]}, f)
        subprocess.run([MMUSIM, "run", self.path("cores.json"), "--events", "none", "--timeline", self.path("t.json"), "--out",
                        self.path("cores")], check=True, stdout=subprocess.DEVNULL)
        with open(self.path("t.json")) as f:
            events = json.load(f)["traceEvents"]
        with open(self.path("cores", "summary.json")) as f:
            handled = json.load(f)["kernel"]["shootdowns"]["ipis_received"]
        self.assertEqual(overlapping(events), [])
        self.assertEqual(sum(e["ph"] == "X" and e["name"] == "from core 0" for e in events), handled)
        arrows = collections.defaultdict(list)
        for e in events:
            if e["name"] == "interrupt":
                arrows[e["id"]].append(e)
        self.assertEqual(len(arrows), handled)
        for send, handle, acknowledged in arrows.values():
            self.assertEqual(send["ph"] + handle["ph"] + acknowledged["ph"], "stf")
            self.assertLess(send["ts"], handle["ts"])
            self.assertLess(handle["ts"], acknowledged["ts"])
            self.assertEqual(send["tid"], acknowledged["tid"])

    def test_signals_count_every_walk(self):
        subprocess.run(self.command([BOOT, SCAN], "--events", "none", "--vcd", self.path("t.vcd"), "--vcd-signals",
                                    "phase,walkers"), check=True, stdout=subprocess.DEVNULL)
        names, values, rises, time, phases = {}, collections.defaultdict(int), collections.Counter(), -1, []
        with open(self.path("t.vcd")) as f:
            for line in f:
                words = line.split()
                if words[0] == "$var":
                    names[words[3]] = words[4]
                elif line.startswith("#"):
                    self.assertGreater(int(line[1:]), time)
                    time = int(line[1:])
                elif line.startswith("b"):
                    value = int(words[0][1:], 2)
                    rises[names[words[1]]] += max(0, value - values[words[1]])
                    values[words[1]] = value
                elif line.startswith("s"):
                    phases.append(words[0][1:])
        totals = self.summary()["totals"]
        self.assertEqual(rises["walkers_busy"], totals["walks"])
        self.assertFalse(any(values.values()), "all walks end")
        self.assertEqual(phases, ["boot:boot", "scan:workload"])

    def start_endless(self, *arguments):
        process = subprocess.Popen(self.command([BOOT, ENDLESS], *arguments), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.addCleanup(process.kill)
        for _ in range(200):
            if os.path.exists(self.path("out", "events.jsonl.zst")) and begun(self.path("out", "events.jsonl.zst"), "endless"):
                time.sleep(0.1)
                return process
            if process.poll() is not None:
                self.fail(process.communicate()[1].decode())
            time.sleep(0.05)
        process.kill()
        self.fail("the endless phase did not begin")

    def test_summary_follows_from_the_event_log(self):
        subprocess.run(self.command([BOOT, SCAN], "--events", "all"), check=True, stdout=subprocess.DEVNULL)
        summary, log = self.summary(), self.log()
        stage, seen = None, collections.defaultdict(collections.Counter)
        for r in log:
            if r["event"] == "phase":
                stage = r["stage"]
            seen[stage][r["event"]] += 1
            if r["event"] == "walk":
                seen[stage]["walk cycles"] += r["end_cycle"] - r["begin_cycle"]
                seen[stage]["reads"] += len(r["reads"])
                parts = r["queue_cycles"] + r["structure_cache_cycles"] + r["update_cycles"] + sum(e["cycles"] for e in r["reads"])
                self.assertEqual(parts, r["end_cycle"] - r["begin_cycle"], r)
            if r["event"] == "access":
                self.assertEqual(sum(r["stages"].values()), r["end_cycle"] - r["begin_cycle"], r)
            if r["event"] == "pte_write" and 0 <= int(r["va"], 16) - 0xffffea0000000000 < 1 << 40:
                seen[stage]["vmemmap writes"] += 1
        for phase in summary["phases"]:
            mine = seen[phase["stage"]]
            self.assertEqual(phase["totals"]["walks"], mine["walk"])
            self.assertEqual(phase["totals"]["entry_reads"], mine["reads"])
            self.assertEqual(phase["totals"]["accesses"], mine["access"])
            self.assertEqual(phase["machine"]["walk_cycles"], mine["walk cycles"])
            self.assertEqual(phase["kernel"]["entry_writes"], mine["vmemmap writes"])
        self.assertGreater(seen["scan"]["walk"], 0)
        self.assertGreater(seen["boot"]["vmemmap writes"], 1000)
        self.assertEqual(log[-1]["totals"]["walks"], summary["totals"]["walks"])

    def test_interrupts_close_every_file(self):
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            process = self.start_endless()
            start = time.monotonic()
            process.send_signal(number)
            self.assertEqual(process.wait(timeout=10), code)
            self.assertLess(time.monotonic() - start, 1.5)
            self.assertTrue(self.summary()["interrupted"])
            self.assertEqual(self.log()[-1]["event"], "totals")
            self.assertTrue(self.log()[-1]["interrupted"])
            self.assertEqual([f for f in os.listdir(self.path("out")) if ".tmp" in f], [])
            os.remove(self.path("out", "events.jsonl.zst"))
            process.stderr.close()

    def test_kill_leaves_whole_records_and_no_summary(self):
        process = self.start_endless("--events", "all")
        process.kill()
        process.wait()
        process.stderr.close()
        log = self.log()
        self.assertEqual(log[0]["event"], "header")
        self.assertNotEqual(log[-1]["event"], "totals")
        self.assertGreater(len(log), 1000)
        self.assertFalse(os.path.exists(self.path("out", "summary.json")))

    def test_full_disk_is_exit_3_without_a_summary(self):
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
        r = subprocess.run(self.command([BOOT, SCAN], "--events", "all"), capture_output=True, text=True, preexec_fn=limit, timeout=60)
        self.assertEqual(r.returncode, 3, r.stderr)
        self.assertIn("events.jsonl.zst", r.stderr)
        self.assertIn("File too large", r.stderr)
        self.assertFalse(os.path.exists(self.path("out", "summary.json")))

    def test_directory_that_cannot_be_made_is_exit_3(self):
        r = subprocess.run([*self.command([BOOT]), "--out", "/proc/none/out"], capture_output=True, text=True, timeout=60)
        self.assertIn(r.returncode, (2, 3), r.stderr)  # 2 if --out twice is refused first
        r = subprocess.run([MMUSIM, "run", self.path("s.json"), "--out", "/proc/none/out"], capture_output=True, text=True, timeout=60)
        self.assertEqual(r.returncode, 3, r.stderr)
        self.assertIn("/proc/none", r.stderr)

    def test_standard_output_that_is_full_is_exit_3(self):
        with open("/dev/full", "w") as full:
            r = subprocess.run(self.command([BOOT]), stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
        self.assertEqual(r.returncode, 3, r.stderr)
        self.assertIn("No space left", r.stderr)


unittest.main()
