"""How many decisions of a float detector change with faint noise, and how many of its probabilities are near a half.

    python bench decision_noise [NETWORK] [--mixtures N] [--data FOLDER]

Rows are the eight clips of the calibration, and mixtures of the tuning and of the evaluation set, each at three levels.
*near* is the share of probabilities from 0.27 to 0.73, odds of at most e; the last columns show the mean and the worst
share of decisions that change if white noise of that level is added. All in %. Recordings and networks come as for
`quant_goals.py`.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from demonstrations.speech_data import FOLDER
from quality import quant_audio
from quality.quant_audio import SETS, in_hops
from quality.quant_bench import Bench
from quality.quant_goals import SILERO, fetch_all
from tables import Table

from edgekit.base.arrays import Float32
from edgekit.base.wav import Samples
from edgekit.graph.model import Model
from edgekit.judge.decisions import THRESHOLD
from edgekit.targets.trials import Trials

LEVELS_DB = (0, -20, -30)
NOISE_DBFS = (-90, -80)
NEAR_ODDS = float(np.e)
HEAD = ("sound", "level, dB", "near", *(f"noise at {dbfs} dBFS" for dbfs in NOISE_DBFS))


def probabilities_of(model: Model, sounds: Sequence[Samples]) -> list[Float32]:
    """Return what the generated C of a float detector makes of each sound, (hops,)."""
    trials = Trials(model, [in_hops(model, sound) for sound in sounds])
    (name,) = trials.outputs
    (made,) = trials.run(lambda _, outputs: np.ravel(outputs[name]).copy())
    return list(made)


def cells(model: Model, sounds: Sequence[Samples]) -> list[str]:
    """Return the cells of a row behind its level."""
    random = np.random.default_rng(0)
    gains = [np.float32(10 ** (dbfs / 20)) for dbfs in NOISE_DBFS]
    noisy = [s + g * random.standard_normal(len(s), np.float32) for g in gains for s in sounds]
    runs, count = probabilities_of(model, [*sounds, *noisy]), len(sounds)
    exact = runs[:count]
    odds = np.concatenate(exact) / (1 - np.minimum(np.concatenate(exact), 1 - 1e-7))
    near = np.mean((odds <= NEAR_ODDS) & (odds >= 1 / NEAR_ODDS))
    found = [f"{100 * near:.1f}"]
    for number in range(len(gains)):
        others = runs[count * (number + 1) :][:count]
        pairs = zip(exact, others, strict=True)
        changed = [100 * np.mean((a >= THRESHOLD) != (b >= THRESHOLD)) for a, b in pairs]
        found.append(f"{np.mean(changed):.2f} / {max(changed):.2f}")
    return found


def sounds_of(data: Path, mixtures: int) -> Mapping[str, Sequence[Samples]]:
    """Return the sounds of every row, (samples,) each."""
    clips = [heard for _, heard in quant_audio.calibration_sound(data)]
    sets = {name: quant_audio.varied(data, of, mixtures) for name, of in SETS.items()}
    return {"calibration": clips, **{name: [m.noisy for m in of] for name, of in sets.items()}}


def main() -> int:
    """Print the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("network", nargs="?", default=SILERO)
    parser.add_argument("--mixtures", type=int, default=36, metavar="N")
    parser.add_argument("--data", type=Path, default=FOLDER, metavar="FOLDER")
    given = parser.parse_args()
    fetch_all(given.data)
    model, table = Bench(given.data).model(given.network), Table(*HEAD)
    for name, sounds in sounds_of(given.data, given.mixtures).items():
        for level in LEVELS_DB:
            gain = np.float32(10 ** (level / 20))
            print(
                table.add_row(
                    name, f"{level}", *cells(model, [np.float32(gain * s) for s in sounds])
                )
            )
    table.show()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
