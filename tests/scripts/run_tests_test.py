#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests of scripts/lib/run_tests.py and of the retry that builds on its output."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
LIB = HERE.parent.parent / "scripts/lib"
sys.path.insert(0, str(LIB))

import results  # noqa: E402


class RunTests(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        (self.directory / "reports").mkdir()

    def run_tests(self, tests, *arguments, **environment):
        """The lines of output, without plans and times."""
        env = {**os.environ, **environment, "FAKE_TESTS": tests, "FAKE_STATE": str(self.directory / "state"),
               "FAKE_REPORTS": str(self.directory / "reports")}
        command = [sys.executable, LIB / "run_tests.py", "--results", self.directory, *arguments, HERE / "fake_gtest.py"]
        output = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True).stdout
        self.tap = self.directory / "suite.tap"
        self.tap.write_text(output)
        return [re.sub(r" # time=\d+ms$", "", line) for line in output.splitlines() if not line.startswith("plan ")]

    def test_reports_each_test(self):
        self.assertEqual(self.run_tests("A.Good A.Bad B.Good"), [
            "ok fake_gtest.py: A.Good",
            "not ok fake_gtest.py: A.Bad", "  expected 1, got 2", "  [  FAILED  ] A.Bad (0 ms)",
            "ok fake_gtest.py: B.Good"])

    def test_skipped_test_is_a_failure(self):
        self.assertIn("not ok fake_gtest.py: A.Skipped", self.run_tests("A.Skipped"))

    def test_crash_fails_one_test_and_the_rest_runs(self):
        lines = self.run_tests("A.Good A.Crashes A.GoodAfterwards")
        self.assertEqual(lines[:3], ["ok fake_gtest.py: A.Good", "not ok fake_gtest.py: A.Crashes", "  about to crash"])
        self.assertIn("  ended with status -6", lines)
        self.assertEqual(lines[-1], "ok fake_gtest.py: A.GoodAfterwards")

    def test_hang_fails_one_test_and_the_rest_runs(self):
        lines = self.run_tests("A.Hangs A.Good", "--idle", "1")
        self.assertEqual(lines, ["not ok fake_gtest.py: A.Hangs", "  no output for 1 s", "ok fake_gtest.py: A.Good"])
        self.assertGreaterEqual(results.read_tap(self.tap)[0].seconds, 1)

    def test_failed_tear_down_is_a_failure(self):
        lines = self.run_tests("A.Good", FAKE_TEAR_DOWN="fails")
        self.assertEqual(lines[:2], ["ok fake_gtest.py: A.Good", "not ok fake_gtest.py: (end of program)"])
        self.assertEqual(results.retryable(results.read_tap(self.tap)), [])

    def test_sanitizer_report_is_a_failure_that_is_not_retried(self):
        lines = self.run_tests("A.Reported B.Bad", "--reports", self.directory / "reports")
        self.assertEqual(lines[:3], ["not ok fake_gtest.py: A.Reported (sanitizer report)",
                                     "  [       OK ] A.Reported (0 ms)", "  heap-use-after-free"])
        self.assertEqual(results.retryable(results.read_tap(self.tap)), [])

    def test_filter_of_the_failed_tests_runs_only_these(self):
        self.run_tests("A.Unstable A.Good A.Bad")
        first = results.read_tap(self.tap)
        self.assertEqual(results.retryable(first), ["A.Unstable", "A.Bad"])
        lines = self.run_tests("A.Unstable A.Good A.Bad", "--filter", ":".join(results.retryable(first)))
        self.assertEqual(lines[:2], ["ok fake_gtest.py: A.Unstable", "not ok fake_gtest.py: A.Bad"])
        self.assertEqual(results.flaky(first, results.read_tap(self.tap)), ["fake_gtest.py: A.Unstable"])


if __name__ == "__main__":
    unittest.main()
