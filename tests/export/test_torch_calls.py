"""Tensors of nested results, and calls without output."""

import logging

import pytest
import torch

from edgekit.export.torch_calls import leaves, silent, with_leaves


def test_tensors_of_a_tree_are_taken_out_and_put_back_in_order() -> None:
    tree = {"a": (torch.zeros(1), 5), "b": [torch.ones(2), None]}
    assert [leaf.shape[0] for leaf in leaves(tree)] == [1, 2]
    doubled = with_leaves(tree, iter([torch.ones(3), torch.ones(4)]))
    assert [leaf.shape[0] for leaf in leaves(doubled)] == [3, 4]
    assert doubled["a"][1] == 5 and doubled["b"][1] is None and isinstance(doubled["a"], tuple)


def test_output_and_logs_come_back_after_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    log = logging.getLogger("edgekit-test")
    with pytest.raises(ValueError, match="stop"), silent():
        print("hidden")
        assert not log.isEnabledFor(logging.CRITICAL)
        raise ValueError("stop")
    print("shown")
    assert capsys.readouterr().out == "shown\n" and log.isEnabledFor(logging.CRITICAL)
