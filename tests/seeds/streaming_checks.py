"""What is so of each of the streaming networks alone, held on its builds: hops are the recurrence of its paper."""

from collections.abc import Sequence

import numpy as np
import torch
from seeds import streaming_networks as networks
from seeds.checks import is_float
from seeds.harness import Running
from torch import Tensor

from edgekit.export.hop_runner import snr_db


def least_db(run: Running) -> float:
    """The SNR that a relation between outputs keeps."""
    return 100 if is_float(run) else run.system.least_db - 5


def recording(hops: np.ndarray) -> Tensor:
    """Hops (n, 1, channels, frames) as one recording (1, channels, n frames), in float64."""
    return torch.from_numpy(np.concatenate(list(hops), axis=-1)).double()


def streamed(run: Running, inputs: dict[str, np.ndarray] | None = None) -> np.ndarray:
    """The build's output of these hops, from the start, as one recording."""
    run.stream.reset()
    (y,) = run.stream.run(dict(run.calls) if inputs is None else inputs).values()
    return np.concatenate(list(y), axis=-1)


def is_recurrence(run: Running, expected: Tensor) -> None:
    """Whether the hops are the frames that a recurrence found one by one."""
    assert snr_db(expected.numpy(), streamed(run)) > least_db(run)


def stacked(frames: Sequence[Tensor]) -> Tensor:
    """Frames (channels,) as a recording (1, channels, frames)."""
    return torch.stack(list(frames), 1)[None]


def shares_its_states(run: Running) -> None:
    """``x[t] = exp(L s) x[t-1] + (exp(L s) - 1) / L B u[t]``, ``y = 2 Re(C x) + D u``: each state has its step s."""
    network = networks.SharedStates().double().eval()
    layer, u = network.states, recording(run.calls["u"])
    with torch.inference_mode():
        rate = torch.complex(-layer.log_decay.exp(), layer.frequency)[0]
        step = layer.log_step.exp()[0]
        assert len(step.unique()) == len(step)
        drive, readout = (torch.view_as_complex(part)[0] for part in (layer.drive, layer.readout))
        decay = torch.exp(rate * step)
        drive = ((decay - 1) / rate)[:, None] * drive
        x, found = torch.zeros_like(rate), []
        for frame in u[0].T:
            x = decay * x + drive @ frame.to(x.dtype)
            found.append(2 * (readout @ x).real + layer.skip * frame)
        is_recurrence(run, network.gated(u, stacked(found)))


def selects(run: Running) -> None:
    """``h[t] = exp(s a) h[t-1] + s b u[t]``, ``y = c h + d u``, where s, b and c follow from u[t]."""
    network = networks.Mamba().double().eval()
    layer = network.states
    with torch.inference_mode():
        x, gate = network.before(recording(run.calls["u"]))
        h, found = torch.zeros(network.WIDE, layer.states).double(), []
        for frame in x[0].T:
            low, b, c = layer.choose(frame).split([layer.rank, layer.states, layer.states])
            step = torch.nn.functional.softplus(layer.step(low))[:, None]
            h = torch.exp(-step * layer.log_rate.exp()) * h + step * b * frame[:, None]
            found.append(h @ c + layer.skip * frame)
        is_recurrence(run, network.after(stacked(found), gate))


def flows_frame_by_frame(run: Running) -> None:
    """Hops are the whole recording, and a frame acts on no earlier one; without noise it is another output."""
    network = networks.CausalFlow().double().eval()
    noisy, noise = (recording(run.calls[name]) for name in ("noisy", "noise"))
    with torch.inference_mode():
        is_recurrence(run, network(noisy, noise))
    whole, late = streamed(run), run.calls["noisy"].copy()
    late[5] += 1
    frames = late.shape[-1]
    apart = np.abs(streamed(run, {**run.calls, "noisy": late}) - whole).max((0, 1))
    assert apart[: 5 * frames].max() == 0 and apart[5 * frames :].max() > 0
    quiet = streamed(run, {**run.calls, "noise": 0 * run.calls["noise"]})
    assert np.abs(quiet - whole).max() > 0.1


def listens_to_its_knobs(run: Running) -> None:
    """Other knobs give another sound of the same window; the same knobs give the same."""
    (y,) = run.outputs.values()
    moved = {**run.calls, "knobs": -run.calls["knobs"]}
    found = []
    for inputs in (run.calls, moved):
        run.stream.reset()
        (one,) = run.stream.run(dict(inputs)).values()
        found.append(one)
    assert np.array_equal(found[0], y)
    assert 1e-2 < np.abs(found[1] - y).max() < np.abs(y).max()
