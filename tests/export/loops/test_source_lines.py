"""The lines of source that leave more nodes at a greater length."""

import onnx_ir as ir

from edgekit.export.loops.source_lines import SCOPES, TRACE, growing_lines, origin_of


def graph(*stacks: list[tuple[str, int]]) -> ir.Graph:
    nodes = []
    for stack in stacks:
        node = ir.node("Relu", [ir.Value(name="x")])
        frames = [f'File "net.py", line {line}, in {function}\n  code' for function, line in stack]
        node.metadata_props.update({TRACE: "\n".join(frames), SCOPES: "['', 'body.0', 'relu']"})
        nodes.append(node)
    return ir.Graph([], [], nodes=nodes, name="net")


def test_the_lines_and_their_callers():
    once = [("forward", 3)], [("forward", 9)]
    turn = [("forward", 5), ("scan", 20)], [("forward", 5), ("scan", 22)]
    short, long = graph(*once, *turn), graph(*once, *turn, *turn)
    (lines,) = growing_lines(short, long)
    assert (lines.module, lines.first.line, lines.last) == ("body.0", 20, 22)
    assert [lines.hold(node) for node in short] == [False, False, True, True]
    *_, caller = lines.callers()
    assert (caller.first.function, caller.first.line, caller.last) == ("forward", 5, 5)
    assert [caller.hold(node) for node in short] == [False, False, True, True]


def test_a_node_without_metadata_has_no_origin():
    assert origin_of(ir.node("Relu", [ir.Value(name="x")])) == ("", ())
