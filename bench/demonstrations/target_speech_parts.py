"""Where the bundled target speech gains, and where it does not: in torch, float32, on scenes that are not in training.

    python bench target_speech_parts VOICES [--scenes N]

VOICES and scenes are those of `target_speech.py`: four seconds, two talkers at equal levels, a noise 10 dB below;
each is heard with the teacher's embedding of other clean sentences of the target. Prints the mean gain of SI-SNR in dB
and its standard error: of all scenes; of those whose talkers' embeddings have a cosine of 0.75 and more, and of less
than 0.6; with the left ear's sound at both ears; by the best gain between 0 and 1 for each bin and frame, which knows
the target; and of scenes drawn anew with another noise, or another level of the other talker.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from demonstrations.target_speech import (
    NOISE_DB,
    OTHER_DB,
    PARTS,
    SECONDS,
    SEED,
    mean_of,
    mean_with_error,
)
from tables import Table
from torch.nn import functional as F  # noqa: N812

from edgekit.demos.target_speech.ear_scores import Sound, si_snr_db
from edgekit.demos.target_speech.head import RATE
from edgekit.demos.target_speech.network import HOP, OVERLAP, Extractor, build, waves
from edgekit.demos.target_speech.scenes import Scene, Scenes

ALIKE, UNLIKE = 0.75, 0.6  # cosines of embeddings
LEVELS = {
    "hardly any noise, 40 dB below": (OTHER_DB, (-40.0, -40.0)),
    "a noise as loud as the target": (OTHER_DB, (0.0, 0.0)),
    "the other talker 5 dB louder": ((5.0, 5.0), NOISE_DB),
    "the other talker 5 dB softer": ((-5.0, -5.0), NOISE_DB),
}


def gain_db(scene: Scene, heard: Sound) -> float:
    """Of SI-SNR; the last samples of the network are not whole."""
    target, mixed, heard = (x[:, HOP:-OVERLAP] for x in (scene.target, scene.mixed, heard))
    return si_snr_db(heard, target) - si_snr_db(mixed, target)


@torch.no_grad()
def heard(network: Extractor, scenes: Scenes, scene: Scene) -> Sound:
    """What the network makes of a scene for its first talker."""
    speaker = torch.from_numpy(mean_of(scenes, scene.talkers[0]))
    return np.asarray(network(torch.from_numpy(scene.mixed)[None], speaker)[0].numpy())


def best(scene: Scene) -> Sound:
    """The scene by the gain for each bin and frame of the network's windows that is nearest to the target."""
    wave = waves()
    mixed, target = (
        F.conv1d(F.pad(torch.from_numpy(x)[:, None], (OVERLAP, 0)), wave, stride=HOP)
        for x in (scene.mixed, scene.target)
    )
    pairs = [x.reshape(2, 2, -1, x.shape[-1]) for x in (mixed, target)]
    gain = (pairs[0] * pairs[1]).sum(1) / pairs[0].square().sum(1).clamp_min(1e-12)
    made = (pairs[0] * gain.clamp(0, 1)[:, None]).reshape(mixed.shape)
    sound = F.conv_transpose1d(made, wave, stride=HOP)[:, 0]
    return np.asarray(sound[:, OVERLAP : OVERLAP + scene.mixed.shape[1]].numpy())


def one_ear(scene: Scene) -> Scene:
    """The left ear's sound at both ears."""
    mixed, target, other = (x[[0, 0]] for x in (scene.mixed, scene.target, scene.other))
    return replace(scene, mixed=mixed, target=target, other=other)


def gains(network: Extractor, scenes: Scenes, count: int) -> dict[str, list[float]]:
    """Of each row."""
    found: dict[str, list[float]] = {}
    drawn = [scenes.scene(OTHER_DB, NOISE_DB) for _ in range(count)]
    whole = [gain_db(scene, heard(network, scenes, scene)) for scene in drawn]
    near = [
        float((mean_of(scenes, scene.talkers[0]) * mean_of(scenes, scene.talkers[1])).sum())
        for scene in drawn
    ]
    found["all"] = whole
    found["talkers alike"] = [x for x, cosine in zip(whole, near, strict=True) if cosine >= ALIKE]
    found["talkers unlike"] = [x for x, cosine in zip(whole, near, strict=True) if cosine < UNLIKE]
    same = [one_ear(scene) for scene in drawn]
    found["one ear's sound at both"] = [gain_db(x, heard(network, scenes, x)) for x in same]
    found["the best gain for each bin"] = [gain_db(scene, best(scene)) for scene in drawn]
    for name, levels in LEVELS.items():
        drawn = [scenes.scene(*levels) for _ in range(count)]
        found[name] = [gain_db(scene, heard(network, scenes, scene)) for scene in drawn]
    return found


def told(values: Sequence[float]) -> str:
    """The mean and its standard error, and of how many scenes."""
    return f"{mean_with_error(values)}, {len(values)}" if values else "none"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("voices", type=Path)
    parser.add_argument("--scenes", type=int, default=80)
    given = parser.parse_args()
    network, size = build()[0], int(SECONDS * RATE) // HOP * HOP
    parts = {
        name: gains(network, Scenes(given.voices, part, SEED, size), given.scenes)
        for part, name in PARTS.items()
    }
    table = Table("gain of SI-SNR, dB (standard error), scenes", *parts)
    for row in next(iter(parts.values())):
        table.add_row(row, *(told(found[row]) for found in parts.values()))
    table.show()


if __name__ == "__main__":
    main()
