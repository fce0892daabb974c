"""The result of a replay: what was found, in sentences."""

from dataclasses import asdict, dataclass

from edgekit.base.json_values import JsonObject
from edgekit.runtime.build_folder.manifest import count_text


@dataclass(frozen=True)
class ReplayFinding:
    """One thing that a replay found.

    Attributes:
        kind: ``transport``, ``input``, ``reset``; or a fault: ``weights``, ``status``, ``states``, ``buffer``,
            ``outputs``.
        text: a sentence or two.
        hop: the number, where it is of one.
        layer: the first that differs, where it is known.
    """

    kind: str
    text: str
    hop: int | None = None
    layer: str | None = None

    @property
    def is_fault(self) -> bool:
        """Whether the device does not compute its network."""
        return self.kind not in ("transport", "input", "reset")


@dataclass(frozen=True)
class Replay:
    """The result of a replay.

    Attributes:
        hops: recorded.
        judged: of these, compared with the golden network; the states before the others are not known.
        differing: of the judged ones.
        findings: in the order of the hops; those of the whole recording come first.
    """

    hops: int
    judged: int
    differing: int
    findings: tuple[ReplayFinding, ...]

    @property
    def faults(self) -> tuple[ReplayFinding, ...]:
        """The findings that say that the device does not compute its network."""
        return tuple(finding for finding in self.findings if finding.is_fault)

    @property
    def first_hop(self) -> int | None:
        """The first hop that differs."""
        return next((finding.hop for finding in self.faults if finding.hop is not None), None)

    @property
    def first_layer(self) -> str | None:
        """The first layer that differs, as far as the recording shows it."""
        return next((finding.layer for finding in self.faults if finding.layer), None)

    @property
    def verdict(self) -> str:
        """The result in a sentence."""
        if self.faults:
            hop = self.first_hop
            where = "" if hop is None else f" from hop {hop} on"
            return f"The device does not compute what its network computes{where}."
        if not self.judged:
            return "No hop could be compared: no states before one were recorded."
        return (
            f"The device computes what its network computes, in {count_text(self.judged, 'hop')}."
        )

    def to_dict(self) -> JsonObject:
        """The JSON of ``--json``."""
        return {
            "same": not self.faults and self.judged > 0,
            "hops": self.hops,
            "judged": self.judged,
            "differing": self.differing,
            "first_hop": self.first_hop,
            "first_layer": self.first_layer,
            "verdict": self.verdict,
            "findings": [asdict(finding) for finding in self.findings],
        }
