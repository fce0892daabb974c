"""Passes of an import, in the order in which they run; none changes the network's results."""

import onnx_ir as ir
from onnx_ir.passes import common

from edgekit.export.passes.assignments import AssignmentsToConcat
from edgekit.export.passes.batchnorm import FoldBatchNorm
from edgekit.export.passes.branches import BranchesToWhere
from edgekit.export.passes.canonical_forms.table import Canonical
from edgekit.export.passes.checks import CheckNodes
from edgekit.export.passes.count_moves import CountMoves
from edgekit.export.passes.fold import FoldConstants
from edgekit.export.passes.foreign_integers.quantizers import UnifyQuantizers
from edgekit.export.passes.groupnorm import SplitGroupNorm
from edgekit.export.passes.linear import MatMulToGemm
from edgekit.export.passes.metadata import StripMetadata
from edgekit.export.passes.mixed_float_types import OneFloatType
from edgekit.export.passes.noop import RemoveNoOps
from edgekit.export.passes.outputs import OwnOutputs
from edgekit.export.passes.reshape import UnifyReshapes
from edgekit.export.passes.scale import FoldScales
from edgekit.export.passes.shapes import InferShapes
from edgekit.export.passes.sink import RaiseReshapes, SinkReshapes
from edgekit.export.passes.stable_names import NameNodes
from edgekit.export.passes.transpose import CancelTransposes

PASSES: tuple[ir.passes.InPlacePass, ...] = (
    StripMetadata(),
    OwnOutputs(),
    common.OutputFixPass(),
    common.RemoveInitializersFromInputsPass(),
    NameNodes(),
    SplitGroupNorm(),
    InferShapes(),
    CheckNodes(),
    FoldConstants(),
    InferShapes(),
    BranchesToWhere(),
    InferShapes(),
    CheckNodes(),
    AssignmentsToConcat(),
    InferShapes(),
    OneFloatType(),
    CountMoves(),
    UnifyQuantizers(),
    InferShapes(),
    Canonical(),
    InferShapes(),
    Canonical(),
    FoldConstants(),
    InferShapes(),
    RemoveNoOps(),
    FoldBatchNorm(),
    MatMulToGemm(),
    UnifyReshapes(),
    common.RemoveUnusedNodesPass(),
    SinkReshapes(),
    UnifyReshapes(),
    common.RemoveUnusedNodesPass(),
    RaiseReshapes(),
    FoldScales(),
    CancelTransposes(),
    UnifyReshapes(),
    RemoveNoOps(),
    common.RemoveUnusedNodesPass(),
    common.RemoveUnusedFunctionsPass(),  # type: ignore[no-untyped-call]
    common.RemoveUnusedOpsetsPass(),
    OwnOutputs(),
    common.TopologicalSortPass(),
    NameNodes(),
    InferShapes(),
)


def simplify(model: ir.Model) -> ir.Model:
    """Run `PASSES` on the model in place and return it.

    Raises:
        ModelError: the shapes contradict each other, a node does something that ONNX leaves undefined, or a tensor is
            too large to handle.
    """
    stale = True
    for one_pass in PASSES:
        if stale or not isinstance(one_pass, InferShapes):
            modified = one_pass(model).modified
            stale = not isinstance(one_pass, InferShapes) and (stale or modified)
    return model
