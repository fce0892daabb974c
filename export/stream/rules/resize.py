"""Upsampling along time by repeating frames."""

import numpy as np
import onnx_ir as ir

from edgekit.export.stream.rewrite import Rewriter
from edgekit.export.stream.track import Refused
from edgekit.graph.nodes import attribute


def resize(writer: Rewriter, node: ir.Node) -> None:
    """Nearest upsampling along time by a whole factor; any Resize of other axes."""
    track, output = writer.stream(node.inputs[0]), node.outputs[0]
    made = writer.facts.time(output)
    if made is None or made.axis != track.axis:
        writer.set(output, output, 0)  # refuses
        raise Refused("it moves the time axis", "time on the same axis", "report this network")
    factor = made.rate / track.time.rate
    mode = attribute(node, "mode", "nearest")
    if factor != 1 and (mode != "nearest" or factor.denominator != 1):
        raise Refused(
            f"{mode} resampling of time by {factor}",
            "nearest upsampling by a whole factor",
            "use a strided or transposed convolution",
        )
    shape = writer.hop_shape(output)
    scales = [after / before for after, before in zip(shape, track.shape, strict=True)]
    constant = writer.new.constant(scales, f"{node.name}.scales", np.float32)
    kept = {
        k: a for k, a in node.attributes.items() if k not in ("axes", "keep_aspect_ratio_policy")
    }
    plain = {k: a.value for k, a in kept.items()}
    if mode == "nearest" and factor != 1:
        plain |= {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    result = writer.new.one(str(node.name), "Resize", track.value, None, constant, **plain)
    delay = track.delay * int(factor)
    zero = {"before": track.zero_before, "after": track.zero_after}
    writer.set(output, result, delay, track, node=node, **zero)
