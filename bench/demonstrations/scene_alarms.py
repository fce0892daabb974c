"""How much of an alarm's direction is lost in the room: the network against a method that hears the alarm alone.

    python bench scene_alarms HEARD SOUNDS [--scenes N]

The scenes and folders are those of `scene`. Each is also drawn with all other sounds left out: no noise, and events of
other kinds at -120 dB. On that the method takes the product of W with Y, Z and X, summed over half a second. It waits
as long as the network. Outdoors it is exact, so what it misses is due to reflections. No microphone hears an alarm so
well. Columns "found" are of the frames in which the network finds the alarm, as in the table of `scene`.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from demonstrations.scene import EVENTS, INTERFERERS, PARTS, SECONDS, SEED
from tables import Table

from edgekit.base.arrays import Float32, Float64
from edgekit.demos.scene.ambisonics import Signal
from edgekit.demos.scene.facts import CLASSES, HOP, LATE
from edgekit.demos.scene.network import build
from edgekit.demos.scene.scene_scores import ACTIVE, angles_deg
from edgekit.demos.scene.scene_staging import Event
from edgekit.demos.scene.scenes import Scenes

ALARM = CLASSES.index("alarm")
SUMMED = 25  # frames
SILENT = np.float32(1e-6)


class AlarmsAlone(Scenes):
    """Draws the same scenes as `Scenes`, and plays their alarms alone."""

    def sound(self, event: Event) -> Signal:
        """The event's sound; at -120 dB if it is no alarm."""
        return super().sound(event) * (1 if event.kind == ALARM else SILENT)


def alarm_directions(pcm: Signal) -> Float32:
    """Return X, Y, Z of each frame (frames, 3) from W, Y, Z, X (4, samples)."""
    products = (pcm[0] * pcm[1:]).reshape(3, -1, HOP).sum(-1).T[:, [2, 0, 1]]
    sums = np.cumsum(np.pad(products, ((SUMMED, LATE), (0, 0))), 0, np.float64)
    return np.asarray(sums[SUMMED + LATE :] - sums[LATE:-SUMMED], np.float32)


def vectors_found(scenes: Scenes, pcm: Signal) -> Float32:
    """Return the network's vectors (frames, classes, 3), moved back by the frames that it waits."""
    features = scenes.features(torch.from_numpy(pcm[None]))
    with torch.inference_mode():
        found = build()[0](features)[0].numpy().reshape(-1, len(CLASSES), 3)
    return np.pad(found[LATE:], ((0, LATE), (0, 0), (0, 0)))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("heard", type=Path)
    parser.add_argument("sounds", type=Path)
    parser.add_argument("--scenes", type=int, default=12)
    given = parser.parse_args()
    head = ("voices", "interferers", "found, %", "network, found")
    table = Table(*head, "alone, found", "alone, all", title="Errors of alarms in degrees")
    for part in PARTS:
        for name, counts in INTERFERERS.items():
            drawn = (given.heard, given.sounds, part, SEED, SECONDS, EVENTS, counts)
            scenes, alone = Scenes(*drawn), AlarmsAlone(*drawn)
            alone.noises = [np.zeros_like(noise) for noise in alone.noises]
            rows = list[Float64]()
            for _ in range(given.scenes):
                scene, own = scenes.scene(), alone.scene()
                assert scene.events == own.events
                known = scene.vectors[:, ALARM]
                found = vectors_found(scenes, scene.pcm)[:, ALARM]
                errors = [angles_deg(v, known) for v in (found, alarm_directions(own.pcm))]
                active = np.linalg.norm(found, axis=-1) > ACTIVE
                rows.append(np.stack([active, *errors], 1)[np.linalg.norm(known, axis=-1) > ACTIVE])
            active, network, room = np.concatenate(rows).T
            both = active > 0
            means = (network[both].mean(), room[both].mean(), room.mean())
            cells = (f"{100 * both.mean():.0f}", *(f"{mean:.1f}" for mean in means))
            print(table.add_row(part, name, *cells), flush=True)
    table.show()


if __name__ == "__main__":
    main()
