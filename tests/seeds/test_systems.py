"""Every system in float32 and in integers: its source, its oracle, its loop, its size, and what is so of it alone."""

import math
from pathlib import Path

import make_seeds
import pytest
import torch
from c_kernels import needs_cc
from doc_code import names
from seeds import checks
from seeds.harness import FLOAT, System, opened, running
from seeds.papers import IN_PART, NOTHING, PAPERS, VERDICTS, WORKS
from seeds.systems import SYSTEMS
from slices import slow_except
from torch import Tensor

from edgekit.base.until import Until
from edgekit.export.diffusion.description import Sampler
from edgekit.export.diffusion.schedule import Schedule
from edgekit.verbs.export.importing import ImportOptions, load_model

pytestmark = needs_cc
# A sampler, one with a second network, one of pictures, a recurrent network, a control and a language model.
QUICK = (
    *("ddpm-ddim-cfg", "golden-noise", "noise2score", "signaltrain", "convergent-graph-solver"),
    *("hydra-tree-drafts", "chimera", "wgan"),
)


@pytest.mark.parametrize("is_float", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "system",
    slow_except(lambda system: system.key in QUICK, SYSTEMS),
    ids=lambda system: system.key,
)
def test_a_system_runs_in_floats_and_in_integers(
    system: System, is_float: bool, tmp_path: Path
) -> None:
    recipe = FLOAT if is_float else system.integers
    expected = system.weights[0 if is_float else 1]
    run = running(system, recipe, tmp_path / recipe)
    found = run.stream.manifest.memory["weights_bytes"] or 0
    print(f"{system.name}, {recipe}: {run.snr_db:.1f} dB, {found} bytes of weights")
    assert is_float or run.facts["bit_exact_with_oracle"] is True
    system.check(run)
    # portable C fills no rows up; equal tables of integers are stored once, and a last bit may make two of one
    allowed = 0 if is_float else 0.02 * expected
    assert abs(found - expected) <= allowed, f"{found}: correct weights in systems.py"


def test_every_system_is_a_paper_of_the_page() -> None:
    known = [paper.name for paper in PAPERS]
    assert len(known) == len(set(known))
    tested = {system.paper for system in SYSTEMS}
    assert tested <= set(known)
    for paper in PAPERS:
        assert paper.verdict in VERDICTS
        runs = paper.command or paper.name in tested
        assert bool(runs) == (paper.verdict != NOTHING), paper.name
        assert bool(paper.missing) == (paper.verdict == IN_PART), paper.name
        assert paper.ours or paper.verdict != WORKS, paper.name


def test_red_diff_is_a_step_network_too(tmp_path: Path) -> None:
    options = ImportOptions(iterate=Until("change", 1e-3, 50))
    model = load_model("seeds.networks:red_diff_step", options).model
    checks.steps_as_red_diff(opened(model, tmp_path))


def test_the_page_is_that_of_the_table() -> None:
    text = (
        Path(make_seeds.__file__).parent.joinpath("results", "seeds.md").read_text(encoding="utf-8")
    )
    assert text == make_seeds.page(), (
        "PYTHONPATH=tests:bench python docs/make_seeds.py > docs/results/seeds.md"
    )


class Correlated(torch.nn.Module):
    """Of white noise: answers for two labels that share 0.3 of their variance, seen upright."""

    def forward(self, x: Tensor, t: Tensor, label: Tensor) -> Tensor:
        own = torch.roll(x, (int(label[0]), 2), (2, 3))
        return math.sqrt(0.3) * x + math.sqrt(0.7) * own


def test_the_mean_of_two_views_gets_its_variance_back() -> None:
    """(1 + r) / 2 = 0.65 of one estimate's at r = 0.3."""
    example = names("guides/diffusion-search.md", "Several views of one picture")
    views = example["Views"](Correlated())
    table = Sampler(Schedule("linear"), "eps", steps=3).table()
    label, other = torch.tensor([1]), torch.tensor([3])
    example["rectify"](views, table, (1, 16, 16), label, other)
    first = int(table.time[0])
    assert abs(float(views.gain[first]) - 1 / math.sqrt(0.65)) < 0.03
    assert (views.gain[table.time.astype(int)] > 1).all() and (views.gain > 1).sum() == 3
    x = torch.randn(64, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    found = views(x, torch.full((64,), float(first)), label, other)
    assert abs(float(found.var()) - 1) < 0.05
