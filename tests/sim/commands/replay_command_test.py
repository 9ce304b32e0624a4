#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs `mmusim replay` as users do. usage: replay_command_test.py MMUSIM SOURCE_DIR"""
import gzip
import json
import os
import random
import shutil
import signal
import struct
import subprocess
import unittest

from replay_support import MMUSIM, SCENARIO, SOURCE, ReplayTest

COUNTS = ("accesses", "lookups", "l1_dtlb_misses", "stlb_misses", "walks", "entry_reads")
FORMS = ("full.vmt", "full.mmt", "full.jsonl", "events.jsonl", "ls.lackey", "ls.champsim", "user.execlog", "mem.perf", "mem.perfmem",
         "view.drmemtrace", "loop.dinero", "mem.pinatrace")


def in_order(platform):
    """A shipped platform with the core that waits for each access."""
    path = os.path.join(SOURCE, "configs", "platforms", platform)
    with open(path) as file:
        text = file.read()
    lines = [line.split("//")[0] if '"' not in line.split("//")[-1] else line for line in text.splitlines()]
    return "\n".join(lines).replace('"model": "window"', '"model": "blocking"')


class Map(ReplayTest):
    def boot(self, **kernel):
        document = dict(SCENARIO, kernel={"version": "6.1", **kernel}, phases=SCENARIO["phases"][:2])
        document["memory"] = dict(document["memory"], ranges=[document["memory"]["ranges"][0],
                                                              {"start": "0x100000", "end": "0x20000000", "node": 0}])
        return self.write("map.json", json.dumps(document))

    def test_tables_of_a_scenario_base_against_huge(self):
        trace = self.shipped("bootinit-512m-4l.vmt.xz")
        base = self.replay(trace, "--map", self.boot(vmemmap_pages="base"))
        huge = self.replay(trace, "--map", self.boot(vmemmap_pages="auto"))
        for summary in (base, huge):
            self.assertEqual(summary["replay"]["faults"], 0)
            self.assertEqual(summary["configuration"]["platform"]["name"], "milan")  # the scenario's
            self.assertEqual(summary["configuration"]["tables"], "map")
        self.assertEqual(base["totals"]["accesses"], huge["totals"]["accesses"])
        self.assertGreater(base["totals"]["walks"], 20 * huge["totals"]["walks"])

    def test_the_same_tables_as_a_replay_phase_of_that_scenario(self):
        document = {"name": "phase", "platform": "textbook", "kernel": {"version": "6.1"},
                    "memory": dict(SCENARIO["memory"], ranges=[{"start": "0x100000", "end": "0x20000000", "node": 0}]),
                    "phases": [{"phase": "boot", "timed": False},
                               {"phase": "replay", "trace": self.shipped("bootinit-512m-4l.vmt.xz")}]}
        run = self.run_scenario("run", document=document)
        mapped = self.replay(self.shipped("bootinit-512m-4l.vmt.xz"), "--map", self.scenario(document))
        for key in COUNTS:
            self.assertEqual(run["totals"][key], mapped["totals"][key], key)

    def test_set_platform_and_functional_model(self):
        trace = self.small("full.vmt")
        given = ["--map", self.boot(), "--set", '/kernel/version="6.12"']
        cycle = self.replay(trace, *given, "--platform", "textbook")
        functional = self.replay(trace, *given, "--platform", "textbook", "--model", "functional")
        self.assertEqual(cycle["configuration"]["map"]["kernel"]["version"], "6.12")
        self.assertEqual(cycle["configuration"]["platform"]["name"], "textbook")
        self.assertEqual([cycle["totals"][k] for k in COUNTS], [functional["totals"][k] for k in COUNTS])

    def test_the_tables_of_a_real_kernel(self):
        image = os.path.join(SOURCE, "tests", "data", "images", "img-512m-4l.ptimg.xz")
        summary = self.replay(self.shipped("bootinit-512m-4l.vmt.xz"), "--map", image)
        self.assertEqual(summary["replay"]["faults"], 0)
        self.assertGreater(summary["totals"]["walks"], 0)
        done = self.mmusim("replay", self.small("full.vmt"), "--map", image, "--set", "/a=1", code=2)
        self.assertIn(b"--set /a=1: no key", done.stderr)
        done = self.mmusim("replay", self.small("full.vmt"), "--map", image, "--variant", "x", code=2)
        self.assertIn(b"a page-table image, which has no --variant", done.stderr)

    def test_settings_change_the_platform(self):
        trace = self.small("full.vmt")
        plain = self.replay(trace, "--platform", "textbook", "--flushes", "none")
        self.assertNotEqual(plain["configuration"]["platform"]["tlbs"]["stlb"]["arrays"][0]["entries"], 64)
        less = self.replay(trace, "--platform", "textbook", "--flushes", "none", "--set", "/platform/tlbs/stlb/arrays/0/entries=64",
                           "--set", "/platform/tlbs/stlb/arrays/0/ways=4")
        self.assertEqual(less["configuration"]["platform"]["tlbs"]["stlb"]["arrays"][0]["entries"], 64)
        self.assertGreaterEqual(less["totals"]["stlb_misses"], plain["totals"]["stlb_misses"])
        done = self.mmusim("replay", trace, "--set", "/kernel/levels=5", code=2)
        self.assertIn(b"/kernel/levels=5: no key", done.stderr)
        done = self.mmusim("replay", trace, "--set", "/platform/tlbs/stbl/arrays/0/entries=64", code=2)
        self.assertIn(b"did you mean /platform/tlbs/stlb?", done.stderr)

    def test_options_that_contradict_each_other(self):
        for options in (["--map", self.boot(), "--pages", "2M"], ["--variant", "x"], ["--map", self.boot(), "--variant", "x"],
                        ["--map", self.path("nowhere.json")]):
            self.mmusim("replay", self.small("full.vmt"), "--out", self.path("out"), "--force", *options,
                        code=3 if "nowhere" in options[-1] else 2)
            self.assertFalse(os.path.exists(self.path("out")))


