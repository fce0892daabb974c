"""Further networks of the systems: state spaces, recall, heads on features, noise with a memory; seeded weights."""

import math
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from edgekit.export.own_operators.ssm import DiagonalSSM

Built = tuple[nn.Module, dict[str, Tensor]]
LENGTH, CHANNELS = 32, 4


class PerturbedStates(nn.Module):
    """S5-PTD on a window: a layer whose rates are those of HiPPO's perturbed matrix, and a gate."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(20)
        self.states = DiagonalSSM(CHANNELS, 8, mixing=True, per_state_step=True, init="ptd")
        self.gate = nn.Conv1d(CHANNELS, CHANNELS, 1)

    def forward(self, u: Tensor) -> Tensor:
        y = F.silu(self.states(u))
        gated: Tensor = u + y * torch.sigmoid(self.gate(y))
        return gated


def perturbed_states() -> Built:
    return PerturbedStates().eval(), {"u": torch.randn(1, CHANNELS, LENGTH)}


class Chimera(nn.Module):
    """One frame of a state space over time and variates, with a head for the trend and one for the season.

    ``h1[v, t] = A1 h1[v, t-1] + A2 h2[v, t-1] + B1 x[v, t]``, ``h2[v, t] = A3 h1[v-1, t] + A4 h2[v-1, t] + B2 x[v, t]``
    with diagonal A; the second begins with x at the first variate. x (1, variates); states (1, variates, heads, 4).
    """

    HEADS, VARIATES, STATES = 2, 4, 4

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(21)
        shape = (self.HEADS, self.STATES)
        slow = torch.tensor([[0.95], [0.5]])  # of the trend, of the season
        self.along = nn.Parameter(slow * torch.rand(2, *shape).clamp(0.5))
        self.across = nn.Parameter(0.3 * torch.rand(2, *shape))
        self.drive = nn.Parameter(0.3 * torch.randn(2, *shape))
        self.readout = nn.Parameter(0.3 * torch.randn(2, *shape))

    def forward(self, x: Tensor, h1: Tensor, h2: Tensor) -> dict[str, Tensor]:
        first = self.along[0] * h1 + self.along[1] * h2 + self.drive[0] * x[:, :, None, None]
        rows = [self.drive[1] * x[:, :1, None, None]]
        for v in range(1, self.VARIATES):
            before = self.across[0] * first[:, v - 1 : v] + self.across[1] * rows[-1]
            rows.append(before + self.drive[1] * x[:, v : v + 1, None, None])
        second = torch.cat(rows, 1)
        heads = (self.readout[0] * first + self.readout[1] * second).sum(-1)
        return {"y": heads.sum(-1), "h1_next": first, "h2_next": second}


def chimera() -> Built:
    torch.manual_seed(0)
    zero = torch.zeros(1, Chimera.VARIATES, Chimera.HEADS, Chimera.STATES)
    x = torch.randn(1, Chimera.VARIATES)
    return Chimera().eval(), {"x": x, "h1": zero, "h2": zero.clone()}


class Orchid(nn.Module):
    """A convolution over the whole window whose kernel follows from the window, type I; the DFT is a product.

    ``y = iDFT(DFT(h) DFT(x))``, ``DFT(h) = h0 + |DFT(conv3(x))|``: the kernel of a moved window is the same.
    """

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(22)
        self.conv = nn.Conv1d(
            CHANNELS, CHANNELS, 3, padding=1, padding_mode="circular", groups=CHANNELS
        )
        self.fixed = nn.Parameter(0.3 * torch.rand(CHANNELS, LENGTH))
        angle = 2 * math.pi * torch.arange(LENGTH)[:, None] * torch.arange(LENGTH) / LENGTH
        self.cos, self.sin = nn.Buffer(angle.cos()), nn.Buffer(angle.sin())

    def forward(self, x: Tensor) -> Tensor:
        k = self.conv(x)
        size = torch.sqrt((k @ self.cos).square() + (k @ self.sin).square() + 1e-6)
        spectrum = (self.fixed + size) / math.sqrt(LENGTH)
        real, imaginary = spectrum * (x @ self.cos), spectrum * (x @ self.sin)
        y: Tensor = (real @ self.cos + imaginary @ self.sin) / LENGTH
        return y


def orchid() -> Built:
    torch.manual_seed(0)
    return Orchid().eval(), {"x": torch.randn(1, CHANNELS, LENGTH)}


KEYS, VALUES, SHARP = 8, 8, 12.0


class Recall(nn.Module):
    """Zoology's hybrid: a short convolution gives each value its key, and attention finds the key of the query.

    Pairs (1, 2 n, 16), keys and values in turn, one-hot; a query (1, 1, 16) -> scores of the values (1, 8).
    The weights are those that recall, as training finds them. Without attention no key is found.
    """

    def __init__(self, attends: bool = True) -> None:
        super().__init__()
        self.attends = attends
        self.shift = nn.Conv1d(16, 16, 2, groups=16, bias=False)
        self.shift.weight.data = torch.tensor([1.0, 0.0]).expand(16, 1, 2).contiguous()

    def forward(self, pairs: Tensor, query: Tensor) -> Tensor:
        before = F.pad(pairs.transpose(1, 2), (1, 0))
        keys = self.shift(before).transpose(1, 2)[..., :KEYS]
        values = pairs[..., KEYS:]
        scores = SHARP * (query[..., :KEYS] @ keys.transpose(1, 2))
        if not self.attends:
            scores = torch.zeros_like(scores)
        y: Tensor = (torch.softmax(scores, -1) @ values)[:, 0]
        return y


def told_pairs(n: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Pairs (n, 1, 12, 16), queries (n, 1, 1, 16), and the values that they ask for (n,)."""
    random = torch.Generator().manual_seed(seed)
    keys = torch.stack([torch.randperm(KEYS, generator=random)[:6] for _ in range(n)])
    values = torch.randint(0, VALUES, (n, 6), generator=random)
    tokens = torch.stack([keys, KEYS + values], 2).reshape(n, 12)
    asked = torch.randint(0, 6, (n, 1), generator=random)
    key = keys.gather(1, asked)
    return (
        F.one_hot(tokens, 16).float()[:, None],
        F.one_hot(key, 16).float()[:, None],
        values.gather(1, asked)[:, 0],
    )


