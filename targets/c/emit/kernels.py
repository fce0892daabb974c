"""Kernels of each layer, and the choice for a build: by a cost model, or by a schedule."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

import onnx_ir as ir

from edgekit.base.errors import Problem, UsageError
from edgekit.operators.geometry import dims
from edgekit.operators.qdq import INTEGER_DOMAIN
from edgekit.runtime.devices.profile import KernelCosts, Profile
from edgekit.targets.build import Choice
from edgekit.targets.instruction_sets import PORTABLE, Packing, packing_of
from edgekit.targets.kernel_costs import generic_costs


@dataclass(frozen=True)
class Selection:
    """The facts on which the choice of kernels depends, besides the layers.

    Attributes:
        profile: the device.
        fixed_order: whether float sums keep the scalar order; float layers then have no choice.
        dense: whether N:M sparse weights are treated as dense.
        schedule: kernels by the names of layers, for which the cost model is not asked.
    """

    profile: Profile
    fixed_order: bool
    dense: bool = False
    schedule: Mapping[str, str] = field(default_factory=dict)

    @property
    def packing(self) -> Packing:
        """The order in which integer kernels read weights."""
        return packing_of(self.profile.kernels)

    @property
    def float_packing(self) -> Packing:
        """The order in which float kernels read weights: the portable ones where the order of sums is fixed."""
        return PORTABLE if self.fixed_order else self.packing

    @property
    def costs(self) -> KernelCosts:
        """The row of the device's processor; without one the generic row of its instruction set."""
        return self.profile.costs or generic_costs(self.profile.kernels)


def _yes(_selection: Selection, _node: ir.Node) -> bool:
    return True


def _no_room(_selection: Selection, _node: ir.Node) -> int:
    return 0


@dataclass(frozen=True)
class Kernel:
    """One kernel that computes some layers.

    Attributes:
        name: its C function, for a layer.
        emit: appends its call to a `Context`.
        takes: whether it computes a layer on this device, with the same result but for the order of float sums.
        pays: whether, by the cost model, it takes less time than those after it in the list.
        room: bytes of work space.
    """

    name: Callable[[ir.Node], str]
    emit: Callable[[Any, ir.Node], None]
    takes: Callable[[Selection, ir.Node], bool] = _yes
    pays: Callable[[Selection, ir.Node], bool] = _yes
    room: Callable[[Selection, ir.Node], int] = _no_room


def constant_kernel(name: str) -> Callable[[ir.Node], str]:
    """A kernel whose name is the same for all layers."""
    return lambda _: name


def admissible(
    kernels: Sequence[Kernel], selection: Selection, node: ir.Node
) -> tuple[Kernel, ...]:
    """Return the kernels that compute a layer, first the one that the cost model chooses.

    Where the order of float sums is fixed, float layers have that one alone.
    """
    taking = [kernel for kernel in kernels if kernel.takes(selection, node)]
    best = next(kernel for kernel in taking if kernel.pays(selection, node))
    if selection.fixed_order and node.domain != INTEGER_DOMAIN:
        return (best,)
    return (best, *(kernel for kernel in taking if kernel is not best))


def choose(kernels: Sequence[Kernel], selection: Selection, node: ir.Node) -> tuple[Kernel, Choice]:
    """Return the kernel of a layer, the schedule's where that computes it, and the candidates."""
    found = {kernel.name(node): kernel for kernel in admissible(kernels, selection, node)}
    best = next(iter(found))
    name = selection.schedule.get(str(node.name), best)
    taken = name if name in found else best
    others = tuple(other for other in found if other != taken)
    return found[taken], Choice(str(node.name), node.op_type, taken, others, form_of(node))


def check_schedule(schedule: Mapping[str, str], choices: Mapping[str, Choice]) -> None:
    """Refuse a schedule that does not fit a network.

    Raises:
        UsageError: every layer that the network lacks, and every kernel that does not compute its layer.
    """
    problems = []
    for layer, kernel in schedule.items():
        found, where = choices.get(layer), f"schedule, layer {layer!r}"
        if found is None:
            near = get_close_matches(layer, choices, 1) or sorted(choices)[:1]
            allowed = f"layers that kernels are chosen for{f', as {near[0]}' if near else ''}"
            problems.append(Problem(where, "not in the network", allowed, "leave it out"))
        elif kernel not in (found.kernel, *found.others):
            allowed = ", ".join(sorted((found.kernel, *found.others)))
            problems.append(Problem(where, f"kernel {kernel}", allowed, "take one of these"))
    if problems:
        raise UsageError(problems)


def form_of(node: ir.Node) -> str:
    """Return operator, element types and sizes of a layer in a line: layers alike take the same time."""
    tensors = [_tensor(value) for value in (*node.inputs, *node.outputs)]
    numbers = []
    for name, attribute in sorted(node.attributes.items()):
        if attribute.type == ir.AttributeType.TENSOR:
            array = attribute.as_tensor()
            numbers.append(f"{name} {array.dtype}{list(array.shape)}")
        elif attribute.type in (ir.AttributeType.INTS, ir.AttributeType.STRING):
            numbers.append(f"{name} {attribute.value}")
        elif name in ("group", "transB"):
            numbers.append(f"{name} {attribute.as_int()}")
    return " ".join([node.op_type, *tensors, *numbers])


def _tensor(value: ir.Value | None) -> str:
    return "-" if value is None or value.dtype is None else f"{value.dtype}{list(dims(value))}"
