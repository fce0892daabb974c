// Runs ek_top over golden vectors: sim_engine [--dram] [--stalls SEED] [--resets SEED] [--aborts SEED] [--faults SEED] FOLDER...
// A folder has the files of hls/data: program.bin, image.bin, outputs.bin, stages.bin, host_places.bin, host.bin and
// expected.bin, see tb.cpp. Folders and pictures follow each other without a reset. With --resets, --aborts or
// --faults each run of the engine is begun, reset or aborted after any number of cycles, or answered with errors from any
// address on, and begun again. Memory is ideal, or, with --dram, DRAM; with --stalls each of its channels waits at random.
// Prints a line per folder; returns 1 where a byte differs, 2 where a program is refused.
#include <cstring>
#include "sim_bus.h"

template <typename T>
static std::vector<T> file_of(const std::string &path)
{
    std::vector<T> values;
    if (std::FILE *const file = std::fopen(path.c_str(), "rb")) {
        T value;
        while (std::fread(&value, sizeof value, 1, file) == 1) { values.push_back(value); }
        std::fclose(file);
    }
    return values;
}

struct Options {
    Noise resets, aborts, faults;
    bool with_resets = false, with_aborts = false, with_faults = false;
    int cut = 0; // runs that ended with an abort or an error of the bus
};

// A run, with what comes in between; returns the error register.
static int run(Bench &bench, int32_t first, int32_t layers, Options &options)
{
    if (options.with_resets) {
        bench.begin(first, layers);
        for (uint32_t i = options.resets.next() >> 22; i && !bench.top->irq; i--) { bench.cycle(); }
        const uint32_t bases[] = {bench.read(REGISTER_PROGRAM), bench.read(REGISTER_IMAGE), bench.read(REGISTER_DRAM)};
        bench.reset();
        for (int i = 0; i < 3; i++) { bench.write(REGISTER_PROGRAM + i, bases[i]); }
        bench.write(REGISTER_INTERRUPT, 1);
    }
    if (options.with_aborts) {
        bench.begin(first, layers);
        for (uint32_t i = options.aborts.next() >> 22; i && !bench.top->irq; i--) { bench.cycle(); }
        bench.write(REGISTER_CONTROL, 2);
        const int error = bench.wait();
        options.cut += error == ERROR_ABORTED;
        if (error != ERROR_ABORTED && error != ERROR_NONE) { return error; }
    }
    if (options.with_faults) {
        const std::size_t bytes = bench.memory.bytes.size() - bench.program_at;
        bench.memory.fail_at = uint32_t(bench.program_at + (options.faults.next() >> 4) % bytes);
        bench.begin(first, layers);
        const int error = bench.wait();
        bench.memory.fail_at = 0;
        options.cut += error == ERROR_BUS;
        if (error != ERROR_BUS && error != ERROR_NONE) { return error; }
    }
    bench.cycles = bench.stalls = 0;
    bench.begin(first, layers);
    return bench.wait();
}

static int run_folder(Bench &bench, const std::string &folder, Options &options)
{
    const auto program = file_of<uint32_t>(folder + "/program.bin");
    const auto outputs = file_of<int32_t>(folder + "/outputs.bin"), stages = file_of<int32_t>(folder + "/stages.bin");
    const auto places = file_of<int32_t>(folder + "/host_places.bin");
    const auto images = file_of<int8_t>(folder + "/image.bin"), host = file_of<int8_t>(folder + "/host.bin");
    const auto expected = file_of<int8_t>(folder + "/expected.bin");
    if (program.size() < std::size_t(HEADER_WORDS) || outputs.empty() || images.empty() || expected.empty()) {
        std::fprintf(stderr, "no golden vectors in %s\n", folder.c_str());
        return 2;
    }
    const std::size_t pictures = expected.size() / outputs.size(), size = images.size() / pictures;
    bench.load(program, size);
    uint8_t *const image = &bench.memory.bytes[bench.image_at], *const dram = &bench.memory.bytes[bench.dram_at];
    options.cut = 0;
    std::size_t different = 0;
    int64_t most = 0, stalls = 0;
    for (std::size_t i = 0; i < pictures; i++) {
        std::memcpy(image, &images[i * size], size);
        std::size_t written = 0;
        int64_t cycles = 0, stalled = 0;
        for (std::size_t s = 0; s < stages.size(); s += 3) {
            for (int32_t j = 0; j < stages[s + 2]; j++, written++) {
                dram[places[written]] = uint8_t(host[i * places.size() + written]);
            }
            const int error = run(bench, stages[s], stages[s + 1], options);
            if (error) {
                std::printf("%s: error %d in layer %d\n", folder.c_str(), error, bench.layer());
                return 2;
            }
            cycles += bench.cycles; stalled += bench.stalls;
        }
        if (cycles > most) { most = cycles; stalls = stalled; }
        for (std::size_t o = 0; o < outputs.size(); o++) {
            different += int8_t(dram[outputs[o]]) != expected[i * outputs.size() + o];
        }
    }
    std::printf("%s: %zu pictures, %zu bytes compared, %zu differ, %lld cycles, %lld stalls, %d cut\n", folder.c_str(),
                pictures, expected.size(), different, static_cast<long long>(most), static_cast<long long>(stalls),
                options.cut);
    return different != 0;
}

int main(int argc, char **argv)
{
    Bench bench;
    Options options;
    int worst = argc > 1 ? 0 : 2;
    bool late = false;
    for (int i = 1; i < argc; i++) {
        const std::string word = argv[i];
        const bool seeded = word == "--stalls" || word == "--resets" || word == "--aborts" || word == "--faults";
        const uint32_t seed = seeded && i + 1 < argc ? uint32_t(std::atoi(argv[++i])) : 0;
        if (word == "--dram") { bench.memory.timing = DRAM; }
        else if (word == "--stalls") { bench.memory.stalls.state = seed; }
        else if (word == "--resets") { options.with_resets = true; options.resets.state = seed; }
        else if (word == "--aborts") { options.with_aborts = true; options.aborts.state = seed; }
        else if (word == "--faults") { options.with_faults = true; options.faults.state = seed; }
        else { worst = std::max(worst, run_folder(bench, word, options)); }
        late = word[0] == '-';
    }
    if (late) {
        std::printf("options stand before the folders that they are for\n");
        return 2;
    }
    return worst;
}
