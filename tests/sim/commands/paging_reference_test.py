#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`mmusim translate` against a second formulation of x86 paging, written straight from the manual's tables (SDM vol. 3A
chapter 4): random control registers, tables with every flag, accesses that cross pages, edges of canonical addresses.

usage: paging_reference_test.py MMUSIM [CASES [SEED]]"""
import json
import random
import subprocess
import sys

WP, PG, PE = 1 << 16, 1 << 31, 1
PSE, PAE, PGE, PCIDE, SMEP, SMAP, PKE, PKS, LA57 = (1 << b for b in (4, 5, 7, 17, 20, 21, 22, 24, 12))
LME, LMA, NXE = 1 << 8, 1 << 10, 1 << 11


def bits(high, low):
    """Mask of the bits high..low; empty if high < low."""
    return ((1 << (high + 1)) - 1) & ~((1 << low) - 1) if high >= low else 0


class Fault(Exception):
    def __init__(self, kind, present=0, reserved=0, key=0):
        super().__init__(kind)
        self.kind, self.present, self.reserved, self.key = kind, present, reserved, key


class Case:
    """One access on one processor state; `mem` maps physical addresses to entries and is changed by the walk."""

    def __init__(self, **fields):
        self.__dict__.update(fields)
        self.long = self.mode in ("L4", "L5")

    # -- the table of entries: for each level its index bits and what a present entry may not have set
    def levels(self):
        if self.mode == "P32":
            return [(2, 31, 22), (1, 21, 12)]
        if self.mode == "PAE":
            return [(2, 29, 21), (1, 20, 12)]
        return ([(5, 56, 48)] if self.mode == "L5" else []) + [(4, 47, 39), (3, 38, 30), (2, 29, 21), (1, 20, 12)]

    def is_leaf(self, level, entry):
        if level == 1:
            return True
        if self.mode == "P32":
            return bool(self.cr4 & PSE) and bool(entry & 0x80)
        return level in (2, 3) and bool(entry & 0x80)

    def reserved(self, level, entry):
        if self.mode == "P32":
            if level == 1 or not self.is_leaf(level, entry):
                return 0
            return 1 << 21 | (bits(20, self.maxpa - 19) if self.maxpa < 40 else 0)
        mask = bits(51, self.maxpa)
        if not self.efer & NXE:
            mask |= 1 << 63
        if self.mode == "PAE":
            mask |= bits(62, 52)
        if level >= 4 or (level == 3 and not self.g1):
            mask |= 0x80
        if level == 3 and entry & 0x80:
            mask |= bits(29, 13)
        if level == 2 and entry & 0x80:
            mask |= bits(20, 13)
        return mask

    def walk(self, va):
        """Returns (leaf level, leaf entry, [(address, entry)], U, W, X)."""
        path, user, writable, xd = [], True, True, False
        if self.mode == "PAE":
            pdpte = self.pdptes[va >> 30 & 3]
            if not pdpte & 1:
                raise Fault("pf")
            table = pdpte & bits(51, 12)
        elif self.mode == "P32":
            table = self.cr3 & bits(31, 12)
        else:
            table = self.cr3 & bits(self.maxpa - 1, 12)
        for level, high, low in self.levels():
            address = table + (va >> low & bits(high - low, 0)) * self.ew
            entry = self.mem.get(address, 0)
            if not entry & 1:
                raise Fault("pf")
            if entry & self.reserved(level, entry):
                raise Fault("pf", present=1, reserved=1)
            path.append((address, entry))
            user, writable = user and bool(entry & 4), writable and bool(entry & 2)
            xd = xd or (self.ew == 8 and bool(entry >> 63))
            if self.is_leaf(level, entry):
                return level, entry, path, user, writable, xd
            table = entry & (bits(31, 12) if self.mode == "P32" else bits(51, 12))
        raise AssertionError

    def frame(self, level, entry):
        """(first physical address of the page, its size)."""
        if self.mode == "P32":
            if level == 1:
                return entry & bits(31, 12), 1 << 12
            return (entry & bits(31, 22)) | (entry >> 13 & 0xff) << 32, 1 << 22
        size = {1: 1 << 12, 2: 1 << 21, 3: 1 << 30}[level]
        return entry & bits(51, 12) & ~(size - 1), size

    def check(self, level, entry, user_page, writable, xd):
        """SDM 4.6: the rights of the whole walk."""
        user = self.cpl == 3 and not self.imp
        write, fetch = self.acc in ("w", "rmw"), self.acc == "x"
        wp = bool(self.cr0 & WP)
        nx = bool(self.efer & NXE) and self.mode != "P32" and xd
        key_bad = False
        if self.long and not fetch:
            key = entry >> 59 & 15
            register = self.pkru if user_page and self.cr4 & PKE else self.pkrs if not user_page and self.cr4 & PKS else 0
            access_disable, write_disable = register >> 2 * key & 1, register >> (2 * key + 1) & 1
            key_bad = bool(access_disable or (write_disable and write and (user or wp)))
        if user:
            allowed = user_page and (not write or writable) and not (fetch and nx)
        elif fetch:
            allowed = not nx and not (user_page and self.cr4 & SMEP)
        else:
            allowed = not write or writable or not wp
            if user_page and self.cr4 & SMAP and (self.imp or not self.ac):
                allowed = False
        if key_bad or not allowed:
            raise Fault("pf", present=1, key=int(key_bad))

    def canonical(self, va):
        if not self.long:
            return True
        top = va >> (56 if self.mode == "L5" else 47)
        return top == 0 or top == (1 << (8 if self.mode == "L5" else 17)) - 1

    def page(self, va):
        level, entry, path, user, writable, xd = self.walk(va)
        self.check(level, entry, user, writable, xd)
        for address, value in path:
            self.mem[address] = value | 0x20
        if self.acc in ("w", "rmw"):
            self.mem[path[-1][0]] |= 0x40
        first, size = self.frame(level, entry)
        return first + (va & (size - 1))

    def run(self):
        width = (1 << 64) - 1 if self.long else (1 << 32) - 1
        if self.mode == "PAE":
            base = self.cr3 & bits(31, 5)
            self.pdptes = [self.mem.get(base + 8 * i, 0) for i in range(4)]
            if any(p & 1 and p & (0x1e6 | bits(63, self.maxpa)) for p in self.pdptes):
                return {"out": "gp"}
        last = (self.va + self.n - 1) & width
        if not self.canonical(self.va) or not self.canonical(last):
            return {"out": "ss" if self.stk and self.acc != "x" else "gp"}
        at = self.va
        try:
            result = {"out": "ok", "pa": f"{self.page(at):x}"}
            if self.va >> 12 != last >> 12:
                at = last & ~0xfff
                result["pa2"] = f"{self.page(at):x}"
            return result
        except Fault as fault:
            code = fault.present | fault.reserved << 3 | fault.key << 5
            code |= 2 if self.acc in ("w", "rmw") else 0
            code |= 4 if self.cpl == 3 and not self.imp else 0
            nx_on = self.efer & NXE and self.cr4 & PAE
            code |= 16 if self.acc == "x" and (self.cr4 & SMEP or nx_on) else 0
            return {"out": "pf", "ec": f"{code:x}", "cr2": f"{at:x}"}


def chance(rng, p):
    return rng.random() < p


def random_entry(rng, case, level, table):
    """A mostly sound entry that points to `table` or maps a page."""
    entry = (1 if chance(rng, 0.97) else 0) | (2 if chance(rng, 0.85) else 0) | (4 if chance(rng, 0.7) else 0)
    entry |= rng.getrandbits(2) << 3 if chance(rng, 0.1) else 0
    entry |= rng.getrandbits(2) << 5 | (rng.getrandbits(1) << 8) | rng.getrandbits(3) << 9
    leaf = level == 1 or chance(rng, 0.3 if level < 4 else 0.01)
    if leaf and level > 1:
        entry |= 0x80
    elif level == 1:
        entry |= rng.getrandbits(1) << 7
    if leaf:
        size_bits = {1: 12, 2: 22 if case.mode == "P32" else 21, 3: 30}.get(level, 12)
        entry |= rng.getrandbits(32) & bits(31, size_bits)
        if level > 1:
            entry |= rng.getrandbits(1) << 12
            if case.mode == "P32":
                entry |= (rng.getrandbits(max(0, min(case.maxpa, 40) - 32)) if case.maxpa > 32 else 0) << 13
    else:
        entry |= table
    if case.ew == 8:
        entry |= (1 << 63) if chance(rng, 0.12) else 0
        if case.long:
            entry |= rng.getrandbits(11) << 52
        if chance(rng, 0.05):
            entry |= 1 << rng.randrange(12, 64)
    elif chance(rng, 0.1):
        entry |= 1 << rng.randrange(12, 32)
    return entry & (bits(63, 0) if case.ew == 8 else bits(31, 0))


def random_case(rng, number):
    mode = rng.choice(("L4", "L4", "L5", "L5", "PAE", "P32"))
    case = Case(mode=mode, maxpa=rng.choice((32, 36, 39, 40, 46, 48, 52)), g1=rng.getrandbits(1), mem={}, pdptes=[0] * 4,
                cr0=PG | PE | 16 | (WP if chance(rng, 0.6) else 0),
                cr4=sum(b for b in (SMEP, SMAP, PGE) if chance(rng, 0.4)), efer=NXE if chance(rng, 0.7) else 0,
                pkru=rng.getrandbits(32), pkrs=rng.getrandbits(32), ac=rng.getrandbits(1), cpl=rng.choice((0, 0, 1, 2, 3, 3, 3)),
                acc=rng.choice(("r", "r", "w", "w", "rmw", "x")), stk=rng.getrandbits(1), ew=4 if mode == "P32" else 8,
                imp=0)
    case.imp = int(case.acc != "x" and chance(rng, 0.1))
    case.cr4 |= (PSE if chance(rng, 0.6) else 0) | (0 if mode == "P32" else PAE)
    if case.long:
        case.efer |= LME | LMA
        case.cr4 |= sum(b for b in (PKE, PKS) if chance(rng, 0.4)) | (LA57 if mode == "L5" else 0)
        case.cr4 |= PCIDE if chance(rng, 0.3) else 0
    if not chance(rng, 0.3):
        case.pkru = case.pkrs = 0
    width = {"L4": 48, "L5": 57}.get(mode, 32)
    va = rng.getrandbits(width - 1 if case.long else 32)
    if case.long and chance(rng, 0.5):
        va |= bits(63, width - 1)
    case.n = rng.choice((1, 2, 4, 8, 8, 16, 64, 4096))
    if chance(rng, 0.5):  # close to a page boundary, now and then to an edge of the address space
        va = (va | 0xfff) - rng.randrange(0, 16)
    if chance(rng, 0.06):
        edge = rng.choice((0, 1 << (width - 1) if case.long else 1 << 31, (1 << 64) - (1 << (width - 1)) if case.long else 0))
        va = edge + rng.randrange(-20, 20)
    if case.long and chance(rng, 0.02):
        va = rng.getrandbits(64)
    case.va = va & ((1 << 64) - 1 if case.long else bits(31, 0))
    case.cr3 = rng.randrange(1, 64) << 12 | (rng.getrandbits(12) if case.cr4 & PCIDE else rng.getrandbits(2) << 3)
    next_table = [0x100000]
    def new_table():
        next_table[0] += 0x1000
        return next_table[0]
    pages = {case.va, (case.va + case.n - 1) & ((1 << 64) - 1 if case.long else bits(31, 0))}
    if mode == "PAE":
        case.cr3 = (case.cr3 & ~0xfff) | rng.randrange(0, 128) << 5
        for i in range(4):
            bad = rng.choice((1, 2, 5, 6, 7, 8, 62, case.maxpa)) if chance(rng, 0.02) else None
            case.mem[(case.cr3 & bits(31, 5)) + 8 * i] = new_table() | int(chance(rng, 0.97)) | (1 << bad if bad else 0)
    for page in sorted(pages):
        table = case.mem[(case.cr3 & bits(31, 5)) + 8 * (page >> 30 & 3)] & bits(51, 12) if mode == "PAE" else case.cr3 & ~0xfff
        for level, high, low in case.levels():
            address = table + (page >> low & bits(high - low, 0)) * case.ew
            if address not in case.mem:
                case.mem[address] = random_entry(rng, case, level, new_table())
            entry = case.mem[address]
            if case.is_leaf(level, entry):
                break
            table = entry & (bits(31, 12) if mode == "P32" else bits(51, 12))
    if rng.getrandbits(1) and case.mem:  # the rest as it comes, in any order
        items = list(case.mem.items())
        rng.shuffle(items)
        case.mem = dict(items)
    line = {"id": str(number), "mode": mode, "maxpa": case.maxpa, "g1": case.g1, "ac": case.ac, "cpl": case.cpl,
            "acc": case.acc, "imp": case.imp, "stk": case.stk, "n": case.n, "ew": case.ew}
    for name in ("cr0", "cr3", "cr4", "efer", "pkru", "pkrs", "va"):
        line[name] = f"{getattr(case, name):x}"
    line["mem"] = [[f"{a:x}", f"{e:x}"] for a, e in case.mem.items()]
    return line, case


def main(mmusim, cases, seed):
    rng = random.Random(seed)
    made = [random_case(rng, n) for n in range(cases)]
    text = "".join(json.dumps(line) + "\n" for line, _ in made)
    run = subprocess.run([mmusim, "translate"], input=text, capture_output=True, text=True)
    answers = [json.loads(a) for a in run.stdout.splitlines()]
    assert len(answers) == cases, (len(answers), run.stderr)
    outcomes, wrong = {}, 0
    for (line, case), got in zip(made, answers):
        want = {"id": line["id"], **case.run()}
        want["aft"] = [f"{e:x}" for e in case.mem.values()]
        outcomes[want["out"]] = outcomes.get(want["out"], 0) + 1
        if got != want:
            wrong += 1
            if wrong <= 5:
                print("case", json.dumps(line), "\n got", got, "\nwant", want)
    print(f"{cases} cases, {wrong} differ; outcomes {outcomes}")
    assert min(outcomes.get(o, 0) for o in ("ok", "pf", "gp", "ss")) > cases // 2000, "too few of one outcome to tell"
    return wrong != 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 20000, int(sys.argv[3]) if len(sys.argv) > 3 else 1))
