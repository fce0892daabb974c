"""Rules for C++ that an HLS tool synthesises, on clang's syntax tree: each function returns what breaks one."""

import re
import subprocess
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

PREFIX = "ek_"  # of the files that are checked
FORBIDDEN = {
    "CXX_NEW_EXPR": "heap",
    "CXX_DELETE_EXPR": "heap",
    "WHILE_STMT": "a loop without bounds in its head",
    "DO_STMT": "a loop without bounds in its head",
    "CXX_FOR_RANGE_STMT": "a loop without bounds in its head",
    "GOTO_STMT": "goto",
    "CXX_TRY_STMT": "exceptions",
    "CXX_THROW_EXPR": "exceptions",
    "CXX_DYNAMIC_CAST_EXPR": "run-time types",
    "CXX_REINTERPRET_CAST_EXPR": "a cast between pointers",
    "LAMBDA_EXPR": "a lambda",
}
ASSIGNMENTS = ("=", "+=", "-=", "*=", "/=", "%=", "<<=", ">>=", "&=", "|=", "^=")
PRAGMAS = {
    "AGGREGATE": {"variable"},
    "ARRAY_PARTITION": {"variable", "dim", "type"},
    "BIND_STORAGE": {"variable", "type", "impl"},
    "DATAFLOW": set(),
    "DEPENDENCE": {"variable", "type", "dependent"},
    "DISAGGREGATE": {"variable"},
    "INLINE": set(),
    "INTERFACE": {"mode", "port", "bundle", "offset", "depth"},
    "LOOP_TRIPCOUNT": {"max"},
    "PIPELINE": {"II"},
    "STREAM": {"variable", "type"},
    "UNROLL": set(),
}
"""Pragmas by Vitis HLS's reference, with the options that the engine uses."""


def standard_folders(cxx: str = "g++") -> list[str]:
    """Folders of a compiler's own headers."""
    done = subprocess.run(
        [cxx, "-E", "-v", "-x", "c++", "/dev/null"], capture_output=True, text=True, check=True
    )
    return re.findall(r"^ (/\S+)$", done.stderr, re.MULTILINE)


class Syntax:
    """The syntax trees of sources in a folder, with the headers of the folder's stand-ins."""

    def __init__(self, folder: Path, sources: list[str]) -> None:
        """Parse; raises `ValueError` with clang's errors."""
        from clang import cindex

        self.folder = folder
        options = ["-std=c++17", f"-I{folder}/headers", f"-I{folder}"]
        options += [word for path in standard_folders() for word in ("-isystem", path)]
        index = cindex.Index.create()
        self.units = [index.parse(str(folder / name), options) for name in sources]
        found = [str(d) for unit in self.units for d in unit.diagnostics if d.severity >= 3]
        if found:
            raise ValueError("; ".join(found))

    def is_own(self, cursor: Any) -> bool:
        """Whether a cursor lies in a file that is checked."""
        file = cursor.location.file
        return file is not None and Path(file.name).name.startswith(PREFIX)

    @cached_property
    def functions(self) -> Mapping[str, Any]:
        """The functions with bodies, by what clang calls them."""
        found = {}
        for cursor in self.declarations():
            named = cursor.kind.name in ("FUNCTION_DECL", "CXX_METHOD", "FUNCTION_TEMPLATE")
            if named and cursor.is_definition():
                found[cursor.get_usr()] = cursor
        return found

    def declarations(self) -> Iterator[Any]:
        """Each cursor of the files that are checked."""
        for unit in self.units:
            for top in filter(self.is_own, unit.cursor.get_children()):
                yield from top.walk_preorder()

    def nodes(self) -> Iterator[Any]:
        """Each node of each function."""
        for function in self.functions.values():
            yield from function.walk_preorder()


def forbidden(syntax: Syntax) -> list[str]:
    """Return each construct that hardware does not have."""
    found = []
    for node in syntax.declarations():
        what = FORBIDDEN.get(node.kind.name)
        if node.kind.name == "CXX_METHOD" and node.is_virtual_method():
            what = "a virtual function"
        if what:
            found.append(f"{_place(node)}: {what}")
    return found


def calls(syntax: Syntax) -> Mapping[str, set[str]]:
    """Return by function the functions of the sources that it calls."""
    found = {}
    for usr, function in syntax.functions.items():
        found[usr] = {
            callee.get_usr()
            for node in function.walk_preorder()
            if node.kind.name == "CALL_EXPR" and (callee := _template_of(node.referenced))
        }
    return found


def recursion(syntax: Syntax) -> list[str]:
    """Return each function that reaches itself."""
    graph = calls(syntax)
    found = []
    for start in graph:
        reached, waiting = set[str](), [start]
        while waiting:
            for callee in graph.get(waiting.pop(), set()) - reached:
                reached.add(callee)
                waiting.append(callee)
        if start in reached:
            found.append(f"{_place(syntax.functions[start])}: recursion")
    return found


def foreign_calls(syntax: Syntax) -> list[str]:
    """Return each call of a function that is neither the sources' nor an integer's or a stream's."""
    found = []
    for node in syntax.nodes():
        if node.kind.name != "CALL_EXPR":
            continue
        callee = node.referenced
        if callee is None:
            if not any(True for _ in node.get_children()):
                continue
            names = [child.spelling for child in node.get_children()]
            if not any(name in {f.spelling for f in syntax.functions.values()} for name in names):
                found.append(f"{_place(node)}: a call of what is unknown here: {names}")
            continue
        place = callee.location.file
        home = Path(place.name).name if place else ""
        if not home.startswith((PREFIX, "ap_int.h", "sim_stream.h", "program_format.h")):
            found.append(f"{_place(node)}: a call of {callee.spelling}")
    return found


