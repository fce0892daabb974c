"""Recurrent layers in torch, with gradients: one direction, whole sequences."""

from collections.abc import Sequence
from typing import Any

import onnx_ir as ir

from edgekit.graph.facts import facts_of
from edgekit.graph.nodes import attribute

Operands = Sequence[Any]


def is_plain(node: ir.Node) -> bool:
    """Whether a layer has the activations of its form here."""
    cell, named = facts_of(node).cell, tuple(attribute(node, "activations", ()))
    allowed = () if cell is None else (cell.activations, (), ("Relu",) * (node.op_type == "RNN"))
    return named in allowed


def rnn(node: ir.Node, x: Operands) -> list[Any]:
    """Run one direction, of Tanh or Relu."""
    import torch

    sequence, w, r = x[0], x[1][0], x[2][0]
    size = r.shape[1]
    b = x[3][0] if len(x) > 3 and x[3] is not None else torch.zeros(2 * size)
    h = torch.zeros(sequence.shape[1], size) if len(x) < 6 or x[5] is None else x[5][0]
    plain, made = tuple(attribute(node, "activations", ())) != ("Relu",), []
    for t in range(sequence.shape[0]):
        sums = sequence[t] @ w.T + h @ r.T + b[:size] + b[size:]
        h = torch.tanh(sums) if plain else torch.relu(sums)
        made.append(h)
    return [torch.stack(made)[:, None], h[None]][: len(node.outputs)]


def gru(node: ir.Node, x: Operands) -> list[Any]:
    """Run one direction; gates are update, reset, hidden, as in ONNX."""
    import torch

    sequence, h = x[0], x[5] if len(x) > 5 and x[5] is not None else None
    w, r = x[1][0], x[2][0]
    size = r.shape[1]
    b = x[3][0] if len(x) > 3 and x[3] is not None else torch.zeros(6 * size)
    h = torch.zeros(sequence.shape[1], size) if h is None else h[0]
    behind, made = attribute(node, "linear_before_reset", 0), []
    for t in range(sequence.shape[0]):
        own = sequence[t] @ w.T + b[: 3 * size]
        past = h @ r[: 2 * size].T + b[3 * size : 5 * size]
        z, reset = torch.chunk(torch.sigmoid(own[:, : 2 * size] + past), 2, -1)
        recurrent, shift = r[2 * size :], b[5 * size :]
        scaled = reset * (h @ recurrent.T + shift) if behind else (reset * h) @ recurrent.T + shift
        h = (1 - z) * torch.tanh(own[:, 2 * size :] + scaled) + z * h
        made.append(h)
    return [torch.stack(made)[:, None], h[None]][: len(node.outputs)]


def lstm(node: ir.Node, x: Operands) -> list[Any]:
    """Run one direction; gates are input, output, forget, cell, as in ONNX."""
    import torch

    sequence, made = x[0], []
    w, r = x[1][0], x[2][0]
    size = r.shape[1]
    b = x[3][0] if len(x) > 3 and x[3] is not None else torch.zeros(8 * size)
    states = [x[i][0] if len(x) > i and x[i] is not None else None for i in (5, 6)]
    h, c = (torch.zeros(sequence.shape[1], size) if s is None else s for s in states)
    for t in range(sequence.shape[0]):
        gates = sequence[t] @ w.T + h @ r.T + b[: 4 * size] + b[4 * size :]
        i, o, f, cell = torch.chunk(gates, 4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(cell)
        h = torch.sigmoid(o) * torch.tanh(c)
        made.append(h)
    return [torch.stack(made)[:, None], h[None], c[None]][: len(node.outputs)]
