"""The networks of the systems: the smallest faithful forms, with seeded weights."""

import math
from functools import cache

import torch
from diffusion_networks import Blind, Decoder, Reconstruct, TinyUNet
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from edgekit.demos.digit_classifier import load_classifier
from edgekit.demos.pictures.networks import BlindSpot, Idm, Noise2Score, Unet
from edgekit.export.diffusion.schedule import Schedule

SIDE = 8
IMAGE = (1, 1, SIDE, SIDE)
Built = tuple[nn.Module, dict[str, Tensor]]
T3 = torch.tensor([3.0])


class Timed(nn.Module):
    """Three convolutions, told the time: (1, inputs, 8, 8), t -> (1, outputs, 8, 8)."""

    def __init__(self, inputs: int = 1, outputs: int = 1, seed: int = 0, width: int = 8) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.first = nn.Conv2d(inputs, width, 3, 1, 1)
        self.middle = nn.Conv2d(width, width, 3, 1, 1)
        self.last = nn.Conv2d(width, outputs, 3, 1, 1)
        self.time = nn.Linear(8, width)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        angles = t[:, None] * torch.exp(-math.log(1e4) * torch.arange(4) / 4)
        told = self.time(torch.cat([angles.sin(), angles.cos()], 1))[:, :, None, None]
        h = F.silu(self.first(x) + told)
        y: Tensor = self.last(F.silu(self.middle(h)) + h)
        return y


def unet() -> Built:
    """x, t, label -> v."""
    return TinyUNet().eval(), {"x": torch.zeros(IMAGE), "t": T3, "label": torch.tensor([1])}


def plain() -> Built:
    """x, t -> eps."""
    return Timed(), {"x": torch.zeros(IMAGE), "t": T3}


class Labelled(nn.Module):
    """x, t, label -> v: the three convolutions, of which a label shifts the input; 10 is none."""

    def __init__(self) -> None:
        super().__init__()
        self.network = Timed(seed=17)
        self.label = nn.Embedding(11, 1)

    def forward(self, x: Tensor, t: Tensor, label: Tensor) -> Tensor:
        y: Tensor = self.network(x + self.label(label)[:, :, None, None], t)
        return y


def labelled() -> Built:
    return Labelled(), {"x": torch.zeros(IMAGE), "t": T3, "label": torch.tensor([1])}


