"""Pairs of real tensors compute what torch computes of complex numbers."""

import operator

import pytest
import torch

from edgekit.base.errors import ModelError
from edgekit.export.torch_pairs import FORMS, Pair, by_parts, has_pair, istft, map_pairs, product

Z = torch.complex(torch.tensor([0.5, -2.0, 0.1]), torch.tensor([1.5, 0.3, -0.7]))
W = torch.complex(torch.tensor([-1.0, 0.25, 3.0]), torch.tensor([0.2, -4.0, 0.6]))


@pytest.mark.parametrize(
    "name", ["exp", "log", "sqrt", "square", "reciprocal", "abs", "angle", "conj_physical"]
)
def test_functions_of_one_number(name: str) -> None:
    found = FORMS[name](Pair.of(Z))
    expected = getattr(torch, name)(Z)
    torch.testing.assert_close(found.joined() if isinstance(found, Pair) else found, expected)


@pytest.mark.parametrize("other", [W, W.real, 3, 2.5, 1 - 2j], ids=str)
@pytest.mark.parametrize("name", ["add", "sub", "div", "pow"])
def test_arithmetic_with_pairs_real_tensors_and_numbers(name: str, other) -> None:
    taken = Pair.of(other) if isinstance(other, torch.Tensor) and other.is_complex() else other
    torch.testing.assert_close(
        FORMS[name](Pair.of(Z), taken).joined(),
        getattr(torch, name)(Z, other),
        rtol=1e-4,
        atol=1e-5,
    )


def test_products_of_pairs_and_real_tensors() -> None:
    for a, b in ((Z, W), (Z, W.real), (Z.real, W)):
        pairs = [Pair.of(x) if x.is_complex() else x for x in (a, b)]
        torch.testing.assert_close(product(operator.mul, pairs, {}).joined(), a * b)
    whole = product(torch.einsum, ("i,i,i->i", [Pair.of(x) for x in (Z, W, Z)]), {})
    torch.testing.assert_close(whole.joined(), Z * W * Z)


def test_what_is_linear_runs_on_both_parts() -> None:
    found = by_parts(torch.cat, ([Pair.of(Z), W.real],), {})
    torch.testing.assert_close(found.joined(), torch.cat([Z, W.real + 0j]))


def test_trees_keep_their_form() -> None:
    tree = {"a": [Pair.of(Z), 1], "b": (2,)}
    assert has_pair(tree) and not has_pair({"a": [1]})
    assert map_pairs(tree, lambda pair: "pair") == {"a": ["pair", 1], "b": (2,)}


def test_an_inverse_transform_gives_the_sound_and_refuses_two_sides() -> None:
    sound, window = (
        torch.randn(1, 64, generator=torch.Generator().manual_seed(0)),
        torch.hann_window(16),
    )
    spectrum = torch.stft(sound, 16, 4, window=window, return_complex=True)
    torch.testing.assert_close(istft(Pair.of(spectrum), 16, 4, window=window, length=64), sound)
    with pytest.raises(ModelError, match="both sides of a spectrum"):
        istft(Pair.of(spectrum), 16, onesided=False)
