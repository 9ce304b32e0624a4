# SPDX-License-Identifier: MIT
"""Scenarios and traces that are changed at random, and configurations beyond limits."""
import copy
import json
import os
import re
import resource
import shutil
import signal
import subprocess

from torture import ROOT, SCENARIO, expect

# What a scenario may be changed to, one at a time: far outside of everything.
EXTREMES = [0, 1, -1, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 63, 2 ** 64 - 1, -2 ** 63, 1e308, -1e-308, 0.5, True, False, None, "", "x",
            "0x0", "0xffffffffffffffff", "0x10000000000000000", "-1", "1TiB", "16EiB", "999999999999999999999", "nan", [], {},
            [[]], "\x00", "\u202e\ud7ff", "a" * 5000, [0] * 1000]
# Too much of something: (what is set, exit codes that are right).
BEYOND = [
    ("/platform/caches/l3/size_kib=4194304 /platform/caches/l3/ways=16 /platform/cores=64 /platform/caches/l2/size_kib=4194304 /platform/caches/l2/ways=16", (3,)),
    ("/platform/caches/l3/size_kib=1152921504606846976", (2,)),
    ("/platform/caches/l2/size_kib=-5", (2,)),
    ('/platform/tlbs/stlb/arrays=[{"entries":1152921504606846976,"ways":16,"pages":["4K"]}]', (2,)),
    ('/platform/tlbs/stlb/arrays=[{"entries":67108864,"ways":16,"pages":["4K"]}] /platform/cores=64', (3,)),
    ('/platform/tlbs/l1_dtlb/arrays=[{"entries":0,"ways":4,"pages":["4K"]}]', (2,)),
    ('/platform/tlbs/l1_dtlb/arrays=[{"entries":64,"ways":7,"pages":["4K"]}]', (2,)),
    ("/platform/page_walkers/walkers=1000000", (2,)),
    ("/platform/page_walkers/paging_structure_caches/pde/entries=4294967296", (2,)),
    ("/platform/cores=1000000", (2,)),
    ("/platform/core/frequency_mhz=1e300", (2,)),
    ("/platform/core/period_ps=0", (2,)),
    ("/platform/core/window=4294967295", (2,)),
    ("/platform/processor/physical_address_bits=64", (2,)),
    ("/platform/dram/channels=4096", (2,)),
    ("/platform/dram/to_memory_ns=1e30", (2,)),
    ("/memory/ranges/0/end=0x10000000000000", (2,)),
    ("/memory/ranges/0/end=0xffffffffffffffff", (2,)),
    ("/kernel/levels=6", (2,)),
    ("/kernel/struct_page_bytes=4294967296", (2,)),
    ("/kernel/processes=4294967295", (2,)),
    ("/kernel/boot_gigantic_pages=4294967295", (2,)),
    ("/phases/1/parameters/bytes=\"16EiB\"", (2,)),
    ("/phases/1/kind=\"hot\" /phases/1/parameters/accesses=1e308", (2,)),
]


