#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run GoogleTest programs and say for every single test how it went.

Prints "ok PROGRAM.TEST" or "not ok PROGRAM.TEST" (then its output, indented).
A program that dies or hangs fails the test it was in, and is started again
for the tests after it. A test that was skipped, or that never ran, failed.

usage: run_tests.py [options] PROGRAM...
       run_tests.py [options] --meson BUILD_DIR --suite SUITE
"""

import argparse
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
    """One test program, with the surroundings it wants."""

    def __init__(self, name, command, env=None, cwd=None, gtest=True):
        self.name = name
        self.command = command
        self.env = {**os.environ, **(env or {})}
        self.cwd = cwd
        self.gtest = gtest


class Reports:
    """Files that sanitizers wrote, each with the test that they came in."""

    def __init__(self, directory):
        self.directory = directory
        self.seen = set()
        self.test = {}

    def look(self, test):
        for name in sorted(os.listdir(self.directory) if self.directory else []):
            if name not in self.seen:
                self.seen.add(name)
                self.test.setdefault(test, []).append(os.path.join(self.directory, name))

    def of(self, test):
        output = b""
        for path in self.test.get(test, []):
            with open(path, "rb") as report:
                output += report.read()
        return output


class Outcome:
    """What a run of a program told: results and output by test."""

    def __init__(self):
        self.result = {}
        self.output = {}
        self.current = None
        self.rest = b""
        self.end = ""


def say(good, name, output=b""):
    print(("ok " if good else "not ok ") + name)
    if not good:
        for line in output.decode(errors="replace").splitlines()[-200:]:
            print("  " + line)
    sys.stdout.flush()


def watch(process, idle, limit, on_line):
    """Hand over the output line by line; the reason why it was ended, if so."""
    fd = process.stdout.fileno()
    pending = b""
    started = time.monotonic()
    while True:
        left = min(idle, started + limit - time.monotonic())
        if left <= 0 or not select.select([fd], [], [], left)[0]:
            os.killpg(process.pid, signal.SIGKILL)
            return "gave no sign for %d s" % idle if left > 0 else "not done after %d s" % limit
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
    # Whoever still holds the output after the end was left behind.
    return status or bool(reason), reason or "ended with status %d" % status


def run_gtest(program, tests, options, xml):
    outcome = Outcome()
    reports = Reports(options.reports)
    reports.look(None)  # those that were there before

    def on_line(line):
        if options.verbose:
            sys.stderr.buffer.write(line)
            sys.stderr.buffer.flush()
        mark = MARK.search(line)
        name = mark and mark.group(2).decode()
        if mark and mark.group(1) == b" RUN      ":
            outcome.current = name
            outcome.output[name] = b""
            return
        if mark and name == outcome.current:
            outcome.result[name] = mark.group(1) == b"       OK "
            outcome.output[name] += line
            outcome.current = None
            reports.look(name)
        elif outcome.current:
            outcome.output[outcome.current] += line
        else:
            outcome.rest += line

    arguments = ["--gtest_color=no", "--gtest_output=xml:" + xml,
                 "--gtest_filter=" + ":".join(tests)]
    status, outcome.end = run(program, arguments, options, on_line)
    if os.path.exists(xml):
        believe_xml(xml, outcome)
    reports.look(outcome.current or "(end of program)")
    believe_reports(reports, outcome)
    if status and outcome.current is None and False not in outcome.result.values():
        # All went well, it seemed; then a tear-down or a sanitizer had a word.
        outcome.result["(end of program)"] = False
        outcome.output["(end of program)"] = outcome.rest
    return outcome


def believe_xml(xml, outcome):
    """The file knows better than the output, into which tests may write."""
    for case in ElementTree.parse(xml).iter("testcase"):
        name = case.get("classname") + "." + case.get("name")
        good = case.get("status") == "run" and case.get("result") == "completed"
        outcome.result[name] = good and case.find("failure") is None


def believe_reports(reports, outcome):
    """A test may well pass while its daemon, or the program itself, was up to no good."""
    for test in reports.test:
        if test is not None:
            outcome.output[test] = outcome.output.get(test, b"") + reports.of(test)
            if test != outcome.current:
                outcome.result[test] = False


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
    status, end = run(program, [], options, lines.append)
    say(status == 0, program.name, b"".join(lines) + end.encode())


def run_tests(program, left, options):
    part = 0
    while left:
        part += 1
        xml = os.path.join(options.results, "%s-%d.xml" % (program.name, part))
        if os.path.exists(xml):
            os.unlink(xml)
        outcome = run_gtest(program, left, options, xml)
        for test, good in outcome.result.items():
            say(good, program.name + ": " + test, outcome.output.get(test, b""))
        done = set(outcome.result)
        if outcome.current:
            output = outcome.output[outcome.current] + outcome.end.encode()
            say(False, program.name + ": " + outcome.current, output)
            done.add(outcome.current)
        if not done & set(left):
            for test in left:
                say(False, program.name + ": " + test, b"did not run\n" + outcome.rest
                    + outcome.end.encode())
            return
        left = [test for test in left if test not in done]


def plan(program, options):
    """What to run, announced, so that what is missing in the end can be told."""
    tests = [None]
    if program.gtest:
        tests, output = list_tests(program, options)
        if tests is None:
            say(False, program.name, output)
            return []
    for test in tests:
        print("plan " + program.name + (": " + test if test else ""))
    sys.stdout.flush()
    return tests


def meson_programs(build, suite):
    text = subprocess.run(["meson", "introspect", "--tests", build], check=True,
                          stdout=subprocess.PIPE).stdout
    # A suite is "PROJECT:SUITE" there.
    return [Program(test["name"].replace(" ", "-"), test["cmd"], test["env"], test["workdir"],
                    test["protocol"] == "gtest")
            for test in json.loads(text)
            if suite in [name.split(":")[-1] for name in test["suite"]]]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--meson", metavar="BUILD_DIR")
    parser.add_argument("--suite")
    parser.add_argument("--filter", default="", help="as --gtest_filter")
    parser.add_argument("--idle", type=int, default=400, help="seconds without output")
    parser.add_argument("--limit", type=int, default=900, help="seconds for one program")
    parser.add_argument("--results", default=tempfile.gettempdir(), help="where XML goes")
    parser.add_argument("--reports", help="where sanitizers write: what comes there is a failure")
    parser.add_argument("--verbose", action="store_true", help="all output, to stderr")
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
        else:
            run_plain(program, options)


main()
