"""Files that nobody wrote by hand: grammar-aware damage, and random graphs, each judged in every stage.

`make fuzz MINUTES=60` goes on with new seeds; `tests/test_fuzz.py` holds a part and every case that ever failed.
"""

CAUGHT = "the import's own verification"