class Conditioned(nn.Module):
    """x, y, t -> outputs of the joined pictures."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.outputs = nn.ModuleList([Timed(2, 1, seed) for seed in range(outputs)])

    def forward(self, x: Tensor, t: Tensor, y: Tensor) -> tuple[Tensor, ...]:
        return tuple(network(torch.cat([x, y], 1), t) for network in self.outputs)


def conditioned() -> Built:
    torch.manual_seed(1)
    return Conditioned(1), {"x": torch.zeros(IMAGE), "t": T3, "y": torch.randn(IMAGE)}


def residual_and_noise() -> Built:
    torch.manual_seed(1)
    return Conditioned(2), {"x": torch.zeros(IMAGE), "t": T3, "y": torch.randn(IMAGE)}


def blind() -> Built:
    """For one more step: x, label -> v of pure noise."""
    return Blind().eval(), {"x": torch.zeros(IMAGE), "label": torch.tensor([1])}


def decoder() -> Built:
    return Decoder().eval(), {"latent": torch.zeros(IMAGE)}


def reconstruct() -> Built:
    torch.manual_seed(4)
    return Reconstruct().eval(), {"code": torch.randn(1, 4)}


class DriftAndNoise(nn.Module):
    """x, t -> b and E[z | x], of the interpolant between two kinds of data."""

    def __init__(self) -> None:
        super().__init__()
        self.drift, self.noise = Timed(seed=2), Timed(seed=3)

    def forward(self, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        return self.drift(x, t), self.noise(x, t)


def drift_and_noise() -> Built:
    return DriftAndNoise(), {"x": torch.zeros(IMAGE), "t": torch.tensor([0.3])}


class RedDiffStep(nn.Module):
    """One step of RED-Diff on the left half of a picture: states mu, m1, m2; Adam inside; row counts from 0."""

    RATE, PRIOR, ROWS = 0.1, 0.25, 6

    def __init__(self) -> None:
        super().__init__()
        ab = torch.from_numpy(Schedule("linear").ab[::-1][:: 1000 // self.ROWS][: self.ROWS].copy())
        self.ab = nn.Buffer(ab.float())
        self.network = Timed(seed=4)
        row = torch.arange(1, self.ROWS + 1)
        self.first, self.second = nn.Buffer(1 / (1 - 0.9**row)), nn.Buffer(1 / (1 - 0.99**row))

    def forward(
        self, row: Tensor, noise: Tensor, y: Tensor, mu: Tensor, m1: Tensor, m2: Tensor
    ) -> dict[str, Tensor]:
        bar = self.ab.index_select(0, row)[:, None, None, None]
        x = bar.sqrt() * mu + (1 - bar).sqrt() * noise
        eps = self.network(x, row.float())
        seen = torch.cat([y - mu[..., : SIDE // 2], torch.zeros_like(y)], 3) / (SIDE * SIDE / 2)
        trust = self.PRIOR * ((1 - bar) / bar).sqrt()
        g = trust * (eps - noise) / (SIDE * SIDE) - seen
        m1, m2 = 0.9 * m1 + 0.1 * g, 0.99 * m2 + 0.01 * g * g
        gain = [c.index_select(0, row)[:, None, None, None] for c in (self.first, self.second)]
        step = self.RATE * m1 * gain[0] / ((m2 * gain[1]).sqrt() + 1e-8)
        change = step.abs().amax((1, 2, 3))
        return {
            "x": mu - step,
            "change": change,
            "mu_next": mu - step,
            "m1_next": m1,
            "m2_next": m2,
        }


def red_diff_step() -> Built:
    zero = torch.zeros(IMAGE)
    return RedDiffStep(), {
        "row": torch.tensor([0]),
        "noise": torch.randn(IMAGE, generator=torch.Generator().manual_seed(0)),
        "y": torch.full((1, 1, SIDE, SIDE // 2), 0.3),
        **{name: zero.clone() for name in ("mu", "m1", "m2")},
    }


class Dehazing(nn.Module):
    """[tissue, haze], t, y -> their eps, with the projection onto y = beta x + alpha h in it."""

    BETA, ALPHA, PULL = 0.6, 0.4, 0.5

    def __init__(self) -> None:
        super().__init__()
        self.tissue, self.haze = Timed(seed=5), Timed(seed=6)
        self.ab = nn.Buffer(torch.from_numpy(Schedule("linear").ab).float())

    def forward(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        bar = self.ab[t.long()][:, None, None, None]
        both = torch.cat([self.tissue(x[:, :1], t), self.haze(x[:, 1:], t)], 1)
        off = bar.sqrt() * y - self.BETA * x[:, :1] - self.ALPHA * x[:, 1:]
        pull = self.PULL * torch.cat([self.BETA * off, self.ALPHA * off], 1)
        return both - pull / (1 - bar).sqrt()


def dehazing() -> Built:
    torch.manual_seed(2)
    return Dehazing(), {"x": torch.zeros(1, 2, SIDE, SIDE), "t": T3, "y": torch.randn(IMAGE)}


def idm() -> Built:
    """Measurements of one block of 8 x 8 values -> the values."""
    torch.manual_seed(3)
    network = Idm(block=SIDE, count=16, width=8, depth=1)
    for layer in network.network:
        if isinstance(layer, nn.Conv2d):
            nn.init.normal_(layer.weight, 0, 0.15)
    return network, {"y": torch.randn(1, 16, 1, 1)}


SIGMA = 0.2  # of the noise


def noise2score() -> Built:
    torch.manual_seed(0)
    score = nn.Sequential(nn.Conv2d(1, 8, 3, 1, 1), nn.SiLU(), nn.Conv2d(8, 1, 3, 1, 1))
    return Noise2Score(score, SIGMA, ("gauss", "poisson", "gamma")), {"y": torch.rand(IMAGE)}


class GoldenNoise(nn.Module):
    """NPNet's residual branch: x, text -> a start that suits the text better."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(9)
        self.text = nn.Linear(4, 1)
        self.network = nn.Sequential(nn.Conv2d(1, 8, 3, 1, 1), nn.SiLU(), nn.Conv2d(8, 1, 3, 1, 1))

    def forward(self, x: Tensor, text: Tensor) -> Tensor:
        told = torch.tanh(self.text(text))[:, :, None, None]
        y: Tensor = x + 0.3 * told + 0.5 * self.network(x + told)
        return y


