"""Several networks in one sampler: one build has the bits of the loop in Python and of oracles."""

import subprocess
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builds import STRICT
from c_kernels import CC, needs_cc
from diffusion_networks import NULL, SHAPE, labels
from numpy.typing import NDArray
from slices import slow_except

from edgekit import api
from edgekit.base import sampler_loop
from edgekit.base.errors import ModelError, UsageError
from edgekit.base.sampler_loop import Other, Step
from edgekit.base.sampler_table import Arrays, Roles
from edgekit.export.diffusion.description import Sampler as Description
from edgekit.export.diffusion.description import attach, read_sampler
from edgekit.export.diffusion.networks import with_networks
from edgekit.export.diffusion.schedule import Schedule
from edgekit.graph.model import Model
from edgekit.operators.oracle import Oracle
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.sampler import Sampler
from edgekit.runtime.stream import Stream
from edgekit.verbs.export.importing import ImportOptions, load_model
from edgekit.verbs.targets import TARGETS

pytestmark = pytest.mark.usefixtures("few_calls")
N, SEED = 2, 5
HEAD = """
prediction = "v"
steps = 4
clip = 1.5
{more}
[schedule]
kind = "cosine"
[roles]
{roles}
[networks]
{networks}
"""
NETWORKS = {"first": "blind", "y": "reconstruct", "last": "decoder"}
NULLS = f"null = {{ label = {NULL} }}"
LATENT = ("", "", ("last",))
CASES = {
    "one more step": ("one_more_step = true\nguidance = 2.0", NULLS, ("first",)),
    "golden noise": ("eta = 0.5", "", ("first",)),
    "all": ("kind = 'diffusevae'\none_more_step = true", "y = 'recon'", ("first", "y", "last")),
}


def exported(case: str, folder: Path, recipe: str = "w8a8", target: str = "c99") -> Any:
    more, roles, networks = CASES.get(case, LATENT)
    named = "\n".join(f'{role} = "diffusion_networks:{NETWORKS[role]}"' for role in networks)
    folder.mkdir(exist_ok=True)
    text = HEAD.format(more=more, roles=roles, networks=named)
    (folder / "sampler.toml").write_text(text)
    return api.export(
        "diffusion_networks:tiny_unet",
        target,
        folder / "build",
        recipe=recipe,
        sampler=folder / "sampler.toml",
    )


def conditions(case: str) -> Arrays:
    code = np.random.default_rng(0).standard_normal((N, 4)).astype(np.float32)
    return labels(N) | ({"code": code} if "y" in CASES[case][2] else {})


