"""Progress reports of long work."""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]  # name of the work, steps done, steps in all


def silent(_stage: str, _done: int, _total: int) -> None:
    """Show no progress."""
