#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Read the results of a test run (scripts/test).

The directory RESULTS holds, for each suite:

  SUITE.tap   "ok NAME # time=Nms" or "not ok NAME # time=Nms" for each test

and "times", a line for each step of the run: name, start, end and CPU time in
seconds, separated by tabs.

usage: results.py RESULTS [COMMIT]
           print the table of times and the totals, and write RESULTS/summary if
           COMMIT, a description of what was tested, is given; fail unless every
           test passed
"""

import collections
import datetime
import pathlib
import re
import sys

SLOWEST = 10

LINE = re.compile(r"(ok|not ok) (.*?)(?: # time=(\d+)ms)?$")

Test = collections.namedtuple("Test", "good name seconds")
Step = collections.namedtuple("Step", "name start end cpu")


def read_tap(path):
    lines = path.read_text(errors="replace").splitlines() if path.exists() else []
    matches = [match for match in map(LINE.match, lines) if match]
    return [Test(match[1] == "ok", match[2], int(match[3] or 0) / 1000) for match in matches]


class Suite:
    """The tests of one suite."""

    def __init__(self, path):
        self.name = path.stem
        self.tests = read_tap(path)
        self.failed = [test.name for test in self.tests if not test.good]
        self.passed = sum(test.good for test in self.tests)

    def slowest(self):
        slow = sorted((test for test in self.tests if test.seconds >= 1), key=lambda test: -test.seconds)
        return slow[:SLOWEST]


def read_suites(results):
    return [Suite(path) for path in sorted(results.glob("*.tap"))]


def read_steps(results):
    path = results / "times"
    rows = [line.split("\t") for line in path.read_text().splitlines()] if path.exists() else []
    return sorted((Step(name, *map(float, numbers)) for name, *numbers in rows), key=lambda step: step.start)


def time_table(steps, suites):
    passed = {suite.name: str(suite.passed) for suite in suites}
    lines = ["%-28s %8s %8s %8s %8s %8s" % ("minutes", "start", "end", "took", "CPU", "passed")]
    for step in steps:
        minutes = (step.start / 60, step.end / 60, (step.end - step.start) / 60, step.cpu / 60)
        lines.append("%-28s %8.1f %8.1f %8.1f %8.1f" % (step.name, *minutes) + " %8s" % passed.get(step.name, ""))
    return [line.rstrip() for line in lines]


def slowest_tests(suites):
    lines = []
    for suite in suites:
        slowest = suite.slowest()
        lines += ["", "slowest tests of %s (seconds)" % suite.name] if slowest else []
        lines += ["%8.1f  %s" % (test.seconds, test.name) for test in slowest]
    return lines


def report(results, commit):
    suites = read_suites(results)
    failed_tests = ["%s: %s" % (suite.name, name) for suite in suites for name in suite.failed]
    passed = sum(suite.passed for suite in suites)
    verdict = ["failed: " + name for name in failed_tests]
    totals = "%d passed, %d failed" % (passed, len(failed_tests))
    table = time_table(read_steps(results), suites) + slowest_tests(suites)
    print("\n".join(["", *table, "", *verdict, totals]))
    if commit:
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
        lines = ["commit " + commit, "date   " + now, totals, *verdict, "", *table]
        (results / "summary").write_text("\n".join(lines) + "\n")
    return passed > 0 and not failed_tests


if __name__ == "__main__":
    sys.exit(0 if report(pathlib.Path(sys.argv[1]), *sys.argv[2:] or [""]) else 1)