def parsed(path):
    """JSON with comments."""
    with open(path) as f:
        return json.loads(re.sub(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', lambda m: m[1] or "", f.read(), flags=re.S))


def places(node, at=()):
    """Where each value of a document is, as the keys that lead to it."""
    yield at
    if isinstance(node, (dict, list)):
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            yield from places(node[key], (*at, key))


def mutated(r, text):
    """A scenario with one to three changes, of its structure or of its bytes."""
    if r.random() < 0.3:
        b = bytearray(text.encode())
        for _ in range(r.randrange(1, 8)):
            if not b:
                break
            at = r.randrange(len(b))
            how = r.randrange(4)
            if how == 0:
                b[at] = r.randrange(256)
            elif how == 1:
                del b[at:at + r.randrange(1, 40)]
            elif how == 2:
                b[at:at] = b[r.randrange(len(b)):][:r.randrange(1, 40)]
            else:
                b = b[:max(1, at)]
        return bytes(b)
    document = json.loads(text)
    for _ in range(r.randrange(1, 4)):
        at = r.choice([p for p in places(document) if p] or [()])
        if not at:
            break
        node = document
        for key in at[:-1]:
            node = node[key]
        how = r.randrange(5)
        if how == 0:
            del node[at[-1]]
        elif how == 1 and isinstance(node, dict):
            node[r.choice(["unknown", "", "start", "size", "\u00e9", "a" * 300])] = copy.deepcopy(r.choice(EXTREMES))
        elif how == 2 and isinstance(node[at[-1]], (int, float)) and not isinstance(node[at[-1]], bool):
            node[at[-1]] = node[at[-1]] * r.choice([-1, 0, 2, 1000, 2 ** 20, 1e-3])
        else:
            node[at[-1]] = copy.deepcopy(r.choice(EXTREMES))
    return json.dumps(document).encode("utf-8", "surrogatepass")


def scenarios(t):
    texts = [json.dumps(SCENARIO)]
    folder = os.path.join(ROOT, "configs", "scenarios")
    for name in sorted(os.listdir(folder)):
        document = parsed(os.path.join(folder, name))
        if isinstance(document.get("platform"), str):
            document["platform"] = parsed(os.path.join(ROOT, "configs", "platforms", document["platform"] + ".json"))
        texts.append(json.dumps(document))
    total, batch = t.count(10000, 200), 100
    survived, good, ran = 0, [], 0
    for begin in range(0, total, batch):
        names = [t.path(f"m{i}.json") for i in range(batch)]
        for name in names:
            with open(name, "wb") as f:
                f.write(mutated(t.random, t.random.choice(texts)))
        r = subprocess.run([t.mmusim, "validate", *names], capture_output=True, timeout=600)
        if r.returncode in (0, 2):
            survived += batch
        else:
            t.keep(f"mutated scenarios {begin} to {begin + batch}", r, names)
        # One of each batch is run as well, for at most two seconds.
        shutil.rmtree(t.path("out"), ignore_errors=True)
        process = subprocess.Popen(t.run_command(t.random.choice(names), "--max-memory", "2GiB"), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE)
        try:
            said = process.communicate(timeout=2)[1]
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            said = process.communicate(timeout=60)[1]
        ran += 1
        if process.returncode not in (0, 1, 2, 3, 130):
            t.note("a mutated scenario that was run", f"exit code {process.returncode}: {said[:500]}")
            survived -= 1
    t.row(f"mutated scenarios ({ran} of them run as well)", total, survived, None)


def traces(t):
    folder = os.path.join(ROOT, "tests", "data", "traces")
    names = sorted(n for n in os.listdir(folder) if os.path.isfile(os.path.join(folder, n)))
    seeds = []
    for name in names:
        with open(os.path.join(folder, name), "rb") as f:
            seeds.append((name, f.read()))
    per_file, total = 100, t.count(100000, 2000)
    survived = 0
    names = []
    for done in range(0, total, per_file):
        name, content = t.random.choice(seeds)
        b = bytearray(content)
        clustered = t.random.random() < 0.5  # half of the files are hit all over, half within one kilobyte
        begin = t.random.randrange(len(b))
        for _ in range(per_file):
            at = begin + t.random.randrange(1024) if clustered else t.random.randrange(len(b))
            b[at % len(b)] = t.random.randrange(256)
        path = t.path(f"t{len(names)}-{name}")
        with open(path, "wb") as f:
            f.write(b)
        names.append(path)
        if len(names) < 20 and done + per_file < total:
            continue
        r = subprocess.run([t.mmusim, "trace", "validate", *names], capture_output=True, timeout=600)
        replayed = t.random.choice(names)
        shutil.rmtree(t.path("out"), ignore_errors=True)
        p = subprocess.run([t.mmusim, "replay", replayed, "--model", "functional", "--salvage", "--limit", "100000", "--levels", "5",
                            "--platform", "sapphire-rapids", "--out", t.path("out"), "--force"], capture_output=True, timeout=600)
        bad = [x for x in (r, p) if x.returncode not in (0, 1, 2)]
        if bad:
            t.keep("mutated traces", bad[0], names)
        else:
            survived += per_file * len(names)
        names = []
    t.row("mutated bytes of traces", total, survived, None)


def beyond(t):
    scenario = t.write("run.json", SCENARIO)

    def body(case):
        settings, codes = case
        sets = [word for s in settings.split(" ") for word in ("--set", s)]
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        r = subprocess.run(t.run_command(scenario, *sets, "--max-memory", "2GiB"), capture_output=True, text=True, timeout=120)
        expect(r.returncode in codes, f"exit code {r.returncode}, expected {codes}: {r.stderr[:300]}")
        expect(r.returncode == 0 or len(r.stderr) > 20, "no message")
        expect(r.returncode in (0, 1) or not os.path.exists(t.path("out")), "left an output directory")
        expect(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss - before < 2 << 20, "took more than 2 GiB")

    t.each("configurations beyond limits", BEYOND, body)
