"""Random networks of data movement, with a few other operators and a state between."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

STATE = (2, 3, 4)


class Maker:
    """Draws one network; every tensor is float32 and of at most a few hundred elements."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.shapes: dict[str, tuple[int, ...]] = {"x": (2, 3, 4), "h": STATE}

    def network(self) -> bytes:
        window = self.window() if self.random.random() < 0.5 else None
        for _ in range(int(self.random.integers(5, 14))):
            step = STEPS[int(self.random.integers(len(STEPS)))]
            step(self, self.pick())
        outputs = [self.renamed(self.pick(), None, f"y{i}") for i in range(2)]
        if window is None:
            self.any_state()
        else:
            axis = int(np.argmax(np.subtract(self.shapes[window], STATE)))
            new = self.shapes[window][axis] - STATE[axis]
            bounds = self.ints([new], [new + STATE[axis]], [axis])
            self.add("Slice", [window, *bounds], STATE, name="h_next")
        shown = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, self.shapes.get(name, STATE))
            for name in ("x", "h", *outputs, "h_next")
        ]
        graph = helper.make_graph(self.nodes, "net", shown[:2], shown[2:], self.constants)
        opset = [helper.make_opsetid("", 21)]
        return helper.make_model(graph, opset_imports=opset, ir_version=10).SerializeToString()

    def window(self) -> str:
        """The state and something new, joined, and read as it is."""
        axis = int(self.random.integers(3))
        new = self.add("Neg", ["x"], STATE)
        shape = tuple(n * (2 if i == axis else 1) for i, n in enumerate(STATE))
        window = self.add("Concat", ["h", new], shape, axis=axis)
        del self.shapes["h"], self.shapes["x"]
        self.add("Relu", [window], shape)
        return window

    def any_state(self) -> None:
        source = self.pick()
        for _ in range(3):
            source = source if np.prod(self.shapes[source]) >= 24 else self.pick()
        flat = self.renamed(source, (-1,))
        while self.shapes[flat][0] < 24:
            flat = self.add("Concat", [flat, flat], (2 * self.shapes[flat][0],), axis=0)
        start = int(self.random.integers(self.shapes[flat][0] - 23))
        part = self.add("Slice", [flat, *self.ints([start], [start + 24], [0])], (24,))
        self.renamed(part, STATE, "h_next")

    def pick(self, rank: int | None = None) -> str:
        names = [n for n, s in self.shapes.items() if rank is None or len(s) == rank]
        return names[int(self.random.integers(max(len(names) - 5, 0), len(names)))]

    def ints(self, *lists: object) -> list[str]:
        return [self.constant(np.asarray(items, np.int64)) for items in lists]

    def constant(self, array: np.ndarray) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def add(self, op: str, inputs: list[str], shape: tuple[int, ...], **attributes: object) -> str:
        name = str(attributes.pop("name", f"t{len(self.nodes)}"))
        self.nodes.append(helper.make_node(op, inputs, [name], name=f"n_{name}", **attributes))
        self.shapes[name] = tuple(int(n) for n in shape)
        return name

    def renamed(self, x: str, shape: tuple[int, ...] | None, name: str | None = None) -> str:
        size = int(np.prod(self.shapes[x]))
        wanted = (1, size) if shape is None else tuple(size if n < 0 else n for n in shape)
        given = {} if name is None else {"name": name}
        return self.add("Reshape", [x, *self.ints(wanted)], wanted, **given)


def transpose(net: Maker, x: str) -> None:
    perm = [int(axis) for axis in net.random.permutation(len(net.shapes[x]))]
    net.add("Transpose", [x], tuple(net.shapes[x][axis] for axis in perm), perm=perm)


def cut(net: Maker, x: str) -> None:
    shape = net.shapes[x]
    axis = int(net.random.integers(len(shape)))
    picked = np.arange(shape[axis])
    start, end = sorted(net.random.integers(0, shape[axis] + 1, 2).tolist())
    if start == end:
        start, end = 0, shape[axis]
    step = int(net.random.integers(1, 3))
    bounds = [[start], [end], [axis], [step]]
    if net.random.random() < 0.25:
        bounds = [[end - 1], [-shape[axis] - 1 if start == 0 else start - 1], [axis], [-step]]
        picked = picked[start:end][::-1][::step]
    else:
        picked = picked[start:end:step]
    new = (*shape[:axis], picked.size, *shape[axis + 1 :])
    net.add("Slice", [x, *net.ints(*bounds)], new)


