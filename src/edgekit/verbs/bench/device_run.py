"""A build on a device that measures it."""

from dataclasses import dataclass
from pathlib import Path

from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.devices.device import Device
from edgekit.runtime.devices.profile import Profile


@dataclass(frozen=True)
class DeviceRun:
    """A measurement to make, and its device.

    Attributes:
        directory: the build.
        manifest: its facts.
        target: the device that it was made for.
        device: the way to reach the machine that measures.
        name: the device, as ``--device`` names it.
        hops: in each round, or counted.
    """

    directory: Path
    manifest: Manifest
    target: Profile
    device: Device
    name: str
    hops: int
