"""Strips the exporter's records of the machine and the program that it ran on."""

import re

import onnx_ir as ir

PREFIX = "edgekit."
MODULE = "edgekit.module"  # kept with the node, not in a file
SCOPES = "pkg.torch.onnx.name_scopes"
PATH = re.compile(r"'([\w.]*)'")


class StripMetadata(ir.passes.InPlacePass):
    """Remove doc strings and metadata of the model, its graphs, nodes, values and tensors.

    torch writes stack traces with machine paths there. Keys that start with ``edgekit.`` stay, and the module of a
    node is kept for messages, see `module_of`.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Strip in place."""
        model.doc_string = None
        model.domain = None
        model.model_version = None
        model.producer_name, model.producer_version = "edgekit", None
        _keep_own(model.metadata_props)
        owners: list[ir.Graph | ir.Function] = [*model.graphs(), *model.functions.values()]
        for graph in owners:
            graph.doc_string = None
            _keep_own(graph.metadata_props)
            for value in (*graph.inputs, *graph.outputs):
                _strip_value(value)
            for node in graph:
                _strip_node(node)
        for graph in model.graphs():
            for value in graph.initializers.values():
                _strip_value(value)
        return ir.passes.PassResult(model, modified=True)


def _keep_own(metadata: dict[str, str]) -> None:
    for key in [key for key in metadata if not key.startswith(PREFIX)]:
        del metadata[key]


def module_of(node: ir.Node) -> str | None:
    """Return the path of the torch module that a node was traced in, as ``blocks.1.norm``; None if it is not known."""
    found: str | None = node.meta.get(MODULE)
    return found


def place_of(node: ir.Node) -> str:
    """Return a node as messages name it: its operator, its name, and its module if known."""
    module = module_of(node)
    return f"{node.op_type} '{node.name}'" + (f" of module '{module}'" if module else "")


def _strip_node(node: ir.Node) -> None:
    node.doc_string = None
    scopes = PATH.findall(node.metadata_props.get(SCOPES, ""))
    if len(scopes) > 1 and scopes[-2]:  # the last one is the operator
        node.meta[MODULE] = scopes[-2]
    _keep_own(node.metadata_props)
    for name, attribute in list(node.attributes.items()):
        if attribute.type == ir.AttributeType.TENSOR and not attribute.is_ref():
            node.attributes[name] = ir.AttrTensor(name, _bare(attribute.as_tensor()))
        attribute.doc_string = None
    for output in node.outputs:
        _strip_value(output)


def _strip_value(value: ir.Value) -> None:
    value.doc_string = None
    _keep_own(value.metadata_props)
    if value.const_value is not None:
        value.const_value = _bare(value.const_value)


def _bare(tensor: ir.TensorProtocol) -> ir.TensorProtocol:
    return ir.Tensor(tensor.numpy(), dtype=tensor.dtype, name=tensor.name)