def by_oracle(folder: Path, given: Arrays) -> NDArray[np.float32]:
    """The loop around the NumPy oracles of the models that a build keeps."""
    sampler = Sampler.open(folder)

    def network(path: Path) -> Any:
        model = Model.from_bytes((path / "model.onnx").read_bytes())
        oracle = Oracle(model)
        kinds = {str(v.name): (v.shape.numpy(), v.dtype.numpy()) for v in model.stream_inputs}  # type: ignore[union-attr]

        def call(now: Arrays, _: Step) -> list[NDArray[Any]]:
            ready = {n: now[n].astype(kind).reshape(shape) for n, (shape, kind) in kinds.items()}
            return list(oracle.process(ready).values())

        return sampler_loop.one_by_one(call)

    def other(path: Path) -> Other:
        run = network(path)
        return lambda now: run(now, Step(0, 0, 0.0, 0, 0))[0]

    others = {role: other(folder / "networks" / role) for role in sampler.table.networks}
    x: NDArray[np.float32] = sampler_loop.sample(
        sampler.table, network(folder), sampler.shape, N, SEED, given, others=others
    )
    return x


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All three networks, as portable C of int8."""
    folder = tmp_path_factory.mktemp("everything")
    exported("all", folder)
    return folder / "build"


@needs_cc
@pytest.mark.parametrize("case", slow_except(lambda case: case == "all", CASES))
def test_c_python_and_oracle_draw_the_same_bits(
    case: str, tmp_path: Path, everything: Path
) -> None:
    if case != "all":
        exported(case, tmp_path)
    build = everything if case == "all" else tmp_path / "build"
    assert Manifest.load(build).verification["bit_exact_with_oracle"] is True  # type: ignore[index]
    sampler, given = Sampler.open(build), conditions(case)
    assert {tensor.name for tensor in sampler.conditions} == given.keys()
    found = sampler.sample(N, SEED, given)
    assert found.shape == (N, *((3, 16, 16) if "last" in CASES[case][2] else SHAPE))
    assert found.std() > 0.01 and not np.array_equal(found[0], found[1])
    assert np.array_equal(found, sampler.by_rows(N, SEED, given))
    assert np.array_equal(found, by_oracle(build, given))
    for role, other in sampler.stream.others.items():
        facts = other.manifest.verification
        assert facts is not None and facts["bit_exact_with_oracle"] is True, role


@needs_cc
def test_the_build_is_strict_c99_and_plans_the_decoder_over_the_loop(everything: Path) -> None:
    sources = sorted(str(path) for path in everything.glob("*.c"))
    done = subprocess.run(
        [str(CC), *STRICT, "-Wshadow", "-fsyntax-only", *sources], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    memory = Manifest.load(everything).memory
    parts = [Manifest.load(everything / "networks" / role).memory for role in NETWORKS]
    assert (memory["weights_bytes"] or 0) > sum(part["weights_bytes"] or 0 for part in parts)
    last = parts[-1]["scratch_bytes"] or 0
    arrays = 256  # x alone lies behind the decoder's scratch, the loop's other arrays under it
    assert memory["scratch_bytes"] == last + arrays


@pytest.mark.slow
def test_a_decoder_in_the_build_gives_the_bits_of_one_by_hand(tmp_path: Path) -> None:
    """In float: integers of two exports are calibrated apart. onnxruntime and LiteRT draw the same image."""
    targets = ["onnxruntime", *(["litert"] if find_spec("ai_edge_litert") else [])]
    targets += ["host"] if CC else []
    exported("latent", tmp_path, "float32", targets[0])
    plain = tmp_path / "plain.toml"
    plain.write_text((tmp_path / "sampler.toml").read_text().split("[networks]")[0])
    factory = "diffusion_networks:tiny_unet"
    api.export(factory, targets[-1], tmp_path / "unet", sampler=plain)
    api.export("diffusion_networks:decoder", targets[-1], tmp_path / "decoder")
    latent = api.sample(tmp_path / "unet", N, SEED, conditions=labels(N))
    (by_hand,) = Stream.open(tmp_path / "decoder").run({"latent": latent[:, None]}).values()
    for target in targets:
        if target != targets[0]:
            exported("latent", tmp_path / target, "float32", target)
        build = (tmp_path if target == targets[0] else tmp_path / target) / "build"
        found = api.sample(build, N, SEED, conditions=labels(N))
        if target == targets[-1]:
            assert np.array_equal(found, by_hand[:, 0])
        assert np.abs(found - by_hand[:, 0]).max() < 1e-3


def test_the_trajectory_is_that_of_all_networks() -> None:
    table = Description(Schedule("cosine"), "v", steps=3).table()
    digests = {table.with_(networks={"last": digest}).digest for digest in ("1", "2")}
    assert len(digests | {table.digest}) == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[networks]\nmiddle = 'a:b'", "sampler, networks: middle; allowed: first, y, last"),
        ("[networks]\nlast = 3", "networks: {'last': 3}; allowed: a table of texts"),
        ("[networks]\ny = 'a:b'", "sampler, networks: y without roles.y"),
        ("keys = 'paper'\n[networks]\nlast = 'a:b'", "sampler, keys: with networks last"),
        (
            "eta = 1.0\nnoise = 'given'\n[networks]\nfirst = 'a:b'",
            "networks: first with given noise",
        ),
        ("kind = 'rddm'\n[networks]\nmiddle = 'a:b'", "sampler, networks: middle"),
    ],
)
def test_a_description_that_cannot_be_says_why(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "sampler.toml").write_text(text)
    with pytest.raises(UsageError) as error:
        read_sampler(tmp_path / "sampler.toml").table()
    assert said in str(error.value)


@cache
def imported(factory: str) -> Model:
    return load_model(factory, ImportOptions()).network


@pytest.mark.parametrize(
    ("role", "factory", "said"),
    [
        ("first", "decoder", "output (1, 3, 16, 16); allowed: shaped as x, (1, 1, 8, 8)"),
        ("last", "reconstruct", "inputs x (1, 4); allowed: an input 'x' of shape (1, 1, 8, 8)"),
        ("y", "tiny_unet", "input 'x' (1, 1, 8, 8); allowed: names that the loop does not fill"),
        ("last", "zoo:gru_mask", "states or session constants; allowed: a network without"),
    ],
)
def test_a_network_that_cannot_be_says_why(role: str, factory: str, said: str) -> None:
    roles = Roles(y="recon" if role == "y" else None)
    graph = np.array([2 if role == "first" else 0, 0, 0])
    table = Description(Schedule("cosine"), "v", steps=3, roles=roles).table().with_(graph=graph)
    model = attach(imported("diffusion_networks:tiny_unet"), table)
    other = imported(factory if ":" in factory else f"diffusion_networks:{factory}")
    with pytest.raises(ModelError) as error:
        with_networks(model, {role: other})
    assert said in str(error.value)


def test_rows_of_a_network_that_is_not_named_are_refused() -> None:
    sampler = Description(Schedule("cosine"), "v", steps=3, one_more_step=True)
    model = attach(imported("diffusion_networks:tiny_unet"), sampler)
    (problem,) = TARGETS["onnxruntime"].check(model)
    assert problem.found == "rows of another network" and "[networks] first" in str(problem)
