#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Behaves as a GoogleTest program whose tests do what their names say.

A test is good, bad, skipped, crashes, hangs, or is unstable: it fails unless the
file FAKE_STATE exists, and creates it. FAKE_TESTS lists the names.
"""

import os
import pathlib
import sys
import time

PASSED = "[       OK ] %s (0 ms)"
FAILED = "[  FAILED  ] %s (0 ms)"


def say(text):
    print(text, flush=True)


def unstable():
    state = pathlib.Path(os.environ["FAKE_STATE"])
    passed = state.exists()
    state.touch()
    return PASSED if passed else FAILED


def run(name):
    say("[ RUN      ] " + name)
    what = name.split(".")[1]
    if what.startswith("Reported"):
        pathlib.Path(os.environ["FAKE_REPORTS"], "report.1").write_text("heap-use-after-free\n")
    if what.startswith("Crashes"):
        say("about to crash")
        os.abort()
    if what.startswith("Hangs"):
        time.sleep(600)
    if what.startswith("Skipped"):
        result = "[  SKIPPED ] %s (0 ms)"
    elif what.startswith("Unstable"):
        result = unstable()
    elif what.startswith("Bad"):
        say("expected 1, got 2")
        result = FAILED
    else:
        result = PASSED
    say(result % name)
    return result == PASSED


def main():
    tests = os.environ["FAKE_TESTS"].split()
    wanted = [argument.split("=")[1] for argument in sys.argv if argument.startswith("--gtest_filter=")]
    if wanted and wanted[0]:
        tests = [test for test in tests if test in wanted[0].split(":")]
    if "--gtest_list_tests" in sys.argv:
        for test in tests:
            say(test.split(".")[0] + ".\n  " + test.split(".")[1])
        return 0
    results = [run(test) for test in tests]
    if os.environ.get("FAKE_TEAR_DOWN") == "fails":
        say("the tear-down failed")
        return 1
    return 0 if all(results) else 1


sys.exit(main())
