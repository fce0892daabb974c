"""Factories of recurrences and attention in their authors' own source, at a checkout's commit, small.

Cells that are functions of queries, keys, values and gates get these from projections of one input.
"""

import typing
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import torch
from conformance.author_tools import Made, Wrapper, noise, one_file, without
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

WIDTH, HEADS, SIZE = 12, 2, 4


class Projections(nn.Module):
    """Queries, keys and values (batch, time, heads, size) and gates of one input, given to a cell."""

    def __init__(self, cell: Callable[..., Any], *, gates: dict[str, int], unit_keys: bool) -> None:
        """Take the cell and, for each of its gates, how many values a head has."""
        super().__init__()
        self.cell, self.unit_keys = cell, unit_keys
        self.whole = nn.Linear(WIDTH, 3 * HEADS * SIZE)
        self.gates = nn.ModuleDict({n: nn.Linear(WIDTH, HEADS * size) for n, size in gates.items()})

    def forward(self, x: Tensor) -> Any:
        """Return the cell's output with the heads as channels."""
        shape = (*x.shape[:2], HEADS, -1)
        q, k, v = (part.view(shape) for part in self.whole(x).chunk(3, -1))
        if self.unit_keys:
            k = F.normalize(k, dim=-1)
        gates = {}
        for name, layer in self.gates.items():
            gate = layer(x).view(shape)
            gate = gate.squeeze(-1) if gate.shape[-1] == 1 else gate
            gates[name] = gate.sigmoid() if name == "beta" else F.logsigmoid(gate)
        return self.cell(q, k, v, **gates).flatten(2)


def _attention(path: str, name: str, gates: dict[str, int], frames: int = 32, **given: Any) -> Made:
    """A cell of flash-linear-attention in its plain torch form."""
    function = getattr(one_file("fla", f"ops/{path}/naive.py"), name)

    def cell(q: Tensor, k: Tensor, v: Tensor, **more: Tensor) -> Tensor:
        made = function(q, k, v, **more, **given)
        return made[0] if isinstance(made, tuple) else made

    return Projections(cell, gates=gates, unit_keys="beta" in gates), noise(1, frames, WIDTH)


def gated_delta_net() -> Made:
    name = "naive_recurrent_gated_delta_rule"
    return _attention("gated_delta_rule", name, {"beta": 1, "g": 1})


def gated_delta_net_chunks() -> Made:
    name = "naive_chunk_gated_delta_rule"
    return _attention("gated_delta_rule", name, {"beta": 1, "g": 1}, chunk_size=4)


def gated_linear_attention() -> Made:
    return _attention("gla", "naive_recurrent_gla", {"gk": SIZE})


def kimi_delta_attention() -> Made:
    return _attention("kda", "naive_recurrent_kda", {"beta": 1, "g": SIZE})


def kimi_delta_attention_chunks() -> Made:
    return _attention("kda", "naive_chunk_kda", {"beta": 1, "g": SIZE}, chunk_size=4)


def linear_attention_chunks() -> Made:
    return _attention("linear_attn", "naive_chunk_linear_attn", {}, frames=256)


def delta_rule() -> Made:
    function = one_file("fla", "ops/delta_rule/naive.py").delta_rule_recurrence

    def cell(q: Tensor, k: Tensor, v: Tensor, beta: Tensor) -> Any:
        q, k, v = (one.transpose(1, 2) for one in (q, k, v))
        return function(q, k, v, beta.transpose(1, 2))[0].transpose(1, 2)

    return Projections(cell, gates={"beta": 1}, unit_keys=True), noise(1, 32, WIDTH)


def hgrn() -> Made:
    function = one_file("fla", "ops/hgrn/naive.py").naive_recurrent_hgrn

    class Cell(nn.Module):
        """Values and gates of a width."""

        def __init__(self) -> None:
            super().__init__()
            self.both = nn.Linear(WIDTH, 2 * WIDTH)

        def forward(self, x: Tensor) -> Any:
            value, gate = self.both(x).chunk(2, -1)
            return function(value, F.logsigmoid(gate))[0]

    return Cell(), noise(1, 32, WIDTH)


def min_gru() -> Made:
    from minGRU_pytorch.minGRU import minGRU

    return minGRU(WIDTH, expansion_factor=1.5), noise(1, 40, WIDTH)


def min_lstm() -> Made:
    from minGRU_pytorch.minLSTM import minLSTM

    return minLSTM(WIDTH), noise(1, 40, WIDTH)


def mamba_minimal() -> Made:
    from model import Mamba, ModelArgs

    net = Mamba(ModelArgs(d_model=16, n_layer=2, vocab_size=8, d_state=4))

    def blocks(net: Any, x: Tensor) -> Any:
        """All but the table of tokens: features go in."""
        for layer in net.layers:
            x = layer(x)
        return net.lm_head(net.norm_f(x))

    return Wrapper(net, blocks), noise(1, 24, 16)


def mambapy_mamba() -> Made:
    from mambapy.mamba import Mamba, MambaConfig

    return Mamba(MambaConfig(d_model=16, n_layers=1, d_state=4)), noise(1, 32, 16)


def mambapy_sequential() -> Made:
    from mambapy.mamba import Mamba, MambaConfig

    return Mamba(MambaConfig(d_model=16, n_layers=1, d_state=4, pscan=False)), noise(1, 32, 16)


