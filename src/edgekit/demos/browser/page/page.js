/* The page of `edgekit demo browser`: one network at a time between a source and the loudspeaker. */
import * as compressor from "./compressor/compressor.node.js";
import { facts as compressorFacts } from "./compressor/compressor.js";
import * as denoise from "./denoise/denoise.node.js";
import { facts as denoiseFacts } from "./denoise/denoise.js";
import { drawAll } from "./digits.js";
import * as target from "./target.js";

const KNOBS = [
    { name: "threshold", unit: "dB", least: -30, most: 0, step: 0.5, value: -24 },
    { name: "ratio", unit: ": 1", least: 1, most: 5, step: 0.1, value: 4 },
    { name: "attack", unit: "ms", least: 1, most: 40, step: 0.5, value: 2 },
    { name: "release", unit: "ms", least: 1, most: 40, step: 0.5, value: 30 },
];
const knobs = KNOBS.map(({ value }) => value);
export const networks = {
    denoise: {
        title: "Denoiser", clip: "noisy.wav", node: denoise.createNode, facts: denoiseFacts, options: () => ({}),
        about: "Takes noise out of speech: a causal network of 113 k parameters in int8, 8 ms a hop.",
    },
    compressor: {
        title: "Compressor", clip: "groove.wav", node: compressor.createNode, facts: compressorFacts,
        options: () => ({ controls: { knobs } }),
        about: "Evens out loud and soft: a network that learned a compressor. Turn its knobs while it plays.",
    },
    target: {
        title: "Target speech", clip: "scene.wav", node: target.createNode, facts: target.facts, options: target.options,
        about: "Two people talk. Look at one for four seconds, and hear that one. A look is 256 numbers, which may change while it plays.",
    },
    digits: {
        title: "Digits",
        about: "Draws handwritten digits out of noise: a diffusion model in int8, one call a step. The seed tells the noise.",
    },
};
const at = (id) => document.getElementById(id);
let chosen = "denoise", running = null, recording = null;

/** How many channels a network takes and gives. */
const channels = (name) => networks[name].facts.adapter.outputs[0];

/** A whole recording, an AudioBuffer, through a network, faster than it sounds; an AudioBuffer, in time with it. */
export async function render(name, buffer, rate = buffer.sampleRate) {
    const { node, options } = networks[name], frames = Math.ceil(buffer.duration * rate), count = channels(name);
    const probe = new OfflineAudioContext(count, 128, rate), { latencySamples } = await node(probe, options());
    const context = new OfflineAudioContext(count, frames + latencySamples, rate);
    const source = new AudioBufferSourceNode(context, { buffer });
    source.connect(await node(context, options())).connect(context.destination);
    source.start();
    const whole = await context.startRendering();
    const made = new AudioBuffer({ length: frames, sampleRate: rate, numberOfChannels: count });
    for (let c = 0; c < count; c++) {
        made.copyToChannel(whole.getChannelData(c).subarray(latencySamples), c);
    }
    return made;
}

/** Sound of `stream` or of an AudioBuffer through the chosen network to the loudspeaker, from now on. */
async function play(from, words) {
    await stop();
    const { node, options } = networks[chosen], context = new AudioContext({ latencyHint: "interactive" });
    const network = await node(context, options()), late = network.latencySamples / context.sampleRate;
    const source = from instanceof MediaStream
        ? new MediaStreamAudioSourceNode(context, { mediaStream: from })
        : new AudioBufferSourceNode(context, { buffer: from, loop: true });
    const dry = new DelayNode(context, { delayTime: late, maxDelayTime: late + 0.01 });
    const [before, after] = [dry, network].map((end) => {
        const seen = new AnalyserNode(context, { fftSize: 1024, smoothingTimeConstant: 0 });
        const gain = new GainNode(context, { gain: 0 });
        end.connect(seen);
        end.connect(gain).connect(context.destination);
        return { seen, gain };
    });
    source.connect(dry);
    source.connect(network);
    running = { context, network, before, after, stream: from instanceof MediaStream ? from : null, reports: 0, load: 0,
                hops: 0, frames: 0 };
    turnTo(heard());
    network.onreport = told;
    source.start?.();
    await context.resume();
    at("rate").textContent = `${(context.sampleRate / 1000).toFixed(1)} kHz`;
    at("late").textContent = `${(1000 * late).toFixed(1)} ms`;
    at("stop").disabled = false;
    say(words);
    requestAnimationFrame(draw);
    return running;
}

export async function stop() {
    const old = running;
    running = null;
    at("stop").disabled = true;
    if (old) {
        old.stream?.getTracks().forEach((track) => track.stop());
        old.network.close();
        await old.context.close();
    }
}

function told({ load, hops, frames }) {
    if (running) {
        running.reports += 1;
        running.load += (load - running.load) / Math.min(running.reports, 40);
        Object.assign(running, { hops, frames });
    }
}

