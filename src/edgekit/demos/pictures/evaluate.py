"""Runs a picture system on real digits that no training saw, and prints its table.

With the data of `edgekit.demos.pictures.train`:

    python -m edgekit.demos.pictures.evaluate rddm package/src/digits -o evaluated

Restorations get 200 digits of the held-out tenth. `diffusevae` is also judged by the Frechet distance of 500 pictures
to 500 of those digits. The nearest real digit reads again what `search` and `anagrams` find: they search with another
judge. `low-light` has scenes of its own.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from edgekit.base.arrays import Float32, Int64
from edgekit.base.progress import silent
from edgekit.demos.digit_reader import frechet, reader
from edgekit.demos.pictures.generators import CODE, Codes, Search, turn_over
from edgekit.demos.pictures.show import RECIPES, SYSTEMS, PicturesDemo, show
from edgekit.demos.train_digits import load_digits, split
from edgekit.runtime.sampler import Sampler

HELD, DRAWN, SEED = 200, 500, 11
REPEATED = 4  # searches for each digit or pair, other starts each


def code_lines(demo: PicturesDemo, held: Float32) -> Iterator[str]:
    """Yield the Frechet distances of the decoder's pictures and of each build's to real digits."""
    read = reader()

    def distance(pictures: Float32) -> float:
        return frechet(*(read(x)["features"].astype(np.float64) for x in (pictures, held[:DRAWN])))

    codes = np.random.default_rng(SEED).standard_normal((DRAWN, 1, CODE)).astype(np.float32)
    for number, recipe in enumerate(RECIPES):
        sampler = Sampler.open(demo.directory / recipe)
        if number == 0:
            decoder = sampler.stream.others["y"]
            (pictures,) = decoder.run({"code": codes}).values()
            yield f"Frechet distance, decoder: {distance(pictures[:, 0]):.1f}"
        yield f"Frechet distance, {recipe}: {distance(sampler.sample(DRAWN, SEED, {'code': codes[:, 0]})):.1f}"
    yield f"Frechet distance, other real digits: {distance(held[DRAWN:]):.1f}"


def search_lines(demo: PicturesDemo, system: Search, real: Float32, labels: Int64) -> Iterator[str]:
    """Yield how many pictures the nearest real digit names as wanted, and how far it is: of first starts, of the best.

    This judge is not the classifier that the search exploits.
    """
    for recipe in RECIPES:
        system.before = None
        best, _ = system.run(demo.directory / recipe)
        assert system.before is not None
        for name, pictures in (("1 start", system.before), (f"best of {system.starts}", best)):
            right, apart = np.ones(len(pictures), bool), list[float]()
            for view, condition in ((pictures, "label"), (turn_over(pictures), "turned")):
                if condition in system.wanted[0]:
                    found, distances = nearest(view, real, labels)
                    right &= found == np.array([digits[condition] for digits in system.wanted])
                    apart += distances
            yield f"{recipe}, {name}: nearest real digits name {100 * right.mean():.1f} %, {np.mean(apart):.4f} away"
        yield f"{recipe}: { ({k: round(v or 0, 2) for k, v in system.measures(best).items()}) }"


def nearest(pictures: Float32, real: Float32, labels: Int64) -> tuple[Int64, list[float]]:
    """Return the label of the real digit that is nearest to each picture, and the mean squared distance."""
    apart = [np.square(real - picture).mean(axis=(1, 2, 3)) for picture in pictures]
    return labels[[int(a.argmin()) for a in apart]], [float(a.min()) for a in apart]


def enlarge_search(kind: type[Search]) -> Search:
    """Return a search for more pictures than the demo's."""
    system = kind()
    system.wanted = system.wanted * REPEATED
    system.scores = np.zeros((len(system.wanted), system.starts))
    return system


def main(name: str, digits: Path, out: Path) -> None:
    """Print the table of a system, and what else is known of it."""
    (trained, labels), (held, _) = split(*load_digits(digits))
    demo = show(name, "host", out, silent, held[:HELD].numpy())
    for row in demo.rows:
        said = ", ".join(f"{key} {value:.2f}" for key, value in row.quality.items() if value)
        exact = (row.manifest.verification or {}).get("bit_exact_with_oracle")
        weights = row.manifest.memory["weights_bytes"]
        print(f"{name}, {row.recipe}: {said}; {weights} bytes of weights; exact: {exact}")
    lines: Iterator[str] = iter(())
    kind = SYSTEMS[name]
    if issubclass(kind, Codes):
        lines = code_lines(demo, held.numpy())
    elif issubclass(kind, Search):
        lines = search_lines(demo, enlarge_search(kind), trained.numpy(), labels.numpy())
    for line in lines:
        print(line, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("system", choices=tuple(SYSTEMS))
    parser.add_argument("digits", type=Path, help="the package's folder src/digits")
    parser.add_argument("-o", "--out", type=Path, required=True, help="the folder to make")
    given = parser.parse_args()
    main(given.system, given.digits, given.out)
