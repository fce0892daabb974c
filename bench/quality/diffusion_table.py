"""What quantization costs the bundled digit generator: the tables of `docs/results/diffusion.md`.

    python bench diffusion_table [--images 500] [--seeds 3] [--others 200] [--only REGEX] [--write]

Images are drawn by the generated C, classes in turn, and compared with those that the float network draws from the
same seeds: PSNR on a range of 2 over all images (pooled) and of the median image, and the Frechet distance of features
of a classifier (`edgekit.demos.digit_classifier`). Rows that are done are kept in .venv/diffusion-table and not
measured again. Real digits come from npm (`digit_data.py`).
"""

import argparse
import hashlib
import json
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np
import onnx_ir as ir
import torch
from numpy.typing import NDArray
from quality import digit_data
from quality.diffusion_calibrations import SOURCES
from quality.diffusion_cases import Case, cases
from tables import Table

from edgekit.demos.digit_classifier import features_of, load_classifier
from edgekit.demos.digit_reader import frechet
from edgekit.demos.show_digits import FEW_NETWORK, FEW_SAMPLER, NETWORK, SAMPLER, labels
from edgekit.demos.train_digits import load_digits
from edgekit.export.diffusion.description import read_sampler
from edgekit.export.diffusion.key_steps import saved_share, with_key_steps
from edgekit.graph.model import Model
from edgekit.judge.sampling import with_corrected_rows
from edgekit.quantize.apply import quantize
from edgekit.quantize.diffusion.step_groups import quantize_groups
from edgekit.quantize.recipe import Recipe
from edgekit.runtime.sampler import Sampler
from edgekit.targets.build_files import write_build
from edgekit.verbs.export.importing import ImportOptions, load_model
from edgekit.verbs.targets import TARGETS

Images = NDArray[np.float32]
PAGE = Path(__file__).resolve().parents[2] / "docs" / "results" / "diffusion.md"
BEGIN, END = "<!-- make diffusion-table -->", "<!-- end -->"
KEPT = digit_data.FOLDER.parent / "diffusion-table"
REAL = 2000  # images of each real set, and of the float network's own distance
SHAPE = (1, 28, 28)
FIRST_SEED = 1
RANGE = 2.0


@dataclass(frozen=True)
class Measured:
    """Means over the seeds; distances as parts of the float network's, products that encoder propagation saves."""

    saved: float
    median_db: float
    pooled_db: float
    own: float
    ratio: float


class Bench:
    """The network, its float images, the classifier and real digits; each is made once."""

    def __init__(self, folder: Path) -> None:
        """The digits of a folder."""
        self.folder = folder
        self.model, self.few = (
            load_model(str(network), ImportOptions(sampler=read_sampler(sampler))).model
            for network, sampler in ((NETWORK, SAMPLER), (FEW_NETWORK, FEW_SAMPLER))
        )
        self.classifier = load_classifier()
        self.digest = digest(self.model)

    @cache  # noqa: B019
    def real(self) -> Images:
        """As many digits of every class, (n, 1, 28, 28), classes in turn as they are drawn; else as in the training."""
        images, names = load_digits(self.folder)
        classes = [images[names == label] for label in range(10)]
        least = min(map(len, classes))
        return np.asarray(torch.stack([some[:least] for some in classes], 1).reshape(-1, *SHAPE))

    def features(self, images: Images) -> NDArray[np.float64]:
        """What the classifier makes of images."""
        return features_of(self.classifier, images)

    @cache  # noqa: B019
    def exact(self, seed: int, images: int, few: bool = False) -> Images:
        """What the float network draws, or that of few steps."""
        model = self.few if few else self.model
        path = KEPT / f"float-{digest(model)}-{seed}-{images}.npy"
        if not path.is_file():
            with compiled(model) as sampler:
                np.save(path, sampler.sample(images, seed, labels(images)))
        return np.asarray(np.load(path))

    @cache  # noqa: B019
    def distance(self, seed: int, images: int) -> float:
        """From the float network's images to real ones."""
        exact = self.features(self.exact(seed, images))
        return frechet(exact, self.features(self.real()[:REAL]))

    def judged(self, drawn: Images) -> str:
        """FD of `REAL` images to each of two sets of real ones, the share classified as requested, the mean value."""
        own, drawn = self.features(drawn), drawn.clip(-1, 1)
        near, apart = (
            frechet(own, self.features(self.real()[first : first + REAL])) for first in (0, REAL)
        )
        with torch.inference_mode():
            seen = self.classifier(torch.from_numpy(drawn)).argmax(1).numpy()
        right = np.mean(seen == labels(REAL)["label"][:, 0])
        return f"FD {near:.2f} and {apart:.2f}, {right:.1%} classified as requested, mean value {drawn.mean():.3f}"

    def measure(self, case: Case, images: int, seeds: int) -> Measured:
        """Quantize, compile, draw so many images from each of so many seeds, and compare."""
        calibration = SOURCES[case.source](self.model, self.real())
        made = quantize_groups if case.recipe.step_groups > 1 else quantize
        model = with_key_steps(self.model, case.keys, 0.0) if case.keys else self.model
        quantized = widened(made(model, calibration, case.recipe))
        if case.recipe.correct_sampler:
            quantized = with_corrected_rows(self.model, quantized)
        rows = []
        with compiled(quantized) as sampler:
            for seed in range(FIRST_SEED, FIRST_SEED + seeds):
                rows.append(self.compared(sampler.sample(images, seed, labels(images)), seed))
        assert model.sampler is not None
        saved = saved_share(model, model.sampler) if case.keys else 0.0
        return Measured(saved, *np.mean(rows, axis=0).tolist())

    def compared(self, drawn: Images, seed: int) -> tuple[float, float, float, float]:
        """Of one seed: median and pooled PSNR, own distance, distance to real digits."""
        exact, own = self.exact(seed, len(drawn)), self.features(drawn)
        error = np.square(drawn.clip(-1, 1) - exact.clip(-1, 1)).reshape(len(drawn), -1).mean(1)
        whole = self.distance(seed, len(drawn))
        return (
            decibels(float(np.median(error))),
            decibels(float(error.mean())),
            frechet(own, self.features(exact)) / whole,
            frechet(own, self.features(self.real()[:REAL])) / whole,
        )