class PageMap(ReplayTest):
    def test_page_sizes_of_smaps(self):
        smaps = ("10000000-10400000 rw-p 00000000 00:00 0\nKernelPageSize: 2048 kB\n"
                 "20000000-20400000 rw-p 00000000 00:00 0\nKernelPageSize: 4 kB\nAnonHugePages: 2048 kB\n")
        lines = "".join(f"0 {va:x}\n" for va in (0x10000000, 0x10201000, 0x20201000, 0x20202000, 0x20001000, 0x30000000))
        summary = self.replay(self.write("t.din", lines), "--page-map", self.write("smaps", smaps), "--platform", "textbook")
        self.assertEqual(summary["replay"]["mapped"]["pages_2m"], 3)
        self.assertEqual(summary["replay"]["mapped"]["pages_4k"], 2)
        self.assertEqual(summary["replay"]["mapped"]["pages_outside_map"], 1)
        self.assertEqual(summary["replay"]["faults"], 0)
        self.assertEqual(summary["configuration"]["page_map"], self.path("smaps"))
        done = self.mmusim("replay", self.path("t.din"), "--page-map", self.write("maps", "1000-2000 r-xp 0 0:0 0\n"),
                           "--out", self.path("o"), code=2)
        self.assertIn(b"expected /proc/PID/smaps, not maps", done.stderr)


class TextForms(ReplayTest):
    def test_foreign_lines_are_counted_and_said(self):
        trace = self.write("mixed.lackey", "==7== Lackey\nI  00401000,3\nhello\n S 1ffefff000,8\n")
        done = self.mmusim("replay", trace, "--out", self.path("o"), code=2)
        self.assertIn(b"--skip-foreign", done.stderr)
        done = self.mmusim("replay", trace, "--out", self.path("o"), "--skip-foreign")
        self.assertIn(b"passed over: 1 lines that are none of this form", done.stderr)
        self.assertEqual(self.summary("o")["replay"]["skipped_lines"], {"own": 1, "no_address": 0, "foreign": 1})

    def test_the_old_name_of_the_option_still_works(self):
        for option in ("--form", "--format"):
            self.assertEqual(self.replay(self.small("ls.lackey"), option, "lackey")["replay"]["format"], "lackey")