def recall() -> Built:
    pairs, query, _ = told_pairs(1, 0)
    return Recall().eval(), {"pairs": pairs[0], "query": query[0]}


def fitted(network: nn.Module, loss: "object", steps: int, rate: float = 1e-2) -> nn.Module:
    """The network after some steps of Adam."""
    assert callable(loss)
    optimizer = torch.optim.Adam(network.parameters(), rate)
    for _ in range(steps):
        value = loss()
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    return network.eval()


class Transcoder(nn.Module):
    """A wide layer of few active units in place of an MLP: x (n, 8) -> what the MLP returns, and the units."""

    def __init__(self, wide: int = 48) -> None:
        super().__init__()
        torch.manual_seed(23)
        self.encoder, self.decoder = nn.Linear(8, wide), nn.Linear(wide, 8)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        units = torch.relu(self.encoder(x))
        return {"y": self.decoder(units), "units": units}


def explained() -> nn.Module:
    """The MLP that a transcoder replaces."""
    torch.manual_seed(24)
    return nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 8)).eval()


@cache
def trained_transcoder() -> nn.Module:
    network, mlp = Transcoder(), explained()
    x = torch.randn(512, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        y = mlp(x)

    def loss() -> Tensor:
        found = network(x)
        return F.mse_loss(found["y"], y) / y.var() + 2e-3 * found["units"].sum(1).mean()

    return fitted(network, loss, 150)


def transcoder() -> Built:
    return trained_transcoder(), {"x": torch.randn(1, 8)}


RARE, COMMON, SCALE = 12, 600, 10.0  # samples of a class; of the cosines


def imbalanced(rare: int, common: int, seed: int) -> tuple[Tensor, Tensor]:
    """Features (n, 6) of three classes, of which the last is rare, and their labels."""
    random = torch.Generator().manual_seed(seed)
    labels = torch.cat([torch.full((common,), 0), torch.full((common,), 1), torch.full((rare,), 2)])
    means = 1.1 * torch.eye(3, 6)
    return means[labels] + 0.7 * torch.randn(len(labels), 6, generator=random), labels


class CosineHead(nn.Module):
    """LDAM's classifier: cosines between features and class directions; x (n, 6) -> logits (n, 3)."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(25)
        self.hidden = nn.Linear(6, 8)
        self.directions = nn.Parameter(torch.randn(3, 8))

    def forward(self, x: Tensor) -> Tensor:
        h = F.silu(self.hidden(x))
        length = torch.sqrt(h.square().sum(1, keepdim=True) + 1e-6)
        rows = self.directions / self.directions.norm(dim=1, keepdim=True)
        return SCALE * (h @ rows.T) / length


@cache
def margin_head(margins: bool) -> nn.Module:
    """Trained with the margins ``C / n^(1/4)``, at the end weighted by ``1 / n`` (LDAM-DRW), or with neither."""
    network, (x, labels) = CosineHead(), imbalanced(RARE, COMMON, 1)
    counts = torch.bincount(labels).float()
    margin = 0.5 * SCALE * (counts / counts.min()).pow(-0.25) * margins
    weights = (1 / counts) ** margins
    shifted = margin[labels][:, None] * F.one_hot(labels, 3)
    fitted(network, lambda: F.cross_entropy(network(x) - shifted, labels), 100)
    return fitted(network, lambda: F.cross_entropy(network(x) - shifted, labels, weights), 100)


def ldam() -> Built:
    return margin_head(True), {"x": imbalanced(1, 1, 2)[0][:1]}


class TunedHead(nn.Module):
    """NMTune: an MLP over the features of a frozen network, and a linear classifier; x (n, 16) -> logits (n, 3)."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(26)
        self.tune = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 16))
        self.last = nn.Linear(16, 3)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        z = self.tune(x)
        return {"logits": self.last(z), "z": z}


