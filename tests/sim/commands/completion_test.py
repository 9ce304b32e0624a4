# SPDX-License-Identifier: MIT
"""Completion scripts and the manual page say what --help says."""
import subprocess
import sys
import unittest

MMUSIM = sys.argv.pop(1)


def printed(*arguments):
    return subprocess.run([MMUSIM, *arguments], capture_output=True, text=True, check=True).stdout


def completed(*words):
    """What bash offers for the last word."""
    script = printed("completion", "bash") + f"""
COMP_WORDS=({' '.join(repr(w) for w in words)})
COMP_CWORD={len(words) - 1}
_mmusim
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    return subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, cwd="/").stdout.split()


class Completion(unittest.TestCase):
    def test_commands_options_and_values(self):
        self.assertEqual(completed("mmusim", "re"), ["replay", "report"])
        self.assertEqual(completed("mmusim", "trace", "c"), ["convert", "cut"])
        self.assertIn("--platform", completed("mmusim", "run", "boot-base-vs-huge", "--pl"))
        self.assertEqual(completed("mmusim", "replay", "t.xz", "--model", "f"), ["functional"])
        self.assertNotIn("--pages", completed("mmusim", "run", "--p"))

    def test_files_where_no_word_fits(self):
        self.assertIn("usr", completed("mmusim", "replay", "us"))

    def test_zsh_takes_the_same(self):
        text = printed("completion", "zsh")
        self.assertTrue(text.startswith("#compdef mmusim\n"))
        self.assertIn(printed("completion", "bash"), text)

    def test_the_manual_page_has_every_command(self):
        text = printed("completion", "man")
        self.assertTrue(text.startswith(".TH MMUSIM 1\n"))
        for command in ("compare", "replay", "trace cut", "verify"):
            self.assertIn(f".SH mmusim {command}\n", text)
        for line in text.splitlines():
            if line.startswith("."):
                self.assertRegex(line, r"^\.(TH|SH|B|I|nf|fi)( |$)", "no text is taken for a request")


if __name__ == "__main__":
    unittest.main(verbosity=2)
