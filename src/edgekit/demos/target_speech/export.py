"""Writes target_speech.onnx and enrollment.onnx, hop by hop. Run ``python -m edgekit.demos.target_speech.export``."""

from edgekit.base.progress import silent
from edgekit.demos.target_speech import enrollment, network
from edgekit.demos.target_speech.head import RATE
from edgekit.demos.target_speech.show import EARS, ENROLLMENT, EXTRACTION
from edgekit.verbs.export import entry_points
from edgekit.verbs.export.network_requests import read_stream_request
from edgekit.verbs.export.options import StreamOptions


def options(name: str) -> StreamOptions:
    """Return the options that rewrite ``target_speech`` or ``enrollment`` to a hop at a time."""
    common = StreamOptions(sample_rate=RATE, time_axes={"ears": 2})
    if name == "enrollment":
        return {**common, "hop": enrollment.HOP, "layouts": {"ears": EARS}}
    layouts = {"ears": EARS, "heard": EARS}
    return {**common, "hop": network.HOP, "session_constants": ["speaker"], "layouts": layouts}


if __name__ == "__main__":
    for module, file in ((network, EXTRACTION), (enrollment, ENROLLMENT)):
        source = f"{module.__name__}:build"
        request = read_stream_request(source, file, options(file.stem))
        entry_points.stream(request, silent)
        print(f"{file.name}: {file.stat().st_size} bytes")
