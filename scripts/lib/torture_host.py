# SPDX-License-Identifier: MIT
"""Disks that run full, and a replay without end in flat memory."""
import json
import os
import resource
import shutil
import struct
import subprocess

from torture import SCENARIO, expect


def full_disks(t):
    scenario = t.write("run.json", SCENARIO)
    subprocess.run(t.run_command(scenario), check=True, stdout=subprocess.DEVNULL)
    size = sum(os.path.getsize(t.path("out", f)) for f in os.listdir(t.path("out")))
    mounted = t.path("disk")
    os.mkdir(mounted)

    def body(room):
        tmpfs = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={max(4096, room)}", "none", mounted], capture_output=True)
        limit = None
        if tmpfs.returncode != 0:  # not allowed here: a limit of the size of files stands in
            limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
        try:
            r = subprocess.run([*t.run_command(scenario)[:3], "--out", os.path.join(mounted, "out"), "--force", "--events", "pte,walks"],
                               capture_output=True, text=True, timeout=120, preexec_fn=limit)
            out = os.path.join(mounted, "out")
            files = os.listdir(out) if os.path.isdir(out) else []
            if r.returncode == 0:
                expect("summary.json" in files, "success without a summary")
                return 0
            expect(r.returncode == 3, f"exit code {r.returncode}: {r.stderr[:300]}")
            expect(mounted in r.stderr and ("No space left" in r.stderr or "too large" in r.stderr), f"said {r.stderr[:300]!r}")
            expect("summary.json" not in files, "a summary although the disk was full")
            expect(not [f for f in files if ".tmp" in f], f"left {files}")
            return 0
        finally:
            if tmpfs.returncode == 0:
                subprocess.run(["umount", mounted], check=True)
            else:
                shutil.rmtree(os.path.join(mounted, "out"), ignore_errors=True)

    t.each("disk full at random points", [t.random.randrange(1, int(1.1 * size)) for _ in range(t.count(50, 3))], body)


def soak(t):
    """10^9 functional and 10^8 cycle accesses (a thousandth of that with --short) from a pipe, in flat memory."""
    lines = ["| Model | Accesses | Peak of the first tenth | Peak | Growth | Processor time |", "|---|---:|---:|---:|---:|---:|"]
    trace = t.path("piece.champsim")
    with open(trace, "wb") as f:
        for i in range(20000):  # six accesses each: sequential, strided and random ones in 256 MiB
            at = [(i * 64) % (1 << 28), (i * 12288) % (1 << 28), *(t.random.randrange(1 << 28) & ~7 for _ in range(4))]
            va = [0x10000000 + x for x in at]
            f.write(struct.pack("<QBB2B4B2Q4Q", 0x400000 + i % 64 * 4, 0, 0, 1, 2, 0, 0, 0, 0, va[4], va[5], *va[:4]))
    per_piece = 120000
    with open(trace, "rb") as f:
        piece = f.read()
    for model, accesses in (("functional", 10 ** 9), ("cycle", 10 ** 8)):
        accesses = accesses // 1000 if t.short else accesses
        shutil.rmtree(t.path("out"), ignore_errors=True)
        process = subprocess.Popen([t.mmusim, "replay", "-", "--format", "champsim", "--model", model, "--no-fetches", "--limit",
                                    str(accesses), "--out", t.path("out")], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        peak = first = 0
        try:
            for n in range(accesses // per_piece + 10):
                process.stdin.write(piece)
                if n % 16 == 0 or t.short:
                    with open(f"/proc/{process.pid}/statm") as f:
                        peak = max(peak, int(f.read().split()[1]) * resource.getpagesize())
                if n <= accesses // per_piece // 10:
                    first = peak
        except (BrokenPipeError, ProcessLookupError, IndexError):
            pass  # it has what it wanted
        try:
            process.stdin.close()
        except BrokenPipeError:
            pass
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        process.wait()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        with open(t.path("out", "summary.json")) as f:
            measured = json.load(f)["replay"]["measured_accesses"]
        growth = peak / first - 1
        ok = process.returncode == 0 and measured == accesses and growth < 0.05
        if not ok:
            t.note(f"soak, {model}", f"exit code {process.returncode}, {measured} accesses, grew by {growth:.1%}")
        t.row(f"soak, {model}: accesses", accesses, measured if ok else 0, None)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        lines.append(f"| {model} | {measured:,} | {first / 2 ** 20:.1f} MiB | {peak / 2 ** 20:.1f} MiB | {growth:.2%} | {spent:.0f} s |")
    t.blocks["soak"] = "\n".join(lines)
