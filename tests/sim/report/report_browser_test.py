#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The reports in headless Chromium, from 390 to 1920 pixels, light, dark and printed, by mouse and by keyboard.
usage: report_browser_test.py MMUSIM; exits 77 (skipped) where there is no chromium"""
import os
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "support"))
import chromium  # noqa: E402
import sample_reports  # noqa: E402

WIDTHS = [390, 768, 1280, 1920]

# Labels of charts that reach over their chart, or over each other's start on the same line.
CUT_LABELS = """
[...document.querySelectorAll('.chart svg')].flatMap((svg) => {
  const box = svg.getBoundingClientRect();
  return [...svg.querySelectorAll('text')].filter((t) => t.textContent && +getComputedStyle(t).opacity > 0).filter((t) => {
    const b = t.getBoundingClientRect();
    return b.width > 0 && (b.left < box.left - 1 || b.right > box.right + 1 || b.top < box.top - 2 || b.bottom > box.bottom + 2);
  }).map((t) => `${svg.parentNode.getAttribute('aria-label')}: ${t.textContent}`);
})"""


class Reports(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.pages = {make.__name__: make(PROGRAM, cls.folder.name) for make in sample_reports.ALL}
        cls.browser = chromium.Browser()

    @classmethod
    def tearDownClass(cls):
        cls.browser.__exit__()
        cls.folder.cleanup()

    def open(self, name, width=1280, scheme="light"):
        self.browser.size(width)
        self.browser.colours(scheme)
        self.browser.open(self.pages[name])
        return self.browser.run

    def tearDown(self):
        self.assertEqual(self.browser.console, [])
        elsewhere = [url for url in self.browser.requests if not url.startswith(("file:", "data:"))]
        self.assertEqual(elsewhere, [])

    def test_each_page_fits_each_width_with_every_chart_drawn(self):
        for name in self.pages:
            run = self.open(name, WIDTHS[0])
            for width in WIDTHS:
                with self.subTest(page=name, width=width):
                    self.browser.size(width)
                    self.browser.settle()
                    self.assertLessEqual(run("document.documentElement.scrollWidth"), width)
                    self.assertEqual(run(CUT_LABELS), [])
                    self.assertEqual(run("document.querySelectorAll('.chart').length"),
                                     run("document.querySelectorAll('.chart svg').length"))

    def test_the_answer_comes_first_then_the_picture_then_why(self):
        run = self.open("two_runs")
        self.assertIn("hugepages against basepages saves", run("document.querySelector('.headline').textContent"))
        self.assertEqual(run("[...document.querySelectorAll('section')].map((s) => s.id)"),
                         ["picture", "settings", "cycles", "latency", "hits", "phases", "time", "numbers", "play", "functions",
                          "tables", "runs", "counters"])
        self.assertEqual(run("document.querySelectorAll('details.folded[open]').length"), 0)

    def test_failed_runs_are_named_and_the_others_shown(self):
        run = self.open("twelve_runs")
        self.assertIn("fails failed: ", run("document.querySelector('.failed').textContent"))
        self.assertEqual(run("document.querySelectorAll('.runs button').length"), 11)
        run = self.open("no_run")
        self.assertEqual(run("document.querySelectorAll('.failed').length"), 2)
        self.assertEqual(run("document.querySelectorAll('section').length"), 0)

    def test_one_run_alone_has_numbers_instead_of_bars(self):
        run = self.open("one_run")
        self.assertGreater(run("document.querySelectorAll('.tiles dd').length"), 4)
        self.assertEqual(run("document.querySelectorAll('.runs').length"), 0)

    def test_a_run_is_hidden_with_the_keyboard_alone(self):
        run = self.open("two_runs")
        bars = "document.querySelectorAll('#picture .chart svg path[aria-roledescription=\"rect mark\"], #picture .mark-rect path').length"
        before = run(bars)
        for _ in range(40):
            self.browser.key("Tab", 9)
            if run("document.activeElement.closest('.runs') !== null"):
                break
        self.browser.key(" ", 32, " ")
        self.browser.settle()
        self.assertEqual(run("document.activeElement.getAttribute('aria-pressed')"), "false")
        self.assertEqual(run(bars), before // 2)

    def test_equal_numbers_are_behind_a_button(self):
        run = self.open("two_runs")
        hidden = "[...document.querySelectorAll('#numbers tbody tr')].filter((r) => r.hidden).length"
        self.assertGreater(run(hidden), 0)
        run("document.querySelector('#numbers button').click()")
        self.assertEqual(run(hidden), 0)

    def test_zoom_narrows_the_axis(self):
        run = self.open("two_runs")
        ticks = "[...document.querySelectorAll('#time .role-axis-label text')].map((t) => t.textContent).join()"
        before = run(ticks)
        run("document.querySelector('#time .tools button[aria-label=\"zoom in\"]').click()")
        self.browser.settle()
        self.assertNotEqual(run(ticks), before)
        self.assertNotIn("e+", before)

    def test_series_are_hidden_by_their_legend(self):
        run = self.open("two_runs")
        rects = "document.querySelectorAll('#cycles .mark-rect path').length"
        before = run(rects)
        run("document.querySelector('#cycles .legend button').click()")
        self.browser.settle()
        self.assertLess(run(rects), before)

    def test_populate_is_played_entry_by_entry(self):
        run = self.open("two_runs")
        said = "document.querySelector('.said').textContent"
        self.assertIn("vmemmap_p", run(said))
        for _ in range(3):
            run("[...document.querySelectorAll('.play button')].find((b) => b.textContent.startsWith('next entry')).click()")
        self.assertIn("vmemmap_pte_populate maps one 4 KiB page of struct pages: PTE[0] maps 4 KiB", run(said))
        self.assertIn("sparse_buffer_alloc", run(said))
        self.assertEqual(run("document.querySelectorAll('.level').length"), 4)
        run("[...document.querySelectorAll('.play button')].find((b) => b.textContent.startsWith('next table')).click()")
        self.assertIn("vmemmap_pmd_populate", run(said))

    def test_the_tree_says_who_wrote_an_entry_and_plays_it(self):
        run = self.open("two_runs")
        run("document.querySelector('#tables summary').click()")
        self.browser.settle()
        for _ in range(4):
            run("[...document.querySelectorAll('.tree details:not([open])')].slice(0, 1).forEach((d) => { d.open = true; })")
            self.browser.settle()
        self.assertIn("written by vmemmap_pte_populate in cycles ", run("document.querySelector('.tree').textContent"))
        run("[...document.querySelectorAll('.tree .leaf button')].pop().click()")
        self.assertIn("vmemmap_p", run("document.querySelector('.said').textContent"))

    def test_dark_and_printed_pages(self):
        run = self.open("two_runs", scheme="dark")
        self.assertEqual(run("getComputedStyle(document.body).backgroundColor"), "rgb(20, 24, 30)")
        self.browser.call("Emulation.setEmulatedMedia", media="print")
        self.assertEqual(run("getComputedStyle(document.body).backgroundColor"), "rgb(255, 255, 255)")
        self.assertEqual(run("getComputedStyle(document.querySelector('#counters')).display"), "none")
        self.assertEqual(run("getComputedStyle(document.querySelector('.runs .swatch')).printColorAdjust"), "exact")
        self.browser.call("Emulation.setEmulatedMedia", media="")


if __name__ == "__main__":
    if chromium.find() is None:
        sys.exit(77)
    PROGRAM = os.path.abspath(sys.argv.pop())
    unittest.main()
