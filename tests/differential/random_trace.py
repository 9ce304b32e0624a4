# SPDX-License-Identifier: MIT
"""Random traces in the form jsonl, and the options of their replay."""

from random_scenario import virtualization

PAGE = 4096


class Places:
    """Where a trace's accesses go: a few regions, each walked through in its own way."""

    def __init__(self, dice, levels):
        self.dice, self.regions = dice, []
        bits = 56 if levels == 5 else 47
        for _ in range(dice.between(1, 4)):
            user = dice.chance(0.6)
            base = ((dice.next() & ((1 << (bits - 13)) - 1)) + 1) * PAGE
            if not user:
                base |= ((1 << 64) - 1) << bits & ((1 << 64) - 1)
            self.regions.append({"base": base, "user": user, "bytes": PAGE * dice.skewed(1, 400), "at": 0,
                                 "stride": dice.pick([0, 8, 64, 2048, PAGE, 3 * PAGE + 64])})

    def next(self):
        r = self.dice.pick(self.regions)
        r["at"] = self.dice.next() % r["bytes"] if r["stride"] == 0 else (r["at"] + r["stride"]) % r["bytes"]
        return r["base"] + r["at"], r["user"]


def access(dice, places, number, fetches, farthest):
    va, user = places.next()
    kind = dice.pick(["read", "read", "write", "fetch"] if fetches else ["read", "read", "write"])
    a = {"access": kind, "va": hex(va), "bytes": dice.pick([1, 2, 4, 8, 8, 8, 16, 32, 64])}
    if user:
        a["user"] = True
    if kind == "write":
        dice.maybe(a, "rmw", 0.15, lambda: True)
    if kind == "read" and not user:
        dice.maybe(a, "implicit", 0.05, lambda: True)
    dice.maybe(a, "awaited", 0.1, lambda: True)
    if number and dice.chance(0.3):
        far = min(number, farthest)
        needs = sorted({dice.skewed(1, far) if dice.chance(0.7) else far for _ in range(dice.pick([1, 1, 2, 5]))})
        a["depends_on"] = needs[0] if len(needs) == 1 else needs
    if dice.chance(0.5):
        a["gap"] = dice.skewed(0, 200)
    return {k: v for k, v in a.items() if not (k == "gap" and v == 0)}


def event(dice, places):
    kind = dice.pick(["invlpg", "drain", "process", "timed", "marker"])
    e = {"event": kind}
    if kind == "invlpg":
        e.update(va=hex(places.next()[0]), value=hex(PAGE * dice.skewed(0, 4)))
    elif kind == "process":
        e["value"] = hex(dice.between(1, 3))
    elif kind == "timed":
        e["value"] = hex(dice.between(0, 1))
    elif kind == "marker":
        e.update(value=hex(dice.between(0, 9)), name="m")
    return e


def random_records(dice, levels):
    """Returns the records of a trace."""
    places = Places(dice, levels)
    fetches, events = dice.chance(0.5), dice.pick([0, 0.01, 0.1])
    farthest = dice.pick([8, 64, 600, 65535])
    records = []
    for number in range(dice.skewed(20, 4000)):
        if dice.chance(events):
            records.append(event(dice, places))
        records.append(access(dice, places, number, fetches, farthest))
    return records


def random_threads(dice, cores):
    """Returns the instructions of threads that share pages and lines: core, address, kind and place of the data of each."""
    shared, private = dice.skewed(8, 40 * PAGE // 8), dice.pick([0.3, 0.7, 0.95])
    threads = [{"at": 0, "stride": dice.pick([8, 64, 64, 192, 2048, PAGE]), "code": dice.skewed(1, 3000)} for _ in range(cores)]
    instructions = []
    for number in range(dice.skewed(40, 4000)):
        core = number if number < cores else dice.between(0, cores - 1)
        thread = threads[core]
        if dice.chance(private):
            thread["at"] = (thread["at"] + thread["stride"]) % (200 * PAGE)
            va = ((0x7F00 + core) << 32) + thread["at"]
        else:
            va = (0x7E00 << 32) + 8 * dice.skewed(0, shared - 1)
        instructions.append([core, 0x400000 + 4 * (number % thread["code"]), dice.pick(["load", "load", "store"]), va])
    return instructions


def options_of_replay(dice, levels, gib_pages):
    o = {"levels": levels, "pages": dice.pick(["4K", "4K", "2M", "thp:0.3", "thp"] + (["1G"] if gib_pages else [])),
         "frames": dice.pick(["sequential", "random", "fragmented:0.5"]), "flushes": dice.pick(["auto", "all", "none"])}
    dice.maybe(o, "warmup", 0.3, lambda: dice.skewed(0, 500))
    dice.maybe(o, "skip", 0.2, lambda: dice.skewed(0, 200))
    dice.maybe(o, "no-fetches", 0.2, lambda: True)
    dice.maybe(o, "no-pcids", 0.2, lambda: True)
    o["seed"] = dice.between(1, 1000)
    return o


def random_trace(dice, max_levels, gib_pages, cores):
    """Returns what is replayed: a trace, or on several cores one for each or the threads of one; options and settings."""
    levels = 5 if max_levels == 5 and dice.chance(0.5) else 4
    options = options_of_replay(dice, levels, gib_pages)
    kind = dice.pick(["one", "each", "threads", "threads"]) if cores > 1 else "one"
    if kind == "threads":
        options["core-per-stream"] = True
        return {"threads": random_threads(dice, cores), "options": options, "settings": {}}
    if kind == "each":
        records, *others = [random_records(dice, levels) for _ in range(cores)]
        return {"trace": records, "core_traces": others, "options": options, "settings": {}}
    settings = {f"/virtualization/{k}": v for k, v in virtualization(dice, several=True).items()} if dice.chance(0.3) else {}
    return {"trace": random_records(dice, levels), "options": options, "settings": settings}
