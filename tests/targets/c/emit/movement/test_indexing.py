"""Movement by constant indices: strides where there are some, else one narrow table."""

import numpy as np
import pytest
from one_node import build, hop, network


@pytest.mark.parametrize(("places", "tables"), [((0, 2, 4), 0), ((5, 0, 2), 1)])
def test_a_table_only_where_no_stride_fits(places: tuple[int, ...], tables: int) -> None:
    indices = np.array(places, np.int64)
    model = network("float[2,6] x", "float[2,3] y", "y = Gather <axis = 1> (x, k)", k=indices)
    name = build(model).manifest.c_name
    text = build(model).files[f"{name}_weights.c"].decode()
    assert hop(model).count("_index[") == tables == text.count("extern const int16_t ")


def test_what_a_scatter_adds_is_added_in_the_order_of_the_updates() -> None:
    node = 'y = ScatterElements <axis = 1, reduction = "add"> (x, k, u)'
    model = network(
        "float[1,4] x, float[1,3] u", "float[1,4] y", node, k=np.array([[2, 2, 0]], np.int64)
    )
    body = hop(model)
    assert "memcpy(v_y, v_x" in body and " + v_u[" in body
