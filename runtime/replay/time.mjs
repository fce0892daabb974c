// Runs and times hops of a build for WebAssembly in node: node time.mjs NAME.js, then a line of JSON for each run on
// stdin: {hops, in: [{name, dtype, constant, file}], out: [{name, file}], times}; files hold all hops, raw. Answers {}
// or {error}.
import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const ARRAYS = {
    float32: Float32Array, bool: Uint8Array, int8: Int8Array, uint8: Uint8Array, int32: Int32Array,
    int64: BigInt64Array,
};
const { init } = await import(pathToFileURL(process.argv[2]));
const net = await init();

function read({ file, dtype }) {
    const bytes = readFileSync(file);
    return new ARRAYS[dtype](bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

function run(order) {
    const whole = order.in.map((port) => ({ ...port, array: read(port) }));
    const constants = whole.filter(({ constant }) => constant), streams = whole.filter(({ constant }) => !constant);
    if (constants.length) {
        net.session(Object.fromEntries(constants.map(({ name, array }) => [name, array])));
    }
    net.reset();
    const made = Object.fromEntries(order.out.map(({ name }) => [name, []])), times = new BigInt64Array(order.hops);
    for (let hop = 0; hop < order.hops; hop++) {
        const given = {};
        for (const { name, array } of streams) {
            const size = array.length / order.hops;
            given[name] = array.subarray(hop * size, (hop + 1) * size);
        }
        const start = process.hrtime.bigint(), outputs = net.process(given);
        times[hop] = process.hrtime.bigint() - start;
        for (const { name } of order.out) {
            made[name].push(Buffer.from(outputs[name].slice().buffer));
        }
    }
    for (const { name, file } of order.out) {
        writeFileSync(file, Buffer.concat(made[name]));
    }
    writeFileSync(order.times, Buffer.from(times.buffer));
}

for await (const line of createInterface({ input: process.stdin })) {
    let answer = {};
    try {
        run(JSON.parse(line));
    } catch (error) {
        answer = { error: `${error}` };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
}