def golden_noise() -> Built:
    torch.manual_seed(5)
    return GoldenNoise(), {"x": torch.zeros(IMAGE), "text": torch.randn(1, 4)}


class Anagram(nn.Module):
    """The mean over two views, upright and upside down, each with a label of its own."""

    def __init__(self, rectify: float = 1.0) -> None:
        super().__init__()
        self.network, self.rectify = Labelled(), rectify

    def forward(self, x: Tensor, t: Tensor, label: Tensor, turned: Tensor) -> Tensor:
        upright = self.network(x, t, label)
        other = torch.rot90(self.network(torch.rot90(x, 2, (2, 3)), t, turned), 2, (2, 3))
        return self.rectify * 0.5 * (upright + other)


def anagram() -> Built:
    labels = {"label": torch.tensor([1]), "turned": torch.tensor([4])}
    return Anagram().eval(), {"x": torch.zeros(IMAGE), "t": T3, **labels}


def blind_spot() -> Built:
    torch.manual_seed(0)
    return BlindSpot(width=8, depth=2), {"y": torch.rand(1, 1, 16, 16)}


def bias_free() -> Built:
    torch.manual_seed(0)
    return Unet(1, 1, width=4, bias=False), {"x": torch.randn(IMAGE)}


class Prompted(nn.Module):
    """The bundled digit classifier, told what to add to an image."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = load_classifier()

    def forward(self, image: Tensor, prompt: Tensor) -> Tensor:
        y: Tensor = self.inner(image + prompt)
        return y


def prompted() -> Built:
    image = torch.zeros(1, 1, 28, 28)
    return Prompted().eval(), {"image": image, "prompt": image.clone()}


SYMBOLS, WIDTH, HEADS, GROUP, BRANCHES = 64, 32, 3, 4, 2
STEPS = 600  # of training


class Hydra(nn.Module):
    """Three draft heads: head i reads the state and the tokens that the heads before it drafted.

    With `reads_drafts` off it is Medusa with as many weights: each head reads the last token again instead.
    """

    def __init__(self, reads_drafts: bool = True) -> None:
        super().__init__()
        torch.manual_seed(12)
        self.reads_drafts = reads_drafts
        self.tokens = nn.Embedding(SYMBOLS, WIDTH)
        self.state = nn.Linear(2 * WIDTH, WIDTH)
        self.heads = nn.ModuleList([nn.Linear((2 + i) * WIDTH, 2 * WIDTH) for i in range(HEADS)])
        self.outs = nn.ModuleList([nn.Linear(2 * WIDTH, SYMBOLS) for _ in range(HEADS)])

    def logits(self, before: Tensor, last: Tensor, drafted: list[Tensor]) -> Tensor:
        """Of the next head: of tokens (n,), and those that were drafted."""
        i = len(drafted)
        old, new = self.tokens(before), self.tokens(last)
        h = [F.silu(self.state(torch.cat([old, new], 1))), new]
        h += [self.tokens(token) if self.reads_drafts else new for token in drafted]
        y: Tensor = self.outs[i](F.silu(self.heads[i](torch.cat(h, 1))))
        return y

    def forward(self, before: Tensor, last: Tensor) -> dict[str, Tensor]:
        drafted, made = list[Tensor](), {}
        for i in range(HEADS):
            logits = self.logits(before, last, drafted)
            drafted.append(logits.argmax(1))
            made[f"logits{i}"] = logits
        return made


class DraftTree(nn.Module):
    """The two likeliest tokens of each head behind every draft of the heads before it: 2, 4 and 8 drafts."""

    def __init__(self, inner: Hydra) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, before: Tensor, last: Tensor) -> dict[str, Tensor]:
        drafted, made = list[Tensor](), {}
        for i in range(HEADS):
            logits = self.inner.logits(before, last, drafted)
            values, tokens = torch.topk(logits, BRANCHES, 1)
            made[f"scores{i}"], made[f"drafts{i}"] = values.reshape(1, -1), tokens.reshape(1, -1)
            before, last, *drafted = (
                x.repeat_interleave(BRANCHES) for x in (before, last, *drafted)
            )
            drafted = [*drafted, tokens.reshape(-1)]
        return made


def likely() -> Tensor:
    """(64,): the likeliest successor of each symbol, which is that of all symbols of its group of four."""
    random = torch.Generator().manual_seed(0)
    order = torch.randperm(SYMBOLS // GROUP, generator=random)
    return (order * GROUP).repeat_interleave(GROUP)


def markov() -> Tensor:
    """(64, 64) transition probabilities, four successors each.

    The likeliest comes with 0.4. The others, 0.6 together, are of one group and so share their own likeliest
    successor: it is the commonest symbol two steps ahead, but not the one behind the likeliest successor. A head that
    does not see what was drafted before it takes the former.
    """
    first, p = likely(), torch.zeros(SYMBOLS, SYMBOLS)
    for symbol in range(SYMBOLS):
        group = (int(first[symbol]) // GROUP + 1) % (SYMBOLS // GROUP)
        p[symbol, first[symbol]] = 0.4
        p[symbol, group * GROUP + 1 : group * GROUP + 4] = torch.tensor([0.3, 0.2, 0.1])
    return p


def walk(n: int, seed: int) -> Tensor:
    """(n, 5): symbols of the chain, one after another."""
    random, p = torch.Generator().manual_seed(seed), markov()
    found = [torch.randint(0, SYMBOLS, (n,), generator=random)]
    for _ in range(1 + HEADS):
        found.append(torch.multinomial(p[found[-1]], 1, generator=random)[:, 0])
    return torch.stack(found, 1)


@cache
def drafting(reads_drafts: bool) -> Hydra:
    """Trained on the chain, each head on the probabilities of the base, as Hydra++ is."""
    network, symbols, p = Hydra(reads_drafts), walk(512 * STEPS, 1), markov()
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    rate = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for some in symbols.split(512):
        loss = torch.zeros(())
        for i in range(HEADS):
            told = [some[:, 2 + k] for k in range(i)]
            logits = network.logits(some[:, 0], some[:, 1], told)
            loss = loss + F.cross_entropy(logits, p[some[:, 1 + i]])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        rate.step()
    return network.eval()


def hydra() -> Built:
    return drafting(True), {"before": torch.tensor([1]), "last": torch.tensor([2])}


def draft_tree() -> Built:
    network, example = hydra()
    assert isinstance(network, Hydra)
    return DraftTree(network).eval(), example


class Walsh(nn.Module):
    """The Walsh-Hadamard transform of 256 numbers by butterflies, SPRIGHT's front end."""

    def forward(self, x: Tensor) -> Tensor:
        for bit in range(8):
            pair = x.reshape(1, 256 >> (bit + 1), 2, 1 << bit)
            top, low = pair[:, :, 0], pair[:, :, 1]
            x = torch.stack([top + low, top - low], 2).reshape(1, 256)
        return x / 16


