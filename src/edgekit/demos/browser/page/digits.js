/* The digit generator of the page: ten digits of one seed, drawn step by step. */
import { facts } from "./digits/digits.js";

const [, HEIGHT, WIDTH] = facts.sampler.shape, DIGITS = 10;
const at = (id) => document.getElementById(id);
let worker = null, waiting = new Map(), last = 0;

/** One digit of a label and a seed: a Float32Array of 28 x 28; `onStep(done, rows, x)` behind each step. */
export function draw(label, seed, onStep = () => {}) {
    worker ??= started();
    const id = ++last;
    return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject, onStep });
        worker.postMessage({ id, label, seed });
    });
}

function started() {
    const made = new Worker(new URL("./digits.worker.js", import.meta.url), { type: "module" });
    made.onmessage = ({ data: { id, done, rows, x, ms, isDone } }) => {
        const { resolve, onStep } = waiting.get(id);
        if (isDone) {
            waiting.delete(id);
            resolve({ x, ms });
        } else {
            onStep(done, rows, x);
        }
    };
    made.onerror = ({ message }) => {
        const failed = new Error(message || "the worker ended");
        waiting.forEach(({ reject }) => reject(failed));
        waiting = new Map();
        worker = null;
    };
    return made;
}

function show(canvas, x) {
    const picture = canvas.getContext("2d"), pixels = picture.createImageData(WIDTH, HEIGHT);
    x.forEach((value, i) => {
        const level = Math.round(127.5 * (1 + Math.min(Math.max(value, -1), 1)));
        pixels.data.set([level, level, level, 255], 4 * i);
    });
    picture.putImageData(pixels, 0, 0);
}

/** All ten digits of the seed that the page shows. */
export async function drawAll() {
    const seed = Math.min(Math.max(Math.floor(Number(at("seed").value)) || 0, 0), 2 ** 32 - 1), times = [];
    const rows = facts.sampler.rows, canvases = [...at("digits").querySelectorAll("canvas")];
    at("seed").value = seed;
    at("draw").disabled = true;
    try {
        for (let label = 0; label < DIGITS; label++) {
            const { x, ms } = await draw(label, seed + label, (done, _, sofar) => {
                show(canvases[label], sofar);
                at("steps").textContent = `digit ${label}: step ${done} of ${rows}`;
            });
            show(canvases[label], x);
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