def noisy_features(n: int, seed: int) -> tuple[Tensor, Tensor]:
    """Features (n, 16) of three classes in a random basis, and labels."""
    random = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 3, (n,), generator=random)
    basis, _ = torch.linalg.qr(torch.randn(16, 16, generator=torch.Generator().manual_seed(27)))
    return (2 * F.one_hot(labels, 16) + torch.randn(n, 16, generator=random)) @ basis, labels


@cache
def tuned_head(regularized: bool) -> nn.Module:
    """Trained with the three terms on z: near the features, directions apart, the first singular value large."""
    network, (x, labels) = TunedHead(), noisy_features(256, 1)

    def loss() -> Tensor:
        found = network(x)
        value = F.cross_entropy(found["logits"], labels)
        if not regularized:
            return value
        z = found["z"] - found["z"].mean(0)
        near = F.mse_loss(F.normalize(found["z"], dim=1), F.normalize(x, dim=1))
        covariance = z.T @ z / (len(z) - 1)
        apart = (covariance.square().sum() - covariance.diagonal().square().sum()) / len(covariance)
        singular = torch.linalg.svdvals(found["z"])
        return value + near + 0.04 * apart - 0.1 * singular[0] / singular.sum()

    return fitted(network, loss, 150)


def nmtune() -> Built:
    return tuned_head(True), {"x": noisy_features(1, 2)[0]}


