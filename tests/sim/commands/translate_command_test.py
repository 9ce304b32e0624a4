#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`mmusim translate` and the core option as users type them.

usage: translate_command_test.py MMUSIM"""
import gzip
import json
import os
import subprocess
import sys
import tempfile

GOOD = {"id": "a", "maxpa": 40, "g1": 1, "cr0": "80000011", "cr3": "204000", "cr4": "20", "efer": "d00", "cpl": 0,
        "acc": "r", "va": "ffff9000ffc01008", "n": 8, "mem": [["204900", "4001003"], ["4001018", "400001e3"]]}
ANSWER = {"id": "a", "out": "ok", "pa": "7fc01008", "aft": ["4001023", "400001e3"]}


def run(mmusim, *arguments, input=b""):
    done = subprocess.run([mmusim, *arguments], input=input, capture_output=True)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def lines(*cases):
    return "".join((c if isinstance(c, str) else json.dumps(c)) + "\n" for c in cases).encode()


def test_no_input_is_no_output(mmusim):
    assert run(mmusim, "translate") == (0, "", "")
    assert run(mmusim, "translate", input=gzip.compress(b"")) == (0, "", "")


def test_compressed_input_is_recognised(mmusim):
    code, out, _ = run(mmusim, "translate", input=gzip.compress(lines(GOOD, GOOD)))
    assert code == 0 and [json.loads(l) for l in out.splitlines()] == [ANSWER, ANSWER]


def test_a_bad_line_is_an_answer_and_the_stream_goes_on(mmusim):
    code, out, _ = run(mmusim, "translate", input=lines(GOOD, "{", GOOD))
    answers = [json.loads(l) for l in out.splitlines()]
    assert code == 1 and answers[0] == answers[2] == ANSWER and answers[1]["line"] == 2 and "error" in answers[1]


def test_a_platform_says_what_cases_leave_out(mmusim):
    bare = {k: v for k, v in GOOD.items() if k not in ("maxpa", "g1")}
    code, out, _ = run(mmusim, "translate", input=lines(bare))
    assert code == 1 and "maxpa: missing" in out
    code, out, _ = run(mmusim, "translate", "--platform", "milan", input=lines(bare))
    assert code == 0 and json.loads(out) == ANSWER
    pml4e_global = dict(bare, mem=[["204900", "4001103"], ["4001018", "400001e3"]])  # bit 8: ignored or reserved
    assert json.loads(run(mmusim, "translate", "--platform", "skylake-sp", input=lines(pml4e_global))[1])["out"] == "ok"
    assert json.loads(run(mmusim, "translate", "--platform", "milan", input=lines(pml4e_global))[1])["ec"] == "9"
    code, out, error = run(mmusim, "translate", "--platform", "pentium", input=lines(bare))
    assert code == 2 and out == "" and "pentium" in error


def test_core_is_one_word_on_run_and_replay(mmusim):
    scenario = {"kernel": {"version": "6.12"}, "memory": {"ranges": [{"start": "0x1000", "end": "0x40000000", "node": 0}]},
                "phases": [{"phase": "boot"}, {"phase": "workload", "kind": "uniform",
                            "parameters": {"region": "vmemmap", "bytes": "4MiB", "accesses": 2000}}]}
    with tempfile.TemporaryDirectory() as work:
        with open(work + "/s.json", "w") as file:
            json.dump(scenario, file)
        trace = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data", "traces", "ls.lackey")
        for command in (["run", work + "/s.json", "--events", "none"], ["replay", trace]):
            cycles = {}
            for core in ("blocking", "window"):
                code, _, error = run(mmusim, *command, "--core", core, "--force", "--out", work + "/" + core)
                assert code == 0, error
                with open(work + "/" + core + "/summary.json") as file:
                    summary = json.load(file)
                assert summary["configuration"]["platform"]["core"]["model"] == core
                assert summary["perf"]
                cycles[core] = summary["totals"]["cycles"]
            assert cycles["window"] < cycles["blocking"], cycles
        assert run(mmusim, "run", work + "/s.json", "--core", "big")[0] == 2


def test_a_platform_file_may_build_on_another(mmusim):
    with tempfile.TemporaryDirectory() as work:
        os.chdir(work)
        with open("a.json", "w") as file:
            json.dump({"base": "milan", "processor": {"physical_address_bits": 40}}, file)
        with open("loop.json", "w") as file:
            json.dump({"base": "loop.json"}, file)
        bare = {k: v for k, v in GOOD.items() if k not in ("maxpa", "g1")}
        assert run(mmusim, "translate", "--platform", "a.json", input=lines(bare))[0] == 0
        code, _, error = run(mmusim, "translate", "--platform", "loop.json", input=lines(bare))
        assert code == 2 and "in a row" in error


if __name__ == "__main__":
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            test(os.path.abspath(sys.argv[1]))
            print("ok", name)