def walsh() -> Built:
    torch.manual_seed(0)
    return Walsh(), {"x": torch.randn(1, 256)}


NODES = 12


class Resistors(nn.Module):
    """One step of a convergent graph solver: potentials of a grounded resistor network, z <- A z + b."""

    def forward(
        self, conductance: Tensor, ground: Tensor, current: Tensor, z: Tensor
    ) -> dict[str, Tensor]:
        whole = conductance.sum(2, keepdim=True) + ground
        z_next = (conductance / whole) @ z + current / whole
        return {"y": z_next, "change": (z_next - z).abs().amax((1, 2)), "z_next": z_next}


def resistors() -> Built:
    torch.manual_seed(1)
    g = torch.rand(1, NODES, NODES)
    g = (g + g.transpose(1, 2)) / 2 * (1 - torch.eye(NODES))
    return Resistors(), {
        "conductance": g,
        "ground": torch.full((1, NODES, 1), 4.0),
        "current": torch.randn(1, NODES, 1),
        "z": torch.zeros(1, NODES, 1),
    }


def spiked() -> Tensor:
    """(400, 32) embeddings: three directions above the noise's edge."""
    torch.manual_seed(13)
    directions, _ = torch.linalg.qr(torch.randn(32, 3))
    return torch.randn(400, 3) * 3 @ directions.T + torch.randn(400, 32)


