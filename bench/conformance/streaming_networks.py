"""The offline networks of `streaming.py`: factory, time axis, and where their code is from."""

from dataclasses import dataclass

LIMIT = 1e-5  # of the peak: a greater error is not one of rounding in most networks


@dataclass(frozen=True)
class Network:
    """One network.

    Attributes:
        name: as the table shows it.
        source: ``module:factory``, a module of `bench`.
        input: of the network.
        axis: of time.
        repository: ``owner/name`` of the author's own source that the factory imports, if it does.
        until: samples of the longest recording, where a table of positions ends.
    """

    name: str
    source: str
    input: str
    axis: int
    repository: str | None = None
    until: int | None = None

    @property
    def written(self) -> str:
        """Who wrote the code: a repository, the package that carries it, or its description alone."""
        if self.repository is not None:
            return self.repository
        packaged = self.source.startswith("conformance.")
        return self.name.split()[0].rstrip(",") if packaged else "description"


PACKAGES = (
    ("torchaudio wav2vec 2.0 features", "torchaudio_wav2vec2_features", "x", 1),
    ("torchaudio WaveRNN, conditioning", "torchaudio_wavernn_conditioning", "specgram", 2),
    ("torchaudio Emformer", "torchaudio_emformer", "x", 1),
    ("torchaudio Conv-TasNet", "torchaudio_conv_tasnet", "input", 2),
    ("torchaudio Conformer", "torchaudio_conformer", "x", 1),
    ("asteroid Conv-TasNet, causal", "asteroid_conv_tasnet", "wav", 2),
    ("asteroid TasNet, LSTM", "asteroid_lstm_tasnet", "wav", 2),
    ("asteroid DPRNN", "asteroid_dprnn", "wav", 2),
    ("denoiser Demucs", "denoiser_demucs", "mix", 2),
    ("encodec encoder", "encodec_encoder", "x", 2),
    ("encodec decoder", "encodec_decoder", "z", 2),
    ("encodec encoder, reflecting", "encodec_reflecting", "x", 2),
    ("dac encoder", "dac_encoder", "x", 2),
    ("dac decoder", "dac_decoder", "x", 2),
    ("vocos backbone", "vocos_backbone", "x", 2),
    ("vocos with its ISTFT", "vocos_whole", "x", 2),
    ("speechbrain Conv-TasNet masks", "speechbrain_masknet", "mixture_w", 2),
    ("speechbrain ECAPA-TDNN", "speechbrain_ecapa", "x", 1),
    ("x-transformers, window", "x_transformers_window", "x", 1),
    ("local-attention", "local_attention", "x", 1),
    ("pytorch-tcn, causal", "pytorch_tcn_causal", "x", 2),
    ("conformer convolution", "conformer_convolution", "x", 1),
    ("mambapy Mamba", "mambapy_mamba", "x", 1),
    ("s5-pytorch S5", "s5_layer", "signal", 1),
)
UNTIL = {"WeNet Conformer, chunks": 400, "WeNet Transformer": 400, "WeNet Conformer": 400}
DESCRIPTIONS = (
    ("DCCRN", "stream_authors:dccrn", "x", 1),
    ("TDNN", "stream_authors:tdnn", "x", 1),
    ("FullSubNet", "stream_authors:fullsubnet", "mag", 3),
    ("BC-ResNet", "stream_authors:bc_resnet", "x", 3),
    ("rotary attention, window", "stream_authors:positions", "x", 1),
    ("HiFi-GAN", "stream_authors_sound:hifi_gan", "x", 2),
    ("micro-TCN", "stream_authors_sound:micro_tcn", "x", 2),
    ("CRN", "stream_authors_sound:crn", "x", 2),
    ("NSNet2", "stream_authors_sound:nsnet2", "x", 1),
    ("RNNoise", "stream_authors_sound:rnnoise", "x", 1),
    ("PercepNet", "stream_authors_sound:percepnet", "x", 1),
    ("DeepFilterNet", "stream_authors_sound:deep_filter", "spec", 1),
    ("WaveNet", "stream_authors_sound:wavenet", "x", 2),
    ("Demucs, causal", "stream_authors_sound:demucs", "x", 2),
    ("SEANet", "stream_authors_sound:seanet", "x", 2),
    ("Conv-TasNet", "stream_authors_sound:conv_tasnet", "x", 2),
    ("DPRNN, causal", "stream_authors_sound:dprnn", "x", 2),
    ("PCEN keyword spotter", "stream_authors_sound:pcen_keyword", "x", 2),
    ("Spleeter", "stream_authors_sound:spleeter", "x", 2),
    ("CREPE", "stream_authors_sound:crepe", "x", 2),
    ("DDSP decoder", "stream_authors_sound:ddsp", "x", 2),
    ("log mel and MarbleNet", "stream_authors_sound:speech_presence", "x", 1),
    ("DTLN", "stream_authors_sound:dtln", "x", 1),
    ("linear attention", "stream_authors_sequence:linear_attention", "x", 1),
    ("RetNet, window", "stream_authors_sequence:retention", "x", 1),
    ("Transformer, banded", "stream_authors_sequence:streaming_transformer", "x", 1),
    ("S4D, bounded", "stream_authors_sequence:s4d", "x", 2),
    ("minGRU", "stream_authors_sequence:min_gru", "x", 1),
    ("MatchboxNet", "stream_authors_sequence:matchbox", "x", 2),
    ("TC-ResNet", "stream_authors_sequence:tc_resnet", "x", 1),
    ("DS-CNN", "stream_authors_sequence:ds_cnn", "x", 2),
    ("SELDnet", "stream_authors_sequence:seld", "x", 2),
    ("TF-GridNet, causal", "stream_authors_sequence:gridnet", "x", 2),
    ("segments of attention", "stream_authors_sequence:emformer_like", "x", 1),
    ("ECAPA blocks", "stream_authors_sequence:ecapa_like", "x", 2),
    ("DeepFilterNet3, filter", "stream_authors_written:deep_filter", "spec", 1),
    ("Waveformer", "stream_authors_written:context_buffer", "x", 2),
    ("NAM WaveNet", "stream_authors_written:valid_wavenet", "x", 2),
    ("WeNet Conformer, chunks", "stream_authors_written:chunked_conformer", "x", 1),
    ("SNAC encoder", "stream_authors_written:windowed_codec", "x", 2),
    ("phases in place", "stream_authors_written:phase_steps", "x", 1),
    ("difference by assignment", "stream_authors_written:difference", "x", 2),
    ("Gated DeltaNet, loop", "stream_authors_written:gated_delta", "x", 1),
    ("sLSTM, loop", "stream_authors_written:scalar_lstm", "x", 1),
    ("Mamba, loop", "stream_authors_written:selective_loop", "x", 1),
    ("gated recurrence, doubling scan", "stream_authors_written:doubling_scan", "x", 1),
    ("linear attention, loop of chunks", "stream_authors_written:chunked_attention", "x", 1),
    ("level and biquad, loop", "stream_authors_written:filter_loop", "x", 2),
)
NETWORKS = (
    Network("GTCRN", "stream_authors:gtcrn", "spec", 2),
    *(Network(*row, until=UNTIL.get(row[0])) for row in DESCRIPTIONS),
    *(Network(name, f"conformance.stream_packages:{row[0]}", *row[1:]) for name, *row in PACKAGES),  # type: ignore[arg-type]
)
