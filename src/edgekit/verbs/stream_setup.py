"""The setup of a build before it runs: session constants, controls, seed, and the rate of the sound device."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from edgekit.base.arrays import Array
from edgekit.base.errors import Problem, UsageError
from edgekit.base.input_arrays import convert_numbers
from edgekit.base.npz import read_npz
from edgekit.base.output import output_problem
from edgekit.base.settings import Settings, read_settings
from edgekit.runtime.audio.device import at_device, manifest_at_device
from edgekit.runtime.build_folder.files import open_build
from edgekit.runtime.build_folder.input_fit import fit_inputs
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.controls import check_settings, in_hops, session_values, unset_control
from edgekit.runtime.recording_file import Recorder, build_number
from edgekit.runtime.runners.c import NativeRunner
from edgekit.runtime.seeds import checked_seed
from edgekit.runtime.stream import Stream
from edgekit.verbs.open_stream import SIMULATOR, open_stream
from edgekit.verbs.targets import TARGETS

T = TypeVar("T")


@dataclass(frozen=True)
class StreamSetup:
    """The settings of `run` besides files.

    Attributes:
        constants: a .npz with the session constants.
        turns: ``NAME=VALUE`` or ``NAME=0s:VALUE,2.5s:VALUE``, see `edgekit.base.settings.read_settings`.
        device_rate: Hz of the sound device; None for the build's own.
        seed: of the noise that the build draws; None for its own, 0.
        device: ``sim``: the RTL of an engine runs it; None for this machine.
        live: whether sound devices play, where outputs that are no sound may follow `device_rate`.
        record: a file that gets a recording for `edgekit replay`.
    """

    constants: str | Path | None = None
    turns: Sequence[str] = ()
    device_rate: int | None = None
    seed: int | None = None
    device: str | None = None
    live: bool = False
    record: str | Path | None = None

    def check(self, directory: str | Path, held: Collection[str] = ()) -> Manifest:
        """Return the manifest of the stream that `open` returns; nothing is compiled.

        Args:
            directory: of the build.
            held: names of inputs that the user's file holds.

        Raises:
            UsageError: no build, or everything that does not fit it.
        """
        manifest, problems = open_build(Path(directory)), list[Problem]()
        settings = self._settings(manifest, problems)
        problems += _device_problems(self.device, manifest)
        problems += _record_problems(self.record, manifest)
        if (seed := self.seed) is not None:
            _try(lambda: checked_seed(seed, manifest), problems)
        constants = _try(lambda: self._session(settings, manifest), problems)
        names = {*held, *(constants or {})}
        if constants is not None and any(t.name not in names for t in manifest.constants):
            problems.append(_no_session(manifest))
        known = {*held, *settings}
        problems += [unset_control(t) for t in manifest.controls if t.name not in known]
        made: Manifest | None = manifest
        if (rate := self.device_rate) is not None:
            made = _try(lambda: manifest_at_device(manifest, rate, live=self.live), problems)
        if problems or made is None:
            raise UsageError(problems)
        return made

    def open(self, directory: str | Path) -> tuple[Stream, tuple[str, ...]]:
        """Return a build as a running stream, and notes for the user.

        Raises:
            UsageError: no usable build, or constants, controls or a device that do not fit it.
            ToolError: a compiler or package is missing, or failed.
        """
        settings = read_settings(self.turns)
        manifest = Manifest.load(Path(directory))
        constants, turned = self._session(settings, manifest), in_hops(settings, manifest)
        stream, notes = open_stream(directory, self.device)
        if self.record is not None and isinstance(stream.runner, NativeRunner):
            stream.runner.recorder = Recorder(Path(self.record), build_number(manifest.digest))
        if self.seed is not None:
            stream.reset(self.seed)
        if constants:
            stream.session(constants)
        if self.device_rate is not None:
            stream = at_device(stream, self.device_rate, live=self.live)
            turned = in_hops(settings, stream.manifest)
        stream.turn(turned)
        return stream, notes

    def _settings(self, manifest: Manifest, problems: list[Problem]) -> Settings:
        settings = _try(lambda: read_settings(self.turns), problems) or {}
        _try(lambda: check_settings(settings, manifest), problems)
        return settings

    def _session(self, settings: Settings, manifest: Manifest) -> dict[str, Array]:
        """Return the session constants from a file and settings, all or none."""
        given = self._constants_file(manifest) | session_values(settings, manifest)
        if not given:
            return {}
        step = "one array per session constant"
        return fit_inputs(given, manifest.constants, step)

    def _constants_file(self, manifest: Manifest) -> dict[str, Array]:
        """Return the arrays of the file of session constants, in their types."""
        if self.constants is None:
            return {}
        types = {tensor.name: tensor.dtype for tensor in manifest.constants}
        return {
            name: convert_numbers(f"file '{self.constants}', array '{name}'", array, types[name])
            if name in types
            else array
            for name, array in read_npz(Path(self.constants)).items()
        }


def _device_problems(device: str | None, manifest: Manifest) -> list[Problem]:
    """Return the reasons why a build does not run on the named device."""
    if device is None or (device == SIMULATOR and manifest.target == "fpga"):
        return []
    found = f"'{device}' for a build for {manifest.target}"
    allowed = f"{SIMULATOR}, of a build for fpga: Verilator runs its RTL"
    return [Problem("--device", found, allowed, "leave it out")]


def _record_problems(record: str | Path | None, manifest: Manifest) -> list[Problem]:
    """Return the reasons why no recording of a build can be written to a file."""
    if record is None:
        return []
    row = TARGETS.get(manifest.target)
    if row is None or not row.is_c or manifest.sampler is not None:
        found = f"a build for {manifest.target}" + (" with a sampler" if manifest.sampler else "")
        return [Problem("--record", found, "a build of C without a sampler", "leave it out")]
    problem = output_problem(Path(record))
    return [] if problem is None else [problem]


def _no_session(manifest: Manifest) -> Problem:
    listed = ", ".join(f"{t.name} {list(t.shape)}" for t in manifest.constants)
    names = " ".join(f"--set {t.name}=FILE.npy" for t in manifest.constants)
    step = f"add {names}, give a .npz with --constants, or give them with the inputs"
    return Problem("session constants", "not given", listed, step)


def _try(make: Callable[[], T], problems: list[Problem]) -> T | None:
    """Return the result of a call, or None and append its problems to the others."""
    try:
        return make()
    except UsageError as error:
        problems += error.problems
        return None
