#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run clang-tidy on each source of the project in a compilation database.

This takes minutes for all sources. The script therefore stores which sources
have no findings, by a hash of all input of clang-tidy: the preprocessed source
with its comments and macros, the configuration and the version of the tool.
Any finding is a failure.

usage: tidy.py BUILD_DIR SOURCE_DIR CACHE_DIR
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys


def sources(build, top):
    """The source files of the project, with their entries in the compilation database."""
    found = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        file = (pathlib.Path(entry["directory"]) / entry["file"]).resolve()
        if file.suffix == ".cpp" and top in file.parents:
            found[file] = entry
    return found


def configuration(build, top):
    """The input of clang-tidy other than the preprocessed source."""
    version = subprocess.run(["clang-tidy", "--version"], check=True, capture_output=True).stdout
    files = sorted(file for file in top.rglob(".clang-tidy") if build not in file.parents)
    return version + b"".join(bytes(file) + file.read_bytes() for file in files)


def preprocessed(entry):
    arguments = shlex.split(entry["command"])
    while arguments[0].endswith("ccache"):
        del arguments[0]
    del arguments[arguments.index("-o") : arguments.index("-o") + 2]
    arguments[0] = "clang++"
    result = subprocess.run(arguments + ["-w", "-E", "-CC", "-dD"], cwd=entry["directory"],
                            check=True, capture_output=True)
    return entry["command"].encode() + result.stdout


def check(file, entry, build, top, cache, settings):
    stamp = cache / hashlib.sha256(settings + preprocessed(entry)).hexdigest()
    if stamp.exists():
        stamp.touch()
        return ""
    # The headers of the project, without those that the build generates.
    headers = "--header-filter=%s/(cli|client|daemon|dbus|tests|examples)/" % top.name
    result = subprocess.run(["clang-tidy", "-p", build, "--quiet", "--warnings-as-errors=*", headers, file],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode == 0:
        stamp.touch()
        return ""
    return result.stdout or "clang-tidy ended with %d on %s\n" % (result.returncode, file)


def main():
    build, top, cache = (pathlib.Path(argument).resolve() for argument in sys.argv[1:])
    cache.mkdir(parents=True, exist_ok=True)
    settings = configuration(build, top)
    files = sources(build, top)
    if not files:
        sys.exit("no file of %s in %s" % (top, build))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [pool.submit(check, file, entry, build, top, cache, settings)
                for file, entry in sorted(files.items())]
        found = [job.result() for job in jobs]
    sys.stdout.write("".join(found))
    sys.exit(1 if any(found) else 0)


main()
