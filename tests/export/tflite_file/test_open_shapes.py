"""Sizes that a .tflite computes while it runs are constants where its inputs have known sizes."""

from types import SimpleNamespace

import numpy as np
import pytest

from edgekit.base.errors import ModelError
from edgekit.export.tflite_file.file import Graph, Operator, Tensor
from edgekit.export.tflite_file.open_shapes import resolve_shapes


def _tensor(name: str, shape: tuple[int, ...], dtype: str = "float32", **facts) -> Tensor:  # type: ignore[no-untyped-def]
    data, axes = facts.get("data"), facts.get("open_axes", ())
    return Tensor(name, shape, dtype, None, data, False, axes, facts.get("open_batch", False))


def _list(name: str, *numbers: int) -> Tensor:
    return _tensor(name, (len(numbers),), "int32", data=np.array(numbers, np.int32))


def _operator(builtin: str, inputs: tuple[int, ...], output: int, **options: object) -> Operator:
    named = SimpleNamespace(**{name: lambda value=value: value for name, value in options.items()})
    return Operator(builtin, 1, inputs, (output,), named)


MASKS = dict.fromkeys(("BeginMask", "EndMask", "EllipsisMask", "NewAxisMask"), 0)


def _keras_reshape(**shrink: int) -> Graph:
    """Reshape((-1, 2)) of x (batch, 3, 4), and a softmax, as Keras writes them."""
    tensors = (
        _tensor("x", (1, 3, 4)),
        _tensor("shape", (3,), "int32"),
        _tensor("batch", (), "int32"),
        *(_list("begin", 0), _list("end", 1), _list("step", 1)),
        *(_tensor("rest", (), "int32", data=np.array(n, np.int32)) for n in (-1, 2)),
        _tensor("packed", (3,), "int32"),
        _tensor("y", (1, 1, 2), open_axes=(-1, -1, 2)),
        _tensor("z", (1, 1, 2), open_axes=(-1, -1, 2)),
        _tensor("wide", (1, 1, 2), open_axes=(-1, -1, 2)),
    )
    operators = (
        _operator("SHAPE", (0,), 1),
        _operator("STRIDED_SLICE", (1, 3, 4, 5), 2, **MASKS, **{"ShrinkAxisMask": 1, **shrink}),
        _operator("PACK", (2, 6, 7), 8, Axis=0),
        _operator("RESHAPE", (0, 8), 9),
        _operator("SOFTMAX", (9,), 10),
        _operator("CONCATENATION", (9, 10), 11, Axis=1),
    )
    return Graph("keras", tensors, operators, (0,), (11,))


def test_a_reshape_of_keras_has_the_sizes_that_follow_from_its_input() -> None:
    graph = resolve_shapes(_keras_reshape())
    assert [o.builtin for o in graph.operators] == ["RESHAPE", "SOFTMAX", "CONCATENATION"]
    assert [held.shape for held in graph.tensors[9:]] == [(1, 6, 2), (1, 6, 2), (1, 12, 2)]
    assert graph.tensors[8].data is not None and graph.tensors[8].data.tolist() == [1, -1, 2]


def test_an_input_of_open_size_and_sizes_of_data_are_refused() -> None:
    graph = _keras_reshape()
    tensors = list(graph.tensors)
    tensors[0] = _tensor("x", (1, 1, 4), open_axes=(-1, -1, 4))
    with pytest.raises(ModelError, match="tensor 'x': shape"):
        resolve_shapes(Graph("open", tuple(tensors), graph.operators, (0,), (11,)))


def _rows_of_two(*sizes: Tensor, first: int = -1, **options: object) -> Graph:
    """x (batch, 3, 4) reshaped to rows of two, and a softmax; the file states them for one row."""
    tensors = (
        _tensor("x", (1, 3, 4)),
        *(_tensor(n, (1, 2), open_batch=first == -1) for n in ("y", "z")),
        *sizes,
    )
    inputs = (0, 3) if sizes else (0,)
    operators = (_operator("RESHAPE", inputs, 1, **options), _operator("SOFTMAX", (1,), 2))
    return Graph("rows", tensors, operators, (0,), (2,))


def test_the_rest_of_a_reshape_may_be_the_first_size() -> None:
    as_operand = _rows_of_two(_list("shape", -1, 2))
    as_option = _rows_of_two(NewShapeAsNumpy=np.array([-1, 2], np.int32))
    for graph in (as_operand, as_option):
        assert [held.shape for held in resolve_shapes(graph).tensors[1:3]] == [(6, 2), (6, 2)]


def test_a_first_size_that_the_file_fixes_stays() -> None:
    graph = resolve_shapes(_rows_of_two(_list("shape", -1, 2), first=1))
    assert [held.shape for held in graph.tensors[1:3]] == [(1, 2), (1, 2)]  # later refused: not 6


def test_a_rest_that_depends_on_data_is_as_the_file_states_it() -> None:
    graph = resolve_shapes(_rows_of_two(_tensor("computed", (2,), "int32")))
    assert graph.tensors[1].shape == (1, 2)


def _folded(operator: Operator, *lists: Tensor) -> Tensor:
    """The result of an operator on lists of sizes."""
    tensors = (*lists, _tensor("made", (2,), "int32"))
    return resolve_shapes(Graph("folded", tensors, (operator,), (), (2,))).tensors[2]


def test_arithmetic_with_an_activation_is_no_constant() -> None:
    one, other = _list("one", -3, 2), _list("other", 2, 2)
    made = _folded(_operator("MUL", (0, 1), 2, FusedActivationFunction=0), one, other).data
    assert made is not None and made.tolist() == [-6, 4]
    assert _folded(_operator("MUL", (0, 1), 2, FusedActivationFunction=1), one, other).data is None


@pytest.mark.parametrize(("keeps", "shape"), [(0, ()), (1, (1,))])
def test_a_product_of_sizes_keeps_its_axis_where_the_file_says_so(
    keeps: int, shape: tuple[int, ...]
) -> None:
    operator = _operator("REDUCE_PROD", (0, 1), 2, KeepDims=keeps)
    made = _folded(operator, _list("sizes", 3, 4), _list("axes", 0))
    assert made.data is not None and int(made.data.item()) == 12
    assert made.shape == made.data.shape == shape


def test_damaged_operators_are_refused_by_name() -> None:
    graph = _keras_reshape()
    broken = (_operator("STRIDED_SLICE", (3,), 2, **MASKS, ShrinkAxisMask=1),)
    with pytest.raises(ModelError, match="operator STRIDED_SLICE: inputs"):
        resolve_shapes(Graph("broken", graph.tensors, broken, (0,), ()))
