"""Makes the training sounds of `train.py`: spoken keywords, near misses, speech and noise, as 16 kHz wav files.

Get the packages of `edgekit.demos.train_denoise` (the folder ``data`` there), and the synthesisers:

    apt-get install flite festival festvox-kallpc16k festvox-kdlpc16k festvox-us-slt-hts festvox-italp16k \
        festvox-itapc16k festvox-czech-dita festvox-czech-krb festvox-czech-machac festvox-czech-ph \
        festvox-suopuhe-lj festvox-suopuhe-mv festvox-ca-ona-hts festvox-ru
    python -m edgekit.demos.wake.prepare data heard

``heard`` then holds ``keyword/VOICE``, ``near/VOICE`` (near misses and sentences by the same synthesisers),
``speech/VOICE`` and ``noise``, each with wav files. No recording of it is bundled but those that CREDITS.md names.
"""

import argparse
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr

from edgekit.base.wav import read_wav, write_wav
from edgekit.demos.denoise_data import FLITE_TEXTS, NOISES, Samples, decode, load_voices
from edgekit.demos.wake.network import RATE

# letters of these languages, and synthesised voices: for evaluation only
HELD_LETTERS = ("de", "cs", "hu", "lt", "nl", "uk", "da", "pt_BR")
HELD_VOICES = ("rms", "ked", "dita", "lp")
STRETCHES = (0.8, 1.0, 1.25)  # of all durations of a keyword
SILENT_DB = -35.0  # below the peak: the limit for cutting off the start and end of a word
CYRILLIC = str.maketrans("abdegijklmnoprstuvz", "абдегийклмнопрстувз")


@dataclass(frozen=True)
class Voice:
    """A speaker of a synthesiser.

    Attributes:
        name: of the speaker; two synthesisers of one speaker are one voice.
        engine: ``flite`` or ``festival``.
        voice: its name there.
        okay: how the first word is spelt in its language.
    """

    name: str
    engine: str
    voice: str
    okay: str = "okay"


VOICES = (
    Voice("kal", "flite", "kal16"),
    Voice("kal", "festival", "kal_diphone"),
    Voice("awb", "flite", "awb"),
    Voice("slt", "flite", "slt"),
    Voice("slt", "festival", "cmu_us_slt_arctic_hts"),
    Voice("rms", "flite", "rms"),
    Voice("ked", "festival", "ked_diphone"),
    Voice("lp", "festival", "lp_diphone", "ochei"),
    Voice("pc", "festival", "pc_diphone", "ochei"),
    Voice("dita", "festival", "czech_dita", "okej"),
    Voice("krb", "festival", "czech_krb", "okej"),
    Voice("machac", "festival", "czech_machac", "okej"),
    Voice("ph", "festival", "czech_ph", "okej"),
    Voice("lj", "festival", "suo_fi_lj_diphone", "okei"),
    Voice("mv", "festival", "hy_fi_mv_diphone", "okei"),
    Voice("ona", "festival", "upc_ca_ona_hts", "oquei"),
    Voice("nsh", "festival", "msu_ru_nsh_clunits", "okej"),
)
# words that begin or end like the keyword, and words made of its syllables
NEAR = (
    "OKAY.",
    "OKAY maria.",
    "OKAY marina.",
    "OKAY mamba.",
    "OKAY rumba.",
    "OKAY samba.",
    "OKAY karamba.",
    "OKAY malinda.",
    "OKAY mari.",
    "OKAY barima.",
    "OKAY rimbama.",
    "OKAY banana.",
    "OKAY makarena.",
    "OKAY mandarin.",
    "OKAY telefon.",
    "barima OKAY.",
    "rimbama OKAY.",
    "maria imba.",
    "karamba OKAY.",
    "samba marina.",
    "limbo rumba.",
    "po kemari simba.",
    "mikado simba.",
    "to kalimba.",
    "kino mandarinka.",
)
SYLLABLES = (
    *("ma", "ri", "ba", "o", "kei", "la", "to", "ki"),
    *("san", "pe", "do", "ne", "vi", "gu", "mi", "ra"),
)