class Window(ReplayTest):
    """Statistics are those of the region alone. The trace walks over new pages only: each measured access is a miss."""

    def trace(self, pages=1000):
        lines = ['{"format":"mmusim-trace","version":1}']
        for page in range(pages):
            if page in (300, 600):
                lines.append('{"event":"marker","value":"0x%x","name":"part%d"}' % (page // 300, page // 300))
            lines.append('{"access":"read","va":"0x%x"}' % (0x10000000 + 4096 * page))
        return self.write("pages.jsonl", "\n".join(lines) + "\n")

    def counts(self, *options):
        summary = self.replay(self.trace(), "--salvage", "--platform", "textbook", *options)
        replay = summary["replay"]
        totals = summary["totals"]
        self.assertEqual(totals["accesses"], replay["measured_accesses"])
        self.assertEqual(totals["walks"], replay["measured_accesses"])
        if "core0" in summary["counters"]:
            self.assertEqual(summary["counters"]["core0"]["lsu"]["read_accesses"], totals["accesses"])
        return replay["skipped_accesses"], replay["warmup_accesses"], replay["measured_accesses"]

    def test_each_window(self):
        for model in ("cycle", "functional"):
            given = ["--model", model]
            self.assertEqual(self.counts(*given), (0, 0, 1000))
            self.assertEqual(self.counts(*given, "--skip", "100"), (100, 0, 900))
            self.assertEqual(self.counts(*given, "--warmup", "250"), (0, 250, 750))
            self.assertEqual(self.counts(*given, "--limit", "40"), (0, 0, 40))
            self.assertEqual(self.counts(*given, "--skip", "100", "--warmup", "50", "--limit", "40"), (100, 50, 40))
            self.assertEqual(self.counts(*given, "--sample", "10:100"), (900, 0, 100))
            self.assertEqual(self.counts(*given, "--roi", "part1"), (700, 0, 300))
            self.assertEqual(self.counts(*given, "--roi", "2"), (600, 0, 400))
            self.assertEqual(self.counts(*given, "--roi", "part1", "--skip", "10", "--limit", "5")[2], 5)

    def test_what_is_measured_does_not_depend_on_how_it_was_reached(self):
        """A warm structure answers: measuring the second pass over 8 pages counts no miss."""
        lines = ['{"format":"mmusim-trace","version":1}'] + 2 * ['{"access":"read","va":"0x%x"}' % (0x1000 * p) for p in range(8)]
        trace = self.write("twice.jsonl", "\n".join(lines) + "\n")
        self.assertEqual(self.replay(trace, "--salvage", "--warmup", "8")["totals"]["walks"], 0)
        self.assertEqual(self.replay(trace, "--salvage", "--skip", "8")["totals"]["walks"], 8)

    def test_bad_windows(self):
        for options in (["--sample", "5:4"], ["--sample", "x"], ["--skip", "-1"], ["--limit", "many"]):
            self.mmusim("replay", self.small("full.vmt"), "--out", self.path("out"), *options, code=2)

    def test_an_empty_region_is_said(self):
        done = self.mmusim("replay", self.small("full.vmt"), "--roi", "nothing", "--out", self.path("out"))
        self.assertIn(b"no access was measured", done.stderr)


class Damage(ReplayTest):
    def assert_refused(self, trace, *options, **more):
        done = self.mmusim("replay", trace, "--out", self.path("out"), *options, code=2, **more)
        self.assertRegex(done.stderr.decode(errors="replace"), r"record [0-9]+, byte [0-9]+: |empty|directory")
        self.assertFalse(os.path.exists(self.path("out")))
        return done.stderr

    def test_cut_and_flipped_files_of_each_form(self):
        """All offsets and 10,000 flips are tried on the readers in damage_test.cpp; here: that the command holds to it."""
        draw = random.Random(7)
        for name in FORMS:
            with open(self.small(name), "rb") as file:
                whole = file.read()
            for size in sorted(draw.sample(range(1, len(whole)), 6)):
                self.harmless(self.write("cut", whole[:size]))
            for _ in range(6):
                flipped = bytearray(whole)
                flipped[draw.randrange(len(whole))] ^= draw.randrange(1, 256)
                self.harmless(self.write("flipped", bytes(flipped)))

    def harmless(self, trace):
        """Either replayed, or refused with the place and nothing written."""
        done = subprocess.run([MMUSIM, "replay", trace, "--out", self.path("out"), "--model", "functional"], capture_output=True)
        self.assertIn(done.returncode, (0, 2), done.stderr)
        self.assertEqual(os.path.exists(self.path("out")), done.returncode == 0)
        if done.returncode == 0:
            shutil.rmtree(self.path("out"))
        else:
            self.assertRegex(done.stderr.decode(errors="replace"),
                             r"record [0-9]+, byte [0-9]+: |empty|not canonical|canonical with 5 levels|page tables|unknown form")

    def test_not_traces(self):
        self.assert_refused(self.write("empty", b""))
        self.assert_refused(self.work.name)
        self.assert_refused(self.write("zeros", bytes(4096)))
        self.assert_refused(self.write("nul", b"I  04001090,3\n\0\0\0\0"))
        self.assert_refused(self.write("magic", b"VMT2" + bytes(64)))
        self.assert_refused(self.write("text", b"hello world\n"))
        self.assert_refused(self.write("line", b" L 1000,8\n" + b"a" * (3 << 20)))
        self.mmusim("replay", self.path("nowhere"), code=3)

    def peak_kib(self, trace, code):
        replay = subprocess.Popen([MMUSIM, "replay", trace, "--model", "functional", "--out", self.path("out"), "--force"],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(replay.pid, 0)
        replay.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(replay.returncode, code)
        return usage.ru_maxrss

    def test_bombs_are_bounded_by_streaming(self):
        """Small files that expand to much, one of them to 2 GiB of one line: memory stays flat."""
        line = gzip.compress(b"A" * (16 << 20), 9)
        valid = gzip.compress(b" L 04001000,8\n" * (1 << 20), 9)
        small = self.peak_kib(self.write("small.gz", valid), 0)
        shutil.rmtree(self.path("out"))
        self.assertLess(self.peak_kib(self.write("line.gz", line * 128), 2), small + (16 << 10))
        self.assertFalse(os.path.exists(self.path("out")))
        self.assertLess(self.peak_kib(self.write("large.gz", valid * 4), 0), small + (16 << 10))

    def test_salvage_takes_what_is_whole(self):
        with open(self.small("full.mmt"), "rb") as file:
            whole = file.read()
        trace = self.write("cut.mmt", whole[:-1])
        self.assert_refused(trace)
        done = self.mmusim("replay", trace, "--salvage", "--out", self.path("out"))
        self.assertIn(b"record", done.stderr)
        self.assertEqual(self.summary("out")["totals"]["accesses"], 400)

    def test_a_pipe_that_vanishes(self):
        with open(self.small("full.mmt"), "rb") as file:
            whole = file.read()
        self.assert_refused("-", input=whole[:len(whole) // 2])
        self.assert_refused("-", input=b"")
        writer = subprocess.Popen(["sh", "-c", "head -c 1000 %s; kill -9 $$" % self.small("ls.champsim")], stdout=subprocess.PIPE)
        self.assert_refused("-", "--format", "champsim", stdin=writer.stdout)
        writer.wait()
        writer.stdout.close()

    def test_an_interrupted_replay_of_a_silent_pipe_ends(self):
        reading, writing = os.pipe()
        os.write(writing, b" L 04001000,8\n" * 2000)  # less than a pipe holds
        replay = subprocess.Popen([MMUSIM, "replay", "-", "--out", self.path("out"), "--force"], stdin=reading, stdout=subprocess.PIPE)
        os.close(reading)
        try:
            replay.wait(2)
        except subprocess.TimeoutExpired:
            replay.send_signal(signal.SIGINT)
        self.assertEqual(replay.wait(30), 130)
        replay.stdout.close()
        os.close(writing)
        self.assertTrue(self.summary("out")["interrupted"])


class Lackey(ReplayTest):
    @unittest.skipIf(shutil.which("valgrind") is None, "valgrind is not installed")
    def test_a_real_program_from_a_pipe(self):
        self.write("words", "\n".join(str(i * 7919 % 1000) for i in range(1000)))
        command = "valgrind --tool=lackey --trace-mem=yes --log-fd=9 sort %s 9>&1 >/dev/null | %s replay - --out %s" % (
            self.path("words"), MMUSIM, self.path("out"))
        done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        summary = self.summary("out")
        self.assertEqual(summary["replay"]["format"], "lackey")
        self.assertEqual(summary["replay"]["faults"], 0)
        self.assertGreater(summary["totals"]["accesses"], 50000)
        mapped = summary["replay"]["mapped"]["pages_4k"]
        self.assertGreaterEqual(summary["totals"]["walks"], mapped // 2)
        self.assertGreater(mapped, 50)


def champsim(ip, destination=(), source=(), store=(), load=()):
    pad = lambda values, n: list(values) + [0] * (n - len(values))
    return struct.pack("<Q2B2B4B2Q4Q", ip, 0, 0, *pad(destination, 2), *pad(source, 4), *pad(store, 2), *pad(load, 4))


class ChampSim(ReplayTest):
    LOADS = 2000

    def loads(self, chained):
        """Loads of lines far apart, each in a register; chained, each address comes from the load before."""
        records = []
        place = 0x10000000
        for i in range(self.LOADS):
            place = 0x10000000 + (i * 7919 % self.LOADS) * 64 * 65
            records.append(champsim(0x400000 + 4 * (i % 16), [5], [5] if chained else [6], load=[place]))
        return b"".join(records)

    def test_there_and_back_gives_the_same_bytes(self):
        self.mmusim("trace", "convert", "--lossless", self.small("ls.champsim"), self.path("a.mmt.zst"))
        self.mmusim("trace", "convert", "--lossless", self.path("a.mmt.zst"), self.path("b.champsim"))
        with open(self.small("ls.champsim"), "rb") as before, open(self.path("b.champsim"), "rb") as after:
            self.assertEqual(before.read(), after.read())

    def test_a_chain_takes_its_latencies_one_after_the_other_and_independent_loads_overlap(self):
        with open(os.path.join(SOURCE, "configs", "platforms", "milan.json")) as file:
            platform = file.read()
        window = self.write("window.json", platform.replace('"model": "blocking"', '"model": "window"'))
        cycles = {}
        for chained in (True, False):
            trace = self.write("loads.champsim", self.loads(chained))
            summary = self.replay(trace, "--platform", window, "--no-fetches")
            self.assertEqual(summary["totals"]["accesses"], self.LOADS)
            cycles[chained] = summary["totals"]["cycles"]
            if chained:  # no access begins before the one before is done
                lsu = summary["counters"]["core0"]["lsu"]
                work = sum(value for key, value in lsu.items() if key.startswith("stage_") and "stall" not in key)
                self.assertGreaterEqual(cycles[True], work)
        self.assertGreater(cycles[True], 3 * cycles[False])


class FunctionalIsCycle(ReplayTest):
    def test_every_count_on_every_platform_with_the_in_order_core(self):
        platforms = sorted(os.listdir(os.path.join(SOURCE, "configs", "platforms")))
        self.assertGreaterEqual(len(platforms), 9)
        for name in platforms:
            platform = self.write(name, in_order(name))
            for trace, options in ((self.shipped("bootinit-512m-4l.vmt.xz"), ["--limit", "200000"]),
                                   (self.shipped("big-8g-4l.vmt.xz"), ["--limit", "200000"]), (self.small("full.vmt"), []),
                                   (self.small("ls.lackey"), ["--pages", "thp:0.5", "--frames", "random"])):
                cycle = self.replay(trace, "--platform", platform, *options)
                functional = self.replay(trace, "--platform", platform, "--model", "functional", *options)
                self.assertEqual([cycle["totals"][k] for k in COUNTS], [functional["totals"][k] for k in COUNTS], (name, trace))
                self.assertEqual(cycle["replay"]["faults"], functional["replay"]["faults"])


class OtherKernels(ReplayTest):
    """Traces unlike the shipped ones: five levels, other layouts, recorded translations of any frame."""

    def trace(self, lines):
        return self.write("t.jsonl", "\n".join(['{"format":"mmusim-trace","version":1}'] + lines) + "\n")

    def test_five_levels(self):
        lines = ['{"access":"read","va":"0x%x"}' % (0xffd4000000000000 + 4096 * i) for i in range(100)]
        trace = self.trace(lines)
        done = self.mmusim("replay", trace, "--salvage", "--out", self.path("out"), "--platform", "textbook", code=2)
        self.assertIn(b"use --levels 5", done.stderr)
        for pages, reads in (("4K", 5 + 99), ("2M", 4)):
            summary = self.replay(trace, "--salvage", "--platform", "textbook", "--levels", "5", "--pages", pages)
            self.assertEqual(summary["replay"]["faults"], 0)
            self.assertEqual(summary["totals"]["entry_reads"], reads)

    def test_recorded_translations_are_honoured_with_five_levels(self):
        lines = []
        for i in range(50):
            va = 0xff11000000000000 + 4096 * i
            lines += ['{"event":"map","va":"0x%x","value":"0x%x"}' % (va, 1000 - i), '{"access":"write","va":"0x%x"}' % va]
        lines += ['{"event":"map","va":"0x%x","value":"0x7777"}' % va, '{"access":"read","va":"0x%x"}' % va]
        replay = self.replay(self.trace(lines), "--salvage", "--platform", "textbook", "--levels", "5")["replay"]
        self.assertEqual(replay["events"]["translations"], 51)
        self.assertEqual(replay["events"]["changed_translations"], 1)
        self.assertEqual(replay["events"]["translation_mismatches"], 0)


if __name__ == "__main__":
    unittest.main(argv=["replay_command_test"], verbosity=2)
