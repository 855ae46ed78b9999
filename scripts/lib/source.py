# SPDX-License-Identifier: BSD-3-Clause
# What the checks of the source share: where the tree is, which files count, the include table,
# and C text without comments and strings (lines stay where they are).
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CODE_DIRS = ("dataplane/", "controlplane/", "config/", "tests/", "perf/")


def usage(text):
    """Prints what the script is about and ends it, where that was asked for."""
    if sys.argv[1:] in (["--help"], ["-h"]):
        print(text.strip())
        sys.exit(0)


def files():
    """Paths of the tree's files, relative to ROOT; without git all but build folders."""
    git = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False)
    if git.returncode == 0:
        found = git.stdout.split("\n")
    else:
        found = []
        for folder, below, names in os.walk(ROOT):
            below[:] = [b for b in below if not b.startswith((".git", "build"))]
            found += [os.path.relpath(os.path.join(folder, n), ROOT) for n in names]
    return sorted({f for f in found if f and os.path.isfile(os.path.join(ROOT, f))})


def code(endings=(".c", ".h")):
    return [f for f in files() if f.startswith(CODE_DIRS) and f.endswith(endings)]


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8", errors="replace") as f:
        return f.read()


def layers():
    """[(folder, [names it may include], [external libraries])] of layers.txt, in order."""
    rows = []
    for line in read("layers.txt").split("\n"):
        if line.strip() and not line.startswith("#"):
            folder, uses, libraries = line.split(":")
            rows.append((folder.strip(), uses.split(), libraries.split()))
    return rows


TOKEN = re.compile(
    r"(?P<comment>//[^\n]*|/\*.*?\*/)|(?P<string>\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*')",
    re.DOTALL)


def blank(text, kinds):
    """The text with its comments or strings (as `kinds` names them) made blank."""
    def fill(m):
        if m.lastgroup not in kinds:
            return m.group()
        return re.sub(r"[^\n]", " ", m.group())
    return TOKEN.sub(fill, text)


class Report:
    """Violations as file:line: what; the number of them is the exit status."""

    def __init__(self):
        self.count = 0

    def add(self, path, line, what):
        self.count += 1
        print(f"{path}:{line}: {what}")

    def end(self, what):
        if self.count == 0:
            print(what)
        sys.exit(1 if self.count else 0)


if __name__ == "__main__":  # for the shell scripts: the list, one path a line
    print("\n".join(files()))
