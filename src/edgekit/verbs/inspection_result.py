"""The findings of `edgekit inspect` about a build or a network."""

from dataclasses import asdict, dataclass, field

from edgekit.base.errors import Problem
from edgekit.base.json_values import JsonObject
from edgekit.runtime.build_folder.manifest import Manifest


@dataclass(frozen=True)
class Inspection:
    """The findings about a build or a network.

    Attributes:
        kind: ``build`` or ``model``.
        manifest: the build's; or that of the network lowered for ``host``, not verified;
            None where the target does not support the network.
        operators: the count of each operator in the network.
        problems: the reasons why a network cannot be lowered.
        streaming: of an offline network that was rewritten to hops, or its build: `outputs` and
            `tensors` as in `Manifest.streaming`; of a network also the result of `network_inspection.streaming_facts`.
        sample_rate_hz: None where it is unknown.
        proof: the findings of `edgekit inspect --proof`: `calls` of kernels, `functions` that were followed, and the
            `sums` of integer layers; `times`, where data decides how many instructions run, and `most_added`, how many
            they are in a hop at most (None: no bound is known).
        page: a report as HTML; None where there is no manifest.
    """

    kind: str
    manifest: Manifest | None
    operators: dict[str, int]
    problems: tuple[Problem, ...]
    streaming: JsonObject | None
    sample_rate_hz: int | None
    page: str | None = field(repr=False)
    proof: JsonObject | None = None

    def to_dict(self) -> JsonObject:
        """Return all but the page, for JSON."""
        return {
            "kind": self.kind,
            "manifest": None if self.manifest is None else asdict(self.manifest),
            "operators": self.operators,
            "problems": [asdict(problem) for problem in self.problems],
            "streaming": self.streaming,
            "proof": self.proof,
        }
