#!/usr/bin/env python3
"""What can be checked of docs/GLOSSARY.md by a program: words that are not ours, module heads that
are sentences, and long lines.

    python3 .ci/prose.py [PATH...]    all tracked files, or those below the given paths
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
MAX_COLUMNS = {".rs": 100, ".md": 120}
# Bracketed, so that this file is not found by its own search.
WORDS = re.compile(
    r"\b(wis[h](es)?|petitio[n]|riva[l]s?|owned u[p]|stand bac[k]|struck ou[t]|whoeve[r])\b", re.I
)
HEAD = re.compile(r"^//! (How|What|Who|Where|When|Why) [^?]*$")
PEOPLE = re.compile(r"\b([h]e|hi[ms]|s[h]e|h[e]rs?)\b")
# Bytes and words of others.
NOT_OURS = re.compile(r"(^|/)(vectors|corpus|fonts)/|^LICENSE|^Cargo.lock$|\.(png|jpg|webp|tif|gif|bmp|avif|svg|ttf)$")


def tracked(paths):
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--", *paths], cwd=ROOT, check=True, capture_output=True
    )
    return [name for name in listing.stdout.decode().split("\0") if name]


def prose(name, line):
    """The part of a line that is written for people."""
    if not name.endswith(".rs"):
        return line
    comment = re.search(r"(?:^|\s)//[/!]?(.*)", line)
    texts = re.findall(r'"((?:[^"\\]|\\.)*)"', line)
    return " ".join(texts + ([comment.group(1)] if comment else []))


def faults(name, text):
    limit = MAX_COLUMNS.get(pathlib.PurePath(name).suffix)
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if WORDS.search(line):
            yield number, f"says '{WORDS.search(line).group(0)}'"
        if PEOPLE.search(prose(name, line)):
            yield number, f"'{PEOPLE.search(prose(name, line)).group(0)}': people are 'they'"
        if number == 1 and HEAD.match(line):
            yield number, "a module opens with a noun phrase"
        if name.endswith(".md"):
            fenced ^= line.startswith("```")
        unbreakable = name.endswith(".md") and (fenced or line.startswith("|"))
        if limit and len(line) > limit and not unbreakable and " " in line.strip()[:limit]:
            yield number, f"{len(line)} columns, {limit} at most"


def main(paths):
    found = 0
    for name in tracked(paths):
        path = ROOT / name
        if NOT_OURS.search(name) or not path.is_file():
            continue
        for number, fault in faults(name, path.read_text(errors="replace")):
            print(f"{name}:{number}: {fault}")
            found += 1
    print(f"{found} faults of wording or width" if found else "wording and widths: as in the glossary")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
