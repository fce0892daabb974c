"""What is so of each of the further systems alone, held on its builds."""

import numpy as np
import torch
from seeds import further_networks as networks
from seeds.checks import is_float
from seeds.harness import Running

from edgekit.export.hop_runner import run_hops, snr_db


def least_db(run: Running) -> float:
    """The SNR that a relation between outputs keeps."""
    return 100 if is_float(run) else run.system.least_db - 5


def has_stable_rates(run: Running) -> None:
    """The perturbed matrix has complex rates, where HiPPO's own are real, and none grows; hops are the recording."""
    network = networks.PerturbedStates().eval()
    assert float(network.states.frequency.detach().abs().max()) > 1
    assert bool((network.states.log_decay.exp() >= 1e-4 * 0.999).all())
    u = np.concatenate(list(run.calls["u"]), axis=-1)
    with torch.inference_mode():
        expected = network(torch.from_numpy(u)).numpy()
    run.stream.reset()
    (y,) = run.stream.run({"u": run.calls["u"]}).values()
    assert snr_db(expected, np.concatenate(list(y), axis=-1)) > least_db(run)


def goes_over_time_and_variates(run: Running) -> None:
    """Frame by frame it is the recurrence of the whole recording; a variate acts on those after it alone."""
    network, (_, example) = networks.chimera()[0], networks.chimera()
    x = torch.from_numpy(run.calls["x"])
    h1, h2, expected = example["h1"], example["h2"], []
    with torch.inference_mode():
        for frame in x:
            found = network(frame, h1, h2)
            h1, h2 = found["h1_next"], found["h2_next"]
            expected.append(found["y"].numpy())
    run.stream.reset()
    found = run.stream.run({"x": run.calls["x"]})["y"]
    assert snr_db(np.stack(expected), found) > least_db(run)
    changed = run.calls["x"].copy()
    changed[0, 0, 2] += 1
    run.stream.reset()
    apart = np.abs(run.stream.run({"x": changed})["y"] - found)[0, 0]
    assert apart[:2].max() == 0 and apart[2:].min() > 0


def moves_with_its_window(run: Running) -> None:
    """A window moved around moves the output: the kernel follows from what is in it, not from where."""
    moved = np.roll(run.calls["x"], 5, axis=-1)
    ((_, y),) = run_hops(run.model, {"x": moved}).items()
    (expected,) = run.outputs.values()
    assert snr_db(np.roll(expected, 5, axis=-1), y) > (80 if is_float(run) else 20)


def recalls(run: Running) -> None:
    """It finds every value; without attention one in a few."""
    pairs, query, values = networks.told_pairs(100, 5)
    run.stream.reset()
    (y,) = run.stream.run({"pairs": pairs.numpy(), "query": query.numpy()}).values()
    assert np.array_equal(y[:, 0].argmax(1), values.numpy())
    with torch.inference_mode():
        blind = networks.Recall(attends=False)(pairs[:, 0], query[:, 0]).argmax(1)
    assert float((blind == values).float().mean()) < 0.6


def explains_the_mlp(run: Running) -> None:
    """It returns 95 % of the variance of the MLP's output with fewer than half of its units."""
    x = run.calls["x"]
    with torch.inference_mode():
        y = networks.explained()(torch.from_numpy(x)).numpy()
    assert np.mean((run.outputs["y"] - y) ** 2) < 0.05 * y.var()
    assert (run.outputs["units"] > 1e-2).mean() < 0.5


def reads_a_rare_class(run: Running) -> None:
    """Of the class with a fiftieth of the samples it reads 30 points more than without margins, of others 10 less."""
    x, labels = networks.imbalanced(100, 100, 3)
    run.stream.reset()
    (logits,) = run.stream.run({"x": x.numpy()[:, None]}).values()
    other = networks.margin_head(margins=False)
    with torch.inference_mode():
        plain = other(x).argmax(1).numpy()
    right = [found == labels.numpy() for found in (logits[:, 0].argmax(1), plain)]
    rare, common = labels.numpy() == 2, labels.numpy() != 2
    assert right[0][rare].mean() > right[1][rare].mean() + 0.3
    assert right[0][common].mean() > right[1][common].mean() - 0.1


def keeps_one_direction(run: Running) -> None:
    """The first singular value of z has a larger share than without the three terms; decisions are the float's."""
    x, labels = networks.noisy_features(200, 3)
    run.stream.reset()
    found = run.stream.run({"x": x.numpy()[:, None]})
    other = networks.tuned_head(regularized=False)
    with torch.inference_mode():
        plain = other(x)["z"].numpy()
    shares = []
    for z in (found["z"][:, 0], plain):
        values = np.linalg.svd(z, compute_uv=False)
        shares.append(values[0] / values.sum())
    assert shares[0] > shares[1] + 0.1
    assert np.mean(found["logits"][:, 0].argmax(1) == labels.numpy()) > 0.7


def classifies_what_a_mask_covers(run: Running) -> None:
    """Features outside of a mask do not change its logits but through the words; cosines stay within 10."""
    (logits,) = run.outputs.values()
    assert np.abs(logits).max() <= 10.2
    words = run.calls["words"]
    assert len(np.unique(words)) > 100


def remembers_long(run: Running) -> None:
    """The noise has the correlation of fractional integration: d / (1 - d) of neighbours, d = 0.3."""
    z = np.random.default_rng(0).standard_normal((6000, 1, 1)).astype(np.float32)
    run.stream.reset()
    y = run.stream.run({"z": z})["noise"].ravel().astype(np.float64)
    d = networks.FractionalNoise.HURST - 0.5
    found = np.corrcoef(y[1:], y[:-1])[0, 1]
    assert abs(found - d / (1 - d)) < 0.08


def maps_noise_to_points(run: Running) -> None:
    """Points depend on z alone, and differ."""
    (y,) = run.outputs.values()
    assert y.std() > 0.01


def finds_the_law(run: Running) -> None:
    """The exponents of ``x1^2 x2 / x3`` to 0.02; outputs within 2 %."""
    made = networks.law_network()
    weights = made.powers.weight.detach()[0].numpy()
    assert np.abs(weights - [2, 1, -1]).max() < 0.02
    (y,) = run.outputs.values()
    assert np.abs(y[:, 0, 0] / networks.law(run.calls["x"][:, 0]) - 1).max() < 0.02
