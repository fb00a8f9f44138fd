#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Read the results of a test run (scripts/test).

The directory RESULTS holds, for each suite:

  SUITE.tap        "ok NAME # time=Nms" or "not ok NAME # time=Nms" for each test
  SUITE.retry.tap  the same for the tests that failed and were run once more

and "times", a line for each step of the run: name, start, end and CPU time in
seconds, separated by tabs.

usage: results.py retryable SUITE.tap
           print the failed tests as a GoogleTest filter, or nothing if the suite
           must not be retried
       results.py flaky SUITE.tap SUITE.retry.tap
           print the tests that failed and then passed
       results.py report RESULTS [COMMIT]
           print the table of times and the totals, and write RESULTS/summary if
           COMMIT, a description of what was tested, is given; fail unless every
           test passed
"""

import collections
import datetime
import pathlib
import re
import sys

# From this number on, flaky tests fail the run.
FLAKY_LIMIT = 3
# More failures than these have a common cause, which a retry does not show.
RETRY_LIMIT = 10
SLOWEST = 10

LINE = re.compile(r"(ok|not ok) (.*?)(?: # time=(\d+)ms)?$")
# The name of a single test, as run_tests.py prints it. Any other name is a failure of something else.
SINGLE_TEST = re.compile(r"\S+: (\S+)$")

Test = collections.namedtuple("Test", "good name seconds")
Step = collections.namedtuple("Step", "name start end cpu")


def read_tap(path):
    lines = path.read_text(errors="replace").splitlines() if path.exists() else []
    matches = [match for match in map(LINE.match, lines) if match]
    return [Test(match[1] == "ok", match[2], int(match[3] or 0) / 1000) for match in matches]


def retryable(tests):
    """The filter entries of the failed tests; none if anything but a few single tests failed."""
    matches = [SINGLE_TEST.match(test.name) for test in tests if not test.good]
    if not all(matches) or len(matches) > RETRY_LIMIT:
        return []
    return [match[1] for match in matches]


def flaky(first, second):
    """The names of the tests that failed first and passed when retried."""
    passed = {test.name for test in second if test.good} - {test.name for test in second if not test.good}
    return [test.name for test in first if not test.good and test.name in passed]


class Suite:
    """The tests of one suite, with the retry taken into account."""

    def __init__(self, path):
        self.name = path.stem
        self.tests = read_tap(path)
        second = read_tap(path.with_suffix(".retry.tap"))
        self.flaky = flaky(self.tests, second)
        failed = [test.name for test in self.tests if not test.good and test.name not in self.flaky]
        # A retry can fail in other ways than the first run did.
        failed += [test.name for test in second if not test.good and test.name not in failed]
        self.failed = failed
        self.passed = sum(test.good for test in self.tests) + len(self.flaky)

    def slowest(self):
        slow = sorted((test for test in self.tests if test.seconds >= 1), key=lambda test: -test.seconds)
        return slow[:SLOWEST]


def read_suites(results):
    return [Suite(path) for path in sorted(results.glob("*.tap")) if not path.name.endswith(".retry.tap")]


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
    flaky_tests = ["%s: %s" % (suite.name, name) for suite in suites for name in suite.flaky]
    failed_tests = ["%s: %s" % (suite.name, name) for suite in suites for name in suite.failed]
    if len(flaky_tests) >= FLAKY_LIMIT:
        failed_tests.append("run: fewer than %d tests are flaky" % FLAKY_LIMIT)
    passed = sum(suite.passed for suite in suites)
    verdict = ["flaky: " + name for name in flaky_tests] + ["failed: " + name for name in failed_tests]
    totals = "%d passed, %d failed" % (passed, len(failed_tests))
    table = time_table(read_steps(results), suites) + slowest_tests(suites)
    print("\n".join(["", *table, "", *verdict, totals]))
    if commit:
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
        lines = ["commit " + commit, "date   " + now, totals, *verdict, "", *table]
        (results / "summary").write_text("\n".join(lines) + "\n")
    return passed > 0 and not failed_tests


def main(command, path, *rest):
    path = pathlib.Path(path)
    if command == "retryable":
        print(":".join(retryable(read_tap(path))))
    elif command == "flaky":
        print("\n".join(flaky(read_tap(path), read_tap(pathlib.Path(rest[0])))))
    elif command == "report":
        sys.exit(0 if report(path, *rest or [""]) else 1)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