@contextmanager
def compiled(model: Model) -> Iterator[Sampler]:
    """The build of a model for this machine, while it is needed."""
    with tempfile.TemporaryDirectory(prefix="edgekit-") as folder:
        write_build(TARGETS["host"].lower(model, "host"), Path(folder))
        yield Sampler.open(folder)


def digest(model: Model) -> str:
    """What tells models apart."""
    return hashlib.sha256(model.to_bytes()).hexdigest()[:16]


def decibels(error: float) -> float:
    """PSNR of a mean squared error."""
    return float(10 * np.log10(RANGE**2 / max(error, 1e-12)))


def widened(model: Model) -> Model:
    """Store int4 weights as int8 of the same values: the same bits, and the host's kernels are faster so."""
    copy = model.ir.clone()
    for value in copy.graph.initializers.values():
        tensor = value.const_value
        if tensor is not None and tensor.dtype == ir.DataType.INT4:
            array = np.asarray(tensor.numpy()).astype(np.int8)
            value.const_value, value.dtype = ir.tensor(array, name=value.name), ir.DataType.INT8
    return Model(copy)


def kept(bench: Bench, case: Case, images: int, seeds: int) -> Measured:
    """A row that was measured before, perhaps under another name, or is now."""
    plain = asdict(Recipe(case.recipe.name))
    recipe = {name: v for name, v in asdict(case.recipe).items() if v != plain[name]}
    facts = json.dumps([bench.digest, images, seeds, recipe, case.source, case.keys])
    path = KEPT / f"{hashlib.sha256(facts.encode()).hexdigest()[:24]}.json"
    if path.is_file():
        return Measured(**json.loads(path.read_text(encoding="utf-8")))
    measured = bench.measure(case, images, seeds)
    path.write_text(json.dumps(asdict(measured)), encoding="utf-8")
    return measured


def main() -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--data", type=Path, default=digit_data.FOLDER, metavar="FOLDER")
    parser.add_argument("--images", type=int, default=500, help="of each seed, for recipes")
    parser.add_argument("--seeds", type=int, default=3, help="of the recipes; others have one")
    parser.add_argument("--others", type=int, default=200, help="images of all other rows")
    parser.add_argument("--only", default="", metavar="REGEX", help="of 'factor: row'")
    parser.add_argument("--write", action="store_true", help=f"into docs/results/{PAGE.name}")
    given = parser.parse_args()
    digit_data.fetch(given.data)
    KEPT.mkdir(parents=True, exist_ok=True)
    bench = Bench(given.data)
    head = (
        "factor",
        "value",
        "median PSNR, dB",
        "pooled PSNR, dB",
        "FDself / float FD, %",
        "FD / float FD",
        "MACs saved, %",
    )
    table = Table(*head, numbers=5)
    for case in cases():
        if not re.search(given.only, f"{case.factor}: {case.name}"):
            continue
        goal = case.goal
        row = kept(bench, case, given.images if goal else given.others, given.seeds if goal else 1)
        figures: tuple[str, ...] = (f"{row.median_db:.1f}", f"{row.pooled_db:.1f}")
        figures += (f"{100 * row.own:.2f}", f"{row.ratio:.3f}", f"{100 * row.saved:.0f}")
        table.add_row(case.factor, case.name, *figures)
        print(f"{case.factor}: {case.name}", *figures, flush=True)
    sets = bench.real()[:REAL], bench.real()[REAL : 2 * REAL]
    between = frechet(*map(bench.features, sets))
    said = (
        f"{REAL:,} images are compared with two sets of {REAL:,} real digits. Float network: "
        f"{bench.judged(bench.exact(0, REAL))}. In 4 steps (digits_few.onnx): "
        f"{bench.judged(bench.exact(0, REAL, few=True))}. Between the two real sets: FD {between:.2f}, mean values "
        f"{sets[0].mean():.3f} and {sets[1].mean():.3f}. "
        f"Rows of recipes: {given.images} images of each of {given.seeds} seeds; other rows: "
        f"{given.others} images of one seed."
    )
    table.show()
    print(said)
    if given.write:
        table.put(PAGE, BEGIN, END, f"{said}\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
