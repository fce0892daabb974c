"""Fourier transforms and Einsum become products of the same result."""

import numpy as np
import pytest
from pass_networks import draw, ops, parse, run

from edgekit.export.passes.canonical_forms.spectral import dft_matrix, irfft_matrix
from edgekit.export.passes.canonical_forms.table import Canonical


@pytest.mark.parametrize(
    ("node", "shape", "result"),
    [
        ("DFT (x, , axis)", (2, 12, 1), (2, 12, 2)),
        ("DFT <inverse = 1> (x, , axis)", (2, 12, 2), (2, 12, 2)),
        ("DFT <onesided = 1> (x, length, axis)", (2, 12, 1), (2, 5, 2)),
        ("DFT (x, , first)", (6, 3, 2), (6, 3, 2)),
        ("DFT <onesided = 1> (x, , first)", (40, 3, 1), (21, 3, 2)),
    ],
)
def test_a_transform_is_that_of_onnx(node: str, shape, result) -> None:
    sizes = [",".join(map(str, s)) for s in (shape, result)]
    text = f"(float[{sizes[0]}] x) => (float[{sizes[1]}] y) {{ s = {node} y = Identity (s) }}"
    model = parse(text, axis=np.array(1), first=np.array(0), length=np.array(8))
    _, (expected,) = run(model)
    Canonical()(model)
    assert ops(model)["MatMul"] or shape[0] == 40  # which the fast kernel takes, transposed
    np.testing.assert_allclose(run(model)[1][0], expected, atol=2e-5)


@pytest.mark.parametrize(
    "equation",
    [
        "ij,jk->ik",
        "bij,bkj->bki",
        "bi,bi->b",
        "bij->ij",
        "ij->ji",
        "...i,ij->...j",
        "abc,cd",
        "i,j->ji",
        "bi,ib->bi",
        "bi,bj,bi->bij",
        "ij,jk,kc,c->ki",
        "ab,bc,ac->a",
    ],
)
def test_an_equation_is_sums_products_and_transpositions(equation: str) -> None:
    letters = dict(zip("abcdijk", (2, 3, 4, 5, 3, 4, 2), strict=True))
    terms = equation.replace("...", "ab").partition("->")[0].split(",")
    arrays = [draw(*(letters[c] for c in term), seed=i) for i, term in enumerate(terms)]
    expected = np.einsum(equation, *arrays)
    sizes = [",".join(map(str, array.shape)) for array in (*arrays, expected)]
    names = "xzuv"[: len(arrays)]
    inputs = ", ".join(f"float[{size}] {name}" for name, size in zip(names, sizes, strict=False))
    node = f'Einsum <equation = "{equation}"> ({", ".join(names)})'
    model = parse(f"({inputs}) => (float[{sizes[-1]}] y) {{ s = {node} y = Identity (s) }}")
    _, (before,) = run(model)
    Canonical()(model)
    assert "Einsum" not in ops(model)
    np.testing.assert_allclose(run(model)[1][0], before, atol=1e-5)


def test_repeated_letters_stay() -> None:
    model = parse('(float[3,3] x) => (float[3] y) { y = Einsum <equation = "ii->i"> (x) }')
    Canonical()(model)
    assert ops(model) == {"Einsum": 1}


def test_matrices_are_the_transforms_of_numpy() -> None:
    sound = np.random.default_rng(0).normal(size=10)
    bins = np.fft.rfft(sound)
    parts = np.stack([bins.real, bins.imag], -1).ravel()
    np.testing.assert_allclose(sound @ dft_matrix(10, 10, 6, False, 1), parts, atol=1e-5)
    np.testing.assert_allclose(parts @ irfft_matrix(6, 10), sound, atol=1e-5)
