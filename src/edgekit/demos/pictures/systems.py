"""The picture systems: what each reads, how it runs on a build, and how well it does."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from edgekit.base.arrays import Array, Float32
from edgekit.base.npz import write_npz
from edgekit.demos.pictures.data import SIDE, add_noise, add_streaks, psnr_db
from edgekit.demos.sensor_noise import expose, scene
from edgekit.runtime.sampler import Sampler
from edgekit.runtime.stream import Stream
from edgekit.verbs.export.options import ExportOptions

HERE = Path(__file__).parent
SEED, CALIBRATION_SEED = 5, 6
# of the blind sampler, where black is 0 and white 1: the mean of digits, where it ends, its steps
MEAN, LEAST, MOST_CALLS, FIRST_SHARE, BETA = 0.13, 0.02, 500, 0.02, 0.3
Quality = Mapping[str, float | None]  # measures of a build, name with unit -> value


class PictureSystem(ABC):
    """A system of the table: its network, and what its builds draw.

    Attributes:
        network: the .onnx.
        before, target: pictures (n, channels, height, width) for the strip's first and last row; None for none.
        before_name: of the first row.
    """

    before: Float32 | None = None
    target: Float32 | None = None
    before_name: str = "before"

    def __init__(self, name: str, clean: Float32, calibrated: Float32) -> None:
        """Use the network of a name; pictures (n, 1, 28, 28) are shown, and others calibrate."""
        self.network = HERE / f"{name}.onnx"
        self.target, self.calibrated = clean, calibrated

    def views(self, name: str, found: Float32) -> Mapping[str, Float32]:
        """Return the rows of the strip for the pictures of a build with a name."""
        return {name: found}

    @abstractmethod
    def options(self, scratch: Path) -> ExportOptions:
        """Return the export options but for the recipe; files are written to `scratch`."""

    @abstractmethod
    def run(self, build: Path) -> tuple[Float32, float]:
        """Return the pictures that a build makes, and the median milliseconds of one."""

    @abstractmethod
    def measures(self, found: Float32) -> Quality:
        """Return how good the pictures of a build are."""


class Restoration(PictureSystem):
    """A network that reads a degraded picture and returns a clean one."""

    name = "y"

    def __init__(self, name: str, clean: Float32, calibrated: Float32) -> None:
        """Degrade all pictures."""
        super().__init__(name, clean, calibrated)
        self.inputs = self.degrade(clean, np.random.default_rng(SEED))
        self.calibrated = self.degrade(calibrated, np.random.default_rng(CALIBRATION_SEED))
        self.before = self.inputs

    def degrade(self, clean: Float32, random: np.random.Generator) -> Float32:
        """Return what the network reads: here, pictures in noise."""
        return add_noise(clean, random)

    def options(self, scratch: Path) -> ExportOptions:
        """Return options with a calibration of degraded pictures."""
        write_npz(scratch / "calibration.npz", {self.name: self.calibrated[:, None]})
        return ExportOptions(calibration=str(scratch))

    def run(self, build: Path) -> tuple[Float32, float]:
        """Return one call for each picture."""
        stream = Stream.open(build)
        outputs, call_us = stream.timed_run({self.name: self.inputs[:, None]})
        (found,) = outputs.values()
        return found[:, 0], float(np.median(call_us)) / 1000

    def measures(self, found: Float32) -> Quality:
        """Return the PSNR, and what it gains over the input's."""
        assert self.before is not None
        assert self.target is not None
        before, after = psnr_db(self.before, self.target), psnr_db(found, self.target)
        return {"PSNR, dB": after, "gain over the input, dB": after - before}


