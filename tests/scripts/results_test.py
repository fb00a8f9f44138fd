#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests of scripts/lib/results.py."""

import contextlib
import io
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "scripts/lib"))

import results  # noqa: E402


def tap(*failed):
    return [results.Test(False, name, 0) for name in failed]


class Retryable(unittest.TestCase):
    def test_single_tests_are_retried(self):
        self.assertEqual(results.retryable(tap("unit: A.B", "vm_test: P/C.D/1")), ["A.B", "P/C.D/1"])

    def test_nothing_is_retried_beside_another_failure(self):
        self.assertEqual(results.retryable(tap("unit: A.B", "the kernel log is clean")), [])
        self.assertEqual(results.retryable(tap("unit: A.B", "clang-tidy")), [])

    def test_many_failures_are_not_retried(self):
        names = ["unit: A.B%d" % number for number in range(results.RETRY_LIMIT + 1)]
        self.assertEqual(results.retryable(tap(*names)), [])


class Report(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)

    def report(self, first, second="", commit=""):
        """Whether the run passed, and the lines of the report."""
        (self.directory / "host-unit.tap").write_text(first)
        if second:
            (self.directory / "host-unit.retry.tap").write_text(second)
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            passed = results.report(self.directory, commit)
        return passed, output.getvalue().splitlines()

    def test_last_line_has_the_totals(self):
        passed, lines = self.report("ok unit: A.B # time=3ms\nok shellcheck\n")
        self.assertTrue(passed)
        self.assertEqual(lines[-1], "2 passed, 0 failed")

    def test_run_without_tests_fails(self):
        self.assertFalse(self.report("")[0])

    def test_failure_fails_the_run(self):
        passed, lines = self.report("ok unit: A.B\nnot ok unit: A.C\n  text\n")
        self.assertFalse(passed)
        self.assertEqual(lines[-2:], ["failed: host-unit: unit: A.C", "1 passed, 1 failed"])

    def test_second_failure_fails_the_run(self):
        passed, lines = self.report("ok unit: A.B\nnot ok unit: A.C\n", "not ok unit: A.C\n")
        self.assertFalse(passed)
        self.assertEqual(lines[-1], "1 passed, 1 failed")

    def test_flaky_test_counts_as_passed(self):
        passed, lines = self.report("ok unit: A.B\nnot ok unit: A.C\n", "ok unit: A.C\n")
        self.assertTrue(passed)
        self.assertEqual(lines[-2:], ["flaky: host-unit: unit: A.C", "2 passed, 0 failed"])

    def test_other_failure_of_the_retry_fails_the_run(self):
        passed, lines = self.report("not ok unit: A.C\n", "ok unit: A.C\nnot ok the kernel log is clean\n")
        self.assertFalse(passed)
        self.assertEqual(lines[-1], "1 passed, 1 failed")

    def test_third_flaky_test_fails_the_run(self):
        names = ["unit: A.B", "unit: A.C", "unit: A.D"]
        for count, expected in (2, True), (3, False):
            first = "".join("not ok %s\n" % name for name in names[:count])
            self.assertEqual(self.report(first, first.replace("not ok", "ok"))[0], expected)

    def test_summary_names_the_commit(self):
        self.report("ok unit: A.B # time=2500ms\n", commit="0123abcd")
        lines = (self.directory / "summary").read_text().splitlines()
        self.assertEqual(lines[0], "commit 0123abcd")
        self.assertEqual(lines[2], "1 passed, 0 failed")
        self.assertIn("     2.5  unit: A.B", lines)
        self.assertNotIn("flaky", "\n".join(lines))

    def test_partial_run_leaves_no_summary(self):
        self.report("ok unit: A.B\n")
        self.assertFalse((self.directory / "summary").exists())

    def test_table_has_each_step(self):
        (self.directory / "times").write_text("host-unit\t60\t120\t90\nhost build root\t0\t60\t30\n")
        lines = self.report("ok unit: A.B\n")[1]
        self.assertEqual([line.split() for line in lines[1:4]], [
            ["minutes", "start", "end", "took", "CPU", "passed"],
            ["host", "build", "root", "0.0", "1.0", "1.0", "0.5"],
            ["host-unit", "1.0", "2.0", "1.0", "1.5", "1"]])


if __name__ == "__main__":
    unittest.main()
