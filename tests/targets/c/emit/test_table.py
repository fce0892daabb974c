"""The table of emitters: every operator has its NumPy form, and its types are known."""

from edgekit.operators.table import OPERATORS
from edgekit.targets.c.emit.table import EMITTERS
from edgekit.targets.c.plan.storage import ITEM_BYTES


def test_every_operator_of_onnx_has_a_numpy_form() -> None:
    assert {name for domain, name in EMITTERS if domain == ""} <= {
        name for domain, name in OPERATORS if domain == ""
    }


def test_every_type_that_an_emitter_takes_has_a_size() -> None:
    for key, emitter in EMITTERS.items():
        assert {*emitter.reads, *(emitter.writes or ())} <= ITEM_BYTES.keys(), key