class MeasuredBlocks(Restoration):
    """IDM: the network reads measurements, a quarter as many as pixels; before it, their least norm above black."""

    def __init__(self, name: str, clean: Float32, calibrated: Float32) -> None:
        """Measure pictures by the rows that the network itself holds."""
        self.rows = measurement_rows(HERE / f"{name}.onnx")
        super().__init__(name, clean, calibrated)
        black = self.degrade(np.full_like(clean, -1), np.random.default_rng(0))
        lifted = np.einsum("nkij,kab->niajb", self.inputs - black, self.rows)
        self.before = lifted.reshape(clean.shape).astype(np.float32) - 1

    def degrade(self, clean: Float32, random: np.random.Generator) -> Float32:
        """Return measurements (n, 49, 2, 2)."""
        del random
        side = self.rows.shape[-1]
        blocks = clean.reshape(len(clean), clean.shape[2] // side, side, -1, side)
        return np.asarray(np.einsum("niajb,kab->nkij", blocks, self.rows), np.float32)


def measurement_rows(network: Path) -> Float32:
    """Return the rows (49, 14, 14) that a network for compressed sensing measures with."""
    import onnx
    from onnx import numpy_helper

    stored = map(numpy_helper.to_array, onnx.load(network).graph.initializer)
    return next(a[:, 0].astype(np.float32) for a in stored if a.ndim == 4 and a.shape[-1] == 14)


class Streaks(Restoration):
    """RDDM: a sampler of five steps that reads the degraded picture in each."""

    def degrade(self, clean: Float32, random: np.random.Generator) -> Float32:
        """Return blurred pictures with bright lines."""
        return add_streaks(clean, random)

    def options(self, scratch: Path) -> ExportOptions:
        """Return options with the sampler, and a calibration of its own calls on degraded pictures."""
        return {**super().options(scratch), "sampler": HERE / "rddm.toml"}

    def run(self, build: Path) -> tuple[Float32, float]:
        """Return one run of the sampler for each picture."""
        return sample_each(build, {self.name: self.inputs}, len(self.inputs))


class Blind(Restoration):
    """A network without biases, which the caller gives a picture divided by its own size: any noise is one noise."""

    DRAWN = 8  # pictures
    calls = 0  # of the last drawn ones
    drawn: Float32
    SIZES = (0.1, 0.25, 0.5, 1.0)  # of the noise, in turn, where black is 0 and white 1

    def degrade(self, clean: Float32, random: np.random.Generator) -> Float32:
        """Return pictures in noise of several sizes, scaled back to [-1, 1]."""
        size = np.resize(self.SIZES, len(clean)).astype(np.float32)[:, None, None, None]
        light = (clean + 1) / 2 + size * random.standard_normal(clean.shape)
        return np.asarray(2 * light - 1, np.float32)

    def options(self, scratch: Path) -> ExportOptions:
        """Return options with a calibration of pictures of size 1."""
        light = np.asarray((self.calibrated + 1) / 2, np.float32)
        write_npz(scratch / "calibration.npz", {self.name: (light / size_of(light))[:, None]})
        return ExportOptions(calibration=str(scratch))

    def run(self, build: Path) -> tuple[Float32, float]:
        """Denoise the inputs, and draw pictures from noise alone."""
        stream, call_ms = Stream.open(build), list[float]()
        light = np.asarray((self.inputs + 1) / 2, np.float32)

        def denoise(y: Float32) -> Float32:
            size = size_of(y)
            outputs, call_us = stream.timed_run({self.name: (y / size)[:, None]})
            call_ms.append(float(np.median(call_us)) / 1000)
            (found,) = outputs.values()
            return np.asarray(size * found[:, 0], np.float32)

        found = denoise(light)
        drawn, self.calls = draw_blindly(denoise, self.DRAWN, np.random.default_rng(SEED))
        self.drawn = 2 * drawn - 1
        return 2 * found - 1, call_ms[0]

    def views(self, name: str, found: Float32) -> Mapping[str, Float32]:
        """Return what was denoised, and what was drawn."""
        return {name: found, f"{name}, drawn": self.drawn}

    def measures(self, found: Float32) -> Quality:
        """Return those of a restoration, and the calls of a drawn picture."""
        return {**super().measures(found), "calls until a drawn picture is done": float(self.calls)}


def draw_blindly(
    denoise: Callable[[Float32], Float32], n: int, random: np.random.Generator
) -> tuple[Float32, int]:
    """Return n pictures (n, 1, 28, 28) from noise, and the calls: Kadkhodaie et al. (2024), stochastic ascent.

    No step is told how much noise is left: it is the size of what the denoiser takes away. A step takes a share h of
    it, and puts back so much noise that a share BETA of h is gone. It ends where all have less than LEAST.
    """
    y = (MEAN + random.standard_normal((n, 1, SIDE, SIDE))).astype(np.float32)
    calls, clean = 1, denoise(y)
    while calls < MOST_CALLS and (sigma := size_of(y - clean)).max() >= LEAST:
        h = FIRST_SHARE * calls / (1 + FIRST_SHARE * (calls - 1))
        back = np.sqrt((1 - BETA * h) ** 2 - (1 - h) ** 2)
        z = random.standard_normal(y.shape)
        y = np.asarray(y - h * (y - clean) + back * sigma * z, np.float32)
        calls, clean = calls + 1, denoise(y)
    return clean, calls


def size_of(x: Float32) -> Float32:
    """Return the root of the mean square of each picture, (n, 1, 1, 1)."""
    return np.asarray(np.sqrt(np.mean(x * x, axis=(1, 2, 3), keepdims=True)), np.float32)


class Dark(Restoration):
    """Raw colours of a short exposure; calibrated on the sensor's noise."""

    name = "raw"
    FIRST_SCENE, SCENES = 5_000_000, 6  # scenes of nobody's training

    def __init__(self, name: str, *_: Float32) -> None:
        """Draw scenes; digits are not used."""
        scenes = np.stack([scene(self.FIRST_SCENE + number) for number in range(self.SCENES)])
        super().__init__(name, 2 * scenes - 1, 2 * scenes - 1)
        self.before = 2 * self.inputs - 1

    def degrade(self, clean: Float32, random: np.random.Generator) -> Float32:
        """Return exposures, black 0 and white 1."""
        return np.stack([expose((picture + 1) / 2, random) for picture in clean])

    def options(self, scratch: Path) -> ExportOptions:
        """Return options with the sensor's calibration."""
        del scratch
        return ExportOptions(calibration="edgekit.demos.sensor_noise:calibration")

    def run(self, build: Path) -> tuple[Float32, float]:
        """Return one call for each exposure."""
        found, picture_ms = super().run(build)
        return 2 * found - 1, picture_ms


def sample_each(build: Path, given: Mapping[str, Array], n: int) -> tuple[Float32, float]:
    """Return n pictures of a build's sampler, and the median milliseconds of one."""
    sampler, times, pictures = Sampler.open(build), list[float](), list[Float32]()
    for number in range(n):
        start = time.perf_counter()
        own = {name: values[number : number + 1] for name, values in given.items()}
        pictures.append(sampler.sample(1, SEED + number, own)[0])
        times.append(1000 * (time.perf_counter() - start))
    return np.stack(pictures), float(np.median(times))
