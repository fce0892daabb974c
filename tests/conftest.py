"""`make test` tries the same random examples each time; `make stream-fuzz` tries new ones."""

import os

from hypothesis import settings

settings.register_profile("same", derandomize=True)
if "STREAM_FUZZ" not in os.environ:
    settings.load_profile("same")
