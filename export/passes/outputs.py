"""Makes every graph output the output of a node."""

import onnx_ir as ir

from edgekit.graph.nodes import unused_name, value_names


class OwnOutputs(ir.passes.InPlacePass):
    """Put an Identity before a graph output that is an input or a constant.

    The input keeps its name and the output becomes ``<name>_passed``; a constant's output keeps its name.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Rewrite in place."""
        graph, modified = model.graph, False
        for index, value in enumerate(graph.outputs):
            if value.producer() is not None or value.name is None:
                continue
            name = value.name
            if value.is_graph_input():
                name = unused_name(value_names(graph), f"{name}_passed")
            else:
                value.name = unused_name(value_names(graph), f"{name}_value")
            node = ir.node("Identity", [value], name=f"{name}_copy")
            output = node.outputs[0]
            output.name, output.shape, output.type = name, value.shape, value.type
            graph.append(node)
            graph.outputs[index] = output
            modified = True
        return ir.passes.PassResult(model, modified=modified)
