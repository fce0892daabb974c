"""Factories of networks for sound in their authors' own source, small where sizes are arguments."""

import importlib
import sys
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import torch
from conformance.author_tools import Made, Wrapper, noise, without
from torch import Tensor, nn


def ul_unas() -> Made:
    from ulunas import ULUNAS

    return ULUNAS(), noise(1, 4096)


def gtcrn() -> Made:
    from gtcrn import GTCRN

    return GTCRN(), noise(1, 257, 63, 2)


def _fast_enhancer(model: str, wave: bool, **changes: Any) -> Made:
    """A network of the FastEnhancer repository: its settings, cut down by `changes`."""
    without("pesq", "pystoi", "librosa")
    module = importlib.import_module(f"models.{model}.model")
    from utils import get_hparams

    pages = {
        "fastenhancer.default": "fastenhancer/t.yaml",
        "bsrnn": "others/bsrnn_xxt.yaml",
        "fspen": "others/fspen.yaml",
        "lisennet": "others/lisennet.yaml",
    }
    folder = Path(str(module.__file__)).parents[model.count(".") + 2]
    settings = dict(get_hparams(str(folder / "configs" / pages[model]))["model_kwargs"]) | changes
    net = (module.Model if wave else module.ONNXModel)(**settings)
    example = noise(1, 2560) if wave else noise(1, 257, 24, 2)
    return Wrapper(net, lambda net, x: net(x)[0]), example


def fast_enhancer_wave() -> Made:
    return _fast_enhancer("fastenhancer.default", True)


def fast_enhancer_core() -> Made:
    return _fast_enhancer("fastenhancer.default", False)


def fspen_wave() -> Made:
    return _fast_enhancer("fspen", True)


def fspen_core() -> Made:
    return _fast_enhancer("fspen", False)


def bsrnn_wave() -> Made:
    return _fast_enhancer("bsrnn", True)


def lisennet_retrained() -> Made:
    return _fast_enhancer("lisennet", True)


def lisennet_core() -> Made:
    without("pytorch_lightning", "pesq", "soundfile")
    from model.generator.generator import LiSenNet

    def core(net: Any, x: Tensor) -> Any:
        parts = net.encoder(x)
        return net.decoder(net.blocks(parts[-1]), parts)

    return Wrapper(LiSenNet(num_channels=16, n_blocks=1), core), noise(1, 3, 24, 257)


def lisennet_wave() -> Made:
    without("pytorch_lightning", "pesq", "soundfile")
    from model.generator.generator import LiSenNet

    return Wrapper(LiSenNet(num_channels=16, n_blocks=1), lambda net, x: net(x)["est"]), noise(
        1, 2560
    )


def rnnoise() -> Made:
    from rnnoise import RNNoise

    net = RNNoise(cond_size=16, gru_size=24)
    return Wrapper(net, lambda net, x: net(x)[:2]), noise(1, 60, 65)


def melgan() -> Made:
    from model.generator import Generator

    return Generator(8), noise(1, 8, 32)


def _place_kaiser() -> None:
    """Give scipy's window the place that it had until scipy 1.13."""
    import scipy.signal

    scipy.signal.kaiser = scipy.signal.windows.kaiser


def parallel_melgan() -> Made:
    without("librosa", "h5py", "soundfile")
    _place_kaiser()
    from parallel_wavegan.models.melgan import MelGANGenerator

    sizes: Any = {"channels": 16, "upsample_scales": [4, 2], "stacks": 2, "use_causal_conv": True}
    return MelGANGenerator(in_channels=8, **sizes), noise(1, 8, 40)


def hifi_gan() -> Made:
    from env import AttrDict
    from models import Generator

    without("librosa")
    settings = AttrDict(
        resblock="1",
        upsample_rates=[4, 2],
        upsample_kernel_sizes=[8, 4],
        upsample_initial_channel=16,
        resblock_kernel_sizes=[3, 5],
        resblock_dilation_sizes=[[1, 3, 5], [1, 3, 5]],
        num_mels=8,
    )
    return Wrapper(Generator(settings), lambda net, x: net(x)), noise(1, 80, 40)


def bigvgan() -> Made:
    without("librosa")
    from bigvgan import BigVGAN
    from env import AttrDict

    settings = AttrDict(
        resblock="1",
        activation="snakebeta",
        snake_logscale=True,
        upsample_rates=[4, 2],
        upsample_kernel_sizes=[8, 4],
        upsample_initial_channel=8,
        resblock_kernel_sizes=[3],
        resblock_dilation_sizes=[[1, 3, 5]],
        num_mels=8,
    )
    return BigVGAN(settings), noise(1, 8, 60)


