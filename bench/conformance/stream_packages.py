"""Factories of networks that PyPI packages carry, as they are, small where their sizes are arguments.

They run in the environment that `streaming.py` makes from `bench/conformance/streaming.txt`.
"""

from typing import Any

import torch
from torch import Tensor, nn

Made = tuple[nn.Module, tuple[Tensor, ...]]


def sound(frames: int, *shape: int) -> tuple[Tensor]:
    """Noise of `frames` at the end of a shape."""
    return (torch.randn(*shape, frames),)


def torchaudio_conv_tasnet() -> Made:
    from torchaudio.models import ConvTasNet

    sizes: Any = {"num_sources": 2, "enc_num_feats": 32, "msk_num_feats": 16}
    sizes |= {"msk_num_hidden_feats": 32, "msk_num_layers": 3, "msk_num_stacks": 2}
    return ConvTasNet(**sizes), sound(400, 1, 1)


def torchaudio_wav2vec2_features() -> Made:
    from torchaudio.models.wav2vec2.components import _get_feature_extractor

    shapes = [(32, 10, 5), (32, 3, 2), (32, 3, 2), (32, 2, 2)]

    class Features(nn.Module):
        """The extractor alone, without the lengths that it also takes."""

        def __init__(self) -> None:
            super().__init__()
            self.extractor = _get_feature_extractor("layer_norm", shapes, True)

        def forward(self, x: Tensor) -> Tensor:
            return self.extractor(x, None)[0]  # type: ignore[no-any-return]

    return Features(), sound(1600, 1)


def torchaudio_emformer() -> Made:
    from torchaudio.models import Emformer

    class Whole(nn.Module):
        """All of the input is valid."""

        def __init__(self) -> None:
            super().__init__()
            self.emformer = Emformer(16, 2, 32, 2, 4, left_context_length=8, right_context_length=2)

        def forward(self, x: Tensor) -> Tensor:
            lengths = torch.full((1,), x.shape[1] - 2)
            return self.emformer(x, lengths)[0]  # type: ignore[no-any-return]

    return Whole(), (torch.randn(1, 42, 16),)


def torchaudio_conformer() -> Made:
    from torchaudio.models import Conformer

    class Whole(nn.Module):
        """All of the input is valid."""

        def __init__(self) -> None:
            super().__init__()
            self.conformer = Conformer(16, 2, 32, 1, 7)

        def forward(self, x: Tensor) -> Tensor:
            lengths = torch.full((1,), x.shape[1])
            return self.conformer(x, lengths)[0]  # type: ignore[no-any-return]

    return Whole(), (torch.randn(1, 40, 16),)


def torchaudio_wavernn_conditioning() -> Made:
    from torchaudio.models.wavernn import MelResNet

    return MelResNet(n_res_block=3, n_freq=16, n_hidden=16, n_output=16, kernel_size=5), sound(
        60, 1, 16
    )


def asteroid_conv_tasnet() -> Made:
    from asteroid.models import ConvTasNet

    sizes: Any = {"n_blocks": 3, "n_repeats": 2, "bn_chan": 16, "hid_chan": 32, "skip_chan": 16}
    net = ConvTasNet(2, norm_type="cLN", causal=True, n_filters=32, **sizes)
    return net, sound(400, 1, 1)


def asteroid_lstm_tasnet() -> Made:
    from asteroid.models import LSTMTasNet

    return LSTMTasNet(2, n_layers=2, hid_size=32, bidirectional=False, n_filters=32), sound(
        400, 1, 1
    )


def asteroid_dprnn() -> Made:
    from asteroid.models import DPRNNTasNet

    return DPRNNTasNet(2, n_repeats=1, bn_chan=16, hid_size=16, chunk_size=20, n_filters=16), sound(
        800, 1, 1
    )


def denoiser_demucs() -> Made:
    from denoiser.demucs import Demucs

    return Demucs(hidden=8, depth=3, resample=2, normalize=False), sound(1024, 1, 1)


def encodec_encoder() -> Made:
    from encodec.modules import SEANetEncoder

    net = SEANetEncoder(
        n_filters=4, dimension=16, ratios=[5, 4, 2], causal=True, pad_mode="constant"
    )
    return net, sound(800, 1, 1)


def encodec_decoder() -> Made:
    from encodec.modules import SEANetDecoder

    net = SEANetDecoder(
        n_filters=4, dimension=16, ratios=[5, 4, 2], causal=True, pad_mode="constant"
    )
    return net, sound(40, 1, 16)


def encodec_reflecting() -> Made:
    from encodec.modules import SEANetEncoder

    return SEANetEncoder(n_filters=4, dimension=16, ratios=[4, 2], causal=True), sound(800, 1, 1)


def dac_encoder() -> Made:
    from dac.model.dac import Encoder

    return Encoder(d_model=8, strides=[2, 4, 5], d_latent=16), sound(800, 1, 1)


def dac_decoder() -> Made:
    from dac.model.dac import Decoder

    return Decoder(16, 32, [5, 4, 2]), sound(40, 1, 16)


def vocos_backbone() -> Made:
    from vocos.models import VocosBackbone

    return VocosBackbone(20, 32, 64, 3), sound(60, 1, 20)


def vocos_whole() -> Made:
    from vocos.heads import ISTFTHead
    from vocos.models import VocosBackbone

    class Vocoder(nn.Module):
        """Backbone and head, as `Vocos` calls them."""

        def __init__(self) -> None:
            super().__init__()
            self.backbone = VocosBackbone(20, 32, 64, 2)
            self.head = ISTFTHead(32, 64, 16, padding="center")

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.backbone(x))  # type: ignore[no-any-return]

    return Vocoder(), sound(60, 1, 20)


def speechbrain_masknet() -> Made:
    from speechbrain.lobes.models.conv_tasnet import MaskNet

    return MaskNet(16, 16, 32, 3, 3, 2, 2, norm_type="cLN", causal=True), sound(60, 1, 16)


def speechbrain_ecapa() -> Made:
    from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN

    sizes: Any = {"channels": [32] * 5, "attention_channels": 16, "lin_neurons": 16}
    return ECAPA_TDNN(20, **sizes), (torch.randn(1, 60, 20),)


def x_transformers_window() -> Made:
    from x_transformers import ContinuousTransformerWrapper, Decoder

    layers = Decoder(
        dim=32, depth=2, heads=2, attn_dim_head=16, rotary_pos_emb=True, attn_max_attend_past=8
    )
    net = ContinuousTransformerWrapper(
        dim_in=16, dim_out=16, max_seq_len=0, attn_layers=layers, use_abs_pos_emb=False
    )
    return net, (torch.randn(1, 60, 16),)


def local_attention() -> Made:
    from local_attention import LocalMHA

    return LocalMHA(dim=32, window_size=8, heads=2, dim_head=16, causal=True), (
        torch.randn(1, 64, 32),
    )


def pytorch_tcn_causal() -> Made:
    from pytorch_tcn import TCN

    return TCN(8, [16, 16, 16], kernel_size=4, causal=True), sound(60, 1, 8)


def conformer_convolution() -> Made:
    from conformer import ConformerConvModule

    return ConformerConvModule(16, causal=True, kernel_size=15), (torch.randn(1, 60, 16),)


def mambapy_mamba() -> Made:
    from mambapy.mamba import Mamba, MambaConfig

    return Mamba(MambaConfig(d_model=16, n_layers=1, d_state=4)), (torch.randn(1, 32, 16),)


def s5_layer() -> Made:
    from s5 import S5

    return S5(8, 8), (torch.randn(1, 32, 8),)
