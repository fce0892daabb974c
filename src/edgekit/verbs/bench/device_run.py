"""A build on a device that measures it."""

from dataclasses import dataclass
from pathlib import Path

from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.devices.device import Device
from edgekit.runtime.devices.profile import Profile


@dataclass(frozen=True)
class DeviceRun:
    """What is measured, and where.

    Attributes:
        directory: the build.
        manifest: its facts.
        target: the device that it was made for.
        device: how that which measures is reached.
        name: which one, as ``--device`` names it.
        hops: in each round, or counted.
    """

    directory: Path
    manifest: Manifest
    target: Profile
    device: Device
    name: str
    hops: int
