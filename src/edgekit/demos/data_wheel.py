"""The networks and recordings of the demos: most are in a second wheel, which installs into this folder."""

from pathlib import Path

from edgekit import __version__
from edgekit.base.errors import ToolError
from edgekit.base.installation import DEMO_DISTRIBUTION, install

FOLDER = Path(__file__).parent


def has_data(name: str) -> bool:
    """Whether a file below `FOLDER` is installed."""
    return (FOLDER / name).is_file()


def how_to_get_data() -> str:
    """Return how to install the networks and recordings that EdgeKit's own wheel leaves out."""
    wheel = f"{DEMO_DISTRIBUTION.replace('-', '_')}-{__version__}-py3-none-any.whl"
    return f"networks and recordings of most demos are in the second wheel of a release; {install(wheel)}"


def require_data(path: Path) -> None:
    """See that a file of the demos is installed; other files are not looked at.

    Raises:
        ToolError: it lies below `FOLDER` and is not there.
    """
    if FOLDER in path.parents and not path.is_file():
        raise ToolError(how_to_get_data())
