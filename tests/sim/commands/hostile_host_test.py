#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the host may do to a run: signals, limits, closed streams, planted links, names that lead elsewhere.
usage: hostile_host_test.py MMUSIM SOURCE"""
import csv
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import unittest

MMUSIM, SOURCE = (os.path.abspath(p) for p in sys.argv[1:3])
BOOT = {"phase": "boot"}
SCENARIO = {"name": "small", "platform": "textbook", "kernel": {"version": "6.1"},
            "memory": {"ranges": [{"start": "0x1000", "end": "0x8000000", "node": 0}],
                       "reserved": [{"start": "0x1000000", "end": "0x2000000"}]},
            "phases": [BOOT, {"phase": "workload", "kind": "linear_pfn_scan"}]}
ENDLESS = {"phase": "workload", "kind": "uniform", "parameters": {"region": "vmemmap", "bytes": "1MiB", "accesses": 10 ** 12}}
SANITIZED = bool(os.environ.get("ASAN_OPTIONS"))


class Host(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)
        self.write("s.json", SCENARIO)

    def path(self, *names):
        return os.path.join(self.dir.name, *names)

    def write(self, name, content):
        with open(self.path(name), "wb") as f:
            f.write(content if isinstance(content, bytes) else json.dumps(content).encode())
        return self.path(name)

    def read(self, *names):
        with open(self.path(*names), "rb") as f:
            return f.read()

    def mmusim(self, *arguments, **more):
        return subprocess.run([MMUSIM, *arguments], **{"capture_output": True, "timeout": 120, "cwd": self.dir.name, **more})

    def check(self, arguments, code, *said, **more):
        r = self.mmusim(*arguments, **more)
        self.assertEqual(r.returncode, code, f"{str(arguments)[:200]}: {r.stderr[-1000:]}")
        for text in said:
            self.assertIn(text.encode(), r.stderr)
        return r

    def start(self, *arguments, **more):
        process = subprocess.Popen([MMUSIM, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=self.dir.name, **more)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.kill)
        return process

    def ends(self, process, number, seconds=30):
        process.send_signal(number)
        said = process.communicate(timeout=seconds)[1]
        self.assertEqual(process.returncode, 128 + number, said)

    # --- results of an earlier run

    def test_no_summary_of_an_earlier_run_beside_a_new_log(self):
        self.check(["run", "s.json", "--out", "d"], 0)
        self.write("endless.json", {**SCENARIO, "phases": [BOOT, ENDLESS]})
        old = self.read("d", "events.jsonl.zst")
        process = self.start("run", "endless.json", "--out", "d", "--force")
        while not os.path.exists(self.path("d", "events.jsonl.zst")) or self.read("d", "events.jsonl.zst") == old:
            self.assertIsNone(process.poll())
            time.sleep(0.01)
        process.kill()
        process.communicate()
        self.assertEqual(os.listdir(self.path("d")), ["events.jsonl.zst"])

    def test_a_replay_leaves_nothing_of_a_run_and_a_run_nothing_of_a_comparison(self):
        self.check(["compare", "s.json", "s.json", "--out", "d"], 0)
        self.check(["run", "s.json", "--out", "d", "--force", "--record", "r.mmt", "--tables", "d/tables.json"], 0)
        self.assertFalse(os.path.exists(self.path("d", "compare.json")))
        self.check(["replay", "r.mmt", "--out", "d", "--force"], 0)
        self.assertEqual([f for f in os.listdir(self.path("d")) if os.path.isfile(self.path("d", f))], ["summary.json"])

    def test_a_refused_input_leaves_the_results_of_an_earlier_run(self):
        self.check(["run", "s.json", "--out", "d"], 0)
        before = self.read("d", "summary.json")
        self.check(["run", "s.json", "--out", "d", "--force", "--set", "/surplus=1"], 2)
        self.assertEqual(self.read("d", "summary.json"), before)

    def test_what_a_run_reads_is_not_overwritten_by_its_own_results(self):
        self.check(["run", "s.json", "--out", "d", "--events", "all"], 0)
        before = self.read("d", "events.jsonl.zst")
        self.check(["replay", "d/events.jsonl.zst", "--out", "d", "--force"], 2, "d/events.jsonl.zst", "give another --out")
        self.check(["replay", "d/../d/events.jsonl.zst", "--out", self.path("d"), "--force", "--events", "all"], 2, "give another --out")
        self.assertEqual(self.read("d", "events.jsonl.zst"), before)
        self.assertTrue(os.path.exists(self.path("d", "summary.json")))
        self.write("d/tables.json", SCENARIO)
        self.check(["run", "d/tables.json", "--out", "d", "--force"], 2, "give another --out")

    def test_results_of_an_earlier_run_are_kept_unless_forced(self):
        self.check(["run", "s.json", "--out", "d"], 0)
        self.write("t.vmt", self.trace())
        trace = ["replay", "t.vmt", "--levels", "5", "--platform", "sapphire-rapids"]
        before = self.read("d", "summary.json"), self.read("d", "events.jsonl.zst")
        for command in (["run", "s.json"], trace, ["compare", "s.json", "s.json"]):
            self.check([*command, "--out", "d"], 2, "d: holds the results of an earlier run (summary.json): give another --out, or "
                       "--force to replace them")
        self.assertEqual((self.read("d", "summary.json"), self.read("d", "events.jsonl.zst")), before)
        r = self.check([*trace, "--out", "d", "--force"], 0)
        self.assertTrue(r.stdout.endswith(b"\nresults: d\n"), r.stdout[-200:])
        self.assertFalse(os.path.exists(self.path("d", "events.jsonl.zst")))
        self.check(["compare", "s.json", "s.json", "--out", "c"], 0)
        self.check(["run", "s.json", "--out", "c"], 2, "c: holds the results of an earlier run (compare.json)")
        r = self.check(["run", "s.json"], 0)
        self.assertTrue(r.stdout.endswith(b"\nresults: out/small\n"), r.stdout[-200:])
        self.check(["run", "s.json"], 2, "out/", "--force")  # the folder that is used where none is given too

    # --- names

    NAMES = ["..", ".", "", "a/b", "../../up", "/etc/x", "\n", "\x1b[2J\x1b]0;t\x07", "compare.json", "report.html", "summary.json",
             "x" * 300, "x" * 299 + "y", "=1+1", "@SUM(A1)", "-2", "+3", "\t=4", "\u202egnp", "\u009b31m", "-", "é", " ", "a\"b,c"]

    def test_variants_of_any_name_stay_inside_the_folder(self):
        os.mkdir(self.path("d"))
        self.write("d/summary.json", b"precious")
        variants = {name: {"seed": i + 1} for i, name in enumerate(self.NAMES)}
        self.write("v.json", {**SCENARIO, "phases": [BOOT, {"phase": "workload", "kind": "linear_pfn_scan", "limit": 100}],
                              "variants": variants})
        r = self.check(["compare", "v.json", "--out", "d/out"], 0)
        self.assertEqual(self.read("d", "summary.json"), b"precious")
        self.assertEqual(sorted(os.listdir(self.path("d"))), ["out", "summary.json"])
        with open(self.path("d", "out", "compare.json"), encoding="utf-8") as f:
            runs = json.load(f)["runs"]
        self.assertEqual({run["label"] for run in runs}, set(variants))
        folders = [run["directories"][0] for run in runs]
        self.assertEqual(len(set(folders)), len(folders))
        inside = os.path.realpath(self.path("d", "out"))
        for run, folder in zip(runs, folders):
            self.assertEqual(os.path.dirname(os.path.realpath(self.path("d", "out", folder))), inside)
            with open(self.path("d", "out", folder, "summary.json"), encoding="utf-8") as f:
                self.assertEqual(json.load(f)["seed"], variants[run["label"]]["seed"])  # no run took another's folder
        self.shows_nothing_to_obey(r.stdout)
        self.check(["report", "d/out"], 0)

    def test_a_variant_that_no_command_line_can_name_is_refused(self):
        self.write("v.json", {**SCENARIO, "variants": {"a": {}, "a\0b": {}}})
        self.check(["compare", "v.json", "--out", "out"], 2, "/variants: the name of a variant holds a zero byte")
        self.assertFalse(os.path.exists(self.path("out")))

    def shows_nothing_to_obey(self, text):
        for c in text.decode():
            self.assertTrue(c == "\n" or c == "\t" or (ord(c) >= 0x20 and not 0x7F <= ord(c) < 0xA0 and c != "\u202e"), repr(c))

    def test_cells_of_csv_are_no_formulas(self):
        self.write("v.json", {**SCENARIO, "variants": {name: {} for name in ["=1+1", "@SUM(A1)", "-2", "+3", "\t=4", "\r=5", " =6", "a\"b,c"]}})
        self.check(["compare", "v.json", "--out", "out"], 0)
        with open(self.path("out", "compare.csv"), newline="", encoding="utf-8") as f:
            rows = list(csv.reader(f))
        self.assertEqual({len(row) for row in rows}, {7})
        for row in rows:
            for cell in row[:3]:
                self.assertNotIn(cell.lstrip(" ")[:1], ("=", "+", "-", "@", "\t", "\r"), cell)

    def test_names_in_messages_are_shown_and_not_obeyed(self):
        evil = "\x1b]0;owned\x07\x1b[31m\u009b2J\u202e"
        self.write("v.json", {**SCENARIO, "variants": {"a": {}}, evil: 1})
        for arguments in (["run", "v.json"], ["run", evil], ["validate", "v.json"], ["run", "s.json", "--variant", evil], ["replay", evil],
                          ["compare", evil, "s.json"], ["trace", "info", evil], ["report", evil], [evil], ["run", "--" + evil]):
            r = self.mmusim(*arguments)
            self.assertIn(r.returncode, (2, 3), arguments)
            self.shows_nothing_to_obey(r.stderr)
            self.shows_nothing_to_obey(r.stdout)
        self.write(evil.replace("/", "") + ".vmt", self.trace())
        r = self.check(["replay", evil + ".vmt", "--levels", "5", "--platform", "sapphire-rapids", "--out", "o"], 0)
        self.shows_nothing_to_obey(r.stdout + r.stderr)

    def trace(self):
        with open(os.path.join(SOURCE, "tests/data/traces/full.vmt"), "rb") as f:
            return f.read()

    def test_a_default_folder_is_named_after_the_trace_and_lies_in_out(self):
        for name in ("..x", ".", "a b\n", "..."):
            if name == ".":
                continue
            self.write(name, self.trace())
            self.check(["replay", name, "--levels", "5", "--platform", "sapphire-rapids", "--force"], 0)
        self.assertFalse(os.path.exists(self.path("summary.json")))
        self.assertFalse(os.path.exists(self.path("out", "summary.json")))

    # --- planted links

    def plant(self, folder, names, how):
        os.makedirs(self.path(folder), exist_ok=True)
        for name in names:
            how(self.path("precious"), self.path(folder, name))

    def test_links_in_the_folder_of_results_lead_nowhere(self):
        files = ["summary.json", "events.jsonl.zst", "kernel.log", "compare.json", "compare.csv", "report.html", "tables.json"]
        for how in (os.symlink, os.link):
            self.write("precious", b"precious")
            self.plant(f"run-{how.__name__}", files, how)
            self.check(["run", "s.json", "--out", f"run-{how.__name__}", "--force", "--events", "all"], 0)
            self.plant(f"cmp-{how.__name__}", files, how)
            self.plant(f"cmp-{how.__name__}/s", [*files, "report.txt", "errors.txt"], how)
            self.check(["compare", "s.json", "s.json", "--out", f"cmp-{how.__name__}", "--force"], 0)
            self.plant(f"rep-{how.__name__}", ["summary.json", "events.jsonl.zst"], how)
            self.check(["run", "s.json", "--out", "q", "--force", "--record", "r.mmt"], 0)
            self.check(["replay", "r.mmt", "--out", f"rep-{how.__name__}", "--force", "--events", "walks"], 0)
            self.assertEqual(self.read("precious"), b"precious")

    def test_links_in_place_of_named_outputs_are_replaced(self):
        self.write("precious", b"precious")
        for option in ("--timeline", "--vcd", "--tables", "--record"):
            for how in (os.symlink, os.link):
                how(self.path("precious"), self.path("x.mmt"))
                self.check(["run", "s.json", "--out", "d", "--force", option, "x.mmt"], 0)
                self.assertEqual(self.read("precious"), b"precious")
                self.assertFalse(os.path.islink(self.path("x.mmt")))
                os.remove(self.path("x.mmt"))

    def test_a_link_in_place_of_a_side_of_a_comparison_is_refused(self):
        os.makedirs(self.path("victim"))
        self.write("victim/summary.json", b"precious")
        os.makedirs(self.path("out"))
        os.symlink(self.path("victim"), self.path("out", "s"))
        self.check(["compare", "s.json", "s.json", "--out", "out", "--force"], 3, "is a symbolic link")
        self.assertEqual(self.read("victim", "summary.json"), b"precious")

    # --- signals

    def test_signals_that_ask_for_the_end(self):
        self.write("endless.json", {**SCENARIO, "phases": [BOOT, ENDLESS]})
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGXCPU):
            process = self.start("run", "endless.json", "--out", f"o{number}", preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL))
            while not os.path.exists(self.path(f"o{number}", "events.jsonl.zst")):
                self.assertIsNone(process.poll())
                time.sleep(0.01)
            self.ends(process, number)
            self.assertTrue(json.loads(self.read(f"o{number}", "summary.json"))["interrupted"])

    def test_the_limit_of_processor_time(self):
        self.write("endless.json", {**SCENARIO, "phases": [BOOT, ENDLESS]})
        r = self.mmusim("run", "endless.json", "--out", "o", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (2, 60)))
        self.assertEqual(r.returncode, 128 + signal.SIGXCPU)
        self.assertTrue(json.loads(self.read("o", "summary.json"))["interrupted"])

    def test_one_sigterm_while_the_other_end_of_a_fifo_is_awaited(self):
        os.mkfifo(self.path("f"))
        os.mkfifo(self.path("f.json"))
        self.write("f.ptimg.xz", b"")
        for arguments in (["replay", "f"], ["translate", "f"], ["dram", "f"], ["run", "./f"], ["validate", "./f"], ["trace", "info", "f"],
                          ["scenario", "--from", "f"], ["compare", "./f", "s.json"], ["replay", "f", "--map", "./s.json"],
                          ["explain", "0x1000", "--image", "f.json"], ["run", "s.json", "--timeline", "f"], ["run", "s.json", "--record", "f", "--record-form", "jsonl"],
                          ["run", "s.json", "--tables", "f"], ["run", "s.json", "--vcd", "f"]):
            process = self.start(*arguments)
            time.sleep(0.3)
            self.ends(process, signal.SIGTERM, 20)

    def test_one_sigterm_while_a_fifo_has_nothing_to_read(self):
        os.mkfifo(self.path("f"))
        for arguments in (["replay", "f"], ["run", "./f"], ["scenario", "--from", "f"]):
            process = self.start(*arguments)
            writer = None
            while writer is None:
                self.assertIsNone(process.poll(), arguments)
                try:
                    writer = os.open(self.path("f"), os.O_WRONLY | os.O_NONBLOCK)
                except OSError:  # nobody reads yet
                    time.sleep(0.01)
            time.sleep(0.3)
            self.ends(process, signal.SIGTERM, 30)
            os.close(writer)

    def test_children_are_waited_for_although_their_signal_is_ignored(self):
        self.write("bad.json", {**SCENARIO, "phases": [{"phase": "boot", "expect": "-ENOMEM"}, SCENARIO["phases"][1]]})
        ignored = lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        self.check(["compare", "s.json", "s.json", "--out", "good"], 0, preexec_fn=ignored)
        r = self.check(["compare", "s.json", "bad.json", "--out", "bad"], 1, preexec_fn=ignored)
        self.assertIn(b"bad: failed: exit code 1", r.stdout)

    # --- limits

    @unittest.skipIf(SANITIZED, "a sanitizer needs its own memory")
    def test_what_the_host_refuses_exits_3(self):
        def limited(kind, value):
            def apply():
                resource.setrlimit(kind, (value, value))
                resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            return apply

        cases = [(resource.RLIMIT_AS, kib << 10) for kib in (24576, 28672, 30720, 32768, 40960, 49152, 65536, 98304, 131072)]
        cases += [(resource.RLIMIT_DATA, kib << 10) for kib in (2048, 4096, 8192, 12288, 16384, 24576)]
        cases += [(resource.RLIMIT_NOFILE, n) for n in (3, 4, 5, 6, 7, 8, 10)]
        for kind, value in cases:
            if self.mmusim("--version", preexec_fn=limited(kind, value)).returncode != 0:
                continue  # the libraries do not even load
            for arguments in (["run", "s.json", "--events", "all", "--out", "o", "--force"],
                              ["compare", "s.json", "s.json", "--out", "c", "--force"],
                              ["run", "s.json", "--events", "none", "--record", "r.mmt.zst", "--out", "o", "--force"]):
                r = self.mmusim(*arguments, preexec_fn=limited(kind, value))
                if r.returncode == 0:
                    continue
                ok = (1, 3) if arguments[0] == "compare" else (3,)  # 1: its children were refused what it was given
                self.assertIn(r.returncode, ok, f"{arguments}, limit {kind} {value}: {r.stderr[-500:]}")
                self.assertTrue(r.stderr or r.stdout)

    def test_a_refused_thread_exits_3(self):
        refuse = self.path("refuse.so")
        source = self.write("refuse.c", b"#include <errno.h>\n#include <pthread.h>\nint pthread_create(pthread_t* t, const pthread_attr_t* a,"
                                        b" void* (*f)(void*), void* x) { (void)t; (void)a; (void)f; (void)x; return EAGAIN; }\n")
        if SANITIZED or subprocess.run(["cc", "-shared", "-fPIC", "-o", refuse, source]).returncode != 0:
            self.skipTest("no C compiler")
        without = {"env": {**os.environ, "LD_PRELOAD": refuse}}
        self.check(["run", "s.json", "--out", "o"], 3, "thread of the host: cannot start: Resource temporarily unavailable", **without)
        self.check(["run", "s.json", "--out", "o", "--events", "none"], 0, **without)
        self.check(["run", "s.json", "--out", "o", "--force", "--events", "none", "--record", "r.mmt.zst"], 3, "cannot start", **without)
        self.write("t.vmt", self.trace())
        self.check(["replay", "t.vmt", "--out", "o", "--force"], 3, "cannot start", **without)
        self.check(["compare", "s.json", "s.json", "--events", "none", "--out", "c"], 0, **without)  # the report is made on one thread

    # --- standard streams

    def test_closed_standard_streams(self):
        self.check(["run", "s.json", "--out", "open", "--events", "all"], 0)
        good = json.loads(self.read("open", "summary.json"))
        for closed in ("<&-", "2>&-", "<&- 2>&-", ">&-", "<&- >&- 2>&-"):
            command = f'exec "$0" run s.json --out o --force --events all {closed}'
            r = subprocess.run(["sh", "-c", command, MMUSIM], cwd=self.dir.name, capture_output=True)
            self.assertEqual(r.returncode, 3 if ">&-" in closed.replace("2>&-", "") else 0, closed)
            if closed == ">&-":
                self.assertIn(b"standard output: cannot write: Bad file descriptor", r.stderr)
            summary = json.loads(self.read("o", "summary.json"))
            self.assertEqual({**summary, "host": 0}, {**good, "host": 0})
            self.assertEqual(self.read("o", "events.jsonl.zst"), self.read("open", "events.jsonl.zst"))
        r = subprocess.run(["sh", "-c", 'exec "$0" replay - <&-', MMUSIM], cwd=self.dir.name, capture_output=True)
        self.assertEqual(r.returncode, 3)

    def test_output_named_as_a_standard_stream(self):
        with open(self.path("text"), "wb") as f:
            f.write(b"before\n")
            f.flush()
            r = self.mmusim("run", "s.json", "--out", "d", "--timeline", "/dev/stdout", stdout=f, capture_output=False)
        self.assertEqual(r.returncode, 0)
        text = self.read("text")
        self.assertTrue(text.startswith(b"before\n"))
        self.assertIn(b"traceEvents", text)
        self.assertTrue(os.path.islink("/dev/stdout") or os.path.exists("/dev/stdout"))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
