"""Processor seconds of commands: how soon they begin, and what the cache of compiled objects saves.

    python bench/processor_time.py [--only REGEX] [--times 3]

Each command runs in a process of its own, as a user's, and its compilers count. *cold* begins with an empty cache, *warm*
finds what the run before it left, the least of some. Exports are of the README's examples and of the bundled denoiser.
"""

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import tables
from rich.console import Console
from rich.table import Table

from edgekit import demos

ROOT = Path(__file__).parent.parent
CLIPS = Path(demos.__file__).parent / "clips"