def texts(voice: Voice, random: np.random.Generator) -> tuple[list[str], list[str]]:
    """Return the texts of a voice: the keyword in its spellings, and texts without the keyword."""
    keywords = [f"{voice.okay} marimba{end}" for end in ".!?"] + [f"{voice.okay}, marimba."]
    near = [text.replace("OKAY", voice.okay) for text in NEAR]
    for _ in range(16):
        words = ["".join(random.choice(SYLLABLES, random.integers(2, 5))) for _ in range(4)]
        near.append(" ".join(words) + ".")
    near += [str(text) for text in random.choice(sentences(), 16, replace=False)]
    if voice.name == "nsh":
        cyrillic = [[text.translate(CYRILLIC) for text in group] for group in (keywords, near)]
        return cyrillic[0], [text for text in cyrillic[1] if not re.search("[a-zA-Z]", text)]
    return keywords, near


def sentences() -> list[str]:
    """Short pieces of licence texts."""
    whole = " ".join(Path("/usr/share/common-licenses", name).read_text() for name in FLITE_TEXTS)
    parts = re.split(r"[.;:,]\s", re.sub(r"[^A-Za-z.,;:' ]+", " ", whole))
    return sorted({" ".join(part.split()) + "." for part in parts if 20 < len(part) < 70})


def speak(voice: Voice, spoken: list[tuple[str, float, Path]]) -> None:
    """Write each text, at its stretch of all durations, to its file."""
    if voice.engine == "flite":
        for text, stretch, out in spoken:
            setting = f"duration_stretch={stretch}"
            command = [
                "flite",
                "-voice",
                voice.voice,
                "--setf",
                setting,
                "-t",
                text,
                "-o",
                str(out),
            ]
            subprocess.run(command, check=True)
        return
    lines = [f"(voice_{voice.voice})"]
    for text, stretch, out in spoken:
        lines.append(f"(Parameter.set 'Duration_Stretch {stretch})")
        lines.append(f'(utt.save.wave (utt.synth (Utterance Text "{text}")) "{out}" \'riff)')
    script = spoken[0][2].with_name("say.scm")
    script.write_text("\n".join(lines))
    subprocess.run(["festival", "-b", script], check=True, capture_output=True)
    script.unlink()


def trim_silence(samples: np.ndarray) -> np.ndarray:
    """Return the samples without silence before and after, where silence lies 35 dB below the loudest 10 ms."""
    size = RATE // 100
    level = np.square(samples[: samples.size // size * size].reshape(-1, size)).mean(1)
    loud = np.flatnonzero(level > level.max() * 10 ** (SILENT_DB / 10))
    return samples[loud[0] * size : (loud[-1] + 1) * size]


def synthesise(out: Path) -> None:
    """Write ``keyword/VOICE`` and ``near/VOICE``."""
    random = np.random.default_rng(5)
    for voice in VOICES:
        for kind, said in zip(("keyword", "near"), texts(voice, random), strict=True):
            folder = out / kind / voice.name
            folder.mkdir(parents=True, exist_ok=True)
            stretches = STRETCHES if kind == "keyword" else (1.0,)
            spoken = [
                (text, stretch, folder / f"{voice.engine}-{number:02}-{100 * stretch:.0f}.wav")
                for number, text in enumerate(said)
                for stretch in stretches
            ]
            speak(voice, spoken)
            for *_, file in spoken:
                clip = read_wav(file)
                sound = soxr.resample(clip.samples, clip.sample_rate_hz, RATE)
                write_wav(file, trim_silence(sound).astype(np.float32), RATE, "PCM_16")
        print(f"{voice.name}: spoken", flush=True)


def write(folder: Path, clips: list[Samples]) -> None:
    """Write 16-bit clips by number."""
    folder.mkdir(parents=True)
    for number, clip in enumerate(clips):
        sound = np.asarray(clip / np.float32(32768), np.float32)
        write_wav(folder / f"{number:04}.wav", sound, RATE, "PCM_16")


def record(data: Path, out: Path) -> None:
    """Write ``speech/VOICE`` and ``noise`` of the unpacked packages."""
    for name, clips in load_voices(data).items():
        letters = name.startswith("klettres") and name.split("-")[1] in HELD_LETTERS
        if not letters and not name.startswith("flite"):
            write(out / "speech" / name, clips)
    for noise in (*NOISES, "city", "stream"):
        samples = decode(data / "blanket" / f"{noise}.ogg") / np.float32(32768)
        (out / "noise").mkdir(exist_ok=True)
        write_wav(out / "noise" / f"{noise}.wav", samples.astype(np.float32), RATE, "PCM_16")


def main() -> None:
    """Reads the command line and writes all."""
    parser = argparse.ArgumentParser(description="Make what the keyword spotter is trained on.")
    parser.add_argument("data", type=Path, help="folder of unpacked packages")
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    synthesise(given.out)
    record(given.data, given.out)


if __name__ == "__main__":
    main()