function say(words, bad = false) {
    const place = at(chosen === "digits" ? "steps" : "state");
    place.textContent = words;
    place.classList.toggle("bad", bad);
}

/** Fade to one end within some milliseconds. */
function turnTo(end) {
    for (const name of running ? ["before", "after"] : []) {
        running[name].gain.gain.setTargetAtTime(Number(name === end), running.context.currentTime, 0.01);
    }
}

function heard() {
    return document.querySelector("input[name=heard]:checked").value;
}

/** A colour for a level, 0 to 1: black, blue, red, yellow, white. */
const PALETTE = Array.from({ length: 256 }, (_, i) => {
    const t = i / 255, stops = [[0, 0, 4], [60, 15, 110], [180, 50, 90], [245, 140, 30], [250, 240, 150]];
    const place = Math.min(t * 4, 3.999), low = Math.floor(place), part = place - low;
    return stops[low].map((value, c) => Math.round(value + part * (stops[low + 1][c] - value)));
});
const HIGHEST_HZ = 8000, LOWEST_DB = -100, RANGE_DB = 80, COLUMN = 2;

function column(canvas, analyser, rate) {
    const picture = canvas.getContext("2d", { willReadFrequently: true }), { width, height } = canvas;
    const levels = new Float32Array(analyser.frequencyBinCount);
    analyser.getFloatFrequencyData(levels);
    picture.drawImage(canvas, -COLUMN, 0);
    const strip = picture.createImageData(COLUMN, height);
    for (let y = 0; y < height; y++) {
        const hz = HIGHEST_HZ * (1 - y / height), bin = Math.min(Math.round(hz * analyser.fftSize / rate), levels.length - 1);
        const level = Math.min(Math.max((levels[bin] - LOWEST_DB) / RANGE_DB, 0), 1) || 0;
        const [r, g, b] = PALETTE[Math.round(255 * level)];
        for (let x = 0; x < COLUMN; x++) {
            strip.data.set([r, g, b, 255], 4 * (y * COLUMN + x));
        }
    }
    picture.putImageData(strip, width - COLUMN, 0);
}

function draw() {
    if (!running) {
        return;
    }
    const { context, before, after, load, reports, playback = context.playbackStats } = running;
    column(at("before"), before.seen, context.sampleRate);
    column(at("after"), after.seen, context.sampleRate);
    if (reports) {
        const { hopSamples, sampleRateHz } = networks[chosen].facts;
        at("load").textContent = `${(100 * load).toFixed(1)} %`;
        at("hop").textContent = `${(1e6 * load * hopSamples / sampleRateHz).toFixed(0)} µs`;
    }
    at("lost").textContent = playback ? `${playback.underrunEvents ?? playback.fallbackFramesEvents ?? 0}` : "not told";
    requestAnimationFrame(draw);
}

async function load(name) {
    const response = await fetch(name);
    return decode(await response.arrayBuffer());
}

/** A recording of any form, with as many channels as the chosen network takes. */
async function decode(bytes) {
    const buffer = await new OfflineAudioContext(1, 1, 48000).decodeAudioData(bytes);
    const mixed = new OfflineAudioContext(channels(chosen), buffer.length, buffer.sampleRate);
    const source = new AudioBufferSourceNode(mixed, { buffer });
    source.connect(mixed.destination);
    source.start();
    return mixed.startRendering();
}

/** A .wav of 16 bits. */
function wav(buffer) {
    const count = buffer.numberOfChannels, samples = new Float32Array(count * buffer.length);
    for (let c = 0; c < count; c++) {
        buffer.getChannelData(c).forEach((v, i) => { samples[i * count + c] = v; });
    }
    const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
    const text = (place, words) => [...words].forEach((c, i) => view.setUint8(place + i, c.charCodeAt(0)));
    text(0, "RIFF"), view.setUint32(4, 36 + 2 * samples.length, true), text(8, "WAVEfmt ");
    view.setUint32(16, 16, true), view.setUint16(20, 1, true), view.setUint16(22, count, true);
    view.setUint32(24, buffer.sampleRate, true), view.setUint32(28, 2 * count * buffer.sampleRate, true);
    view.setUint16(32, 2 * count, true), view.setUint16(34, 16, true), text(36, "data");
    view.setUint32(40, 2 * samples.length, true);
    samples.forEach((v, i) => view.setInt16(44 + 2 * i, Math.max(-32768, Math.min(32767, Math.round(v * 32768))), true));
    return new Blob([view.buffer], { type: "audio/wav" });
}

async function useFile(file) {
    recording = { name: file.name, buffer: await decode(await file.arrayBuffer()) };
    at("save").disabled = false;
    await play(recording.buffer, `${file.name}, over and over.`);
}

export async function useClip() {
    const { clip } = networks[chosen];
    recording = { name: clip, buffer: await load(clip) };
    at("save").disabled = false;
    return play(recording.buffer, `${clip}, over and over. Switch between before and after.`);
}

