"""Nodes that change nothing are removed, all others stay."""

import numpy as np
from pass_networks import apply, ops, parse

from edgekit.export.passes import (
    RemoveNoOps,
)


def test_nodes_without_effect_disappear():
    model = parse(
        """(float[1,4,5] x) => (float[1,4,5] y) {
          a = Identity (x)
          d = Dropout (a)
          c = Cast <to = 1> (d)
          t = Transpose <perm = [0, 1, 2]> (c)
          p = Pad (t, no_pads)
          z = Add (p, zero)
          m = Mul (one, z)
          n = Concat <axis = 0> (m)
          r = Relu (n)
          y = Identity (r)
        }""",
        no_pads=np.zeros(6, np.int64),
        zero=np.zeros((1, 4, 1), np.float32),
        one=np.ones((), np.float32),
    )
    assert ops(apply(model, RemoveNoOps())) == {"Relu": 1}


def test_arithmetic_that_broadcasts_has_an_effect():
    model = parse(
        "(float[4] x) => (float[3,4] y) { y = Add (x, zero) }", zero=np.zeros((3, 4), np.float32)
    )
    assert ops(apply(model, RemoveNoOps())) == {"Add": 1}


def test_inputs_and_outputs_keep_their_names_when_nothing_is_between():
    model = parse(
        """(float[2] x) => (float[2] y, float[2] z, float[2] u) {
          d = Dropout (x)
          y = Identity (d)
          z = Relu (x)
          u = Identity (z)
        }"""
    )
    assert ops(apply(model, RemoveNoOps())) == {"Identity": 2, "Relu": 1}


def test_a_dropout_whose_mask_is_read_stays():
    model = parse("(float[2] x) => (float[2] y, bool[2] m) { y, m = Dropout (x) }")
    RemoveNoOps()(model)
    assert ops(model) == {"Dropout": 1}
