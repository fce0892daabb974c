"""Samples of a build: the loop in C, the loop in Python and the oracle draw the same bits."""

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builds import STRICT, lowered
from c_kernels import CC, needs_cc
from diffusion_networks import SHAPE, labels
from numpy.typing import NDArray
from sampler_networks import SEED, N, folded, grouped, integer, two_outputs
from slices import slow_except

from edgekit import api
from edgekit.base import sampler_loop
from edgekit.base.errors import CheckFailed, UsageError
from edgekit.base.sampler_loop import Step
from edgekit.base.sampler_table import COLUMNS, Arrays, Roles, StepTable
from edgekit.cli.facts import manifest_rows
from edgekit.export.diffusion.description import attach, read_sampler
from edgekit.export.hop_runner import snr_db
from edgekit.graph.model import Model
from edgekit.judge.sampling import float_network
from edgekit.judge.verification import NOISE_SEED
from edgekit.operators.oracle import Oracle
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.sampler import Sampler
from edgekit.verbs.export.importing import ImportOptions, load_model

pytestmark = needs_cc


def oracle_samples(model: Model, manifest: Manifest) -> NDArray[np.float32]:
    oracle, table = Oracle(model), model.sampler
    assert table is not None

    def network(given: Arrays, _: Step) -> list[NDArray[Any]]:
        tensors = manifest.stream_inputs
        call = {t.name: given[t.name].astype(t.dtype).reshape(t.shape) for t in tensors}
        return list(oracle.process(call).values())

    x: NDArray[np.float32] = sampler_loop.sample(
        table, sampler_loop.one_by_one(network), SHAPE, N, SEED, labels(N)
    )
    return x


@pytest.mark.parametrize("target", ["host", "c99"])
@pytest.mark.parametrize("make", slow_except(lambda make: make is grouped, [integer, grouped]))
def test_c_python_and_oracle_draw_the_same_bits(make: Any, target: str, tmp_path: Path) -> None:
    build = lowered(make(), tmp_path, target)
    sampler = Sampler.open(tmp_path)
    found = sampler.sample(N, SEED, labels(N))
    assert np.array_equal(found, sampler.by_rows(N, SEED, labels(N)))
    assert np.array_equal(found, oracle_samples(make(), build.manifest))
    assert found.std() > 0.1 and not np.array_equal(found[0], found[1])


def test_a_float_build_draws_with_its_own_network(tmp_path: Path) -> None:
    lowered(folded(), tmp_path, "c99")
    sampler = Sampler.open(tmp_path)
    found, again = sampler.sample(N, SEED, labels(N)), sampler.by_rows(N, SEED, labels(N))
    assert np.array_equal(found, again)


def test_equal_weights_of_groups_are_stored_once(tmp_path: Path) -> None:
    one = lowered(integer(), tmp_path).manifest.memory["weights_bytes"]
    two = lowered(grouped(), tmp_path).manifest.memory["weights_bytes"]
    assert one is not None and two is not None and one < two < 1.25 * one


def test_onnxruntime_runs_the_same_table(tmp_path: Path) -> None:
    """Its integers are its own: within a rounding of each step's."""
    native, other = tmp_path / "native", tmp_path / "other"
    for folder, target in ((native, "host"), (other, "onnxruntime")):
        folder.mkdir()
        lowered(grouped(), folder, target)
    found = Sampler.open(other).sample(N, SEED, labels(N))
    expected = Sampler.open(native).sample(N, SEED, labels(N))
    assert np.abs(found - expected).max() < 0.05


