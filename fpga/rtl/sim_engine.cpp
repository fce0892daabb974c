// Runs ek_engine over golden vectors: sim_engine [--resets SEED] FOLDER...
// A folder has the files of csim/data: program.bin, image.bin, outputs.bin, stages.bin, host_places.bin, host.bin and
// expected.bin, see engine_tb.cpp. Folders and pictures follow each other without a reset; with --resets each run of
// the engine is begun, reset after any number of cycles, and begun again. Memories are ideal, and hold any bytes at first.
// Prints a line per folder; returns 1 where a byte differs, 2 where a program is refused.
#include <algorithm>
#include <cstring>
#include <string>
#include "Vek_engine.h"
#include "sim.h"

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

struct Bench {
    VerilatedContext context;
    Vek_engine *top;
    Noise noise;
    std::vector<uint32_t> program;
    std::vector<int8_t> image, dram;
    std::size_t image_lanes = 1;
    int64_t cycles = 0;

    Bench()
    {
        context.randReset(2);
        context.randSeed(1);
        top = new Vek_engine{&context};
        top->start = 0;
        reset();
    }

    ~Bench() { delete top; }

    void reset()
    {
        top->rst = 1; cycle();
        top->rst = 0;
    }

    // A clock cycle: what the engine asks for in it, the memories give in the next one.
    void cycle()
    {
        top->clk = 0; top->eval();
        const bool reads = top->memory_read && !top->rst, words = top->program_read && !top->rst;
        const std::size_t at = top->memory_address, word = top->program_address;
        const bool from_image = top->memory_image;
        if (top->memory_write && !top->rst) {
            for (int lane = 0; lane < LANES; lane++) {
                if (top->memory_write_lanes >> lane & 1) {
                    dram.at(top->memory_write_address * LANES + lane) = byte_of(top->memory_write_data, lane);
                }
            }
        }
        top->clk = 1; top->eval();
        for (int lane = 0; lane < LANES; lane++) {
            int64_t value = noise.next();
            if (reads && from_image) {
                const bool there = std::size_t(lane) < image_lanes;
                value = there ? image.at(at * image_lanes + std::size_t(lane)) : 0;
            } else if (reads) {
                value = dram.at(at * LANES + std::size_t(lane));
            }
            put(top->memory_data, 8 * lane, 8, value);
        }
        top->program_data = words ? program.at(word) : noise.next();
        cycles++;
    }

    void begin(int32_t first, int32_t layers)
    {
        top->first_layer = first; top->layers = layers;
        top->start = 1; cycle(); top->start = 0;
        top->first_layer = noise.next(); top->layers = noise.next();
    }

    // Runs layers; returns the error register.
    int run(int32_t first, int32_t layers, uint32_t reset_after)
    {
        if (reset_after) {
            begin(first, layers);
            for (uint32_t i = 0; i < reset_after && top->busy; i++) { cycle(); }
            reset();
        }
        cycles = 0;
        begin(first, layers);
        while (top->busy && cycles < LIMIT) { cycle(); }
        if (top->busy) { std::fprintf(stderr, "layer %d does not end\n", int(top->layer)); std::exit(3); }
        return top->error;
    }
};

static int run_folder(Bench &bench, const std::string &folder, Noise *resets)
{
    bench.program = file_of<uint32_t>(folder + "/program.bin");
    const auto outputs = file_of<int32_t>(folder + "/outputs.bin"), stages = file_of<int32_t>(folder + "/stages.bin");
    const auto places = file_of<int32_t>(folder + "/host_places.bin");
    const auto images = file_of<int8_t>(folder + "/image.bin"), host = file_of<int8_t>(folder + "/host.bin");
    const auto expected = file_of<int8_t>(folder + "/expected.bin");
    if (bench.program.size() < 12 || outputs.empty() || images.empty() || expected.empty()) {
        std::fprintf(stderr, "no golden vectors in %s\n", folder.c_str());
        return 2;
    }
    const std::size_t pictures = expected.size() / outputs.size(), size = images.size() / pictures;
    const std::size_t image_beats = bench.program[10], dram_beats = bench.program[9];
    bench.image_lanes = size / image_beats;
    bench.dram.resize(dram_beats * LANES);
    for (auto &byte : bench.dram) { byte = static_cast<int8_t>(bench.noise.next() >> 24); }
    std::size_t different = 0;
    int64_t most = 0;
    for (std::size_t i = 0; i < pictures; i++) {
        bench.image.assign(images.begin() + i * size, images.begin() + (i + 1) * size);
        std::size_t written = 0;
        int64_t cycles = 0;
        for (std::size_t s = 0; s < stages.size(); s += 3) {
            for (int32_t j = 0; j < stages[s + 2]; j++, written++) {
                bench.dram.at(places[written]) = host[i * places.size() + written];
            }
            const int error = bench.run(stages[s], stages[s + 1], resets ? 1 + (resets->next() >> 20) : 0);
            if (error) {
                std::printf("%s: error %d in layer %d\n", folder.c_str(), error, int(bench.top->layer));
                return 2;
            }
            cycles += bench.cycles;
        }
        most = std::max(most, cycles);
        for (std::size_t o = 0; o < outputs.size(); o++) {
            different += bench.dram[outputs[o]] != expected[i * outputs.size() + o];
        }
    }
    std::printf("%s: %zu pictures, %zu bytes compared, %zu differ, %lld cycles\n", folder.c_str(), pictures,
                expected.size(), different, static_cast<long long>(most));
    return different != 0;
}

int main(int argc, char **argv)
{
    int first = 1, worst = 0;
    Noise resets;
    const bool with_resets = argc > 2 && std::strcmp(argv[1], "--resets") == 0;
    if (with_resets) {
        resets.state = static_cast<uint32_t>(std::atoi(argv[2]));
        first = 3;
    }
    if (first >= argc) { return 2; }
    Bench bench;
    for (int i = first; i < argc; i++) { worst = std::max(worst, run_folder(bench, argv[i], with_resets ? &resets : nullptr)); }
    return worst;
}
