"""torch modules and .pt2 files: imported, named, compared; what does not work is said."""

import re
import sys
from collections import Counter

import numpy as np
import pytest
import torch

from edgekit.base.errors import EdgeKitError, ModelError, UsageError, VerificationError
from edgekit.export import from_torch as module_under_test
from edgekit.export.from_torch import from_torch
from edgekit.export.hop_runner import in_onnxruntime, run_hops, snr_db
from edgekit.graph.model import StatePair, StreamInfo

NETWORKS = '''
import torch
from torch import nn

class Recurrent(nn.Module):
    """x (1, 6), h (1, 1, 8) -> y (1, 6), the next h."""
    def __init__(self):
        super().__init__()
        self.first, self.norm = nn.Linear(6, 8), nn.BatchNorm1d(8)
        self.gru, self.last, self.drop = nn.GRU(8, 8), nn.Linear(8, 6), nn.Dropout(0.5)
    def forward(self, x, h):
        y, h = self.gru(torch.relu(self.norm(self.first(x))).unsqueeze(0), h)
        return torch.sigmoid(self.last(self.drop(y.squeeze(0)))), h

class Named(Recurrent):
    output_names = ("mask", "memory")

class Conv(nn.Module):
    """A causal convolution with its context as a state, and an input that nobody reads."""
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(3, 3, 4)
    def forward(self, x, context, unused):
        both = torch.cat([context, x], dim=2)
        return {"y": self.conv(both), "context": both[:, :, 2:], "unused": unused + 0.0}

class Hidden(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("h", torch.zeros(1, 4))
    def forward(self, x):
        self.h.copy_(self.h * 0.5 + x)
        return self.h * 2

class Branching(nn.Module):
    def forward(self, x):
        while x.sum() > 9:
            x = x / 2
        return x

class Same(nn.Module):
    """The output is the next state."""
    def forward(self, x, h):
        h = torch.tanh(x + h)
        return h, h

class Twice(nn.Module):
    output_names = ("y", "y")
    def forward(self, x):
        return x * 2, x * 3

class Nested(nn.Module):
    def forward(self, x, pair):
        return x + pair[0], (pair[0] * 0.5, pair[1] * 0.25)

def recurrent(): return Recurrent(), (torch.randn(1, 6), torch.zeros(1, 1, 8))
def shapeless(): return Recurrent()
def named(): return Named(), {"h": torch.zeros(1, 1, 8), "x": torch.randn(1, 6)}
def conv(): return Conv(), (torch.randn(1, 3, 2), torch.zeros(1, 3, 3), torch.zeros(2))
def hidden(): return Hidden(), torch.randn(1, 4)
def branching(): return Branching(), torch.randn(1, 4)
def same(): return Same(), [torch.randn(1, 4).numpy(), torch.zeros(1, 4).numpy()]  # arrays of NumPy will do
def twice(): return Twice(), torch.randn(1, 4)
def nested(): return Nested(), (torch.randn(1, 4), (torch.zeros(1, 4), torch.zeros(1, 4)))
class Two(nn.Module):
    def __init__(self, as_dictionary):
        super().__init__()
        self.as_dictionary = as_dictionary
    def forward(self, x, h1, h2):
        p, q = 0.5 * h1 + x, 0.9 * h2 - x
        if self.as_dictionary:
            return {"y": p + q, "h2_next": q, "h1_next": p}
        return p + q, q, p
class Cased(nn.Module):
    """Names of both cases, two that differ in case alone, and one that a parameter has too."""
    def __init__(self):
        super().__init__()
        self.A, self.a = nn.Parameter(torch.randn(4, 4)), nn.Linear(4, 4)
    def forward(self, A, Xin, H, a):
        return {"Y": self.a(A @ self.A) + Xin + a, "H_next": 0.5 * H + Xin}

def cased():
    given = ("A", torch.randn(1, 4)), ("Xin", torch.randn(1, 4)), ("H", torch.zeros(1, 4)), ("a", torch.randn(1, 4))
    return Cased(), dict(given)

class Forgetful(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(4, 4)
    def forward(self, x):
        return self.gru(x)[0]
def forgetful(): return Forgetful(), torch.randn(1, 1, 4)
def dictionary(): return Two(True), (torch.randn(1, 4), torch.zeros(1, 4), torch.zeros(1, 4))
def crossed(): return Two(False), (torch.randn(1, 4), torch.zeros(1, 4), torch.zeros(1, 4))
class Call(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function
    def forward(self, x):
        return self.function(x)
class Packed(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(4, 4, batch_first=True)
    def forward(self, x, lengths):
        return self.gru(nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True))[0].data
class Normed(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(4, 4)
    def forward(self, x, var):
        var = 0.9 * var + 0.1 * x * x
        return {"y": self.lstm(x * torch.rsqrt(var + 1e-5))[0], "var_next": var}
def packed(): return Packed(), (torch.rand(1, 5, 4), torch.tensor([5]))
def narrow(): return Call(nn.Linear(3, 2)), torch.rand(1, 4)
def normed(): return Normed(), (torch.randn(1, 1, 4), torch.ones(1, 1, 4))
def inverse(): return Call(torch.linalg.inv), torch.eye(3)[None]
def eigen(): return Call(lambda x: torch.linalg.eigh(x)[0]), torch.eye(3)[None]
def counted(): return Call(lambda x: x * int((x > 0).sum())), torch.rand(1, 4)
class Masked(nn.Module):
    def forward(self, x, lengths): return x[:, : int(lengths.max())]
def masked(): return Masked(), (torch.rand(1, 5, 4), torch.tensor([4]))
def integers(): return nn.Embedding(4, 4), torch.zeros(1, dtype=torch.int64)
def broken(): raise RuntimeError("no weights here")
def number(): return 7
not_a_function = 3
'''


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder outside of sys.path with some_networks.py."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "some_networks.py").write_text(NETWORKS)
    yield folder
    sys.modules.pop("some_networks", None)


