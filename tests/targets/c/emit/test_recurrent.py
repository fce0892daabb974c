"""Recurrent layers: where their states live, and which cells the kernels have."""

import numpy as np
import pytest
from one_node import hop, network, refused

W, R = np.ones((1, 20, 4), np.float32), np.ones((1, 20, 5), np.float32)
INPUTS = "float[3,1,4] x"


def test_states_that_nobody_gives_or_wants_begin_at_zero_in_scratch() -> None:
    node = "y, h = LSTM <hidden_size = 5> (x, w, r)"
    body = hop(network(INPUTS, "float[3,1,1,5] y", node, w=W, r=R))
    assert body.count("memset((float *)(void *)(s + 0) + ") == 2
    assert ", v_y, 3, 1, 4, 5, (float *)(void *)(s + 0));" in body


def test_y_of_a_single_step_is_its_state_and_is_not_written_twice() -> None:
    node = "y, h = LSTM <hidden_size = 5> (x, w, r)"
    body = hop(network("float[1,1,4] x", "float[1,1,1,5] y", node, w=W, r=R))
    assert "memset(v_y, 0, 5 * sizeof *(v_y));" in body and "NULL, 1, 1, 4, 5," in body


@pytest.mark.parametrize(
    ("attribute", "allowed"),
    [
        ("clip = 1.0", "its default"),
        ('activations = ["Relu", "Tanh", "Tanh"]', "Sigmoid, Tanh, Tanh"),
    ],
)
def test_a_cell_of_another_kind_is_refused(attribute: str, allowed: str) -> None:
    node = f"y, h = LSTM <hidden_size = 5, {attribute}> (x, w, r)"
    model = network(INPUTS, "float[3,1,1,5] y", node, w=W, r=R)
    assert refused(model) == [(f"attribute {attribute.split()[0]}", allowed)]


def test_weights_that_are_computed_are_refused() -> None:
    node = "v = Neg (r)\ny, h = LSTM <hidden_size = 5> (x, w, v)".replace("(r)", "(q)")
    model = network(f"{INPUTS}, float[1,20,5] q", "float[3,1,1,5] y", node, w=W)
    assert ("computed weights", "constant weights") in refused(model)