class Shield(nn.Module):
    """EigenShield: e <- U U^T e, U the eigenvectors above the Marchenko-Pastur edge."""

    def __init__(self) -> None:
        super().__init__()
        data = spiked()
        values, vectors = torch.linalg.eigh(data.T @ data / len(data))
        kept = vectors[:, values > (1 + math.sqrt(32 / len(data))) ** 2]
        self.rank = kept.shape[1]
        self.project = nn.Linear(32, 32, bias=False)
        self.project.weight.data = kept @ kept.T

    def forward(self, e: Tensor) -> Tensor:
        y: Tensor = self.project(e)
        return y


def shield() -> Built:
    return Shield(), {"e": spiked()[:1]}


def noisy_expectations(n: int, seed: int) -> tuple[Tensor, Tensor]:
    """(n, 6) and (n, 1): expectations at three noise levels with the levels, and the value at none."""
    random = torch.Generator().manual_seed(seed)
    exact = 2 * torch.rand(n, 1, generator=random) - 1
    level = 0.02 + 0.1 * torch.rand(n, 1, generator=random)
    levels = level * torch.tensor([1.0, 2.0, 3.0])
    return torch.cat([levels * 8, exact * torch.exp(-4 * levels)], 1), exact


class Extrapolation(nn.Module):
    """An MLP from error probabilities and expectations to the value at zero noise."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(14)
        wide = [nn.Linear(6, 24), nn.SiLU(), nn.Linear(24, 24), nn.SiLU(), nn.Linear(24, 1)]
        self.layers = nn.Sequential(*wide)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return y


def zero_noise() -> Built:
    """Trained on expectations that decay exponentially."""
    network = Extrapolation()
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    x, y = noisy_expectations(512, 0)
    for _ in range(250):
        loss = F.mse_loss(network(x), y)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return network.eval(), {"x": x[:1]}


class ProductUnits(nn.Module):
    """Products of powers, exp(W log x), between two linear layers."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(15)
        self.powers, self.out = nn.Linear(4, 8, bias=False), nn.Linear(8, 2)
        self.powers.weight.data = torch.randint(-1, 3, (8, 4)) / 2

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        products = torch.exp(self.powers(torch.log(x)))
        return {"products": products, "y": self.out(products)}


def product_units() -> Built:
    torch.manual_seed(0)
    return ProductUnits(), {"x": 0.5 + torch.rand(1, 4)}


class Bayer(nn.Module):
    """Packed Bayer, 4 channels -> the same without noise: a small residual network."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(16)
        self.layers = nn.Sequential(nn.Conv2d(4, 12, 3, 1, 1), nn.ReLU(), nn.Conv2d(12, 4, 3, 1, 1))

    def forward(self, raw: Tensor) -> Tensor:
        y: Tensor = raw + self.layers(raw)
        return y


def bayer() -> Built:
    torch.manual_seed(0)
    return Bayer(), {"raw": torch.rand(1, 4, 8, 8)}
