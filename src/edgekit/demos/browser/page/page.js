/* The page of `edgekit demo browser`: one network at a time between a source and the loudspeaker. */
import * as compressor from "./compressor/compressor.node.js";
import { facts as compressorFacts } from "./compressor/compressor.js";
import * as denoise from "./denoise/denoise.node.js";
import { facts as denoiseFacts } from "./denoise/denoise.js";
import { Player, decode, download, microphone, render as rendered } from "./denoise/page/audio.js";
import { showKnobs } from "./denoise/page/knobs.js";
import { clear, column } from "./denoise/page/pictures.js";
import { writeWav } from "./denoise/page/wav.js";
import { drawAll } from "./digits.js";
import * as target from "./target.js";

const KNOBS = { names: ["threshold", "ratio", "attack", "release"], units: ["dB", ": 1", "ms", "ms"] };
const knobs = [-24, 4, 2, 30];
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

const netOf = (name) => ({ createNode: networks[name].node, facts: networks[name].facts });
const RATE = 48000, HIGHEST_HZ = 8000;  // of recordings that play, and of the pictures

/** A whole recording, an AudioBuffer, through a network, faster than it sounds; an AudioBuffer, in time with it. */
export const render = (name, buffer, rate = buffer.sampleRate) => (
    rendered(netOf(name), [buffer], { options: networks[name].options(), rate }));

/** Sound of a MediaStream or of an AudioBuffer through the chosen network to the loudspeaker, from now on. */
async function play(from, words) {
    await stop();
    running = await Player.start(netOf(chosen), [from], { options: networks[chosen].options(), heard: heard() });
    at("rate").textContent = `${(running.context.sampleRate / 1000).toFixed(1)} kHz`;
    at("late").textContent = `${(1000 * running.late).toFixed(1)} ms`;
    at("stop").disabled = false;
    say(words);
    requestAnimationFrame(draw);
    return running;
}

export async function stop() {
    const old = running;
    running = null;
    at("stop").disabled = true;
    await old?.stop();
}

function say(words, bad = false) {
    const place = at(chosen === "digits" ? "steps" : "state");
    place.textContent = words;
    place.classList.toggle("bad", bad);
}

function heard() {
    return document.querySelector("input[name=heard]:checked").value;
}

function draw() {
    if (!running) {
        return;
    }
    const { context, before, after, load, reports, underruns } = running;
    column(at("before"), before.seen, context.sampleRate, HIGHEST_HZ);
    column(at("after"), after.seen, context.sampleRate, HIGHEST_HZ);
    if (reports) {
        const { hopSamples, sampleRateHz } = networks[chosen].facts;
        at("load").textContent = `${(100 * load).toFixed(1)} %`;
        at("hop").textContent = `${(1e6 * load * hopSamples / sampleRateHz).toFixed(0)} µs`;
    }
    at("lost").textContent = underruns === null ? "not counted" : `${underruns}`;
    requestAnimationFrame(draw);
}

const decoded = (bytes) => decode(bytes, networks[chosen].facts.adapter.outputs[0], RATE);
const load = async (name) => decoded(await (await fetch(name)).arrayBuffer());

async function useFile(file) {
    recording = { name: file.name, buffer: await decoded(await file.arrayBuffer()) };
    at("save").disabled = false;
    await play(recording.buffer, `${file.name}, over and over.`);
}

export async function useClip() {
    const { clip } = networks[chosen];
    recording = { name: clip, buffer: await load(clip) };
    at("save").disabled = false;
    return play(recording.buffer, `${clip}, over and over. Switch between before and after.`);
}

export async function useMicrophone() {
    const stream = await microphone();
    recording = null;
    at("save").disabled = true;
    return play(stream, "The microphone. Wear headphones, or it hears itself.");
}

async function save() {
    const made = await render(chosen, recording.buffer);
    download(writeWav(made), recording.name.replace(/(\.\w+)?$/, `.${chosen}.wav`));
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
    ["before", "after"].forEach((id) => clear(at(id)));
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
showKnobs(at("knobs"), compressorFacts, { knobs }, () => running?.network.turn({ knobs }), KNOBS);
at("knobs").hidden = true;

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
        await target.look(await decoded(await file.arrayBuffer()), running?.network);
        say(`You hear the talker of ${file.name}.`);
    }
}));
at("clip").addEventListener("click", tried(useClip));
at("mic").addEventListener("click", tried(useMicrophone));
at("stop").addEventListener("click", tried(async () => { await stop(); say("Stopped."); }));
at("save").addEventListener("click", tried(save));
at("file").addEventListener("change", tried(({ target }) => target.files[0] && useFile(target.files[0])));
at("heard").addEventListener("change", () => running?.switchTo(heard()));
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