@pytest.fixture(autouse=True)
def working_directory(project, monkeypatch):
    monkeypatch.chdir(project)


@pytest.fixture(scope="module")
def recurrent(project):
    """The model and the examples of some_networks:recurrent."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        return from_torch("some_networks:recurrent", name="net", hop=16, sample_rate=16000, delay=0)


def refused(factory, error=UsageError, **options):
    with pytest.raises(error) as caught:
        from_torch(f"some_networks:{factory}", name="net", **options)
    return caught.value


def test_a_recurrent_module_becomes_a_small_graph(recurrent):
    model, examples = recurrent
    found = Counter(node.op_type for node in model.ir.graph)
    assert {key: found[key] for key in ("Gemm", "GRU", "Relu", "Sigmoid")} == {
        "Gemm": 2,
        "GRU": 1,
        "Relu": 1,
        "Sigmoid": 1,
    }
    assert set(found) == {"Gemm", "GRU", "Relu", "Sigmoid", "Reshape"}
    assert model.states == (StatePair("h", "h_next"),)
    assert model.stream == StreamInfo(16, 16000, 0)
    assert {name: array.shape for name, array in examples.items()} == {"x": (1, 6), "h": (1, 1, 8)}


def test_bytes_repeat_and_hold_no_path(recurrent, project, capfd):
    data = recurrent[0].to_bytes()
    for path in (str(project), "site-packages", ".py"):
        assert path.encode() not in data
    again, _ = from_torch("some_networks:recurrent", name="net", hop=16, sample_rate=16000, delay=0)
    assert again.to_bytes() == data
    assert capfd.readouterr() == ("", "")


def test_hops_in_onnxruntime_equal_torch(recurrent):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = sys.modules["some_networks"].Recurrent().eval()
    x = np.random.default_rng(0).normal(size=(600, 1, 6)).astype(np.float32)
    h, expected = torch.zeros(1, 1, 8), []
    with torch.no_grad():
        for hop in torch.from_numpy(x):
            y, h = module(hop, h)
            expected.append(y.numpy())
    (found,) = run_hops(recurrent[0], {"x": x}).values()
    assert snr_db(np.stack(expected), found) >= 100


def test_a_pt2_gives_what_its_module_gives(recurrent, project):
    module = sys.modules["some_networks"].Recurrent().eval()
    program = torch.export.export(module, (torch.randn(1, 6), torch.zeros(1, 1, 8)))
    torch.export.save(program, project / "net.pt2")
    model, examples = from_torch(str(project / "net.pt2"), name="net")
    assert model.states == (StatePair("h", "h_next"),)
    assert list(examples) == ["x", "h"]


def test_names_of_outputs_and_examples_by_name():
    model, examples = from_torch("some_networks:named", name="net")
    assert [value.name for value in model.ir.graph.outputs] == ["mask", "h_next"]
    assert list(examples) == ["x", "h"]


def test_inputs_keep_the_case_of_their_names(project):
    model, examples = from_torch("some_networks:cased", name="cased")
    assert [v.name for v in model.ir.graph.inputs] == ["A", "Xin", "H", "a"] == list(examples)
    assert [v.name for v in model.ir.graph.outputs] == ["Y", "H_next"]
    assert model.states == (StatePair("H", "H_next"),)
    module, given = sys.modules["some_networks"].cased()
    torch.export.save(torch.export.export(module, (), given), project / "cased.pt2")
    again, _ = from_torch(str(project / "cased.pt2"), name="cased")
    assert [v.name for v in again.ir.graph.inputs] == ["A", "Xin", "H", "a"]


def test_a_declared_pair_keeps_its_name():
    model, _ = from_torch("some_networks:named", name="net", states=[("h", "memory")])
    assert model.states == (StatePair("h", "memory"),)


def test_dictionaries_and_unused_inputs():
    model, examples = from_torch("some_networks:conv", name="net")
    assert [pair.input for pair in model.states] == ["context", "unused"]
    assert list(examples) == ["x", "context", "unused"]


def test_an_output_that_is_its_own_next_state_keeps_both_names():
    model, _ = from_torch("some_networks:same", name="net")
    assert len({value.name for value in model.ir.graph.outputs}) == 2
    assert len(model.states) == 1


def test_nested_states():
    model, _ = from_torch("some_networks:nested", name="net")
    assert len(model.states) == 2


def test_shapes_stand_in_for_examples():
    model, _ = from_torch(
        "some_networks:shapeless", name="net", shapes={"x": (1, 6), "h": (1, 1, 8)}
    )
    assert [list(value.shape) for value in model.ir.graph.inputs] == [[1, 6], [1, 1, 8]]
    error = refused("shapeless", ModelError, shapes={"x": (1, 6), "q": (3,)})
    assert [problem.where for problem in error.problems] == ["input 'h'", "input 'q'"]
    assert "--shape h=DIMS" in str(error)


def test_factories_that_fail_are_chained():
    error = refused("broken")
    assert "no weights here" in str(error)
    assert isinstance(error.__cause__, RuntimeError)


@pytest.mark.parametrize(
    ("source", "part"),
    [
        ("some_networks", "package.module:factory"),
        ("some_networks:", "package.module:factory"),
        ("../some_networks:recurrent", "package.module:factory"),
        ("some_networks:missing", "no attribute 'missing'"),
        ("no_such_package:factory", "No module named 'no_such_package'"),
        ("some_networks:number", "returned an int"),
        ("some_networks:not_a_function", "a int, not a function"),
        ("missing.pt2", "torch.export.load"),
    ],
)
def test_sources_that_cannot_be_loaded(source, part):
    with pytest.raises(UsageError, match=part):
        from_torch(source, name="net")


def test_modules_that_cannot_be_imported():
    assert "torch.export refuses it" in str(refused("branching", ModelError))


def test_a_buffer_that_forward_writes_is_a_state():
    model, _ = from_torch("some_networks:hidden", name="net")
    (pair,) = model.states
    running, x = in_onnxruntime(model.to_bytes()), np.full((1, 4), 3.0, np.float32)
    made = running({"x": x, pair.input: np.ones((1, 4), np.float32)})
    np.testing.assert_array_equal(made[pair.output], np.full((1, 4), 3.5))
    assert (pair.input, made["output"].tolist()) == ("h", [[7.0] * 4])


@pytest.mark.parametrize(
    ("factory", "found"),
    [
        ("inverse", "torch has no ONNX form of aten.linalg_inv_ex"),
        ("eigen", "torch has no ONNX form of aten._linalg_eigh"),
        ("branching", "depends on values, in some_networks.py line "),
        ("counted", "depends on values"),
        ("packed", "a packed sequence, in some_networks.py line "),
        ("narrow", ", in some_networks.py line "),
    ],
)
def test_what_torch_refuses_is_told_in_a_line_and_nothing_else_is_printed(factory, found, capfd):
    (problem,) = refused(factory, ModelError).problems
    assert found in problem.found and "\n" not in problem.found and len(problem.found) < 300
    assert "original error" not in problem.next_step
    assert capfd.readouterr() == ("", "")


def test_an_input_of_counts_that_decides_may_be_fixed_by_a_module_around():
    (problem,) = refused("masked", ModelError).problems
    assert "'lengths'" in problem.next_step
    assert problem.next_step.endswith("self.net(..., lengths=torch.tensor([4]))")
    (problem,) = refused("counted", ModelError).problems
    assert "self.net" not in problem.next_step


def test_a_state_that_must_be_positive_is_tried_with_positive_numbers():
    model, _ = from_torch("some_networks:normed", name="net")
    assert [pair.input for pair in model.states] == ["var"]
    assert any("'var' begins at 0 in a build" in note for note in model.notes)


def test_integers_are_tried_within_the_range_that_the_module_takes():
    model, examples = from_torch("some_networks:integers", name="net")
    (value,) = model.stream_inputs
    assert value.dtype is not None and value.dtype.name == "INT64"
    assert next(iter(examples.values())).dtype == np.int64


def test_wrong_output_names_are_refused():
    assert "all different" in str(refused("twice"))


def test_a_graph_that_differs_from_the_module_is_an_error(monkeypatch):
    honest = module_under_test.read_graph

    def distort(*given, **options):
        graph_model, *others = honest(*given, **options)
        for value in graph_model.graph.initializers.values():
            if value.dtype.name == "FLOAT" and value.const_value.size > 8:
                value.const_value = type(value.const_value)(
                    value.const_value.numpy() * np.float32(1.01), name=value.name
                )
        return graph_model, *others

    monkeypatch.setattr(module_under_test, "read_graph", distort)
    error = refused("recurrent", VerificationError)
    assert isinstance(error, EdgeKitError)
    assert str(error).startswith("in float64 ")
    apart, allowed = re.findall(r"(?:differs by|allowed:) ([^ ;]+)", str(error))[:2]
    assert float(apart) > 0.01 > 1e-5 > float(allowed)  # what rounded constants may make of it


def test_the_keys_of_a_dictionary_name_the_outputs():
    model, _ = from_torch("some_networks:dictionary", name="net")
    assert [value.name for value in model.ir.graph.outputs] == ["y", "h2_next", "h1_next"]
    assert set(model.states) == {StatePair("h1", "h1_next"), StatePair("h2", "h2_next")}
    assert model.notes == ()


def test_states_that_only_their_order_pairs_are_told():
    model, _ = from_torch("some_networks:crossed", name="net")
    (note,) = model.notes
    assert "h1 is output 2, h2 is output 3" in note


def test_a_cell_that_forgets_between_calls_is_told(recurrent):
    model, _ = from_torch("some_networks:forgetful", name="net")
    (note,) = model.notes
    assert note.startswith("GRU '") and "constant state" in note
    assert recurrent[0].notes == ()