def _rave_blocks() -> Any:
    """RAVE's modules, without what only its training imports."""
    without("GPUtil", "librosa", "pytorch_lightning", "sklearn", "udls", "lmdb", "tensorboard")
    _place_kaiser()
    import rave.blocks

    return rave.blocks


def rave_encoder() -> Made:
    blocks = _rave_blocks()
    net = blocks.EncoderV2(1, 8, [4, 2], 4, 1, 3, [[1, 3], [1, 3]])
    return net, noise(1, 1, 640)


def rave_decoder() -> Made:
    blocks = _rave_blocks()
    sizes = {"kernel_size": 3, "dilations": [[1, 3], [1, 3]], "amplitude_modulation": True}
    return blocks.GeneratorV2(8, [4, 2], 4, data_size=2, **sizes), noise(1, 4, 48)


def snac_encoder() -> Made:
    from snac.layers import Encoder

    return Encoder(16, [2, 4], depthwise=True, attn_window_size=8), noise(1, 1, 1024)


def snac_decoder() -> Made:
    from snac.layers import Decoder

    net = Decoder(16, 64, [4, 2], noise=False, depthwise=True, attn_window_size=8)
    return net, noise(1, 16, 48)


def _amp_modeler() -> None:
    """Let NAM be imported without what trains it, and without the file that its installation writes."""
    without("librosa", "pytorch_lightning", "auraloss", "wavio", "tkinter", "transformers")
    sys.modules["nam._version"] = ModuleType("nam._version")
    sys.modules["nam._version"].__dict__["__version__"] = "0"


def nam_lstm() -> Made:
    _amp_modeler()
    from nam.models.recurrent import LSTM

    return Wrapper(LSTM(8), lambda net, x: net(x, pad_start=False)), noise(1, 200)


def nam_wavenet() -> Made:
    _amp_modeler()
    from nam.models.wavenet import WaveNet

    first: Any = {"input_size": 1, "condition_size": 1, "channels": 4, "kernel_size": 3}
    first |= {"dilations": [1, 2, 4], "activation": "Tanh"}
    first |= {"head": {"out_channels": 2, "kernel_size": 1, "bias": False}}
    last = first | {"input_size": 4, "channels": 2}
    last["head"] = {"out_channels": 1, "kernel_size": 1, "bias": True}
    net = WaveNet.init_from_config({"layers_configs": [first, last], "head_scale": 0.02})
    return Wrapper(net, lambda net, x: net(x, pad_start=False)), noise(1, 200)


def deepfilternet3() -> Made:
    without("libdf", "df.enhance", "requests", "icecream", "appdirs")
    # the package itself imports the whole of its command line
    spec = PathFinder.find_spec("df")
    if spec is None:
        raise ImportError("the checkout has no package df")
    package = ModuleType("df")
    package.__path__ = list(spec.submodule_search_locations or ())
    sys.modules["df"] = package
    from df.config import config
    from df.deepfilternet3 import DfNet
    from df.modules import erb_fb

    if config.parser is None:
        config.use_defaults()
    small = {"CONV_CH": 8, "EMB_HIDDEN_DIM": 32, "DF_HIDDEN_DIM": 32, "ENC_LINEAR_GROUPS": 4}
    small |= {"CONV_LOOKAHEAD": 2, "DF_PATHWAY_KERNEL_SIZE_T": 5}
    for key, value in small.items():
        config.set(key, value, int, section="deepfilternet")
    config.set("DF_LOOKAHEAD", 2, int, section="DF")
    widths = np.array([2] * 8 + [5] * 8 + [20] * 15 + [481 - 16 - 40 - 300])
    net = DfNet(erb_fb(widths, 48000), erb_fb(widths, 48000, inverse=True))

    class Whole(nn.Module):
        """Three inputs of one rate from one: the spectrum, its bands, its low bins."""

        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def forward(self, spec: Tensor) -> Any:
            power = spec.square().sum(-1)
            bands = 10 * torch.log10(power @ self.net.erb_fb + 1e-10) / 40
            return self.net(spec, bands, spec[..., :96, :])[0]

    return Whole(), noise(1, 1, 24, 481, 2)


