"""What is so of each system alone, held on its builds."""

from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from seeds import networks
from seeds.harness import Running

from edgekit import search
from edgekit.adapt import spsa
from edgekit.base.random_normals import normals
from edgekit.base.sampler_loop import Step, image_seeds
from edgekit.base.sampler_table import Arrays
from edgekit.export.diffusion.schedule import Schedule
from edgekit.export.hop_runner import run_hops, snr_db
from edgekit.judge.sampling import float_network
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.calibrate.trajectory import normal
from edgekit.red_diff import RedDiff
from edgekit.runtime.sampler import stream_as_denoiser
from edgekit.runtime.stream import Stream

Floats = NDArray[np.float32]


def is_float(run: Running) -> bool:
    """Whether it is the build in float32."""
    return run.recipe == "float32"


def draws_another_image_of_each_label(run: Running) -> None:
    """Labels and seeds count; a seed's image does not depend on how many are drawn."""
    sampler = run.sampler
    x = sampler.sample(2, 3, {"label": [1, 7]})
    assert np.array_equal(x[0], sampler.sample(1, 3, {"label": 1})[0])
    assert not np.array_equal(x[1], sampler.sample(2, 3, {"label": [1, 1]})[1])


def calibrated_near_the_image(run: Running) -> None:
    """NDTC of PTQ4DM: times around 0.4 T; its calls calibrate better than noise does."""
    table = run.sampler.table
    counts = normal(table, 4096, 0).sum(0)
    place = 1 - np.arange(table.rows) / (table.rows - 1)
    assert 0.35 < np.average(place, weights=counts) < 0.47
    if not is_float(run):
        random, calls = np.random.default_rng(0), dict(run.calls)
        calls["x"] = 4 * random.standard_normal(calls["x"].shape).astype(np.float32)
        noise = quantize(run.float_model, Calibration((calls,), "noise"), run.recipe)
        expected = run_hops(run.float_model, run.calls)
        (name,) = expected
        other = snr_db(expected[name], run_hops(noise, run.calls)[name])
        assert run.snr_db > other + 3


def runs_its_decoder_alone(run: Running) -> None:
    """Every second row runs no encoder; the loop was held to the oracle's."""
    assert run.sampler.table.graph.tolist() == [0, 1, 0, 1, 0]


def decodes(run: Running) -> None:
    """The image is the decoder's of the latent that the loop alone draws."""
    image = run.sampler.sample(1, 3, {"label": 2})
    assert image.shape == (1, 3, 16, 16) and np.abs(image).max() <= 1


def restores_towards_its_condition(run: Running) -> None:
    """A_T is 1: the last row took away all of the residual, which is a row's sum of 1."""
    table = run.sampler.table
    assert abs(table.e[:, 0].sum() + 1) < 1e-9 and table.start_y == 1


def reconstructs_first(run: Running) -> None:
    """Another code gives another start, and another image."""
    x = [run.sampler.sample(1, 3, {"code": np.full((1, 4), v)}) for v in (-1.0, 1.0)]
    assert np.abs(x[0] - x[1]).max() > 1e-3


def draws_its_first_row(run: Running) -> None:
    """x0 = -v of pure noise, at the level of the sampler's first time."""
    table, bar = run.sampler.table, run.system.sampler.schedule.ab  # type: ignore[union-attr]
    level = bar[800]
    assert table.graph[0] == 2 and np.allclose(
        [table.b[0] ** 2, table.s[0] ** 2], [level, 1 - level]
    )


def begins_where_its_first_network_says(run: Running) -> None:
    """The text changes the start; the denoiser hears nothing of it."""
    table = run.sampler.table
    assert table.graph[0] == 2 and table.e[0, 0] == 1 and not table.a[0]
    x = [run.sampler.sample(1, 3, {"text": np.full((1, 4), v)}) for v in (-2.0, 2.0)]
    assert np.abs(x[0] - x[1]).max() > 1e-3


