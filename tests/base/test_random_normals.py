"""The counter-based generator against the vectors of its authors, and its normal numbers against the normal law."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import stats  # type: ignore[import-untyped]

from edgekit.base.random_normals import noise, normals, philox, quantiles, to_normal, to_uniform

# kat_vectors of Random123: counter, key, result
VECTORS = (
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    (
        (0xFFFFFFFF,) * 4,
        (0xFFFFFFFF,) * 2,
        (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
    ),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
)


@pytest.mark.parametrize(("counter", "key", "words"), VECTORS)
def test_philox_gives_its_authors_vectors(
    counter: tuple[int, ...], key: tuple[int, int], words: tuple[int, ...]
) -> None:
    c0, c1, c2, c3 = counter
    assert tuple(int(word) for word in philox((c0, c1, c2, c3), key)) == words


def test_the_table_is_the_same_on_every_machine() -> None:
    table = quantiles()
    assert (table.size, int(table.astype(np.int64).sum())) == (993, 4121853100)
    assert (np.diff(table) < 0).all() and table[-1] == 0 and table[0] < 8 << 20


def test_every_word_becomes_nearly_the_exact_inverse() -> None:
    words = np.concatenate(
        [np.arange(1 << 16), np.random.default_rng(0).integers(0, 1 << 32, 1 << 18)]
    ).astype(np.uint64)
    tail = (words.astype(np.int64) & 0x7FFFFFFF | 1) / 2.0**32
    exact = np.where(words >> np.uint64(31) == 1, 1, -1) * stats.norm.ppf(tail)
    assert np.abs(to_normal(words) - exact).max() < 7e-5


def test_the_numbers_are_normal_and_independent() -> None:
    z = normals(np.arange(64, dtype=np.uint64), 3, 4096).astype(np.float64)
    assert stats.kstest(z.ravel(), "norm").statistic < 1.95 / 512  # probability 0.001
    assert np.abs(np.corrcoef(z) - np.eye(64)).max() < 0.08
    assert np.abs(np.corrcoef(z[0, 1:], z[0, :-1])[0, 1]) < 0.05


def test_draws_depend_on_nothing_but_seed_draw_and_place() -> None:
    many = normals(np.array([5, 6, 7], np.uint64), 2, 11)
    assert np.array_equal(normals(np.array([6], np.uint64), 2, 9), many[1:2, :9])
    assert not np.array_equal(normals(np.array([6], np.uint64), 3, 11), many[1:2])


def test_a_noise_goes_on_where_it_was_cut() -> None:
    for distribution in ("normal", "uniform"):
        for first in (0, 2**34 - 5, 2**61 + 1):
            whole = noise(distribution, 2**64 - 1, first, 50, port=3)
            cuts = [0, 1, 6, 10, 31, 50]
            parts = [
                noise(distribution, 2**64 - 1, first + a, b - a, port=3) for a, b in pairwise(cuts)
            ]
            np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_the_first_noise_begins_as_a_sampler_s_first_draw() -> None:
    np.testing.assert_array_equal(
        noise("normal", 7, 0, 90), normals(np.array([7], np.uint64), 0, 90)[0]
    )


def test_uniform_numbers_follow_their_law_and_stay_below_one() -> None:
    edges = to_uniform(np.array([0, 2**31, 2**32 - 1], np.uint64))
    np.testing.assert_array_equal(edges, np.float32([-1, 0, 1 - 2**-23]))
    assert stats.kstest(noise("uniform", 1, 0, 20_000), stats.uniform(-1, 2).cdf).pvalue > 0.01


def test_noises_of_several_ports_and_seeds_are_unlike() -> None:
    rows = [noise("normal", seed, 0, 4000, port) for seed in (0, 1, 2**32) for port in (0, 1)]
    apart = np.corrcoef(rows) - np.eye(len(rows))
    assert np.abs(apart).max() < 0.07
