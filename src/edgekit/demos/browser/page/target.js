/* Target speech: who is looked at becomes 256 numbers, of which the other network hears that one. Loaded when it is chosen. */
const RATE = 16000, LOOK_S = 4;
let extraction = null, enrollment = null, watch = null, speaker = null;

export let facts = null;
export const createNode = (context, options) => extraction.createNode(context, options);
export const options = () => ({ constants: { speaker } });

/** Load both networks; the first talker of the clip is looked at. */
export async function begin() {
    if (watch) {
        return;
    }
    extraction = await import("./target_speech/target_speech.node.js");
    ({ facts } = await import("./target_speech/target_speech.js"));
    enrollment = await import("./enrollment/enrollment.js");
    watch = await enrollment.init();
    const bytes = await (await fetch("look-1.wav")).arrayBuffer();
    await look(await new OfflineAudioContext(2, 1, RATE).decodeAudioData(bytes));
}

/** The talker straight ahead in a recording, an AudioBuffer of both ears; a node that plays hears that one from now on. */
export async function look(buffer, node) {
    const context = new OfflineAudioContext(2, Math.ceil(buffer.duration * RATE), RATE);
    const source = new AudioBufferSourceNode(context, { buffer });
    source.connect(context.destination);
    source.start();
    const heard = await context.startRendering(), hop = enrollment.facts.hopSamples;
    watch.reset();
    let made = null;
    for (let at = 0; at + hop <= heard.length; at += hop) {
        const ears = new Float32Array(2 * hop);
        [0, 1].forEach((c) => ears.set(heard.getChannelData(c).subarray(at, at + hop), c * hop));
        made = watch.process({ ears }).speaker;
    }
    if (!made) {
        throw new Error("The recording is too short to look at anyone.");
    }
    speaker = made.slice();
    node?.session({ speaker });
    return speaker;
}

/** The same of a microphone, for four seconds. */
export async function listen(stream, node) {
    const recorder = new MediaRecorder(stream), parts = [];
    recorder.ondataavailable = ({ data }) => parts.push(data);
    const ended = new Promise((done) => { recorder.onstop = done; });
    recorder.start();
    await new Promise((done) => setTimeout(done, 1000 * LOOK_S));
    recorder.stop();
    await ended;
    const bytes = await new Blob(parts).arrayBuffer();
    return look(await new OfflineAudioContext(2, 1, RATE).decodeAudioData(bytes), node);
}
