"""The systems, a row each; `docs/make_seeds.py` makes docs/results/seeds.md of them, `test_systems.py` runs them."""

from dataclasses import replace

import numpy as np
from seeds import checks, further_checks, further_networks, networks, streaming_checks
from seeds.harness import System

from edgekit.base.sampler_table import Roles
from edgekit.base.until import Until
from edgekit.demos.sensor_noise import expose, scene
from edgekit.export.diffusion.description import Sampler
from edgekit.export.diffusion.schedule import Schedule
from edgekit.export.diffusion.step_tables_sde import Interpolant, Rddm

LINEAR, COSINE = Schedule("linear"), Schedule("cosine")
BY_V = Sampler(COSINE, "v", steps=5, clip=1.5)
GUIDED = replace(BY_V, guidance=2.0, roles=Roles(null={"label": 10}))
EPS = Sampler(LINEAR, "eps", steps=5)
HERE = "seeds.networks"


def pictures(name: str, *shape: int, low: float = 0.0) -> object:
    """Uniform numbers from `low` to 1, as the only input."""
    return lambda random, n: {name: random.uniform(low, 1, (n, *shape)).astype(np.float32)}


def gauss(name: str, *shape: int) -> object:
    """Normal numbers, as the only input."""
    return lambda random, n: {name: random.standard_normal((n, *shape)).astype(np.float32)}


def resistor_calls(random: np.random.Generator, n: int) -> dict[str, object]:
    g = random.uniform(0, 1, (n, 1, networks.NODES, networks.NODES))
    g = (g + g.swapaxes(2, 3)) / 2 * (1 - np.eye(networks.NODES))
    currents = random.standard_normal((n, 1, networks.NODES, 1))
    ground = random.uniform(3, 5, (n, 1, networks.NODES, 1))
    found = {"conductance": g, "ground": ground, "current": currents}
    return {name: array.astype(np.float32) for name, array in found.items()}


def symbols(random: np.random.Generator, n: int) -> dict[str, object]:
    found = networks.walk(n, int(random.integers(1 << 30))).numpy()
    return {"before": found[:, :1], "last": found[:, 1:2]}


def expectations(random: np.random.Generator, n: int) -> dict[str, object]:
    return {"x": networks.noisy_expectations(n, int(random.integers(1 << 30)))[0].numpy()[:, None]}


def pairs(random: np.random.Generator, n: int) -> dict[str, object]:
    told, query, _ = further_networks.told_pairs(n, int(random.integers(1 << 30)))
    return {"pairs": told.numpy(), "query": query.numpy()}


def masks(random: np.random.Generator, n: int) -> dict[str, object]:
    found = {
        "features": random.standard_normal((n, 1, 16, 16)),
        "words": random.standard_normal((n, 1, 3, 16)),
        "masks": random.uniform(0, 1, (n, 1, 2, 16)) > 0.5,
    }
    return {name: array.astype(np.float32) for name, array in found.items()}


def noisy_frames(random: np.random.Generator, n: int) -> dict[str, object]:
    drawn = random.standard_normal((2, n, 1, 4, 8)).astype(np.float32)
    return dict(zip(("noisy", "noise"), drawn, strict=True))


def windows(random: np.random.Generator, n: int) -> dict[str, object]:
    sound, knobs = random.standard_normal((n, 1, 1, 256)), random.uniform(-0.5, 0.5, (n, 1, 4))
    return {"window": sound.astype(np.float32), "knobs": knobs.astype(np.float32)}


def raw(random: np.random.Generator, n: int) -> dict[str, object]:
    """Pieces of exposures, each with its gain."""
    scenes = [
        expose(scene(int(random.integers(1 << 20))), random)[None, :, :8, :8] for _ in range(n)
    ]
    return {"raw": np.stack(scenes)}


def digits(random: np.random.Generator, n: int) -> dict[str, object]:
    x = random.uniform(-1, 1, (n, 1, 1, 28, 28))
    prompt = random.normal(0, 0.2, (1, 1, 7, 7)).repeat(4, 2).repeat(4, 3)
    return {"image": x.astype(np.float32), "prompt": prompt.astype(np.float32)}


