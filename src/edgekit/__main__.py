"""``python -m edgekit``, and the command ``edgekit``."""

import sys

INTERRUPTED = 130  # as shells say it of SIGINT


def main() -> None:
    """Run the command line; an interrupt ends it without a traceback, while its modules are loaded too."""
    try:
        from edgekit.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
