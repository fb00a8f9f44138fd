#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run GoogleTest programs and report the result of every single test.

Prints "ok PROGRAM: TEST # time=Nms" or "not ok PROGRAM: TEST # time=Nms", the
latter followed by the output of the test, indented. A program that crashes or
hangs fails the test that it was running, and is started again for the tests
that remain. A test that was skipped, or that did not run, is a failure.

A failure that does not belong to one test has a remark in parentheses after the
name, such as "(sanitizer report)": such a failure is never retried (results.py).

usage: run_tests.py [options] PROGRAM...
       run_tests.py [options] --meson BUILD_DIR --suite SUITE
"""

import argparse
import fnmatch
import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree

MARK = re.compile(rb"\[( RUN      |       OK |  FAILED  |  SKIPPED )\] ([^\s,]+)")


class Program:
    """One test program and the environment that it needs."""

    def __init__(self, name, command, env=None, cwd=None, gtest=True):
        self.name = name
        self.command = command
        self.env = {**os.environ, **(env or {})}
        self.cwd = cwd
        self.gtest = gtest


class Reports:
    """The files that sanitizers wrote, by the test during which they appeared."""

    def __init__(self, directory):
        self.directory = directory
        self.seen = set()
        self.test = {}

    def assign_new(self, test):
        for name in sorted(os.listdir(self.directory) if self.directory else []):
            if name not in self.seen:
                self.seen.add(name)
                self.test.setdefault(test, []).append(os.path.join(self.directory, name))

    def text(self, test):
        output = b""
        for path in self.test.get(test, []):
            with open(path, "rb") as report:
                output += report.read()
        return output


class Outcome:
    """The results, output and seconds of one run of a program, by test."""

    def __init__(self):
        self.result = {}
        self.output = {}
        self.seconds = {}
        self.remark = {}
        self.current = None
        self.started = 0.0
        self.rest = b""
        self.end = ""

    def begin(self, test):
        self.current = test
        self.started = time.monotonic()
        self.output[test] = b""

    def finish(self, good):
        self.result[self.current] = good
        self.seconds[self.current] = time.monotonic() - self.started
        self.current = None


def report(good, name, seconds=0.0, output=b""):
    print("%s %s # time=%dms" % ("ok" if good else "not ok", name, round(seconds * 1000)))
    if not good:
        for line in output.decode(errors="replace").splitlines()[-200:]:
            print("  " + line)
    sys.stdout.flush()


def watch(process, idle, limit, on_line):
    """Call on_line for each line of the output; return why the program was killed, or an empty string."""
    fd = process.stdout.fileno()
    pending = b""
    started = time.monotonic()
    while True:
        left = min(idle, started + limit - time.monotonic())
        if left <= 0 or not select.select([fd], [], [], left)[0]:
            os.killpg(process.pid, signal.SIGKILL)
            return "no output for %d s" % idle if left > 0 else "not finished after %d s" % limit
        data = os.read(fd, 65536)
        if not data:
            on_line(pending)
            return ""
        *lines, pending = (pending + data).split(b"\n")
        for line in lines:
            on_line(line + b"\n")


def run(program, arguments, options, on_line):
    try:
        process = subprocess.Popen(
            program.command + arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, env=program.env, cwd=program.cwd, start_new_session=True)
    except OSError as error:
        return True, str(error)
    reason = watch(process, options.idle, options.limit, on_line)
    status = process.wait()
    process.stdout.close()
    return status or bool(reason), reason or "ended with status %d" % status


def run_gtest(program, tests, options, xml):
    outcome = Outcome()
    reports = Reports(options.reports)
    reports.assign_new(None)  # written before this run

    def on_line(line):
        if options.verbose:
            sys.stderr.buffer.write(line)
            sys.stderr.buffer.flush()
        mark = MARK.search(line)
        name = mark and mark.group(2).decode()
        if mark and mark.group(1) == b" RUN      ":
            outcome.begin(name)
            return
        if mark and name == outcome.current:
            outcome.output[name] += line
            outcome.finish(mark.group(1) == b"       OK ")
            reports.assign_new(name)
        elif outcome.current:
            outcome.output[outcome.current] += line
        else:
            outcome.rest += line

    arguments = ["--gtest_color=no", "--gtest_output=xml:" + xml,
                 "--gtest_filter=" + ":".join(tests)]
    status, outcome.end = run(program, arguments, options, on_line)
    if os.path.exists(xml):
        read_xml(xml, outcome)
    reports.assign_new(outcome.current or "(end of program)")
    if outcome.current:
        outcome.output[outcome.current] += outcome.end.encode()
        outcome.finish(False)
    elif status and False not in outcome.result.values():
        # Every test passed, but a tear-down or a sanitizer failed the program.
        outcome.result["(end of program)"] = False
        outcome.output["(end of program)"] = outcome.rest
    add_reports(reports, outcome)
    return outcome


def read_xml(xml, outcome):
    """The file is more reliable than the output, into which the tests write as well."""
    for case in ElementTree.parse(xml).iter("testcase"):
        name = case.get("classname") + "." + case.get("name")
        good = case.get("status") == "run" and case.get("result") == "completed"
        outcome.result[name] = good and case.find("failure") is None
        outcome.seconds[name] = float(case.get("time"))


def add_reports(reports, outcome):
    """A test may pass although a sanitizer reported an error in the test or in its daemon."""
    for test in reports.test:
        if test is not None:
            outcome.result[test] = False
            outcome.output[test] = outcome.output.get(test, b"") + reports.text(test)
            outcome.remark[test] = " (sanitizer report)"


def list_tests(program, options):
    lines = []
    arguments = ["--gtest_list_tests"]
    if options.filter:
        arguments.append("--gtest_filter=" + options.filter)
    status, end = run(program, arguments, options, lines.append)
    if status:
        return None, b"".join(lines) + b"--gtest_list_tests: " + end.encode()
    tests, suite = [], ""
    for line in lines:
        text = line.decode(errors="replace").split("#")[0].rstrip()
        if text.startswith("  "):
            name = suite + text.strip()
            if not re.search(r"(^|[./])DISABLED_", name):
                tests.append(name)
        elif text.endswith("."):
            suite = text
    return tests, b""


def run_plain(program, options):
    lines = []
    started = time.monotonic()
    status, end = run(program, [], options, lines.append)
    report(status == 0, program.name, time.monotonic() - started, b"".join(lines) + end.encode())


def run_tests(program, left, options):
    part = 0
    while left:
        part += 1
        xml = os.path.join(options.results, "%s-%d.xml" % (program.name, part))
        if os.path.exists(xml):
            os.unlink(xml)
        outcome = run_gtest(program, left, options, xml)
        for test, good in outcome.result.items():
            name = program.name + ": " + test + outcome.remark.get(test, "")
            report(good, name, outcome.seconds.get(test, 0.0), outcome.output.get(test, b""))
        if not set(outcome.result) & set(left):
            for test in left:
                report(False, program.name + ": " + test, 0.0,
                       b"did not run\n" + outcome.rest + outcome.end.encode())
            return
        left = [test for test in left if test not in outcome.result]


def plan(program, options):
    """Print which tests will run, so that tests without a result can be detected."""
    tests = [None] if selected(program, options.filter) else []
    if program.gtest:
        tests, output = list_tests(program, options)
        if tests is None:
            report(False, program.name, 0.0, output)
            return []
    for test in tests:
        print("plan " + program.name + (": " + test if test else ""))
    sys.stdout.flush()
    return tests


def selected(program, patterns):
    """Return whether the filter selects a program that is not a GoogleTest program, by its name."""
    return not patterns or any(fnmatch.fnmatchcase(program.name, pattern) for pattern in patterns.split(":"))


def meson_programs(build, suite):
    text = subprocess.run(["meson", "introspect", "--tests", build], check=True,
                          stdout=subprocess.PIPE).stdout
    # Meson writes a suite as "PROJECT:SUITE".
    return [Program(test["name"].replace(" ", "-"), test["cmd"], test["env"], test["workdir"],
                    test["protocol"] == "gtest")
            for test in json.loads(text)
            if suite in [name.split(":")[-1] for name in test["suite"]]]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--meson", metavar="BUILD_DIR")
    parser.add_argument("--suite")
    parser.add_argument("--filter", default="", help="as --gtest_filter; also names of other programs")
    parser.add_argument("--idle", type=int, default=400, help="seconds without output")
    parser.add_argument("--limit", type=int, default=900, help="seconds for one program")
    parser.add_argument("--results", default=tempfile.gettempdir(), help="directory for XML")
    parser.add_argument("--reports", help="directory of sanitizer reports; each new file is a failure")
    parser.add_argument("--verbose", action="store_true", help="copy all output to stderr")
    parser.add_argument("program", nargs="*")
    options = parser.parse_args()
    os.makedirs(options.results, exist_ok=True)
    if options.meson:
        programs = meson_programs(options.meson, options.suite)
    else:
        programs = [Program(os.path.basename(path), [os.path.abspath(path)])
                    for path in options.program]
    planned = [(program, plan(program, options)) for program in programs]
    for program, tests in planned:
        if program.gtest:
            run_tests(program, tests, options)
        elif tests:
            run_plain(program, options)


if __name__ == "__main__":
    main()