/** The microphone as it is, in stereo where it is. */
async function microphone() {
    const off = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    return navigator.mediaDevices.getUserMedia({ audio: { ...off, channelCount: { ideal: 2 } } });
}

export async function useMicrophone() {
    const stream = await microphone();
    recording = null;
    at("save").disabled = true;
    return play(stream, "The microphone. Wear headphones, or it hears itself.");
}

async function save() {
    const made = await render(chosen, recording.buffer), link = document.createElement("a");
    link.href = URL.createObjectURL(wav(made));
    link.download = recording.name.replace(/(\.\w+)?$/, `.${chosen}.wav`);
    link.click();
    URL.revokeObjectURL(link.href);
}

export async function choose(name) {
    await stop();
    if (name === "target") {
        await target.begin();
        networks.target.facts = target.facts;
    }
    chosen = name;
    at("networks").querySelectorAll("button").forEach((tab) => {
        tab.setAttribute("aria-selected", String(tab.dataset.name === name));
    });
    at("about").textContent = networks[name].about;
    at("knobs").hidden = name !== "compressor";
    at("looks").hidden = name !== "target";
    at("sound").hidden = name === "digits";
    at("images").hidden = name !== "digits";
    recording = null;
    at("save").disabled = true;
    ["load", "hop", "late", "rate", "lost"].forEach((id) => { at(id).textContent = "–"; });
    for (const id of ["before", "after"]) {
        const canvas = at(id);
        canvas.getContext("2d", { willReadFrequently: true }).clearRect(0, 0, canvas.width, canvas.height);
    }
    say(name === "digits" ? "Each digit begins as noise." : "Drop a recording anywhere on this page, or play the clip.");
}

/** Runs what a button asks for, and says what goes wrong. */
const tried = (act) => async (event) => {
    try {
        await act(event);
    } catch (error) {
        say(error.name === "NotAllowedError" ? "The browser does not give the microphone." : `${error.message}`, true);
    }
};

for (const [name, { title }] of Object.entries(networks)) {
    const tab = Object.assign(document.createElement("button"), { type: "button", textContent: title });
    tab.dataset.name = name;
    tab.setAttribute("role", "tab");
    tab.addEventListener("click", tried(() => choose(name)));
    at("networks").append(tab);
}
KNOBS.forEach(({ name, unit, least, most, step, value }, i) => {
    const label = document.createElement("label"), told = document.createElement("output");
    const input = Object.assign(document.createElement("input"), { type: "range", min: least, max: most, step, value });
    const show = () => { told.textContent = `${knobs[i]} ${unit}`; };
    input.addEventListener("input", () => {
        knobs[i] = Number(input.value);
        show();
        running?.network.turn({ knobs });
    });
    show();
    label.append(name, told, input);
    at("knobs").append(label);
});
/** Look at whom a recording has straight ahead, and hear that one from now on. */
export async function lookAt(name) {
    say(`Looking at the talker of ${name} ...`);
    await target.look(await load(name), running?.network);
    say(`You hear the talker of ${name}.`);
}

export async function lookAround() {
    const stream = await microphone();
    say("Look at the talker: four seconds from now on.");
    try {
        await target.listen(stream, running?.network);
    } finally {
        stream.getTracks().forEach((track) => track.stop());
    }
    say("You hear the talker whom you looked at.");
}

for (const [id, act] of [["look-1", () => lookAt("look-1.wav")], ["look-2", () => lookAt("look-2.wav")], ["look-mic", lookAround]]) {
    at(id).addEventListener("click", tried(act));
}
at("look-file").addEventListener("change", tried(async (event) => {
    const [file] = event.target.files;
    if (file) {
        await target.look(await decode(await file.arrayBuffer()), running?.network);
        say(`You hear the talker of ${file.name}.`);
    }
}));
at("clip").addEventListener("click", tried(useClip));
at("mic").addEventListener("click", tried(useMicrophone));
at("stop").addEventListener("click", tried(async () => { await stop(); say("Stopped."); }));
at("save").addEventListener("click", tried(save));
at("file").addEventListener("change", tried(({ target }) => target.files[0] && useFile(target.files[0])));
at("heard").addEventListener("change", () => turnTo(heard()));
at("draw").addEventListener("click", tried(drawAll));
at("another").addEventListener("click", tried(() => {
    at("seed").value = Math.floor(Math.random() * 2 ** 32);
    return drawAll();
}));
addEventListener("dragover", (event) => { event.preventDefault(); document.body.classList.add("over"); });
addEventListener("dragleave", () => document.body.classList.remove("over"));
addEventListener("drop", tried((event) => {
    event.preventDefault();
    document.body.classList.remove("over");
    return chosen !== "digits" && event.dataTransfer.files[0] && useFile(event.dataTransfer.files[0]);
}));
await choose("denoise");
document.body.dataset.ready = "yes";