SYSTEMS = (
    System(
        "PTQ4DM",
        "Shang et al. 2023",
        "a denoiser calibrated on its own calls, at times around 0.4 T",
        "calibration reads the times that the paper prefers; calibrated on noise it is 3 dB worse",
        "unet",
        checks.calibrated_near_the_image,
        BY_V,
        weights=(46272, 17197),
    ),
    System(
        "Faster Diffusion",
        "Li et al. 2023",
        "encoder and decoder at key steps, the decoder alone at others",
        "every second row runs no encoder",
        "unet",
        checks.runs_its_decoder_alone,
        replace(BY_V, keys="every:2"),
        weights=(46277, 17202),
    ),
    System(
        "DDPM, DDIM, CFG",
        "Ho et al. 2020 and 2022, Song et al. 2021",
        "a class-conditional denoiser under guidance",
        "an image depends on its seed and label alone",
        "unet",
        checks.draws_another_image_of_each_label,
        GUIDED,
        part_of="Enhancing Diffusion Models (DDPM, DDIM, CFG)",
        weights=(46300, 17225),
    ),
    System(
        "Latent diffusion",
        "Rombach et al. 2022",
        "a denoiser of labels with a decoder behind the last row",
        "the output is the decoder's picture of the last latent",
        "labelled",
        checks.decodes,
        replace(BY_V, networks={"last": f"{HERE}:decoder"}),
        weights=(8796, 8661),
    ),
    System(
        "RDDM",
        "Liu et al. 2024",
        "residual and noise of a degraded picture",
        "the residual's portions sum to 1",
        "residual_and_noise",
        checks.restores_towards_its_condition,
        Rddm(steps=5),
        weights=(10864, 7113),
    ),
    System(
        "DiffuseVAE",
        "Pandey et al. 2022",
        "form 2, with the VAE's decoder in the build",
        "another code gives another image",
        "plain",
        checks.reconstructs_first,
        replace(
            EPS, kind="diffusevae", roles=Roles(y="recon"), networks={"y": f"{HERE}:reconstruct"}
        ),
        weights=(16348, 10699),
    ),
    System(
        "One More Step",
        "Hu et al. 2024",
        "a first row of a network of its own",
        "the first step reads the noise level of the sampler's first time",
        "labelled",
        checks.draws_its_first_row,
        replace(BY_V, one_more_step=True, networks={"first": f"{HERE}:blind"}),
        weights=(8288, 6437),
    ),
    System(
        "RED-Diff",
        "Mardani et al. 2023",
        "the denoiser, with edgekit.red_diff around it; in float a step with Adam in it",
        "its gradients agree with those of the float denoiser",
        "plain",
        checks.steps_as_its_float_network,
        replace(EPS, steps=20, clip=1.0),
        weights=(8040, 6029),
    ),
    System(
        "Stochastic interpolants",
        "Albergo et al. 2023",
        "drift and denoiser between two kinds of data, gamma a root",
        "it starts from data, and noise is added only between the ends",
        "drift_and_noise",
        checks.goes_from_data_to_data,
        Interpolant(steps=6, eps=0.3, gamma="root", roles=Roles(y="y")),
        weights=(10332, 7022),
    ),
    System(
        "Dehazing Ultrasound",
        "Stevens et al. 2024",
        "tissue and haze as channels, with the projection in the module",
        "tissue and haze add up to their own measurement better than to another",
        "dehazing",
        checks.pulls_onto_the_measurement,
        replace(EPS, roles=Roles(y="y")),
        weights=(10360, 7025),
    ),
    System(
        "IDM",
        "Chen et al. 2025",
        "three unrolled steps of one network on 25 % of 8 x 8 values",
        "the measurement is kept; weights are stored once",
        "idm",
        checks.keeps_the_measurement,
        draws=gauss("y", 1, 16, 1, 1),
        weights=(10624, 6250),
    ),
    System(
        "Noise2Score",
        "Kim and Ye 2021",
        "a score and Tweedie's formula for three noises",
        "the output equals Tweedie's formulas in float64",
        "noise2score",
        checks.is_tweedies_formula,
        draws=pictures("y", 1, 1, 8, 8, low=0.1),
        weights=(632, 486),
    ),
    System(
        "Golden Noise",
        "Zhou et al. 2024",
        "NPNet's residual branch as the first network",
        "another text gives another start",
        "plain",
        checks.begins_where_its_first_network_says,
        replace(EPS, networks={"first": f"{HERE}:golden_noise"}),
        weights=(7884, 8142),
    ),
    System(
        "Inference-time scaling",
        "Ma et al. 2025",
        "edgekit.search over starts",
        "the best score rises from 1 to 4 to 8 starts",
        "plain",
        checks.finds_better_starts,
        replace(EPS, start="given"),
        weights=(3228, 1577),
    ),
    System(
        "Edit-friendly DDPM",
        "Huberman-Spiegelglas et al. 2024",
        "edgekit invert, and given noise",
        "images come back to 1e-6 rms",
        "labelled",
        checks.gives_images_back,
        replace(BY_V, eta=1.0, start="given", noise="given"),
        weights=(3292, 1576),
    ),
    System(
        "NoiseDiffusion",
        "Zheng et al. 2024",
        "rows that rise, and the example of docs/guides/diffusion.md",
        "the times of the steps rise, from the picture to noise",
        "plain",
        checks.encodes,
        replace(EPS, kind="ddim-encode"),
        weights=(3228, 1577),
    ),
    System(
        "Visual anagrams",
        "Geng et al. 2024",
        "the mean over two views in the module",
        "a turned picture with exchanged labels gives the turned output",
        "anagram",
        checks.turns_with_its_views,
        BY_V,
        part_of="Visual anagrams, Anagram-MTL",
        weights=(7248, 6170),
    ),
    System(
        "Conditional image leakage",
        "Zhao et al. 2024",
        "a late start with the data's moments (Analytic-Init)",
        "the start has the data's mean and variance",
        "plain",
        checks.begins_late,
        replace(
            EPS,
            timesteps=(700, 500, 300, 200, 100),
            start="analytic",
            start_mean=(0.8,),
            start_variance=0.09,
        ),
        weights=(7200, 5549),
    ),
    System(
        "Low-light noise model",
        "Wei et al. 2020",
        "calibration from edgekit.demos.sensor_noise",
        "calibrated on clean pictures it is 3 dB worse",
        "bayer",
        checks.needs_its_sensor,
        draws=raw,
        weights=(3520, 1008),
    ),
    System(
        "C-BSN",
        "Jang et al. 2023",
        "dilated convolutions, the mask off",
        "with the mask on, the output of a pixel does not depend on that pixel",
        "blind_spot",
        checks.is_blind_while_masked,
        draws=pictures("y", 1, 1, 16, 16),
        weights=(5028, 1449),
    ),
    System(
        "Geometry-adaptive denoisers",
        "Kadkhodaie et al. 2024",
        "BF-CNN, whose caller divides by the level and multiplies again",
        "at a thousandth of the level the SNR is at most 3 dB lower",
        "bias_free",
        checks.scales_with_its_input,
        draws=gauss("x", 1, 1, 8, 8),
        weights=(11796, 4277),
    ),
    System(
        "BlackVIP",
        "Oh et al. 2023",
        "edgekit.adapt.spsa over a prompt of the bundled classifier",
        "the two queries of a step differ; docs/guides/adaptation.md shows the gain",
        "prompted",
        checks.adapts,
        draws=digits,
        session=("prompt",),
        weights=(358184, 91034),
    ),
    System(
        "Hydra",
        "Ankner et al. 2024",
        "three greedy heads, each reads the drafts before it; trained on a Markov chain",
        "a call gets one draft more accepted than equal Medusa heads; w8a8 as many as float, within 2 %",
        "hydra",
        checks.drafts_longer_than_medusa,
        draws=symbols,
        weights=(140928, 49632),
    ),
    System(
        "Hydra, tree drafts",
        "Ankner et al. 2024",
        "the two likeliest tokens of each head behind every draft before it, by TopK: 14 drafts a call",
        "half a draft more of the drawn chain is accepted than of the first path",
        "draft_tree",
        checks.accepts_more_of_a_tree,
        draws=symbols,
        part_of="Hydra",
        weights=(140928, 49696),
    ),
    System(
        "SPRIGHT",
        "Li et al. 2015",
        "the Walsh-Hadamard transform of 256 numbers",
        "it equals the product with the Walsh-Hadamard matrix",
        "walsh",
        checks.is_hadamards_matrix,
        draws=gauss("x", 1, 256),
        weights=(4, 0),
    ),
    System(
        "Convergent graph solver",
        "Park et al. 2022",
        "one step, iterated until it settles, on resistor networks",
        "the potentials equal those of numpy.linalg.solve",
        "resistors",
        checks.settles_on_the_solution,
        draws=resistor_calls,
        until=Until("change", 1e-6, 60),
        integers="w8a16",
        least_db=70.0,
        weights=(0, 4),
    ),
    System(
        "EigenShield",
        "",
        "one projection onto the directions above the Marchenko-Pastur edge",
        "three of 32 directions are left; a second projection changes nothing",
        "shield",
        checks.projects,
        draws=gauss("e", 1, 32),
        weights=(4096, 1312),
    ),
    System(
        "Zero-noise extrapolation",
        "",
        "a trained MLP from three noise levels to none",
        "twice as near to the exact value as the least noisy measurement",
        "zero_noise",
        checks.comes_nearer_to_no_noise,
        draws=expectations,
        integers="w8a16",
        least_db=50.0,
        weights=(3172, 5481),
    ),
    System(
        "Product units",
        "Durbin and Rumelhart 1989",
        "exp(W log x) between linear layers",
        "the output equals the powers in float64",
        "product_units",
        checks.multiplies_powers,
        draws=pictures("x", 1, 4, low=0.3),
        integers="w8a16",
        least_db=30.0,
        weights=(200, 178),
    ),
    System(
        "S5",
        "Smith et al. 2023",
        "a state-space layer whose channels share their states, DiagonalSSM(mixing=True)",
        "run hop by hop, it equals its recurrence in complex numbers",
        "shared_states",
        streaming_checks.shares_its_states,
        draws=gauss("u", 1, 4, 8),
        time_axes={"u": 2},
        hop=8,
        weights=(720, 2998),
    ),
    System(
        "Mamba",
        "Gu and Dao 2023",
        "a block whose state space chooses its step by its input, SelectiveSSM",
        "run hop by hop, it equals its recurrence",
        "mamba",
        streaming_checks.selects,
        draws=gauss("u", 1, 4, 8),
        time_axes={"u": 2},
        hop=8,
        weights=(1108, 1521),
    ),
    System(
        "Stream.FM",
        "arXiv 2512.19442",
        "three steps of a flow over frames, each with a past of its own; noise is an input",
        "run hop by hop, it equals the whole recording; no frame acts on an earlier one",
        "causal_flow",
        streaming_checks.flows_frame_by_frame,
        draws=noisy_frames,
        time_axes={"noisy": 2, "noise": 2},
        hop=8,
        weights=(1652, 1641),
    ),
    System(
        "SignalTrain",
        "Hawley et al. 2019",
        "a window's learnt spectra, whose size and phase go through layers along time with the knobs",
        "other knobs give another sound of the same window",
        "window_effect",
        streaming_checks.listens_to_its_knobs,
        draws=windows,
        integers="w8a16",
        least_db=40.0,
        weights=(18616, 18186),
    ),
    System(
        "S5-PTD",
        "Yu et al. 2024",
        "a state-space layer that begins with the rates of a perturbed matrix, DiagonalSSM(init='ptd')",
        "the states oscillate, and none grows",
        "perturbed_states",
        further_checks.has_stable_rates,
        draws=gauss("u", 1, 4, 8),
        time_axes={"u": 2},
        hop=8,
        weights=(720, 2998),
    ),
    System(
        "Chimera",
        "Behrouz et al. 2024",
        "a frame of a state space over time and variates, two heads",
        "it equals its recurrence; a variate acts on later ones alone",
        "chimera",
        further_checks.goes_over_time_and_variates,
        draws=gauss("x", 1, 4),
        integers="w8a16",
        least_db=40.0,
        weights=(256, 137),
    ),
    System(
        "Orchid",
        "Karami and Ghodsi 2024",
        "a convolution over a window whose kernel follows from the window",
        "a window shifted in a circle shifts the output",
        "orchid",
        further_checks.moves_with_its_window,
        draws=gauss("x", 1, 4, 32),
        weights=(8848, 4116),
    ),
    System(
        "Zoology's hybrids",
        "Arora et al. 2023",
        "a short convolution and attention that recall a value by its key; set weights",
        "every value is found, without attention one in three",
        "recall",
        further_checks.recalls,
        draws=pairs,
        weights=(196, 1206),
    ),
    System(
        "Transcoder",
        "Dunefsky et al. 2024",
        "a wide layer of few active units in the place of an MLP; trained",
        "95 % of the MLP's variance, by fewer than half of the units",
        "transcoder",
        further_checks.explains_the_mlp,
        draws=gauss("x", 1, 8),
        integers="w8a16",
        least_db=40.0,
        weights=(3296, 1496),
    ),
    System(
        "LDAM",
        "Cao et al. 2019",
        "a classifier of cosines, trained with wider margins for rarer classes",
        "a rare class is read 30 points better, common ones lose 10 at most",
        "ldam",
        further_checks.reads_a_rare_class,
        draws=gauss("x", 1, 6),
        integers="w8a16",
        least_db=35.0,
        weights=(336, 2269),
    ),
    System(
        "NMTune",
        "Chen et al. 2024",
        "an MLP over frozen features and a classifier; trained",
        "the largest singular value of its features has a larger share than without the paper's three regularizers",
        "nmtune",
        further_checks.keeps_one_direction,
        draws=gauss("x", 1, 16),
        weights=(2380, 875),
    ),
    System(
        "MAFT+",
        "Jiao et al. 2024",
        "words attend to a picture's features, masks pool them, cosines classify",
        "the logits stay within the scale of the cosines",
        "maft",
        further_checks.classifies_what_a_mask_covers,
        draws=masks,
        weights=(3092, 2207),
    ),
    System(
        "Fractional noise",
        "Nobis et al. 2023",
        "the noise of a fractional SDE: eight processes of one white noise",
        "neighbouring samples correlate as fractional integration makes them",
        "fractional_noise",
        further_checks.remembers_long,
        draws=gauss("z", 1, 1),
        weights=(64, 21),
    ),
    System(
        "WGAN",
        "Arjovsky et al. 2017",
        "the generator, which is all that is left of the training",
        "other noise gives other points",
        "wgan",
        further_checks.maps_noise_to_points,
        draws=gauss("z", 1, 4),
        integers="w8a16",
        least_db=40.0,
        weights=(5128, 6174),
    ),
    System(
        "Product units, a law found",
        "Durbin and Rumelhart 1989",
        "one unit, trained on examples of x1^2 x2 / x3",
        "its exponents to 0.02, its values to 2 %",
        "product_law",
        further_checks.finds_the_law,
        draws=lambda random, n: {"x": random.uniform(1, 2, (n, 1, 3)).astype(np.float32)},
        integers="w8a16",
        least_db=30.0,
        part_of="Product units",
        weights=(20, 30),
    ),
)

