"""Every paper of the list, a row each: what it is for, and what came of it here."""

from dataclasses import dataclass

WORKS, MECHANISM, IN_PART, NOTHING = "works", "mechanism", "in part", "nothing to deploy"
VERDICTS = {
    WORKS: "it runs in integers and does what the paper is about, trained here where it has weights to train",
    MECHANISM: "the arithmetic runs in integers, on weights that are seeded or fit a toy task",
    IN_PART: "it is trained here and runs, and misses a goal or leaves out a part",
    NOTHING: "no network of it runs on a device",
}


@dataclass(frozen=True)
class Paper:
    """A row.

    Attributes:
        name: of the paper or its system.
        verdict: of `VERDICTS`.
        purpose: what it is for; where nothing runs, why.
        command: that shows it; else that of the system's test.
        page: a link to a page, a picture or a sound.
        published: the paper's figure.
        ours: the figure of the nearest comparable work here.
        missing: of a row "in part", which goal or part is missed.
    """

    name: str
    verdict: str
    purpose: str
    command: str = ""
    page: str = ""
    published: str = ""
    ours: str = ""
    missing: str = ""


def picture(name: str, words: str) -> str:
    """A link to a strip of the gallery."""
    return f"[{words}](../pictures/{name}.png)"


PAPERS = (
    Paper(
        "Enhancing Diffusion Models (DDPM, DDIM, CFG)",
        WORKS,
        "Draw pictures of a class that you name, by taking noise away step by step.",
        "edgekit demo digits",
        "[digits](diffusion.md#digits)",
        "",
        "Frechet distance of 2,000 pictures: 4.64 in float, 1.10 times that in w8a8",
    ),
    Paper(
        "PTQ4DM",
        WORKS,
        "Put a diffusion model in integers: take their ranges from the model's own steps, near the finished picture.",
        "make diffusion-table",
        "[table](diffusion.md#one-factor-at-a-time)",
        "FID 10.05 in float, 14.18 in W8A8 (CIFAR-10, DDIM 100)",
        "36.9 dB to the float pictures; noise calibrates to 25.1 dB",
    ),
    Paper(
        "Faster Diffusion",
        WORKS,
        "Skip the encoder of a denoiser in most steps, since it hardly changes between them.",
        "python bench encoder_propagation",
        "[table](diffusion.md#time-without-the-encoder)",
        "41 % less time on Stable Diffusion, 50 steps",
        "50 steps in w8a8: 27 % less time by every second step, at 34.3 dB; 43 % by the paper's keys, at 23.1 dB",
    ),
    Paper(
        "Latent diffusion",
        MECHANISM,
        "Draw in a small space, and let a decoder make the large picture of it.",
    ),
    Paper(
        "RDDM",
        WORKS,
        "Restore a degraded picture: estimate what was added to it, and what is noise.",
        "edgekit demo rddm",
        picture("rddm", "strip"),
        "",
        "11.3 to 20.8 dB of PSNR in float, 20.7 in w8a8",
    ),
    Paper(
        "DiffuseVAE",
        IN_PART,
        "Draw from a short code: a decoder sketches, diffusion adds what it blurs.",
        "edgekit demo diffusevae",
        picture("diffusevae", "strip"),
        "FID 16.47 against 34.36 of DDIM (CelebA-HQ 128, 10 steps)",
        "Frechet distance of 500 pictures: 242 of the decoder, 167 refined, 169 in w8a8; of real digits 15",
        "many pictures are no digit",
    ),
    Paper(
        "One More Step",
        MECHANISM,
        "Let the first step choose the picture's brightness, which the usual start fixes.",
    ),
    Paper(
        "RED-Diff",
        MECHANISM,
        "Fill in or sharpen a picture: a denoiser knows what pictures look like, and no gradient through it is needed.",
    ),
    Paper(
        "Stochastic interpolants",
        MECHANISM,
        "Turn samples of one kind of data into samples of another along a chosen path.",
    ),
    Paper(
        "Dehazing Ultrasound",
        MECHANISM,
        "Separate tissue from haze in an ultrasound picture: two denoisers share one measurement.",
    ),
    Paper(
        "IDM",
        WORKS,
        "Take a picture from a quarter of its measurements (compressed sensing).",
        "edgekit demo idm",
        picture("idm", "strip"),
        "2.64 dB over other networks",
        "11.6 dB of least norm to 23.2 in float, 23.1 in w8a8",
    ),
    Paper(
        "Noise2Score",
        WORKS,
        "Clean pictures when you only have noisy ones: learn in which direction a picture becomes likelier.",
        "edgekit demo noise2score",
        picture("noise2score", "strip"),
        "",
        "14.8 to 23.7 dB for white noise, also in w8a8",
    ),
    Paper(
        "Golden Noise",
        MECHANISM,
        "Start a sampler from noise that suits the text. Its branch with a singular value decomposition is left out.",
    ),
    Paper(
        "Inference-time scaling",
        WORKS,
        "Spend more calls on one picture: draw from several starts, and keep the best.",
        "edgekit demo search",
        picture("search", "strip"),
        "",
        "score 12.0 of one start to 17.3 of the best of 16",
    ),
    Paper(
        "Edit-friendly DDPM",
        MECHANISM,
        "Find the noise from which a sampler draws a given picture, so that it can be edited.",
        "",
        "",
        "",
        "pictures come back to 1e-6 rms",
    ),
    Paper(
        "NoiseDiffusion",
        MECHANISM,
        "Blend two pictures by blending the noise that they come from.",
    ),
    Paper(
        "Visual anagrams, Anagram-MTL",
        IN_PART,
        "Draw one picture that shows another thing upside down.",
        "edgekit demo anagrams",
        picture("anagrams", "strip"),
        "",
        "both readings right by the nearest real digit: 59 % of pictures, 63 % in w8a8",
        "four pictures in ten do not show both digits; Anagram-MTL's attention and CLIP terms are left out",
    ),
    Paper(
        "Conditional image leakage",
        MECHANISM,
        "Make a picture move in a video: start later, from noise with the mean and variance of the data.",
    ),
    Paper(
        "Low-light noise model",
        WORKS,
        "Clean raw pictures of a dark scene, by a model of the sensor's noise.",
        "edgekit demo low-light",
        picture("low-light", "strip"),
        "",
        "15.0 to 24.3 dB in float, 24.1 in w8a8, of a sensor that is not sold",
    ),
    Paper(
        "C-BSN",
        WORKS,
        "Clean pictures without clean examples: a pixel is estimated from its surroundings.",
        "edgekit demo c-bsn",
        picture("c-bsn", "strip"),
        "",
        "14.8 to 22.2 dB for white noise, also in w8a8",
    ),
    Paper(
        "Geometry-adaptive denoisers",
        WORKS,
        "Clean a picture whose noise level nobody states, and draw with the same network.",
        "edgekit demo bf-cnn",
        picture("bf-cnn", "strip"),
        "",
        "9.9 to 19.4 dB over four noise levels, also in w8a8",
    ),
    Paper(
        "BlackVIP",
        WORKS,
        "Adapt a frozen network to a new camera by its outputs alone.",
        "python -m pytest tests/test_adapt.py",
        "[adaptation](../guides/adaptation.md)",
        "",
        "share of digits read on a changed camera: 0.765 to 0.860 in float, 0.760 to 0.875 in w8a8",
    ),
    Paper(
        "Hydra",
        MECHANISM,
        "Write text faster: small heads draft several tokens at once, each with a look at the one before.",
        "",
        "",
        "1.31 times as fast as Medusa",
        "on a Markov chain: one draft more accepted a call than of an equal Medusa, half a draft more by a tree",
    ),
    Paper(
        "SPRIGHT",
        IN_PART,
        "Find the few large values of a Walsh-Hadamard transform.",
        missing="the transform runs; its decoder does not, since it branches on data",
    ),
    Paper(
        "Convergent graph solver",
        MECHANISM,
        "Solve a network of resistors by repeating one step until nothing changes.",
        "",
        "",
        "",
        "potentials of numpy.linalg.solve, 70 dB in w8a16",
    ),
    Paper(
        "EigenShield",
        MECHANISM,
        "Make a model of pictures and words harder to attack: keep the directions that stand out from noise.",
    ),
    Paper(
        "Zero-noise extrapolation",
        MECHANISM,
        "Guess what a quantum computer would return without its noise.",
        "",
        "",
        "",
        "twice as near as the least noisy measurement",
    ),
    Paper(
        "Product units",
        MECHANISM,
        "Learn a law of physics, such as the noise of a motor: the weights are the exponents of a product.",
        "",
        "",
        "",
        "the exponents of a law to 0.02, its values to 2 % in w8a16",
    ),
    Paper(
        "S4, S4D",
        MECHANISM,
        "Remember a long signal by a few numbers, each of which decays and turns at its own rate.",
        "python -m pytest tests/export/own_operators/test_ssm.py",
        "[the sensor has such layers](demos/sensor.md)",
    ),
    Paper(
        "S5",
        MECHANISM,
        "Remember a long signal by numbers that all channels share.",
    ),
    Paper(
        "Mamba",
        MECHANISM,
        "Choose at each moment of a signal what to remember and what to forget.",
    ),
    Paper(
        "S5-PTD",
        MECHANISM,
        "Start a layer with a long memory from numbers that small errors do not spoil.",
        "",
        "",
        "87.6 % mean on Long Range Arena",
        "the layer streams in w8a8, 36 dB; not trained",
    ),
    Paper(
        "Chimera",
        MECHANISM,
        "Follow many series over time and across each other, trend and season apart.",
    ),
    Paper(
        "Orchid",
        MECHANISM,
        "Mix a whole window by a filter that the window itself chooses; it cannot stream.",
    ),
    Paper(
        "Zoology's hybrids",
        MECHANISM,
        "Look up what followed a key earlier in the text: convolution for order, attention for recall.",
        "",
        "",
        "",
        "every value recalled, with set weights",
    ),
    Paper(
        "Transcoder",
        MECHANISM,
        "See what an MLP computes: a wide layer, of which few units are active at a time, takes its place.",
        "",
        "",
        "",
        "95 % of a toy MLP's variance by fewer than half of 48 units",
    ),
    Paper(
        "LDAM",
        MECHANISM,
        "Recognise rare classes: training keeps a wider margin around them.",
        "",
        "",
        "",
        "a rare toy class is read 30 points better and more",
    ),
    Paper(
        "NMTune",
        MECHANISM,
        "Use features that were learnt from wrong labels: a small network reshapes them.",
    ),
    Paper(
        "MAFT+",
        MECHANISM,
        "Name each region of a picture by any word.",
    ),
    Paper(
        "Fractional noise",
        MECHANISM,
        "Drive a diffusion by noise with a memory. Its denoiser is a usual one.",
        "",
        "",
        "",
        "the correlation of fractional integration to 0.08",
    ),
    Paper(
        "WGAN",
        MECHANISM,
        "Draw by a network that a critic trained. The generator alone runs.",
    ),
    Paper(
        "CoDeNet",
        IN_PART,
        "Detect objects by convolutions that look further where things are large, on an FPGA.",
        "edgekit demo deform",
        "[FPGA](fpga.md#codenet)",
        "",
        "AP 39.8 % in float, 38.8 % on the engine, on drawn shapes",
        "no photographs, and no board: the engine is simulated",
    ),
    Paper(
        "SGMSE+",
        IN_PART,
        "Enhance speech by diffusion.",
        "python bench speech_diffusion VOICES NOISES --seconds 3 --steps 1 5 10 30 --recipes float",
        "[speech](diffusion.md#speech)",
        "SI-SDR 17.3 dB, PESQ 2.93 (VoiceBank-DEMAND, 65.6 M weights)",
        "2.5 dB gain in 5 steps by 0.15 M weights",
        "STOI is below the input's",
    ),
    Paper(
        "Schroedinger bridge",
        MECHANISM,
        "Go from noisy to clean speech along the shortest random path.",
        "python -m pytest tests/export/diffusion/test_step_tables_sde.py",
    ),
    Paper(
        "Progressive Gradient Flow, N:M sparsity",
        WORKS,
        "Keep N of each M weights, and skip the others.",
        "python -m pytest tests/targets/c/packing/test_sparse.py tests/test_sparsity.py",
        "[sparse weights](sparse-weights.md)",
        "",
        "denoiser at 1:4: gain 4.05 dB of 4.52 in float, 4.07 of 4.49 in w8a8, with half the bytes",
    ),
    Paper(
        "Look Once to Hear",
        IN_PART,
        "Hear only the person that you looked at.",
        "edgekit demo target-speech",
        "[sounds](demos/target-speech.md)",
        "7.01 dB gain after a noisy enrollment (2.04 M weights)",
        "4.4 dB on scenes drawn as in the paper after a noisy enrollment, 4.0 dB for new voices (0.46 M weights)",
        "6 dB after a noisy enrollment are not reached; no measured head",
    ),
    Paper(
        "DDSP",
        IN_PART,
        "Play an instrument by a voice: a network steers oscillators.",
        "edgekit demo instrument",
        "[sounds](demos/instrument.md)",
        "",
        "pitch 3.4 to 6.3 cents off, loudness 0.85 to 1.41 dB; 2 to 4 % of voiced frames unvoiced, 9 to 21 in the room",
        "in its room too many frames of a voice lose their pitch; notes join as in a voice, not as on a trombone",
    ),
    Paper(
        "SignalTrain",
        MECHANISM,
        "Learn an audio effect and its knobs, by the spectra of windows.",
        published="4.2 million weights for four knobs",
    ),
    Paper(
        "micro-TCN",
        IN_PART,
        "Learn an audio effect and its knobs, sample by sample and without delay.",
        "edgekit demo compressor",
        "[sounds](demos/compressor.md)",
        "40,512 multiply-accumulates a sample",
        "837 a sample; error to signal 0.37 % in w8a16",
        "its goals are missed in stretches that are compressed",
    ),
    Paper(
        "HiSS",
        IN_PART,
        "Read a slow quantity from fast sensors by a hierarchy of two rates.",
        "edgekit demo sensor",
        "[sensor](demos/sensor.md)",
        "23 % less error than flat networks",
        "9 % less error after equal time from 3 recordings, 13 % from 4; a fifth of the instructions on Cortex-M55",
        "the goal was 15 % less error",
    ),
    Paper(
        "SELD",
        IN_PART,
        "Say what sounds, and from where.",
        "edgekit demo scene",
        "[scene](demos/scene.md)",
        "F20 33.9 %, 24.1 degrees (DCASE 2021 baseline)",
        "F20 75 %, 12.9 degrees on rendered scenes; 58 to 71 % with interferers",
        "alarms are 14 to 24 degrees off; no recordings of real rooms",
    ),
    Paper(
        "Electroglottograph from speech",
        IN_PART,
        "Find when the vocal folds close, from the sound alone.",
        "edgekit demo voice-source",
        "[sounds](demos/voice-source.md)",
        ours="on recordings with marks: 92 % of the periods of an unheard man within 2 %",
        missing="a woman's voice: second closures in a period, 51 % of periods right; w8a8 is too coarse",
    ),
    Paper(
        "Diffusion Buffer",
        WORKS,
        "Enhance speech by diffusion while it arrives.",
        "edgekit demo stream-diffusion",
        "[sounds](demos/stream-diffusion.md)",
        "32 to 176 ms late, on a graphics processor",
        "3.4 dB gain, 32 ms late, by the C of one core",
    ),
    Paper(
        "Stream.FM",
        MECHANISM,
        "Enhance speech while it arrives, by a few steps along a flow from noise to speech.",
        published="24 to 48 ms late, on a graphics processor",
    ),
    Paper(
        "Immiscible Diffusion",
        NOTHING,
        "It pairs noise and pictures in training. What is left is any denoiser.",
    ),
    Paper(
        "Ambient scaling laws",
        NOTHING,
        "It asks how much noisy data a training may have.",
    ),
    Paper(
        "Exploring quality in learned effects (Mitchell and Hawley)",
        NOTHING,
        "A study of SignalTrain: more data of one instrument helps, other layers hardly. The network is SignalTrain's.",
    ),
    Paper("Policy-Gradient Noise Mask", NOTHING, "A policy chooses the noise in training alone."),
    Paper(
        "Label noise", NOTHING, "A study of training on wrong labels. The network does not change."
    ),
    Paper("SGD noise", NOTHING, "A study of the noise of gradient descent."),
    Paper("Benign Oscillation", NOTHING, "A study of large learning rates."),
    Paper("Random Teachers", NOTHING, "A study of distillation from untrained networks."),
    Paper("Gauge freedom", NOTHING, "Theory: which weights describe the same network."),
    Paper(
        "Bandlimited weights",
        NOTHING,
        "Theory of weights whose spectrum ends. They run as any other weights.",
    ),
    Paper("Information plane", NOTHING, "Theory: how much layers know of input and label."),
    Paper(
        "Information Pathways",
        NOTHING,
        "A training that leaves out paths. What is left is any network.",
    ),
    Paper(
        "Catastrophic interference",
        NOTHING,
        "A study of how training on a new task undoes an old one.",
    ),
    Paper("Quantum architecture search", NOTHING, "What it finds runs on quantum hardware."),
    Paper(
        "Gaussian-process solvers of PDEs",
        NOTHING,
        "A linear system is solved for each equation, without a network.",
    ),
    Paper("FABLES", NOTHING, "People judge summaries of books by language models on servers."),
    Paper(
        "Text classification",
        NOTHING,
        "Several studies of language models on servers. Their networks are too large.",
    ),
    Paper(
        "Retrieval",
        NOTHING,
        "Several studies of search over documents on servers.",
    ),
)
