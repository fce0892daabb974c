/* Draws digits beside the page: a message { id, label, seed } in, one behind each step and one with the end out. */
import { init } from "./digits/digits.js";

const ready = init();

onmessage = async ({ data: { id, label, seed } }) => {
    const net = await ready, start = performance.now();
    const x = net.sample(seed, { label }, {
        onProgress: (done, rows, sofar) => { postMessage({ id, done, rows, x: sofar.slice() }); },
    });
    postMessage({ id, x, ms: performance.now() - start, isDone: true });
};
