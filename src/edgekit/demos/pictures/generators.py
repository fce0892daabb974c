"""Systems that draw pictures: a search over starts, pictures with two readings, and codes that become pictures."""

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from edgekit import search
from edgekit.base.arrays import Array, Float32
from edgekit.demos import show_digits
from edgekit.demos.digit_reader import margin, reader
from edgekit.demos.pictures.systems import HERE, SEED, PictureSystem, Quality, sample_each
from edgekit.runtime.sampler import Sampler
from edgekit.verbs.export.options import ExportOptions

PAIRS = ((3, 5), (6, 9), (3, 8), (0, 2), (4, 8), (1, 4), (6, 7), (5, 9))  # upright, upside down
CODES, CODE = 20, 16  # pictures; numbers of a code
Digits = Mapping[str, int]  # what a picture is to show, by the name of the condition


class Search(PictureSystem):
    """Inference-time scaling: of several starts the picture that a classifier is surest of; the digits in turn."""

    starts = 16
    before_name = "1 start"
    wanted: tuple[Digits, ...] = tuple({"label": digit} for digit in range(10))

    def __init__(self, *_: object) -> None:
        """Use the generator of four steps; no pictures are given."""
        self.network, self.read = show_digits.FEW_NETWORK, reader()
        self.scores = np.zeros((len(self.wanted), self.starts))

    def options(self, scratch: Path) -> ExportOptions:
        """Return its sampler."""
        del scratch
        return ExportOptions(sampler=show_digits.FEW_SAMPLER)

    def score(self, picture: Float32, digits: Digits) -> float:
        """Return how far a digit's logit of a picture (1, 1, 28, 28) is above the highest other one."""
        return float(margin(self.read(picture)["logits"], np.array([digits["label"]]))[0])

    def run(self, build: Path) -> tuple[Float32, float]:
        """Search for each picture; the pictures of first starts are `before`."""
        sampler, found, times = Sampler.open(build), list[Float32](), list[float]()
        first = list[Float32]()
        for number, digits in enumerate(self.wanted):
            began, seed = time.perf_counter(), SEED + self.starts * number
            given: dict[str, Array] = {name: np.array([[d]]) for name, d in digits.items()}
            best = search.random(
                sampler,
                lambda picture, digits=digits: self.score(picture, digits),  # type: ignore[misc]
                self.starts,
                seed,
                given,
            )
            times.append(1000 * (time.perf_counter() - began) / self.starts)
            self.scores[number] = best.scores
            found.append(best.image)
            first.append(sampler.sample(1, seed, given))
        self.before = np.concatenate(first) if self.before is None else self.before
        return np.concatenate(found), float(np.median(times))

    def measures(self, found: Float32) -> Quality:
        """Return the mean score of the best of the first 1, 2, 4, ... starts, and the share of those above 0."""
        del found
        counts = [1 << k for k in range(self.starts.bit_length())]
        scores = {f"score, best of {n}": float(self.scores[:, n - 1].mean()) for n in counts}
        shares = {
            f"read as wanted, best of {n}, %": 100 * float((self.scores[:, n - 1] > 0).mean())
            for n in (1, self.starts)
        }
        return {**scores, **shares}


class Anagrams(Search):
    """Visual anagrams: a picture that is one digit upright and another upside down; of several starts the best."""

    wanted = tuple({"label": upright, "turned": other} for upright, other in PAIRS)

    def options(self, scratch: Path) -> ExportOptions:
        """Write the network of two views; return the sampler of twenty steps."""
        import onnx

        from edgekit.demos.pictures.views import with_two_views

        self.network = scratch / "anagrams.onnx"
        onnx.save(with_two_views(onnx.load(show_digits.NETWORK)), self.network)
        return ExportOptions(sampler=show_digits.SAMPLER)

    def views(self, name: str, found: Float32) -> Mapping[str, Float32]:
        """Return the pictures upright and upside down."""
        return {name: found, f"{name}, turned": turn_over(found)}

    def score(self, picture: Float32, digits: Digits) -> float:
        """Return the smaller of the two margins."""
        other = super().score(turn_over(picture), {"label": digits["turned"]})
        return min(super().score(picture, digits), other)


def turn_over(pictures: Float32) -> Float32:
    """Return pictures upside down: rotated by 180 degrees."""
    return np.ascontiguousarray(pictures[..., ::-1, ::-1])


class Codes(PictureSystem):
    """DiffuseVAE: the decoder of an autoencoder draws a blurred picture of a code, ten steps of diffusion refine it."""

    before_name = "decoder"

    def __init__(self, name: str, real: Float32, _: Float32) -> None:
        """Compare edges with those of pictures of real digits (n, 1, 28, 28)."""
        self.network, self.real = HERE / f"{name}.onnx", real
        random = np.random.default_rng(SEED)
        self.codes = random.standard_normal((CODES, CODE)).astype(np.float32)
        self.before = self.decode()

    def decode(self) -> Float32:
        """Return the decoder's pictures in float."""
        from edgekit.export.hop_runner import in_onnxruntime

        decoder = in_onnxruntime((HERE / "diffusevae-code.onnx").read_bytes())
        pictures = [decoder({"code": code[None]})["picture"] for code in self.codes]
        return np.concatenate(pictures).astype(np.float32)

    def options(self, scratch: Path) -> ExportOptions:
        """Write the sampler, whose y is the decoder's picture."""
        path = scratch / "diffusevae.toml"
        text = (HERE / "diffusevae.toml").read_text(encoding="utf-8")
        path.write_text(text.replace("DECODER", (HERE / "diffusevae-code.onnx").as_posix()))
        return ExportOptions(sampler=path)

    def run(self, build: Path) -> tuple[Float32, float]:
        """Return one run of the sampler for each code."""
        return sample_each(build, {"code": self.codes[:, None]}, CODES)

    def measures(self, found: Float32) -> Quality:
        """Return the strength of the edges: of real digits it is 100 %."""
        assert self.before is not None
        whole = edges(self.real)
        return {
            "edges, % of the digits'": 100 * edges(found) / whole,
            "edges before, % of the digits'": 100 * edges(self.before) / whole,
        }


def edges(pictures: Float32) -> float:
    """Return the mean squared difference of neighbouring pixels."""
    x = np.clip(pictures, -1, 1).astype(np.float64)
    return float(np.square(np.diff(x, axis=-1)).mean() + np.square(np.diff(x, axis=-2)).mean())