def concat(net: Maker, x: str) -> None:
    shape = net.shapes[x]
    same = [name for name, other in net.shapes.items() if other == shape]
    axis, count = int(net.random.integers(len(shape))), int(net.random.integers(2, 4))
    parts = [x, *(same[int(i)] for i in net.random.integers(len(same), size=count - 1))]
    if net.random.random() < 0.2:
        parts[1] = net.constant(net.random.standard_normal(shape).astype(np.float32))
    if np.prod(shape) * count < 300:
        new = (*shape[:axis], shape[axis] * count, *shape[axis + 1 :])
        net.add("Concat", parts, new, axis=axis)


def split(net: Maker, x: str) -> None:
    shape = net.shapes[x]
    axis = int(np.argmax(shape))
    if shape[axis] < 2:
        return
    first = int(net.random.integers(1, shape[axis]))
    names = [f"t{len(net.nodes)}", f"t{len(net.nodes)}_rest"]
    sizes = [first, shape[axis] - first]
    node = helper.make_node("Split", [x, *net.ints(sizes)], names, name=f"n_{names[0]}", axis=axis)
    net.nodes.append(node)
    for name, size in zip(names, sizes, strict=True):
        net.shapes[name] = (*shape[:axis], size, *shape[axis + 1 :])


def pad(net: Maker, x: str) -> None:
    shape = net.shapes[x]
    mode = ("constant", "edge", "reflect")[int(net.random.integers(3))]
    low, high = (
        [int(net.random.integers(0, min(2, n - 1 if mode == "reflect" else 2) + 1)) for n in shape]
        for _ in range(2)
    )
    new = tuple(a + n + b for a, n, b in zip(low, shape, high, strict=True))
    fill = [net.constant(np.float32(1.5))] if net.random.random() < 0.3 else []
    if np.prod(new) < 300:
        net.add("Pad", [x, *net.ints([*low, *high]), *fill], new, mode=mode)


def gather(net: Maker, x: str) -> None:
    shape = net.shapes[x]
    axis = int(net.random.integers(len(shape)))
    indices = net.random.integers(-shape[axis], shape[axis], int(net.random.integers(1, 5)))
    new = (*shape[:axis], indices.size, *shape[axis + 1 :])
    net.add("Gather", [x, *net.ints(indices)], new, axis=axis)


def scatter(net: Maker, x: str) -> None:
    shape = net.shapes[x]
    rows = net.random.permutation(shape[0])[: max(1, shape[0] // 2)]
    part = (rows.size, *shape[1:])
    updates = net.constant(net.random.standard_normal(part).astype(np.float32))
    fitting = [name for name, other in net.shapes.items() if other == part]
    if fitting and net.random.random() < 0.8:
        updates = fitting[-1]
    net.add("ScatterND", [x, *net.ints(rows[:, None]), updates], shape)


def reshape(net: Maker, x: str) -> None:
    size, factors = int(np.prod(net.shapes[x])), []
    for prime in (2, 3, 2, 5):
        if size % prime == 0:
            factors.append(prime)
            size //= prime
    shape = [*factors, size]
    net.random.shuffle(shape)
    net.renamed(x, (shape[0], int(np.prod(shape[1:]))) if len(shape) > 4 else tuple(shape))


def expand(net: Maker, x: str) -> None:
    new = (2, *net.shapes[x])
    if np.prod(new) < 300 and len(new) < 6:
        net.add("Expand", [x, *net.ints(new)], new)


def tile(net: Maker, x: str) -> None:
    shape = net.shapes[x]
    times = [int(n) for n in net.random.integers(1, 3, len(shape))]
    new = tuple(n * t for n, t in zip(shape, times, strict=True))
    if np.prod(new) < 300:
        net.add("Tile", [x, *net.ints(times)], new)


def pointwise(net: Maker, x: str) -> None:
    net.add(("Relu", "Neg", "Abs")[int(net.random.integers(3))], [x], net.shapes[x])


def add(net: Maker, x: str) -> None:
    shape = net.shapes[x]
    same = [name for name, other in net.shapes.items() if other == shape]
    net.add("Add", [x, same[int(net.random.integers(len(same)))]], shape)


def total(net: Maker, x: str) -> None:
    axis = int(net.random.integers(len(net.shapes[x])))
    shape = net.shapes[x]
    new = (*shape[:axis], 1, *shape[axis + 1 :])
    net.add("ReduceMax", [x, *net.ints([axis])], new, keepdims=1)


STEPS = (
    transpose, cut, concat, split, pad, gather, scatter, reshape, expand, tile, pointwise, add, total,
    transpose, cut, concat, transpose, pointwise,
)  # fmt: skip
