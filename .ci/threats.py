#!/usr/bin/env python3
"""The attack suite against docs/THREATS.md: each `attack_...` test is named there, each name there
is a test, and each row that says that an attack is blocked or bounded names one.

    python3 .ci/threats.py    one line for each area, then the faults
"""

import collections
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCUMENT = "docs/THREATS.md"
TEST = re.compile(r"^\s*(?:pub )?(?:async )?fn (attack_\w+)", re.M)
NAMED = re.compile(r"`(attack_\w+)`")
HEADER = ["attack", "status", "by what", "tests"]
NEEDS_TEST = {"blocked", "bounded"}
STATUSES = NEEDS_TEST | {"open"}


def tests():
    """Each test of an attack, with the files that have it."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.rs"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    found = collections.defaultdict(list)
    for name in filter(None, listing.stdout.decode().split("\0")):
        path = ROOT / name
        if path.is_file():
            for test in TEST.findall(path.read_text(errors="replace")):
                found[test].append(name)
    return found


def rows(text):
    """The rows of the tables of attacks: number of the line, and its cells."""
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith("|"):
            inside = False
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if cells == HEADER:
            inside = True
        elif inside and not set(line) <= set("|-: "):
            yield number, cells


def faults_of_rows(text):
    for number, cells in rows(text):
        if len(cells) != len(HEADER):
            yield f"{DOCUMENT}:{number}: {len(cells)} cells instead of {len(HEADER)}"
            continue
        attack, status, _, named = cells
        if status not in STATUSES:
            yield f"{DOCUMENT}:{number}: '{status}' is none of {', '.join(sorted(STATUSES))}"
        if status in NEEDS_TEST and not NAMED.search(named):
            yield f"{DOCUMENT}:{number}: '{attack}' is {status}, and no test shows it"


def faults(found, text):
    named = set(NAMED.findall(text))
    for test, files in sorted(found.items()):
        if test not in named:
            yield f"{files[0]}: {test} is not in {DOCUMENT}"
        if len(files) > 1:
            yield f"{test} is in {' and in '.join(files)}: a name is for one test"
    for name in sorted(named - found.keys()):
        yield f"{DOCUMENT}: there is no test {name}"
    yield from faults_of_rows(text)


def main():
    found, text = tests(), (ROOT / DOCUMENT).read_text()
    named = set(NAMED.findall(text))
    areas = collections.defaultdict(list)
    for test, files in found.items():
        areas[files[0].split("/")[0]].append(test in named)
    for area, listed in sorted(areas.items()):
        print(f"{area}: {len(listed)} tests of attacks, {sum(listed)} of them in {DOCUMENT}")
    statuses = collections.Counter(cells[1] for _, cells in rows(text) if len(cells) > 1)
    print("rows: " + ", ".join(f"{count} {status}" for status, count in sorted(statuses.items())))
    wrong = list(faults(found, text))
    for fault in wrong:
        print(fault)
    if not found or not statuses:
        print(f"no tests, or no rows in {DOCUMENT}")
    return 1 if wrong or not found or not statuses else 0


if __name__ == "__main__":
    sys.exit(main())