ELSEWHERE = (
    (
        "CoDeNet",
        "square deformable convolutions on the FPGA engine",
        "[FPGA](fpga.md)",
        "`python bench fpga_codenet a --frame`",
    ),
    (
        "SGMSE+ and the Schroedinger bridge",
        "their equations as step tables; speech",
        "[diffusion](diffusion.md#speech)",
        "`python -m pytest tests/export/diffusion/test_step_tables_sde.py`",
    ),
    (
        "N:M sparsity, Progressive Gradient Flow",
        "weights pruned or trained to N of M, found by their zeros, multiplied sparse",
        "[quantization](sparse-weights.md)",
        "`python -m pytest tests/targets/c/packing/test_sparse.py tests/test_sparsity.py`",
    ),
)
FULL_SIZE = (  # as bench/speed/full_size.py prints
    ("ddpm-cifar10", "w8a8", "35.7", "6.2", "107", "1,797", "0.66", "33.1", "3.80", "29.4", "yes"),
    ("dit-s2", "w8a8", "39.8", "6.0", "139", "2,694", "0.36", "22.0", "1.87", "31.6", "yes"),
    ("taesd-decoder", "w8a8", "1.2", "1.1", "23", "747", "0.02", "1.2", "0.79", "56.9", "yes"),
)
