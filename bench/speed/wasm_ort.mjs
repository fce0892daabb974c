// Times onnxruntime-web on a network in node, one thread: node wasm_ort.mjs FOLDER MODEL ORDER, where FOLDER holds
// node_modules and ORDER is JSON: {hops, warm, input, output, file, out, states: [[input, output, shape, dtype]]}.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, model, order] = process.argv.slice(2);
const ort = createRequire(pathToFileURL(`${folder}/`))("onnxruntime-web");
const { hops, warm, input, output, file, out, states } = JSON.parse(order);
const ARRAYS = { float32: Float32Array, int8: Int8Array, int16: Int16Array, int32: Int32Array, int64: BigInt64Array };

ort.env.wasm.numThreads = 1;
ort.env.logLevel = "error";
const session = await ort.InferenceSession.create(readFileSync(model), { executionProviders: ["wasm"] });
const bytes = readFileSync(file), whole = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
const size = whole.length / hops;
const fresh = () => Object.fromEntries(states.map(([name, , shape, dtype]) => {
    const length = shape.reduce((n, d) => n * d, 1);
    return [name, new ort.Tensor(dtype, new ARRAYS[dtype](length), shape)];
}));
let kept = fresh();
const made = [], times = [];
for (let hop = -warm; hop < hops; hop++) {
    if (hop === 0) {
        kept = fresh();
    }
    const at = (hop + warm) % hops, now = hop < 0 ? at : hop;
    const given = new ort.Tensor("float32", whole.subarray(now * size, (now + 1) * size), input.shape);
    const start = process.hrtime.bigint(), results = await session.run({ [input.name]: given, ...kept });
    const spent = Number(process.hrtime.bigint() - start) / 1000;
    for (const [name, next] of states) {
        kept[name] = results[next];
    }
    if (hop >= 0) {
        times.push(spent);
        made.push(Buffer.from(results[output].data.slice().buffer));
    }
}
writeFileSync(out, Buffer.concat(made));
console.log(JSON.stringify({ times, version: ort.env.versions.web ?? ort.env.versions.common }));
