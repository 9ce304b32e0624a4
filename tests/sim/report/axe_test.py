#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The reports under axe-core, which knows the rules of accessible pages: no violations, light and dark; of one
run alone with all folded parts open, which are many nodes to look at.
usage: axe_test.py MMUSIM AXE.js"""
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "support"))
import chromium  # noqa: E402
import sample_reports  # noqa: E402

PAGES = [(sample_reports.two_runs, "light", 1280), (sample_reports.one_run, "dark", 390), (sample_reports.twelve_runs, "dark", 1280),
         (sample_reports.no_run, "light", 390), (sample_reports.sweep, "light", 1280)]
OPEN_ALL = "document.querySelectorAll('details').forEach((d) => { d.open = true; })"
VIOLATIONS = """axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
  violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join(' | ')}`))"""


def main(program, axe):
    with open(axe) as f:
        script = f.read()
    found = 0
    with tempfile.TemporaryDirectory() as folder, chromium.Browser() as browser:
        for make, scheme, width in PAGES:
            path = make(program, folder)
            browser.size(width)
            browser.colours(scheme)
            browser.open(path)
            if make is sample_reports.one_run:
                browser.run(OPEN_ALL)
            browser.settle()
            browser.run(script + "; undefined")
            for violation in browser.run(VIOLATIONS):
                print(f"{make.__name__}, {scheme}, {width} px: {violation}")
                found += 1
    print(f"{found} violations")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[1]), sys.argv[2]))