def unbounded_loops(syntax: Syntax) -> list[str]:
    """Return each loop that may run for ever, or whose bound its body changes.

    A loop is ``for (T i = first; i < bound; i++)``, or with ``i += step``; nothing in its body assigns i, the bound, or
    the step.
    """
    found = []
    for node in syntax.nodes():
        if node.kind.name != "FOR_STMT":
            continue
        start, condition, step, body = _parts_of_loop(node)
        (variable,) = [c for c in start.get_children() if c.kind.name == "VAR_DECL"]
        head = [token.spelling for token in condition.get_tokens()]
        if head[:2] != [variable.spelling, "<"] or "||" in head:
            found.append(f"{_place(node)}: {' '.join(head)} is no bound")
        move = [token.spelling for token in step.get_tokens()]
        if move != [variable.spelling, "++"] and move[:2] != [variable.spelling, "+="]:
            found.append(f"{_place(node)}: {' '.join(move)} is no step")
        bound = head[2 : head.index("&&") if "&&" in head else None]
        fixed = {variable.spelling, *bound, *move[2:]}
        if changed := fixed & assigned_names(body):
            found.append(f"{_place(node)}: {', '.join(changed)} changes in the loop")
    return found


def loops_without_pragma(syntax: Syntax) -> list[str]:
    """Return each innermost loop that is neither pipelined nor unrolled."""
    found = []
    for node in syntax.nodes():
        if node.kind.name == "FOR_STMT":
            body = _parts_of_loop(node)[3]
            inner = {c.kind.name for c in body.walk_preorder()}
            text = _text_of(node)
            said = re.match(r"[^{]*\{\s*(#pragma HLS \w+[^\n]*\s*)*", text)
            pragmas = said[0] if said else ""
            is_marked = "PIPELINE" in pragmas or "UNROLL" in pragmas
            if "FOR_STMT" not in inner and not is_marked and not _runs_regions(body):
                found.append(f"{_place(node)}: neither pipelined nor unrolled")
    return found


def wrong_pragmas(syntax: Syntax) -> list[str]:
    """Return each pragma that is unknown, or names something that its function does not have."""
    found = []
    for path in sorted(syntax.folder.glob(f"{PREFIX}*")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if not line.lstrip().startswith("#pragma HLS"):
                continue
            name, *words = line.split()[2:]
            options = dict(word.split("=", 1) for word in words)
            if name not in PRAGMAS or set(options) - PRAGMAS[name]:
                found.append(f"{path.name}:{number}: {line.strip()}")
            target = options.get("variable", options.get("port", "return")).split(".")[0]
            if target != "return" and target not in _names_around(syntax, path.name, number):
                found.append(f"{path.name}:{number}: no {target} here")
    return found


def assigned_names(body: Any) -> set[str]:
    """Return the names that a statement assigns, or counts up or down."""
    found = set[str]()
    for node in body.walk_preorder():
        kind = node.kind.name
        children = list(node.get_children())
        if kind in ("BINARY_OPERATOR", "COMPOUND_ASSIGNMENT_OPERATOR") and len(children) == 2:
            left = [token.spelling for token in children[0].get_tokens()]
            words = [token.spelling for token in node.get_tokens()]
            operator = words[len(left)] if len(words) > len(left) else ""
            if operator in ASSIGNMENTS:
                found.add(left[0])
        elif kind == "UNARY_OPERATOR":
            words = [token.spelling for token in node.get_tokens()]
            if "++" in words or "--" in words:
                found |= set(words) - {"++", "--"}
    return found


def _parts_of_loop(node: Any) -> list[Any]:
    parts = list(node.get_children())
    if len(parts) != 4:
        raise ValueError(f"{_place(node)}: a loop without start, bound, step or body")
    return parts


def _runs_regions(body: Any) -> bool:
    """Whether a loop's body calls a function that has a dataflow region, or layers of it."""
    names = {c.spelling for c in body.walk_preorder() if c.kind.name == "CALL_EXPR"}
    return any(name.startswith("run_") for name in names)


def _template_of(cursor: Any) -> Any:
    """The template that a called function comes of, or the function."""
    if cursor is None:
        return None
    from clang import cindex

    template = cindex.conf.lib.clang_getSpecializedCursorTemplate(cursor)
    return template if template is not None and template.kind.name != "INVALID_FILE" else cursor


def _names_around(syntax: Syntax, name: str, line: int) -> set[str]:
    """The variables and parameters of the function that a line is in."""
    for function in syntax.functions.values():
        extent = function.extent
        inside = extent.start.line <= line <= extent.end.line
        if inside and Path(function.location.file.name).name == name:
            kinds = ("VAR_DECL", "PARM_DECL")
            return {c.spelling for c in function.walk_preorder() if c.kind.name in kinds}
    return set()


def _text_of(node: Any) -> str:
    content = Path(node.location.file.name).read_text()
    return content.encode()[node.extent.start.offset : node.extent.end.offset].decode()


def _place(node: Any) -> str:
    return f"{Path(node.location.file.name).name}:{node.location.line}"
