#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run clang-tidy on each source of the project in a compilation database.

clang-tidy spends most of its time in the headers of libraries. Sources with the
same options are therefore checked together: clang-tidy gets a file that contains
the text of up to eight of them. It does not include them, because the analyzer
checks only functions of the main file. The names in the anonymous namespaces of a
target must be unique for this, as for the unity builds.

This still takes minutes for all sources. The script therefore stores which groups
of sources have no findings, by a hash of all input of clang-tidy: the preprocessed
sources with their comments and macros, the configuration and the version of the
tool. Any finding is a failure.

usage: tidy.py BUILD_DIR SOURCE_DIR CACHE_DIR
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

GROUP_SIZE = 8


def output_of(command, **options):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, **options).stdout


def options_of(entry):
    """The options of the compiler, without those that name the files of one source."""
    arguments = shlex.split(entry["command"])
    while arguments[0].endswith("ccache"):
        del arguments[0]
    for option in ("-o", "-MF", "-MQ"):
        at = arguments.index(option)
        del arguments[at : at + 2]
    return tuple(arguments[1 : arguments.index("-c")])


def configuration_files(file, top):
    """The .clang-tidy files that apply to a source."""
    return tuple(parent / ".clang-tidy" for parent in file.parents
                 if top in (parent, *parent.parents) and (parent / ".clang-tidy").exists())


def groups(build, top):
    """The sources in groups, each with the options of the compiler."""
    found = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        file = (pathlib.Path(entry["directory"]) / entry["file"]).resolve()
        if file.suffix == ".cpp" and top in file.parents:
            found.setdefault((options_of(entry), configuration_files(file, top)), {})[file] = None
    for (options, _), files in found.items():
        files = list(files)
        for at in range(0, len(files), GROUP_SIZE):
            yield options, files[at : at + GROUP_SIZE]


def with_lines_of_sources(text, files, group):
    """Replace the positions in the file of a group by those in the sources."""
    lines = [(file, number) for file in files for number, _ in enumerate(file.read_text().splitlines(), 1)]

    def position(match):
        file, number = lines[min(int(match[1]), len(lines)) - 1]  # an error may be at the end of the file
        return "%s:%d:" % (file, number)

    return re.sub(re.escape(str(group)) + r":(\d+):", position, text)


def check(options, files, build, top, cache, version, group):
    """Check one group. Returns the findings."""
    group.write_text("".join(file.read_text() for file in files))
    # A source may include the headers of its own directory without a path.
    options = [*options, *("-iquote%s" % directory for directory in sorted({file.parent for file in files}))]
    configuration = output_of(["clang-tidy", "--dump-config", files[0], "--"])
    preprocessed = output_of(["clang++", *options, "-w", "-E", "-CC", "-dD", group], cwd=build)
    key = b"\0".join([version, configuration, repr(options).encode(), preprocessed])
    stamp = cache / hashlib.sha256(key).hexdigest()
    if stamp.exists():
        stamp.touch()
        return ""
    # The headers of the project, without those that the build generates.
    headers = "--header-filter=%s/(cli|client|daemon|dbus|tests|examples)/" % top.name
    result = subprocess.run(
        ["clang-tidy", "--quiet", "--warnings-as-errors=*", "--config=" + configuration.decode(), headers, group,
         "--", *options], cwd=build, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode == 0:
        stamp.touch()
        return ""
    return with_lines_of_sources(result.stdout, files, group) or \
        "clang-tidy ended with %d on %s\n" % (result.returncode, ", ".join(map(str, files)))


def main():
    build, top, cache = (pathlib.Path(argument).resolve() for argument in sys.argv[1:])
    cache.mkdir(parents=True, exist_ok=True)
    work = build / "tidy"
    work.mkdir(exist_ok=True)
    version = output_of(["clang-tidy", "--version"])
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [pool.submit(check, options, files, build, top, cache, version, work / f"group{number}.cpp")
                for number, (options, files) in enumerate(groups(build, top))]
        if not jobs:
            sys.exit("no file of %s in %s" % (top, build))
        found = [job.result() for job in jobs]
    sys.stdout.write("".join(found))
    sys.exit(1 if any(found) else 0)


main()