class MaskedClasses(nn.Module):
    """MAFT+: words attend to the picture's features, masks pool them, cosines classify each mask.

    features (1, 16, 16 pixels), words (1, 3, 16), masks (1, 2, 16 pixels) -> logits (1, 2, 3).
    """

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(28)
        self.query, self.key, self.value = (nn.Linear(16, 16, bias=False) for _ in range(3))

    def forward(self, features: Tensor, words: Tensor, masks: Tensor) -> Tensor:
        pixels = features.transpose(1, 2)
        scores = self.query(words) @ self.key(pixels).transpose(1, 2) / 4
        words = words + 0.3 * torch.softmax(scores, -1) @ self.value(pixels)
        pooled = masks @ pixels / (masks.sum(-1, keepdim=True) + 1e-4)
        return 10 * unit(pooled) @ unit(words).transpose(1, 2)


def unit(x: Tensor) -> Tensor:
    """Vectors of length 1."""
    return x / torch.sqrt(x.square().sum(-1, keepdim=True) + 1e-6)


def maft() -> Built:
    torch.manual_seed(0)
    masks = (torch.rand(1, 2, 16) > 0.5).float()
    return MaskedClasses().eval(), {
        "features": torch.randn(1, 16, 16),
        "words": torch.randn(1, 3, 16),
        "masks": masks,
    }


class FractionalNoise(nn.Module):
    """Noise with a long memory from a few processes that forget at different rates, all of one white noise.

    ``y_k <- exp(-g_k) y_k + z``, noise ``sum w_k y_k``; z (1, 1), states y (1, 8). The weights fit the response of
    fractional integration of order H - 1/2, ``psi_j = psi_{j-1} (j - 1 + d) / j``.
    """

    HURST, STATES, FITTED = 0.8, 8, 400

    def __init__(self) -> None:
        super().__init__()
        rates = torch.logspace(-2.7, 0.9, self.STATES)
        self.keep = nn.Buffer(torch.exp(-rates))
        lags, d = torch.arange(self.FITTED).double(), self.HURST - 0.5
        steps = torch.cat([torch.ones(1).double(), (lags[1:] - 1 + d) / lags[1:]])
        response = torch.exp(-lags[:, None] * rates)
        found = torch.linalg.lstsq(response, steps.cumprod(0)[:, None]).solution
        self.weights = nn.Buffer(found[:, 0].float())

    def forward(self, z: Tensor, y: Tensor) -> dict[str, Tensor]:
        y_next = self.keep * y + z
        return {"noise": (self.weights * y_next).sum(1, keepdim=True), "y_next": y_next}


def fractional_noise() -> Built:
    torch.manual_seed(0)
    return FractionalNoise().eval(), {
        "z": torch.randn(1, 1),
        "y": torch.zeros(1, FractionalNoise.STATES),
    }


class Generator(nn.Module):
    """WGAN's generator: z (1, 4) -> a point (1, 2)."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(29)
        self.layers = nn.Sequential(
            nn.Linear(4, 32), nn.SiLU(), nn.Linear(32, 32), nn.SiLU(), nn.Linear(32, 2)
        )

    def forward(self, z: Tensor) -> Tensor:
        y: Tensor = self.layers(z)
        return y


def wgan() -> Built:
    return Generator().eval(), {"z": torch.randn(1, 4, generator=torch.Generator().manual_seed(1))}


class Law(nn.Module):
    """One product unit, ``exp(w log x)``, with a scale and an offset: x (n, 3) above 0 -> (n, 1)."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(30)
        self.powers, self.out = nn.Linear(3, 1, bias=False), nn.Linear(1, 1)
        nn.init.uniform_(self.powers.weight, -0.5, 0.5)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.out(torch.exp(self.powers(torch.log(x))))
        return y


def law(x: Tensor) -> Tensor:
    """The law that is to be found, ``x1^2 x2 / x3``."""
    return x[:, 0] ** 2 * x[:, 1] / x[:, 2]


@cache
def law_network() -> Law:
    """Trained on 256 examples without noise, x from 1 to 2."""
    network = Law()
    x = 1 + torch.rand(256, 3, generator=torch.Generator().manual_seed(0))
    fitted(network, lambda: F.mse_loss(network(x)[:, 0], law(x)), 600, 3e-2)
    return network


def product_law() -> Built:
    return law_network(), {"x": 1 + torch.rand(1, 3)}
