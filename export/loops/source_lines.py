"""`SourceLines`: the lines of a module's source whose nodes multiply with the length of the input."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

import onnx_ir as ir

LAST = 2**31  # beyond the last line of a function
TRACE, SCOPES = "pkg.torch.onnx.stack_trace", "pkg.torch.onnx.name_scopes"
FRAME = re.compile(r'File "([^"]+)", line (\d+), in (\S+)')
PATH = re.compile(r"'([\w.]*)'")


@dataclass(frozen=True)
class Call:
    """A line of a function, of the stack of a node."""

    file: str
    function: str
    line: int


Origin = tuple[str, tuple[Call, ...]]  # the module's path, and the stack


@dataclass(frozen=True)
class SourceLines:
    """Lines of one function.

    Attributes:
        module: path of the torch module.
        calls: the lines that lead to the function.
        first: the first line.
        last: the last line.
    """

    module: str
    calls: tuple[Call, ...]
    first: Call
    last: int

    def callers(self) -> "Iterator[SourceLines]":
        """Return the lines, then their whole function, then the line that calls it, and so on outwards."""
        yield self
        yield replace(self, first=replace(self.first, line=1), last=LAST)
        for depth in range(len(self.calls) - 1, -1, -1):
            call = self.calls[depth]
            yield SourceLines(self.module, self.calls[:depth], call, call.line)

    def hold(self, node: ir.Node) -> bool:
        """Whether a node comes from these lines, or from what they call."""
        module, stack = origin_of(node)
        depth = len(self.calls)
        if module != self.module or stack[:depth] != self.calls or len(stack) <= depth:
            return False
        call = stack[depth]
        same = (call.file, call.function) == (self.first.file, self.first.function)
        return same and self.first.line <= call.line <= self.last


def origin_of(node: ir.Node) -> Origin:
    """Return the module and the stack of a node of torch's export."""
    scopes = PATH.findall(node.metadata_props.get(SCOPES, ""))
    frames = FRAME.findall(node.metadata_props.get(TRACE, ""))
    stack = tuple(Call(file, function, int(line)) for file, line, function in frames)
    return (scopes[-2] if len(scopes) > 1 else ""), stack


def growing_lines(short: ir.Graph, long: ir.Graph) -> list[SourceLines]:
    """Return the lines of each module that leave more nodes in the longer export."""
    before, after = Counter(map(origin_of, short)), Counter(map(origin_of, long))
    grown = [origin for origin, count in after.items() if count > before[origin] and origin[1]]
    modules = dict.fromkeys(module for module, _ in grown)
    return [_lines(one, [stack for module, stack in grown if module == one]) for one in modules]


def _lines(module: str, stacks: Iterable[Sequence[Call]]) -> SourceLines:
    stacks = list(stacks)
    columns = takewhile(lambda column: len({*column}) == 1, zip(*stacks, strict=False))
    shared = tuple(column[0] for column in columns)
    depth = len(shared)
    calls = [stack[depth] for stack in stacks if len(stack) > depth]
    one_function = len({(call.file, call.function) for call in calls}) == 1
    if len(calls) < len(stacks) or not one_function:  # one line does it all
        return SourceLines(module, shared[:-1], shared[-1], shared[-1].line)
    lines = [call.line for call in calls]
    first = Call(calls[0].file, calls[0].function, min(lines))
    return SourceLines(module, shared, first, max(lines))
