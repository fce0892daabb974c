"""Detections of a build that decides: in the outputs of a run, or hop by hop."""

from collections.abc import Mapping
from dataclasses import dataclass

from edgekit.base.arrays import Array
from edgekit.base.decide import DETECTED, LABEL, SCORE
from edgekit.runtime.build_folder.manifest import Manifest

Arrays = Mapping[str, Array]


@dataclass(frozen=True)
class Detection:
    """A label that a build detected.

    Attributes:
        time_s: the end of the hop that detects it, in seconds from the start of the stream.
        label: its name.
        score: smoothed, in that hop.
    """

    time_s: float
    label: str
    score: float

    def __str__(self) -> str:
        """For people."""
        return f"{self.time_s:.3f} s: {self.label} ({self.score:.2f})"


class Detector:
    """Collects the detections of a build while it runs; `found` is in order."""

    def __init__(self, manifest: Manifest, sample_rate_hz: int) -> None:
        """Take the manifest of a build that decides, and the rate of its stream."""
        assert manifest.decide is not None
        self._hop_s = manifest.stream["hop_samples"] / sample_rate_hz
        self._labels = dict(enumerate(manifest.decide["labels"]))
        self._hops, self._skipped_s = 0, 0.0
        self.found: list[Detection] = []

    def hear(self, outputs: Arrays) -> None:
        """Take the outputs of the next hop, (*shape) or (1, *shape) by name."""
        self._hops += 1
        if outputs[DETECTED].any():
            time_s = self._skipped_s + self._hops * self._hop_s
            label, score = (outputs[name].ravel()[0] for name in (LABEL, SCORE))
            known = self._labels.get(int(label), "?")
            self.found.append(Detection(round(time_s, 6), known, float(score)))

    def skip(self, seconds: float) -> None:
        """Skip this part of the stream, which was not processed."""
        self._skipped_s += seconds


def detections(manifest: Manifest, outputs: Arrays, sample_rate_hz: int) -> list[Detection] | None:
    """Return the detections of a build in a run, in order; None if it does not decide.

    Args:
        manifest: of the build.
        outputs: (hops, *shape) by name, as `Stream.run` returns them.
        sample_rate_hz: of its stream.
    """
    if manifest.decide is None:
        return None
    detector = Detector(manifest, sample_rate_hz)
    for hop in range(len(outputs[DETECTED])):
        detector.hear({name: outputs[name][hop] for name in (DETECTED, LABEL, SCORE)})
    return detector.found