def test_litert_runs_the_same_table(tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install ai-edge-litert")
    native, other = tmp_path / "native", tmp_path / "other"
    for folder, target in ((native, "c99"), (other, "litert")):
        folder.mkdir()
        lowered(integer(), folder, target)
    found = Sampler.open(other).sample(N, SEED, labels(N))
    expected = Sampler.open(native).sample(N, SEED, labels(N))
    assert np.abs(found - expected).max() < 0.05


# -- every term of a row -----------------------------------------------------------------------------


def full_table(drop: str = "") -> StepTable:
    random = np.random.default_rng(0)
    columns: dict[str, Any] = {n: random.standard_normal(4) for n in COLUMNS if n not in drop}
    columns |= {n: random.standard_normal((4, 2)) for n in ("v", "e") if n not in drop}
    columns |= {} if "B" in drop else {"bias": random.standard_normal((4, 2))}
    clip = None if "C" in drop else 0.9
    roles = Roles("x", "t", y="y")
    return StepTable.of(
        np.arange(4) / 4, 2, roles, columns, clip=clip, start_noise=0.7, start_y=0.3
    )


@pytest.mark.parametrize("drop", ["", "BCe", "bhuvw", "dsc", "wcdh"])
def test_every_term_of_a_row_has_the_same_bits_in_c(drop: str, tmp_path: Path) -> None:
    lowered(attach(two_outputs(), full_table(drop)), tmp_path, "c99")
    sampler = Sampler.open(tmp_path)
    y = np.random.default_rng(1).standard_normal((N, 2, 3)).astype(np.float32)
    found = sampler.sample(N, SEED, {"y": y})
    assert np.array_equal(found, sampler.by_rows(N, SEED, {"y": y}))


def test_the_sources_are_strict_c99(tmp_path: Path) -> None:
    build = lowered(attach(two_outputs(), full_table()), tmp_path)
    sources = [name for name in build.files if name.endswith(".c")]
    assert CC is not None
    done = subprocess.run(
        [CC, *STRICT, "-Wshadow", "-Wconversion", "-c", *sources],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    text = "".join(
        content.decode() for name, content in build.files.items() if name[-2:] in (".c", ".h")
    )
    assert "malloc" not in text and "math.h" not in text


def test_unused_terms_cost_nothing(tmp_path: Path) -> None:
    build = lowered(attach(two_outputs(), full_table("dhsce")), tmp_path)
    text = build.files[f"{build.manifest.c_name}.c"].decode()
    loop = text[text.index("_sample(") :]
    assert "start[i]" not in loop and "before[i]" not in loop and loop.count("ek_normal_f32") == 1


# -- the verbs ---------------------------------------------------------------------------------------

DESCRIPTION = """\
prediction = "v"
steps = 5
guidance = 2.0
clip = 1.5
[schedule]
kind = "cosine"
[roles]
null = { label = 10 }
"""


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory, few_calls: None) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    (folder / "sampler.toml").write_text(DESCRIPTION)
    made = api.export(
        "diffusion_networks:tiny_unet",
        "c99",
        folder / "build",
        recipe="w8a8",
        sampler=folder / "sampler.toml",
    )
    assert made.manifest.verification is not None
    assert made.manifest.verification["bit_exact_with_oracle"] is True
    assert made.manifest.quantization["calibrated_on"] == "trajectories"
    assert any("input 't' folded" in note for note in made.notes)
    return folder / "build"


@pytest.mark.slow
def test_an_image_is_the_same_in_any_number_and_file(exported: Path, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    x = api.sample(
        exported,
        4,
        9,
        conditions={"label": [1, 2, 3, 4]},
        out=tmp_path / "x.npz",
        progress=lambda *facts: told.append(facts),
    )
    assert x.shape == (4, *SHAPE) and told[-1] == ("sample", 20, 20)
    again = api.sample(exported, 2, 9, conditions={"label": [1, 2]}, out=tmp_path / "x.png")
    assert np.array_equal(x[:2], again)
    with np.load(tmp_path / "x.npz") as saved:
        assert np.array_equal(saved["x"], x) and saved["label"].tolist() == [1, 2, 3, 4]
    import matplotlib.image

    picture = matplotlib.image.imread(tmp_path / "x.png")
    first = (np.clip(x[0, 0], -1, 1) + 1) / 2
    assert picture.shape[:2] == (8, 17)
    assert np.abs(picture[:, :8].reshape(8, 8) - first).max() < 1 / 255


def test_an_export_says_how_near_its_images_are_to_those_of_the_source(exported: Path) -> None:
    given = ImportOptions(sampler=read_sampler(exported.parent / "sampler.toml"))
    source = load_model("diffusion_networks:tiny_unet", given).model
    assert source.sampler is not None
    asked = {"label": np.arange(5)[:, None]}
    exact = sampler_loop.sample(source.sampler, float_network(source), SHAPE, 5, NOISE_SEED, asked)
    drawn = api.sample(exported, 5, NOISE_SEED, conditions={"label": list(range(5))})
    facts = Manifest.load(exported).verification
    assert facts is not None and facts["images"] == 5
    median = np.median([snr_db(a, b) for a, b in zip(exact, drawn, strict=True)])
    assert facts["image_snr_db"] == pytest.approx(median, abs=0.01)


@pytest.mark.slow
def test_calls_of_its_network_are_timed_and_looked_at_layer_by_layer(exported: Path) -> None:
    facts = api.bench(exported, hops=5, layers=True).to_dict()
    assert facts["hops"] == 25 and facts["median_us"] > 0
    assert len(facts["layers"]) > 5 and set(facts["layers"].values()) == {"equal"}


def test_a_benchmark_speaks_of_calls(exported: Path) -> None:
    assert api.bench(exported, hops=5).unit == "call"
    facts = dict(manifest_rows(Manifest.load(exported)))
    assert "MACs per call" in facts and "10 calls" in facts["verified"]
    assert "images of the same seeds: " in facts["verified"]
    report = (exported / "report.html").read_text()
    assert "MACs per call" in report and "per hop" not in report


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"conditions": {}}, "condition 'label': not given"),
        ({"conditions": {"label": 1, "class": 2}}, "condition 'class': the build has none"),
        ({"conditions": {"label": [1, 2, 3]}}, "condition 'label': shape (3,); allowed: (2,)"),
        ({"conditions": {"label": 1}, "seed": -1}, "seed: -1"),
        ({"conditions": {"label": 1}, "n": 0}, "images: 0"),
        (
            {"conditions": {"label": 1}, "out": "x.wav"},
            "output 'x.wav': .wav; allowed: .npz or .png",
        ),
    ],
)
def test_a_wrong_call_says_why(exported: Path, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as error:
        api.sample(exported, **{"n": 2, "seed": 0, **arguments})
    assert said in str(error.value)


def test_a_build_without_a_sampler_says_so(exported: Path, tmp_path: Path) -> None:
    for file in exported.iterdir():
        if file.is_file():
            (tmp_path / file.name).write_bytes(file.read_bytes())
    facts = {**json.loads((exported / "manifest.json").read_text()), "files": {}}
    (tmp_path / "manifest.json").write_text(json.dumps({**facts, "sampler": None}))
    with pytest.raises(UsageError, match="no sampler"):
        Sampler.open(tmp_path)
    facts["sampler"]["roles"]["x"] = "z"
    (tmp_path / "manifest.json").write_text(json.dumps(facts))
    with pytest.raises(UsageError, match="sampler, inputs: z; allowed: label, step, x"):
        Sampler.open(tmp_path)


def test_progress_can_end_a_sampling(exported: Path) -> None:
    runner: Any = Sampler.open(exported).stream.runner
    out = np.zeros(SHAPE, np.float32)
    with pytest.raises(CheckFailed, match="returned 1"):
        runner.sample(0, [np.zeros((1,), np.int64)], out, lambda done, _: int(done == 2))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("steps = 'many'", "steps: 'many'; allowed: an integer"),
        ("step = 3", "unknown key 'step'"),
        ("[schedule]\nkind = 3", "schedule, kind: 3; allowed: a text"),
        ("[roles]\nnull = 3", "roles, null: 3; allowed: a table of numbers"),
        ("schedule = 3", "schedule: 3; allowed: a table"),
        ("fold = 1", "fold: 1; allowed: true or false"),
        ("clip = 'no'", "clip: 'no'; allowed: a number"),
        ("timesteps = ['a']", "timesteps: ['a']; allowed: a list of numbers"),
        ("steps = ", "Invalid value"),
    ],
)
def test_a_description_that_cannot_be_read_says_why(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "sampler.toml").write_text(text)
    with pytest.raises(UsageError) as error:
        api.export(
            "diffusion_networks:tiny_unet",
            "host",
            tmp_path / "b",
            sampler=tmp_path / "sampler.toml",
        )
    assert said in str(error.value)


def test_a_denoiser_is_no_stream(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--sampler with --hop"):
        api.export("a:b", "host", tmp_path / "b", sampler=tmp_path / "none.toml", hop=3)
    with pytest.raises(UsageError, match="No such file"):
        api.export(
            "diffusion_networks:tiny_unet", "host", tmp_path / "b", sampler=tmp_path / "none.toml"
        )
