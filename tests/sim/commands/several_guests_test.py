#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Guests that share a core, as a user sees them: slices of a trace, records that say which guest runs, with and without tags.
usage: several_guests_test.py MMUSIM SOURCE"""
import unittest

from replay_support import ReplayTest

PAGES = 16
HEADER = '{"format":"mmusim-trace","version":1}'


def reads(pages=PAGES):
    return ['{"access":"read","va":"0x%x"}' % (0x10000000 + 4096 * page) for page in range(pages)]


def guest(number):
    return '{"event":"guest","value":"0x%x"}' % number


class SeveralGuests(ReplayTest):
    def run_guests(self, lines, *sets, guests=2, model="functional", **more):
        trace = self.write("guests.jsonl", "\n".join([HEADER, *lines]) + "\n")
        sets = ["mode=ept", f"guests={guests}", *sets]
        options = [word for s in sets for word in ("--set", "/virtualization/" + s)]
        return self.replay(trace, "--salvage", "--platform", "textbook", "--model", model, *options, **more)

    def test_N72_tags_keep_what_the_other_guest_will_need_again(self):
        lines = 4 * [*reads()]
        for model in ("functional", "cycle"):
            tagged = self.run_guests(lines, f"slice_accesses={PAGES}", model=model)
            untagged = self.run_guests(lines, f"slice_accesses={PAGES}", "tags=false", model=model)
            self.assertEqual(tagged["replay"]["events"]["guest_switches"], 3)
            self.assertEqual(tagged["totals"]["exits"], 3)
            self.assertEqual(tagged["totals"]["walks"], 2 * PAGES)
            self.assertEqual(untagged["totals"]["walks"], 4 * PAGES)
            self.assertEqual(tagged["totals"]["nested_walks"], untagged["totals"]["nested_walks"])
        self.assertEqual(tagged["machine"]["exit_cycles"], 3 * 3000)

    def test_the_trace_says_which_guest_runs(self):
        lines = [*reads(), guest(1), *reads(), guest(0), *reads(), guest(1), *reads()]
        summary = self.run_guests(lines)
        self.assertEqual(summary["totals"]["walks"], 2 * PAGES)
        self.assertEqual(summary["replay"]["mapped"]["pages_4k"], 2 * PAGES)
        self.assertEqual(summary["replay"]["events"]["guest_switches"], 3)

    def test_N72_an_invlpg_reaches_its_own_guest_only(self):
        flush = '{"event":"invlpg","va":"0x10000000"}'
        lines = [*reads(), guest(1), *reads(), flush, *reads(), guest(0), *reads()]
        trace = self.write("guests.jsonl", "\n".join([HEADER, *lines]) + "\n")
        summary = self.replay(trace, "--salvage", "--platform", "textbook", "--model", "functional", "--flushes", "all", "--set",
                              "/virtualization/mode=npt", "--set", "/virtualization/guests=2")
        self.assertEqual(summary["totals"]["walks"], 2 * PAGES + 1)

    def test_processes_of_two_guests_do_not_mix(self):
        process = ['{"event":"process","value":"0x%x"}' % p for p in (0, 1)]
        own = [process[0], *reads(4), process[1], *reads(4)]
        lines = [*own, guest(1), *own, guest(0), *own, guest(1), *own]
        summary = self.run_guests(lines)
        self.assertEqual(summary["totals"]["walks"], 16)

    def test_a_recorded_replay_replayed_is_the_same(self):
        lines = [*reads(), guest(1), *reads(), guest(0), *reads()]
        trace = self.write("guests.jsonl", "\n".join([HEADER, *lines]) + "\n")
        options = ["--platform", "textbook", "--set", "/virtualization/mode=ept", "--set", "/virtualization/guests=2"]
        first = self.replay(trace, "--salvage", *options, "--record", self.path("again.mmt"))
        again = self.replay(self.path("again.mmt"), *options, out="again")
        self.assertEqual(first["totals"], again["totals"])

    def test_what_cannot_be_is_refused(self):
        trace = self.write("guests.jsonl", "\n".join([HEADER, guest(2), *reads()]) + "\n")
        guests = ["--set", "/virtualization/mode=ept", "--set", "/virtualization/guests=2"]
        done = self.mmusim("replay", trace, "--salvage", "--platform", "textbook", "--out", self.path("o"), *guests, code=2)
        self.assertIn(b"guest 2: expected at most 1", done.stderr)
        done = self.mmusim("replay", trace, "--salvage", "--platform", "textbook", "--out", self.path("o"), code=2)
        self.assertIn(b"expected at most 0", done.stderr)
        done = self.mmusim("replay", trace, "--salvage", "--map", "guest-vmemmap", "--out", self.path("o"), *guests, code=2)
        self.assertIn(b"virtualization/guests", done.stderr)
        done = self.mmusim("run", "guest-vmemmap", "--out", self.path("o"), *guests, code=2)
        self.assertIn(b"scenarios run one guest", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=["several_guests_test"], verbosity=2)
