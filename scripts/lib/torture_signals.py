# SPDX-License-Identifier: MIT
"""Runs that are killed or interrupted, and pipes that close."""
import json
import os
import re
import resource
import signal
import subprocess
import time

from torture import ENDLESS, ROOT, SCENARIO, expect


def kills(t):
    scenario = t.write("run.json", SCENARIO)
    begin = time.monotonic()
    subprocess.run(t.run_command(scenario), check=True, stdout=subprocess.DEVNULL)
    whole = time.monotonic() - begin
    reference = t.log_lines()

    def body(moment):
        process = t.start(scenario)
        try:
            process.wait(timeout=moment)
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate()
        lines = t.log_lines()
        lost = sum(a != b for a, b in zip(lines, reference)) + max(0, len(lines) - len(reference))
        if process.returncode == 0:
            expect(lines == reference, "a run that ended has another log")
            return lost
        expect(lines == reference or not os.path.exists(t.path("out", "summary.json")), "a summary of a run that was killed")
        if lines:
            info = subprocess.run([t.mmusim, "trace", "info", t.path("out", "events.jsonl.zst")], capture_output=True,
                                  text=True, timeout=60)
            if info.returncode == 0:  # killed between the end of the log and the summary
                expect(lines == reference, "a log that was cut passes for a whole one")
                return lost
            # zstd's own program may stop a little earlier than the reader of mmusim.
            found = re.search(r"truncated after (\d+) records", info.stderr.replace(",", ""))
            expect(info.returncode == 2 and found, f"trace info does not know of the cut: {info.stderr}")
            ends = b'"event":"totals"' in lines[-1]  # cut between the last record and the end of the file
            lost += max(0, len(lines) - 1 - ends - int(found[1]))  # without header and totals
        expect(lost == 0, f"{lost} records lost")
        return lost

    moments = [t.random.uniform(0, 1.1 * whole) for _ in range(t.count(200, 4))]
    t.each("`kill -9` at random moments", moments, body)


def interrupts(t):
    scenario = t.write("endless.json", ENDLESS)

    def body(case):
        number, code, moment = case
        process = t.start(scenario)
        t.begun(process)
        time.sleep(moment)
        begin = time.monotonic()
        cpu = resource.getrusage(resource.RUSAGE_CHILDREN)
        process.send_signal(number)
        process.communicate(timeout=30)
        elapsed = time.monotonic() - begin
        expect(process.returncode == code, f"exit code {process.returncode}")
        # On a busy host the wall clock is not the program's: then its processor time has to be short.
        spent = resource.getrusage(resource.RUSAGE_CHILDREN)
        busy = spent.ru_utime + spent.ru_stime - cpu.ru_utime - cpu.ru_stime - moment
        expect(elapsed < 1 or (os.getloadavg()[0] > os.cpu_count() and busy < 1), f"took {elapsed:.2f} s")
        with open(t.path("out", "summary.json")) as f:
            expect(json.load(f)["interrupted"] is True, "the summary is not marked")
        lines = t.log_lines()
        last = json.loads(lines[-1])
        expect(last["event"] == "totals" and last["interrupted"], "the log has no totals")
        expect(not t.leftovers(), f"left {t.leftovers()}")
        return abs(sum(last["records"].values()) - (len(lines) - 2))  # without header and totals

    kinds = [(signal.SIGINT, 130), (signal.SIGINT, 130), (signal.SIGTERM, 143)]
    cases = [(*kinds[i % 3], t.random.uniform(0, 0.5)) for i in range(t.count(100, 3))]
    t.each("SIGINT and SIGTERM at random moments", cases, body)

    def twice(moment):
        process = t.start(scenario)
        t.begun(process)
        time.sleep(moment)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)
        expect(process.returncode == 130, f"exit code {process.returncode}")
        expect(not t.leftovers(), f"left {t.leftovers()}")

    t.each("a second SIGINT right after the first", [t.random.uniform(0, 0.3) for _ in range(t.count(20, 2))], twice)

    def pipe(lines):
        process = subprocess.Popen([t.mmusim, "trace", "head", "-n", "1000000", os.path.join(ROOT, "traces/ops-512m-4l.vmt.xz")],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(lines):
            process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()
        process.stderr.close()
        expect(process.wait(timeout=30) in (0, 141) and said == b"", f"exit code {process.returncode}: {said[:200]}")

    t.each("readers that close the pipe", [t.random.randrange(200) for _ in range(t.count(20, 2))], pipe)
