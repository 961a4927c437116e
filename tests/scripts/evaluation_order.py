"""Finds expressions whose order C leaves open and whose parts both add to what lpc makes.

    evaluation_order.py [--loose] FOLDER...

`f(b, load(b, x), load(b, y))` loads y first when gcc compiles lpc and x first when clang does, so that
the output would depend on what built lpc. This reads the C of the folders as tokens, without types:
it lists the functions that append to something ordered (ROOTS and all that call them), then reports
arguments of one call, elements of one initialiser and operands of one expression of which two or more
call such functions. Exit status 1 when there are any, and when ROOTS names a function that is not there
(not with --loose). Not read: bodies of macros, and calls that macros hide.
"""
import os
import re
import sys

# What appends: instructions, parameters, cells, buffers, kernels, symbols, tensors, nodes, names, and
# definitions and lines of emitted C. LLVMBuild..., LLVMAppend... and LLVMAdd... are known by their names.
ROOTS = set("""inst_new inst_copy inst_append main_inst param_new kb_cell program_buffer program_kernel
    sizes_symbol graph_tensor graph_node_at names_unique names_make names_add helper_define""".split())
# Constants are in no block, nothing shows their order.
PURE = set("intern kb_int kb_i64 kb_size kb_float kb_const assert".split())
KEYWORDS = set("if while for switch return sizeof else do case".split())
TOKEN = re.compile(r"[A-Za-z_]\w*|\d[\w.]*|->|&&|\|\||[^\s]")
WORD = re.compile(r"[A-Za-z_]")
OPEN = {"(": ")", "[": "]", "{": "}"}
NO_CODE = re.compile(r"""/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.S)
DIRECTIVE = re.compile(r"^[ \t]*\#(?:[^\n]*\\\n)*[^\n]*", re.M)


def lines_only(match):
    """What stands for a comment, a literal or a directive: its line breaks."""
    return "0" * (match.group(0)[0] in "\"'") + "\n" * match.group(0).count("\n") + " "


def read(path):
    """The file as nested lists: a token is (text, line), a bracketed group (bracket, line, items)."""
    with open(path, encoding="utf-8") as file:
        text = DIRECTIVE.sub(lines_only, NO_CODE.sub(lines_only, file.read()))
    stack, line, at = [[]], 1, 0
    for match in TOKEN.finditer(text):
        line += text.count("\n", at, match.start())
        at = match.start()
        token = match.group(0)
        if token in OPEN:
            stack[-1].append((token, line, []))
            stack.append(stack[-1][-1][2])
        elif token in OPEN.values():
            stack.pop()
        else:
            stack[-1].append((token, line))
    return stack[0]


def is_word(items, i):
    return 0 <= i < len(items) and len(items[i]) == 2 and WORD.match(items[i][0]) is not None


def called(items, i):
    """The name that the group at i is the arguments of, "[]" for an element of an array, or None."""
    if items[i][0] != "(" or i == 0:
        return None
    if items[i - 1][0] == "[":
        return "[]"
    return items[i - 1][0] if is_word(items, i - 1) and items[i - 1][0] not in KEYWORDS else None


def functions(items):
    for i in range(1, len(items) - 1):
        if called(items, i) and items[i + 1][0] == "{":
            yield items[i - 1][0], items[i + 1][2]


def pointers(items):
    """Names that are declared as `T *name` or `T name` where `typedef ... T(...)` is a function."""
    names, types = set(), set()

    def each(items):
        for i, item in enumerate(items):
            if len(item) == 3:
                each(item[2])
            elif item[0] == "typedef" and len(item) == 2:
                end = next(k for k in range(i, len(items)) if items[k][0] == ";")
                if items[end - 1][0] == "(" and is_word(items, end - 2):
                    types.add(items[end - 2][0])
            elif i + 2 < len(items) and items[i + 1][0] == "*" and is_word(items, i + 2):
                names.add((item[0], items[i + 2][0]))
    each(items)
    return names, types


class Finder:
    def __init__(self, paths):
        self.found = []
        trees = {path: read(path) for path in paths}
        self.bodies = [(path, name, body) for path in paths for name, body in functions(trees[path])]
        self.own = {(path, name) for path, name, _ in self.bodies}
        self.homes = {}
        for path, name, _ in self.bodies:
            self.homes.setdefault(name, []).append(path)
        declared, types = set(), set()
        for tree in trees.values():
            names, of = pointers(tree)
            declared |= names
            types |= of
        self.pointers = {name for kind, name in declared if kind in types}
        self.close()

    def close(self):
        """The functions that append: a fixed point over who calls whom."""
        calls = {(path, name): set(self.calls(body)) for path, name, body in self.bodies}
        self.appends = set()
        size = -1
        while size != len(self.appends):
            size = len(self.appends)
            self.appends |= {own for own, names in calls.items() if own[1] not in PURE and
                             (own[1] in ROOTS or any(self.is_append(own[0], n) for n in names))}

    def calls(self, items):
        for i, item in enumerate(items):
            if len(item) == 3:
                if called(items, i):
                    yield called(items, i)
                yield from self.calls(item[2])

    def is_append(self, path, name):
        if name in PURE:
            return False
        if name in ROOTS or name == "[]" or re.match("LLVM(Build|Append|Add)", name):
            return True
        if (path, name) in self.own:
            return (path, name) in self.appends
        return name in self.pointers or \
            any((home, name) in self.appends for home in self.homes.get(name, []))

    def report(self, path, line, what, count):
        self.found.append((path, line, "%d %s" % (count, what)))

    def walk(self, path, items):
        """Does this code append? Parts between `;`, `&&`, `||`, `?`, `:` and `,` are apart in time."""
        appends, parts = False, []

        def end():
            if len(parts) > 1:
                self.report(path, parts[0], "operands of one expression", len(parts))
            parts.clear()
        for i, item in enumerate(items):
            before = items[i - 1][0] if i else ""
            if len(item) == 2:
                if item[0] in (";", "&&", "||", "?", ":", ","):
                    end()
                continue
            if before == "sizeof":
                continue
            name = called(items, i)
            if item[0] == "(" and before in KEYWORDS - {"return", "case"}:
                end()
                appends |= self.walk(path, item[2])
            elif item[0] == "{" and not self.is_initialiser(items, i):
                end()
                appends |= self.walk(path, item[2])
            else:
                inside = self.walk_list(path, item, name)
                if inside or name and self.is_append(path, name):
                    parts.append(item[1])
                    appends = True
        end()
        return appends

    @staticmethod
    def is_initialiser(items, i):
        if i == 0 or items[i - 1][0] in ("=", ",", "["):
            return True
        if items[i - 1][0] == "(":  # (T){...}, but not f(...) {...} or if (...) {...}
            return not is_word(items, i - 2) or items[i - 2][0] == "return"
        return False

    def walk_list(self, path, group, name):
        """Arguments, elements, or `(a, b)` where the comma is an operator."""
        lists, part = [], []
        for item in group[2]:
            if item[0] == "," and len(item) == 2:
                lists.append(part)
                part = []
            else:
                part.append(item)
        lists.append(part)
        count = sum(self.walk(path, part) for part in lists)
        if count > 1 and name:
            self.report(path, group[1], "arguments of %s()" % name, count)
        elif count > 1 and group[0] == "{":
            self.report(path, group[1], "elements of one initialiser", count)
        return count > 0


def main(arguments):
    loose = arguments[0] == "--loose"
    folders = arguments[loose:]
    paths = sorted(os.path.join(at, name) for folder in folders for at, _, names in os.walk(folder)
                   for name in names if name.endswith((".c", ".h")))
    finder = Finder(paths)
    for path, _, body in finder.bodies:
        finder.walk(path, body)
    missing = [] if loose else sorted(ROOTS - set(finder.homes))
    for name in missing:
        print("evaluation_order: ROOTS has %s, which is no function of %s" % (name, " ".join(folders)))
    for path, line, what in finder.found:
        print("%s:%d: %s append: C leaves their order open, name them" % (path, line, what))
    print("evaluation_order: %d files, %d functions, of which %d append; %d found" %
          (len(paths), len(finder.bodies), len(finder.appends), len(finder.found)))
    return 1 if finder.found or missing else 0


sys.exit(main(sys.argv[1:]))
