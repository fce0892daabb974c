/* The digit generator of the page: ten digits of one seed, drawn step by step. */
import { facts } from "./digits/digits.js";
import { Drawer, showPicture } from "./digits/page/draw.js";

const [, HEIGHT, WIDTH] = facts.sampler.shape, DIGITS = 10;
const at = (id) => document.getElementById(id);
const drawer = new Drawer(new URL("./digits/digits.js", import.meta.url));

/** One digit of a label and a seed: a Float32Array of 28 x 28; `onStep(done, rows, x)` behind each step. */
export const draw = (label, seed, onStep) => drawer.draw(seed, { label }, onStep);

/** All ten digits of the seed that the page shows. */
export async function drawAll() {
    const seed = Math.min(Math.max(Math.floor(Number(at("seed").value)) || 0, 0), 2 ** 32 - 1), times = [];
    const rows = facts.sampler.rows, canvases = [...at("digits").querySelectorAll("canvas")];
    at("seed").value = seed;
    at("draw").disabled = true;
    try {
        for (let label = 0; label < DIGITS; label++) {
            const { x, ms } = await draw(label, seed + label, (done, _, sofar) => {
                showPicture(canvases[label], sofar, facts.sampler.shape);
                at("steps").textContent = `digit ${label}: step ${done} of ${rows}`;
            });
            showPicture(canvases[label], x, facts.sampler.shape);
            times.push(ms);
        }
    } finally {
        at("draw").disabled = false;
    }
    const median = times.sort((a, b) => a - b)[DIGITS / 2];
    at("steps").textContent = `${rows} steps, ${median.toFixed(0)} ms a digit`;
    return times;
}

for (let label = 0; label < DIGITS; label++) {
    const figure = document.createElement("figure"), name = document.createElement("figcaption");
    name.textContent = label;
    figure.append(Object.assign(document.createElement("canvas"), { width: WIDTH, height: HEIGHT }), name);
    at("digits").append(figure);
}
