"""A build that is about to run: its session constants, controls and seed, and the device that it stands behind."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgekit.base.npz import read_npz
from edgekit.base.settings import read_settings
from edgekit.runtime.audio.device import at_device
from edgekit.runtime.controls import in_hops
from edgekit.runtime.stream import Stream
from edgekit.verbs import targets


@dataclass(frozen=True)
class Opening:
    """What `run` is told besides files.

    Attributes:
        constants: a .npz with the session constants.
        turns: ``NAME=VALUE`` or ``NAME=0s:VALUE,2.5s:VALUE``, see `edgekit.base.settings.read_settings`.
        device_rate: Hz of the sound device; None for the build's own.
        seed: of the noise that the build draws; None for its own, 0.
        device: ``sim``: the RTL of an engine runs it; None for this machine.
        live: whether sound devices are heard, where outputs that are no sound may stand behind `device_rate`.
    """

    constants: str | Path | None = None
    turns: Sequence[str] = ()
    device_rate: int | None = None
    seed: int | None = None
    device: str | None = None
    live: bool = False

    def open(self, directory: str | Path) -> tuple[Stream, tuple[str, ...]]:
        """Return a build as a running stream, and what the user should know of it.

        Raises:
            UsageError: no usable build, or constants, controls or a device that do not fit it.
            ToolError: a compiler or package is missing, or failed.
        """
        settings = read_settings(self.turns)
        stream, notes = targets.run(directory, self.device)
        if self.seed is not None:
            stream.reset(self.seed)
        if self.constants is not None:
            stream.session(read_npz(Path(self.constants)))
        if self.device_rate is not None:
            stream = at_device(stream, self.device_rate, live=self.live)
        stream.turn(in_hops(settings, stream.manifest))
        return stream, notes
