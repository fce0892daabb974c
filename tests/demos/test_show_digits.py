"""`edgekit demo digits`: integers draw what floats draw, and what it writes; the measures of generated digits."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_build import needs_cc

from edgekit.base import sampler_loop
from edgekit.cli.demo import show_digits as print_digits
from edgekit.demos.digit_classifier import features_of, load_classifier
from edgekit.demos.digit_reader import frechet
from edgekit.demos.digits import NULL, SHAPE, build
from edgekit.demos.show_digits import (
    DIGITS,
    FEW_NETWORK,
    FEW_SAMPLER,
    NETWORK,
    W4A8_RECIPE,
    DigitsDemo,
    labels,
    median_psnr_db,
    show,
)
from edgekit.demos.train_digits import few_loss, guided_loss, lean, signal_rates
from edgekit.export.diffusion.description import read_sampler
from edgekit.export.hop_runner import in_onnxruntime
from edgekit.judge.sampling import float_network
from edgekit.runtime.sampler import Sampler
from edgekit.verbs.export.importing import ImportOptions, load_model

# The median of ten images lies 2 dB about that of 1,500 (docs/results/diffusion.md). On calls that the sampler does
# not make it is 28 dB or less.
LEAST_DB = 33.0


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> DigitsDemo:
    out = tmp_path_factory.mktemp("digits") / "out"
    return show("host", out, lambda *_: None, ("float32", "w8a8"))


@pytest.mark.slow  # the demo itself: half a minute
@needs_cc
def test_integers_draw_what_floats_draw(demo: DigitsDemo) -> None:
    float32, w8a8 = demo.rows
    assert float32.psnr_db is None and w8a8.psnr_db is not None
    assert w8a8.psnr_db >= LEAST_DB
    assert w8a8.manifest.verification is not None
    assert w8a8.manifest.verification["bit_exact_with_oracle"] is True
    assert w8a8.manifest.macs_float == 0
    sizes = (w8a8.manifest.memory[name] or 0 for name in ("state_bytes", "scratch_bytes"))
    assert 0 < sum(sizes) <= 512 * 1024


@pytest.mark.slow
@needs_cc
def test_a_classifier_knows_the_digits_that_were_asked_for(demo: DigitsDemo) -> None:
    drawn = Sampler.open(demo.directory / "w8a8").sample(3 * DIGITS, 1, labels(3 * DIGITS))
    with torch.inference_mode():
        seen = load_classifier()(torch.from_numpy(drawn.clip(-1, 1))).argmax(1).numpy()
    assert np.mean(seen == labels(3 * DIGITS)["label"][:, 0]) >= 0.9


@pytest.mark.slow
@needs_cc
def test_the_table_and_the_files(
    demo: DigitsDemo, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    print_digits(demo, as_json=False)
    printed = capsys.readouterr().out
    assert f"{demo.rows[1].psnr_db:.1f}" in printed
    assert f"{demo.rows[1].manifest.memory['weights_bytes']:,}" in printed
    print_digits(demo, as_json=True)
    assert json.loads(capsys.readouterr().out)["rows"][1]["recipe"] == "w8a8"
    assert all((demo.directory / name).is_file() for name in demo.files)
    assert (demo.directory / "digits.png").read_bytes().startswith(b"\x89PNG")


def test_the_bundled_file_is_the_trained_network() -> None:
    network, example = build()
    with torch.inference_mode():
        expected = network(*example.values()).numpy()
    found = in_onnxruntime(NETWORK.read_bytes())(
        {name: value.numpy() for name, value in example.items()}
    )
    np.testing.assert_allclose(found["v"], expected, atol=1e-4)


def test_guidance_is_learnt_from_the_two_calls_of_a_teacher() -> None:
    """One that is not guided is its own answer; labels that lean away from none change what labels say alone."""
    torch.manual_seed(0)
    teacher, network = build()[0], build()[0]
    images, names, rates = torch.randn(4, 1, 28, 28), torch.arange(4), signal_rates()
    assert guided_loss(network, teacher, 1.0, rates, images, names).item() < 1e-10
    assert guided_loss(network, teacher, 2.0, rates, images, names).item() > 1e-5
    lean(network, 1.5)
    x, t = torch.randn(2, 1, 28, 28), torch.full((2,), 500.0)
    with torch.inference_mode():
        told, before = (made(x, t, torch.tensor([3, NULL])) for made in (network, teacher))
    assert torch.equal(told[1], before[1]) and not torch.allclose(told[0], before[0], atol=1e-3)


def test_four_steps_draw_the_digits_that_were_asked_for() -> None:
    options = ImportOptions(sampler=read_sampler(FEW_SAMPLER))
    model = load_model(str(FEW_NETWORK), options).model
    assert model.sampler is not None and model.sampler.rows == 4
    asked = labels(2 * DIGITS)
    drawn = sampler_loop.sample(
        model.sampler, float_network(model), SHAPE, 2 * DIGITS, 1, asked
    ).astype(np.float32)
    with torch.inference_mode():
        seen = load_classifier()(torch.from_numpy(drawn.clip(-1, 1))).argmax(1).numpy()
    assert np.mean(seen == asked["label"][:, 0]) >= 0.9


class OneImage(torch.nn.Module):
    """Estimates v of x0 = 0.3 at every time, or of what grows with it."""

    def __init__(self, slope: float) -> None:
        super().__init__()
        self.slope, self.rates = slope, signal_rates()

    def forward(self, x: torch.Tensor, t: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        rate = self.rates[t.long()][:, None, None, None]
        x0 = 0.3 + self.slope * t[:, None, None, None] / 1000
        return (rate.sqrt() * x - x0) / (1 - rate).sqrt()


def test_few_steps_learn_where_more_of_them_lead() -> None:
    """An estimate that stays is as far in one step as in five; one that falls on the way is not."""
    torch.manual_seed(0)
    facts = signal_rates(), 4, torch.zeros(2, 1, 28, 28), torch.arange(2)
    assert few_loss(OneImage(0.0), OneImage(0.0), *facts).item() < 1e-8
    assert few_loss(OneImage(0.5), OneImage(0.5), *facts).item() > 1e-4


def test_the_page_prints_the_recipe_of_4_bits() -> None:
    page = Path(__file__).parents[2] / "docs" / "explanation" / "samplers.md"
    lines = (f"    {line}".rstrip() for line in W4A8_RECIPE.read_text().splitlines())
    assert "\n".join(lines) in page.read_text(encoding="utf-8")


def test_the_frechet_distance_of_gaussians() -> None:
    random = np.random.default_rng(0)
    a, b = random.standard_normal((2, 200_000, 3))
    spread = np.array([[1.0, 0.5, 0.0], [0.0, 2.0, 0.3], [0.0, 0.0, 0.5]])
    other = b @ spread + [1.0, -2.0, 0.0]
    values = np.sqrt(np.linalg.eigvals(spread.T @ spread).real)
    expected = 5 + 3 + np.trace(spread.T @ spread) - 2 * values.sum()
    assert frechet(a, other) == pytest.approx(expected, rel=0.01)
    assert frechet(a, a) == pytest.approx(0, abs=1e-9)


def test_features_and_psnr_of_images() -> None:
    images = np.random.default_rng(0).uniform(-1, 1, (3, 1, 28, 28)).astype(np.float32)
    assert features_of(load_classifier(), images).shape == (3, 64)
    assert median_psnr_db(images * 0, images * 0 + np.float32(0.2)) == pytest.approx(20)
