#!/usr/bin/env python3
"""Import order and import circles of the crates that have rooms.

    python3 .ci/imports.py              check the crates that docs/ARCHITECTURE.md orders
    python3 .ci/imports.py DIR...       show the circles of these source folders, whatever the document says
    python3 .ci/imports.py --graph DIR  print who imports whom, one level at a time

docs/ARCHITECTURE.md has a block `text rooms PATH` for each such crate: one layer a line, the highest
first. A room imports from lower layers alone. Inside a room, at every depth, no two siblings import
each other, directly or over others. Test code is left out: it may look at everything.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
ORDER = ROOT / "docs" / "ARCHITECTURE.md"
BLOCK = re.compile(r"^```text rooms (\S+)\n(.*?)^```", re.M | re.S)
CRATE_ROOTS = {"lib", "main"}


def without_tests_and_comments(text):
    text = re.sub(r"//[^\n]*", "", text)
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    text = re.sub(r'"(?:[^"\\]|\\.)*"', '""', text, flags=re.S)
    kept, at = [], 0
    for found in re.finditer(r"#\[cfg\(test\)\]\s*(?:#\[[^\]]*\]\s*)*", text):
        if found.start() < at:
            continue
        kept.append(text[at : found.start()])
        at = end_of_item(text, found.end())
    kept.append(text[at:])
    return "".join(kept)


def end_of_item(text, at):
    """The end of the item that begins here: its `;`, or the brace that closes it."""
    depth = 0
    while at < len(text):
        letter = text[at]
        if letter == "{":
            depth += 1
        elif letter == "}":
            depth -= 1
            if depth == 0:
                return at + 1
        elif letter == ";" and depth == 0:
            return at + 1
        at += 1
    return at


def paths_in(text):
    """Every path in the text that begins with `crate`, `super` or `self`, use trees unfolded."""
    for found in re.finditer(r"\b(?:crate|super|self)(?=\s*::)", text):
        yield from unfold(text, found.start(), [])


def unfold(text, at, prefix):
    parts = list(prefix)
    name = re.compile(r"\s*(?:r#)?([A-Za-z_]\w*|\*)")
    while True:
        found = name.match(text, at)
        if not found:
            yield parts
            return
        parts.append(found.group(1))
        at = found.end()
        sep = re.compile(r"\s*::\s*").match(text, at)
        if not sep:
            yield parts
            return
        at = sep.end()
        if text[at] == "{":
            for start in members(text, at):
                yield from unfold(text, start, parts)
            return
        if text[at] == "<":
            yield parts
            return


def members(text, at):
    """Where each member of the use tree that opens here begins."""
    depth, at = 1, at + 1
    yield at
    while depth and at < len(text):
        if text[at] == "{":
            depth += 1
        elif text[at] == "}":
            depth -= 1
        elif text[at] == "," and depth == 1:
            if not re.match(r",\s*\}", text[at:]):
                yield at + 1
        at += 1


def module_of(path, source):
    parts = list(path.relative_to(source).with_suffix("").parts)
    if parts[-1] == "mod":
        parts.pop()
    return parts


def is_test(module):
    return any(part == "tests" or part.endswith("_tests") for part in module)


def modules(source):
    files = {}
    for path in sorted(source.rglob("*.rs")):
        module = tuple(module_of(path, source))
        if not is_test(module):
            files[module] = path
    return files


def absolute(parts, module):
    """The path from the crate's root, or None when it names nothing of this crate."""
    if parts[0] == "crate":
        return parts[1:]
    base = list(module)
    for index, part in enumerate(parts):
        if part == "super" and base:
            base.pop()
        elif part != "self":
            return base + parts[index:]
    return base


def target_module(path, files):
    """The deepest module that the path names."""
    path = tuple(path)
    while path and path not in files:
        path = path[:-1]
    return path


def imports(source):
    """(importing module, imported module, file) of the whole crate."""
    files = modules(source)
    found = set()
    for module, path in files.items():
        if module and module[0] in CRATE_ROOTS and len(module) == 1:
            continue
        for parts in paths_in(without_tests_and_comments(path.read_text())):
            target = target_module(absolute(parts, module), files)
            if target and target != module:
                found.add((module, target, str(path.relative_to(source))))
    return found


def levels(edges):
    """For each folder: what each child imports from which sibling, with an example."""
    graphs = {}
    for module, target, path in edges:
        common = 0
        while common < min(len(module), len(target)) and module[common] == target[common]:
            common += 1
        if common == len(module) or common == len(target):
            continue  # a parent and its own child
        graph = graphs.setdefault(module[:common], {})
        graph.setdefault(module[common], {}).setdefault(target[common], path)
    return graphs


def circles(graph):
    """The groups of siblings that reach each other (Tarjan)."""
    index, low, stack, on_stack, out = {}, {}, [], set(), []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        on_stack.add(node)
        for to in graph.get(node, {}):
            if to not in index:
                visit(to)
                low[node] = min(low[node], low[to])
            elif to in on_stack:
                low[node] = min(low[node], index[to])
        if low[node] == index[node]:
            group = []
            while not group or group[-1] != node:
                group.append(stack.pop())
                on_stack.discard(group[-1])
            if len(group) > 1:
                out.append(sorted(group))

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return out


def circle_faults(source):
    for folder, graph in sorted(levels(imports(source)).items()):
        for group in circles(graph):
            where = "/".join((source.name, *folder))
            yield f"{where}: a circle of {', '.join(group)}"
            for one in group:
                for to, path in sorted(graph.get(one, {}).items()):
                    if to in group:
                        yield f"    {one} -> {to} in {path}"


def order_faults(source, layers):
    rank = {room: depth for depth, layer in enumerate(layers) for room in layer}
    rooms = {module[0] for module in modules(source) if module} - CRATE_ROOTS
    for room in sorted(rooms - rank.keys()):
        yield f"{room} has no place in the order"
    for room in sorted(rank.keys() - rooms - CRATE_ROOTS):
        yield f"{room} is in the order and not in {source.name}"
    for one, targets in sorted(levels(imports(source)).get((), {}).items()):
        for to, path in sorted(targets.items()):
            if one in rank and to in rank and rank[one] >= rank[to]:
                yield f"{path}: {one} imports {to}, which is not below it"


def ordered_crates():
    for path, body in BLOCK.findall(ORDER.read_text()):
        yield ROOT / path, [line.split() for line in body.splitlines() if line.strip()]


def print_graph(source):
    for folder, graph in sorted(levels(imports(source)).items()):
        print("/".join((source.name, *folder)))
        for one, targets in sorted(graph.items()):
            print(f"    {one} -> {', '.join(sorted(targets))}")


def main(arguments):
    if arguments[:1] == ["--graph"]:
        for name in arguments[1:]:
            print_graph(pathlib.Path(name).resolve())
        return 0
    if arguments:
        crates = [(pathlib.Path(name).resolve(), None) for name in arguments]
    else:
        crates = list(ordered_crates())
        if not crates:
            print(f"{ORDER.relative_to(ROOT)} orders no crate")
            return 1
    faults = 0
    for source, layers in crates:
        found = list(circle_faults(source))
        if layers is not None:
            found += order_faults(source, layers)
        for line in found:
            print(line)
        faults += len(found)
        if not found:
            print(f"{source.parent.name}/{source.name}: {len(modules(source))} modules, no circle")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
