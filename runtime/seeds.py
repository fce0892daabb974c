"""The seed of the noise that a build draws."""

from edgekit.base.errors import Problem, UsageError
from edgekit.runtime.build_folder.manifest import Manifest


def checked_seed(seed: int, manifest: Manifest) -> int:
    """Return the seed.

    Raises:
        UsageError: the build draws no noise, or it is no number of 64 bits.
    """
    if manifest.noise is None:
        where, found = f"seed {seed}", f"build '{manifest.source['name']}' draws no noise"
        step = "leave it out, or export with --noise INPUT"
        raise UsageError(Problem(where, found, "a build with noise", step))
    if not 0 <= seed < 2**64:
        raise UsageError(Problem("seed", str(seed), "0 to 2^64 - 1", "choose another"))
    return seed