def _left_half(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return x[..., :4]


def _with_right_half(y: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.pad(y, ((0, 0), (0, 0), (0, 0), (0, 4)))


def steps_as_its_float_network(run: Running) -> None:
    """A picture of which the left half is known: gradients as around onnxruntime, and the solution around the build.

    Adam goes by a gradient's sign, so that solutions tell less than gradients do.
    """
    y, start = np.full((1, 1, 8, 4), 0.3), np.zeros((1, 1, 8, 8))
    table, ab = run.sampler.table, Schedule("linear").ab[950::-50]
    solver = RedDiff(ab, np.arange(20.0), prior=0.02, rate=0.1, roles=table.roles)
    maps, rows = (_left_half, _with_right_half), range(0, 20, 4)
    found, exact = (
        np.stack([solver.gradient(network, y, *maps, start, row, 5) for row in rows])
        for network in (stream_as_denoiser(run.stream), float_network(run.float_model))
    )
    assert min(map(snr_db, exact, found)) > (100 if is_float(run) else run.system.least_db)
    solved = solver.solve(stream_as_denoiser(run.stream), y, *maps, start, 5)
    assert np.abs(_left_half(solved) - 0.3).mean() < 0.15  # 0.3 at the start


def steps_as_red_diff(stream: Stream) -> None:
    """Six calls of a step network with Adam in it are six of `edgekit.red_diff` around the same network."""
    made, rows = networks.RedDiffStep(), networks.RedDiffStep.ROWS
    y = np.full((1, 1, 8, 4), 0.3)

    def eps(inputs: dict[str, NDArray[Any]], step: Step) -> list[NDArray[Any]]:
        x, t = torch.from_numpy(inputs["x"]).float(), torch.tensor([float(step.row)])
        with torch.inference_mode():
            return [made.network(x, t).double().numpy()]

    solver = RedDiff(made.ab.double().numpy(), np.arange(rows) * 1.0, rate=made.RATE)
    start = np.zeros((1, 1, 8, 8))
    expected = solver.solve(eps, y, _left_half, _with_right_half, start, 5)
    for row in range(rows):
        noise = normals(image_seeds(5, 0, 1), 1 + row, 64).reshape(1, 1, 8, 8)
        inputs = {"row": np.array([row]), "noise": noise, "y": y.astype(np.float32)}
        out = stream.process(inputs)
    assert np.abs(out["x"] - expected).max() < 1e-4


def goes_from_data_to_data(run: Running) -> None:
    """It begins with y, and draws between the ends alone."""
    table = run.sampler.table
    assert table.start_y == 1 and table.start_noise == 0 and table.s[0] == table.s[-1] == 0
    assert (table.s[1:-1] > 0).all()


def pulls_onto_the_measurement(run: Running) -> None:
    """The drawn tissue and haze explain y better than those that are drawn for another y."""
    made, random = networks.Dehazing, np.random.default_rng(0)
    y = random.standard_normal((2, 1, 8, 8)).astype(np.float32)
    x = run.sampler.sample(2, 3, {"y": y})
    seen = made.BETA * x[:, :1] + made.ALPHA * x[:, 1:]
    off = [float(np.mean((y - other) ** 2)) for other in (seen, seen[::-1])]
    assert off[0] < off[1]


def keeps_the_measurement(run: Running) -> None:
    """A x is y: the last step ends with the projection. Weights of three steps are stored once."""
    network = networks.idm()[0]
    assert isinstance(network, networks.Idm)
    a = network.rows.numpy().reshape(16, 64)
    x, y = run.outputs[next(iter(run.outputs))], run.calls["y"]
    measured = x.reshape(len(x), 64) @ a.T
    assert snr_db(y.reshape(measured.shape), measured) > (100 if is_float(run) else 25)
    weights = run.stream.manifest.memory["weights_bytes"] or 0
    assert weights < 1.5 * (584 + 64 * 16 * 2) * (4 if is_float(run) else 2)


def is_tweedies_formula(run: Running) -> None:
    """Of the score that it gives out, in float64."""
    made, y, found = networks.Noise2Score, run.calls["y"].astype(np.float64), run.outputs
    s = found["score"].astype(np.float64)
    expected = {
        "gauss": y + networks.SIGMA**2 * s,
        "poisson": (y + made.ZETA / 2) * np.exp(made.ZETA * s),
        "gamma": made.BETA * y / (made.BETA - 1 - y * s),
    }
    for name, values in expected.items():
        assert snr_db(values, found[name]) > (100 if is_float(run) else 30), name


def finds_better_starts(run: Running) -> None:
    """The best of 1, 4 and 8 rises, and a plain sample of its start has its bits."""

    def verifier(image: Floats) -> float:
        return float(image[0, 0, :4].mean() - image[0, 0, 4:].mean())

    found = [search.random(run.sampler, verifier, n, 7) for n in (1, 4, 8)]
    assert found[0].score <= found[1].score <= found[2].score > found[0].score
    for best in found:
        assert np.array_equal(run.sampler.sample(1, best.seed, best.given), best.image)


def gives_images_back(run: Running) -> None:
    """Inverted and drawn again with the same label, to 1e-6 rms; with another label it is another image."""
    images = np.random.default_rng(3).uniform(-1, 1, (2, 1, 8, 8)).astype(np.float32)
    told = {"label": np.array([1, 2])}
    maps = run.sampler.invert(images, 5, told)
    again = run.sampler.sample(2, 0, told | maps)
    assert np.sqrt(np.mean(np.square(again - images))) < 1e-6
    assert (
        np.abs(run.sampler.sample(2, 0, {"label": np.array([7, 7])} | maps) - images).max() > 1e-3
    )


def encodes(run: Running) -> None:
    """Rows rise from the image; another image gives another noise."""
    sampler = run.sampler
    assert sampler.table.start_noise == 0 and sampler.table.a[0] > 1
    x = [sampler.sample(1, 0, {"start": np.full((1, 1, 8, 8), v)}) for v in (-0.5, 0.5)]
    assert np.array_equal(x[0], sampler.by_rows(1, 9, {"start": np.full((1, 1, 8, 8), -0.5, "f4")}))
    assert np.abs(x[0] - x[1]).max() > 0.01


def turns_with_its_views(run: Running) -> None:
    """A turned picture with the labels exchanged is the turned answer; weights of both views are stored once."""
    one = {name: array[0] for name, array in run.calls.items()}
    turned = np.ascontiguousarray(np.rot90(one["x"], 2, (2, 3)))
    other = {**one, "x": turned, "label": one["turned"], "turned": one["label"]}
    (a,), (b,) = (list(run.stream.process(inputs).values()) for inputs in (one, other))
    assert snr_db(np.rot90(a, 2, (2, 3)), b) > (100 if is_float(run) else 20)


def begins_late(run: Running) -> None:
    """Analytic-Init: the moments of what training saw at the first time."""
    table, sampler = run.sampler.table, run.system.sampler
    assert sampler is not None
    bar = sampler.schedule.ab[700]  # type: ignore[union-attr]
    assert np.allclose(table.start_mean, np.sqrt(bar) * 0.8)
    assert abs(table.start_noise**2 - (1 - bar + bar * 0.09)) < 1e-9 and table.time.max() <= 700


@cache
def clean_calls() -> Arrays:
    """Pictures without noise, for the low-light network."""
    from edgekit.demos.sensor_noise import scene

    return {"raw": np.stack([scene(seed)[None, :, :8, :8] for seed in range(24)])}


def needs_its_sensor(run: Running) -> None:
    """Calibrated on clean pictures the same weights lose 3 dB and more on what a sensor gives."""
    if is_float(run):
        return
    clean = quantize(run.float_model, Calibration((clean_calls(),), "clean"), run.recipe)
    expected = run_hops(run.float_model, run.calls)
    (name,) = expected
    assert run.snr_db > snr_db(expected[name], run_hops(clean, run.calls)[name]) + 3


def is_blind_while_masked(run: Running) -> None:
    """With the mask on, which training has, a pixel does not see itself; the build's network has it off."""
    network, _ = networks.blind_spot()
    for masked in (True, False):
        y = torch.rand(1, 1, 16, 16, requires_grad=True)
        torch.autograd.backward(network(y, masked)[0, 0, 8, 8])
        assert y.grad is not None and bool(y.grad[0, 0, 8, 8] == 0) == masked


def scales_with_its_input(run: Running) -> None:
    """rms(y) f(y / rms(y)) is the float network's f(y) at 1 and at a thousandth of the calibration's level."""
    for level in (1.0, 0.001):
        y = np.float32(level) * run.calls["x"]
        rms = np.sqrt(np.mean(y * y, axis=(1, 2, 3, 4), keepdims=True))
        ((name, expected),) = run_hops(run.float_model, {"x": y}).items()
        found = rms * run.stream.run({"x": y / rms})[name]
        assert snr_db(expected, found) > run.snr_db - 3


def adapts(run: Running) -> None:
    """A few steps of SPSA tell their queries apart, and leave the weights that they found in the session."""
    x, label = run.calls["image"], np.arange(len(run.calls["image"])) % 10
    cells = np.eye(49).reshape(49, 1, 1, 7, 7).repeat(4, 3).repeat(4, 4)

    def loss(stream: Any, step: int) -> float:
        (y,) = stream.run({"image": x[:2]}).values()
        logits = y[:, 0] - y[:, 0].max(1, keepdims=True)
        return float(np.mean(np.log(np.exp(logits).sum(1)) - logits[np.arange(2), label[:2]]))

    found = spsa(run.stream, "prompt", cells, loss, 6, a=0.003, c=0.1)
    assert found.told_apart >= 0.8 and np.abs(found.weights).max() > 0


def accepted(drafts: NDArray[np.int64], symbols: NDArray[np.int64], greedy: bool) -> float:
    """How many drafts (n, depth) are accepted on average, up to the first that is not.

    By a `greedy` base they are the chain's likeliest successors of the symbols (n, 5), else what the chain drew.
    """
    likely, wanted, right = networks.likely().numpy(), symbols[:, 1], np.ones(len(symbols), bool)
    length = np.zeros(len(symbols))
    for i in range(drafts.shape[1]):
        wanted = likely[wanted] if greedy else symbols[:, 2 + i]
        right &= drafts[:, i] == wanted
        length += right
    return float(length.mean())


def greedy_drafts(outputs: Arrays) -> NDArray[np.int64]:
    """(n, 3), of the logits of each head."""
    heads = [outputs[f"logits{i}"] for i in range(networks.HEADS)]
    return np.stack([y.reshape(len(y), -1).argmax(1) for y in heads], 1)


def drafts_longer_than_medusa(run: Running) -> None:
    """A greedy base accepts nearly all three drafts, as of the float network; of an equal Medusa one less at least."""
    symbols = networks.walk(400, 9).numpy()
    calls = {"before": symbols[:, :1], "last": symbols[:, 1:2]}
    run.stream.reset()
    found = accepted(greedy_drafts(run.stream.run(calls)), symbols, greedy=True)
    exact = accepted(greedy_drafts(run_hops(run.float_model, calls)), symbols, greedy=True)
    medusa = networks.drafting(reads_drafts=False)
    with torch.no_grad():
        made = medusa(*torch.from_numpy(symbols[:, :2].T))
    other = accepted(greedy_drafts({k: y.numpy() for k, y in made.items()}), symbols, greedy=True)
    print(f"accepted: {found:.3f}, float {exact:.3f}, Medusa {other:.3f}")
    assert exact > 2.5 and abs(found / exact - 1) <= 0.02
    assert found > other + 1


def accepts_more_of_a_tree(run: Running) -> None:
    """Of what the chain drew a path of the tree is longer than its greedy path by half a draft and more."""
    symbols = networks.walk(400, 9).numpy()
    run.stream.reset()
    outputs = run.stream.run({"before": symbols[:, :1], "last": symbols[:, 1:2]})
    alive, length, greedy = np.ones((400, 1), bool), np.zeros(400), []
    for i in range(networks.HEADS):
        drafts = outputs[f"drafts{i}"].reshape(400, -1)
        greedy.append(drafts[:, 0])
        alive = alive.repeat(networks.BRANCHES, 1) & (drafts == symbols[:, 2 + i, None])
        length += alive.any(1)
    chain = accepted(np.stack(greedy, 1), symbols, greedy=False)
    print(f"accepted: tree {length.mean():.3f}, its first path {chain:.3f}")
    assert length.mean() > chain + 0.5


def is_hadamards_matrix(run: Running) -> None:
    """The butterflies are the product with it."""
    matrix = np.ones((1, 1))
    for _ in range(8):
        matrix = np.block([[matrix, matrix], [matrix, -matrix]])
    expected = run.calls["x"][:, 0] @ matrix / 16
    (found,) = run.outputs.values()
    assert snr_db(expected, found[:, 0]) > (100 if is_float(run) else 25)


def settles_on_the_solution(run: Running) -> None:
    """Potentials of random resistor networks, by numpy.linalg.solve."""
    for seed in range(3):
        inputs = {name: array[seed] for name, array in run.calls.items()}
        g, ground, current = (
            inputs[n][0].astype(np.float64) for n in ("conductance", "ground", "current")
        )
        exact = np.linalg.solve(np.diag(g.sum(1) + ground[:, 0]) - g, current)
        run.stream.reset()
        outputs, calls = run.stream.iterate(inputs, tolerance=None if is_float(run) else 2e-4)
        contraction = float((g.sum(1) / (g.sum(1) + ground[:, 0])).max())
        error = float(np.abs(outputs["y"][0] - exact).max())
        assert error < (1e-5 if is_float(run) else 5e-4 / (1 - contraction)) and calls < 60


def projects(run: Running) -> None:
    """Of 32 directions the three above the noise's edge are left, and twice is once."""
    made = networks.shield()[0]
    assert made.rank == 3
    (found,) = run.outputs.values()
    run.stream.reset()
    (again,) = run.stream.run({"e": found}).values()
    assert snr_db(found, again) > (100 if is_float(run) else 25)


def comes_nearer_to_no_noise(run: Running) -> None:
    """Than the expectation at the least noise, by half and more."""
    x, y = networks.noisy_expectations(200, 9)
    run.stream.reset()
    (found,) = run.stream.run({"x": x.numpy()[:, None]}).values()
    rms = [np.sqrt(np.mean((v - y.numpy()[:, 0]) ** 2)) for v in (found[:, 0, 0], x.numpy()[:, 3])]
    assert rms[0] < 0.5 * rms[1]


def multiplies_powers(run: Running) -> None:
    """prod x^w, in float64."""
    powers = networks.ProductUnits().powers.weight.detach().double().numpy()
    x = run.calls["x"][:, 0].astype(np.float64)
    expected = np.prod(x[:, None, :] ** powers, axis=2)
    assert snr_db(expected, run.outputs["products"][:, 0]) > (100 if is_float(run) else 25)