def waveformer() -> Made:
    without("torchmetrics")
    from src.training.dcc_tf import Net

    sizes: Any = {"L": 4, "enc_dim": 16, "num_enc_layers": 3, "dec_dim": 8, "dec_buf_len": 4}
    net = Net(5, **sizes, num_dec_layers=1, dec_chunk_size=4, out_buf_len=2)
    label = torch.eye(5)[:1]
    return Wrapper(net, lambda net, x: net(x, label)), noise(1, 1, 320)


def fullsubnet() -> Made:
    without("librosa", "joblib", "toml", "pesq", "pystoi")
    from recipes.dns_interspeech_2020.fullsubnet.model import (
        Model,
    )

    sizes: Any = {"fb_num_neighbors": 0, "sb_num_neighbors": 3, "sequence_model": "LSTM"}
    sizes |= {"fb_output_activate_function": "ReLU", "sb_output_activate_function": False}
    sizes |= {"fb_model_hidden_size": 16, "sb_model_hidden_size": 12, "weight_init": False}
    net = Model(num_freqs=17, look_ahead=2, norm_type="cumulative_laplace_norm", **sizes)
    return net, (torch.rand(1, 1, 17, 40),)


def conv_tasnet() -> Made:
    from conv_tasnet import ConvTasNet

    net = ConvTasNet(16, 8, 8, 16, 3, 3, 2, 2, norm_type="cLN", causal=True)
    return net, noise(1, 400)


def micro_tcn() -> Made:
    from tcn_bare import TCNModel

    net = TCNModel(0, nblocks=4, kernel_size=5, dilation_growth=3, channel_width=8)
    return Wrapper(net, lambda net, x: net(x)), noise(1, 1, 1200)


def dccrn() -> Made:
    without("matplotlib", "show")
    from dc_crn import DCCRN

    net = DCCRN(win_len=40, win_inc=10, fft_len=64, rnn_units=16, kernel_num=[4, 8, 8])
    return Wrapper(net, lambda net, x: net(x)[1]), noise(1, 800)


def crn() -> Made:
    from utils.networks import Net

    return Net(), (torch.rand(1, 24, 161),)


def bc_resnet() -> Made:
    from bcresnet import BCResNets

    def frames(net: Any, x: Tensor) -> Tensor:
        """All but the classifier's mean over the clip, for which a stream would wait."""
        y = net.cnn_head(x)
        for stage in net.BCBlocks:
            for block in stage:
                y = block(y)
        return net.classifier[:4](y)

    return Wrapper(BCResNets(8), frames), noise(1, 1, 40, 60)


def fspen_reimplemented() -> Made:
    from configs.train_configs import TrainConfig
    from models.fspen import FullSubPathExtension

    settings = TrainConfig()
    net = FullSubPathExtension(settings)
    rnn = settings.dual_path_extension["parameters"]
    groups, size = rnn["groups"], rnn["inter_hidden_size"]
    bands = settings.merge_split["channels"] // settings.merge_split["compress_rate"]

    def call(net: Any, x: Tensor) -> Tensor:
        zeros = [torch.zeros(1, bands, size // groups) for _ in range(groups)]
        level = x.square().sum(2, keepdim=True).sqrt()
        return net(x, level, [zeros] * settings.dual_path_extension["num_modules"])[0]

    return Wrapper(net, call), noise(1, 24, 2, 257)


def open_unmix() -> Made:
    without("stempeg", "musdb", "museval", "norbert", "sklearn", "tqdm")
    from openunmix.model import OpenUnmix

    net = OpenUnmix(nb_bins=33, nb_channels=2, hidden_size=16, nb_layers=2, unidirectional=True)
    return net, (torch.rand(1, 2, 33, 40),)


def percepnet() -> Made:
    without("h5py", "tensorboardX", "matplotlib", "torchvision", "tqdm", "PIL")
    from rnn_train import PercepNet

    return PercepNet(), noise(1, 24, 70)


def ddsp_decoder() -> Made:
    from train.network.autoencoder.decoder import Decoder

    settings = SimpleNamespace(mlp_units=16, mlp_layers=2, use_z=False, gru_units=16)
    settings.bidirectional, settings.n_harmonics, settings.n_freq = False, 12, 9

    def call(net: Any, x: Tensor) -> Any:
        made = net({"f0": x[..., 0], "loudness": x[..., 1]})
        return made["a"], made["c"], made["H"]

    return Wrapper(Decoder(settings), call), (torch.rand(1, 40, 2),)