def s5_layer() -> Made:
    from s5 import S5

    return S5(8, 8), noise(1, 32, 8)


def s4d_layer() -> Made:
    without("pytorch_lightning", "omegaconf", "hydra", "opt_einsum", "torchvision")
    from models.s4.s4d import S4D

    return Wrapper(S4D(6, d_state=8), lambda net, x: net(x)[0]), noise(1, 6, 40)


def _xlstm(**blocks: Any) -> Made:
    """A stack of two blocks of xLSTM."""
    from xlstm import xLSTMBlockStack, xLSTMBlockStackConfig

    settings = xLSTMBlockStackConfig(context_length=64, num_blocks=1, embedding_dim=16, **blocks)
    return Wrapper(xLSTMBlockStack(settings), lambda net, x: net(x)), noise(1, 24, 16)


def xlstm_scalar() -> Made:
    without("omegaconf", "dacite")
    from xlstm import FeedForwardConfig, sLSTMBlockConfig, sLSTMLayerConfig

    layer = sLSTMLayerConfig(backend="vanilla", num_heads=2, conv1d_kernel_size=4, dtype="float32")
    feed = FeedForwardConfig(proj_factor=1.3, act_fn="gelu")
    return _xlstm(slstm_block=sLSTMBlockConfig(slstm=layer, feedforward=feed), slstm_at=[0])


def xlstm_matrix() -> Made:
    without("omegaconf", "dacite")
    from xlstm import mLSTMBlockConfig, mLSTMLayerConfig

    layer = mLSTMLayerConfig(conv1d_kernel_size=4, qkv_proj_blocksize=4, num_heads=2)
    return _xlstm(mlstm_block=mLSTMBlockConfig(mlstm=layer))


def xlstm_matrix_chunks() -> Made:
    function = one_file("xlstm", "blocks/mlstm/backends.py").chunkwise_simple

    def cell(q: Tensor, k: Tensor, v: Tensor, i: Tensor, f: Tensor) -> Any:
        q, k, v = (one.transpose(1, 2) for one in (q, k, v))
        gates = i.transpose(1, 2), f.transpose(1, 2)
        return function(q, k, v, *gates, chunk_size=4).transpose(1, 2)

    return Projections(cell, gates={"i": 1, "f": 1}, unit_keys=False), noise(1, 32, WIDTH)


def xlstm_matrix_steps() -> Made:
    function = one_file("xlstm", "blocks/mlstm/backends.py").recurrent_step_stabilized_simple

    def cell(q: Tensor, k: Tensor, v: Tensor, i: Tensor, f: Tensor) -> Any:
        state = [torch.zeros(1, HEADS, SIZE, one) for one in (SIZE, 1)]
        state.append(torch.zeros(1, HEADS, 1, 1))
        made = []
        for n in range(q.shape[1]):
            frame = [one[:, n, :, None] for one in (q, k, v)]
            gates = i[:, n, :, None, None], f[:, n, :, None, None]
            step, state = function(*state, *frame, *gates)
            made.append(step[:, :, 0])
        return torch.stack(made, 1)

    return Projections(cell, gates={"i": 1, "f": 1}, unit_keys=False), noise(1, 24, WIDTH)


def _wenet(name: str, **given: Any) -> Made:
    """An encoder of WeNet with chunks and a limited past, without its subsampling."""
    without("librosa", "whisper", "langid", "transformers", "pandas", "tiktoken")
    for name_of_type in ("Optional", "Tuple", "Union"):  # WeNet takes them from there
        setattr(torch.nn.modules.conv, name_of_type, getattr(typing, name_of_type))
    import wenet.models.transformer.encoder as encoder

    sizes: Any = {"output_size": 16, "attention_heads": 2, "linear_units": 32, "num_blocks": 2}
    net = getattr(encoder, name)(8, input_layer="linear", use_dynamic_chunk=True, **sizes, **given)

    def call(net: Any, x: Tensor) -> Any:
        lengths = torch.full((1,), x.shape[1])
        return net(x, lengths, decoding_chunk_size=4, num_decoding_left_chunks=2)[0]

    return Wrapper(net, call), noise(1, 48, 8)


def wenet_transformer() -> Made:
    return _wenet("TransformerEncoder", pos_enc_layer_type="abs_pos")


def wenet_transformer_no_positions() -> Made:
    return _wenet("TransformerEncoder", pos_enc_layer_type="no_pos")


def wenet_conformer() -> Made:
    return _wenet("ConformerEncoder", causal=True, cnn_module_kernel=7)


def retnet() -> Made:
    without("fairscale", "apex", "timm")
    from torchscale.architecture.retnet import RetNetRelPos
    from torchscale.component.multiscale_retention import (
        MultiScaleRetention,
    )

    settings = SimpleNamespace(multiway=False, layernorm_eps=1e-5, decoder_embed_dim=16)
    settings.decoder_retention_heads, settings.recurrent_chunk_size = 2, 4

    class Layer(nn.Module):
        """Positions and retention, as the decoder calls them."""

        def __init__(self) -> None:
            super().__init__()
            self.positions = RetNetRelPos(settings)
            self.retention = MultiScaleRetention(settings, 16, 16, 2)

        def forward(self, x: Tensor) -> Any:
            return self.retention(x, self.positions(x.shape[1]))

    return Layer(), noise(1, 32, 16)
