// The RTL of an engine, with DRAM, for a program on this machine: sim_host FOLDER
// FOLDER has program.bin and, before each run, image.bin and dram.bin, the bytes of the input and of DRAM. Each line of stdin
// is a run, "first layers"; then dram.bin has what the engine made, and a line of stdout says the error register, cycles,
// stalls, and bytes read and written. What lies in the engine's buffer stays from run to run.
#include "sim_bus.h"

template <typename T>
static std::vector<T> file_of(const std::string &path)
{
    std::vector<T> values;
    std::FILE *const file = std::fopen(path.c_str(), "rb");
    if (!file) { std::perror(path.c_str()); std::exit(2); }
    T value;
    while (std::fread(&value, sizeof value, 1, file) == 1) { values.push_back(value); }
    std::fclose(file);
    return values;
}

int main(int argc, char **argv)
{
    if (argc != 2) { return 2; }
    const std::string folder = argv[1];
    const auto program = file_of<uint32_t>(folder + "/program.bin");
    Bench bench;
    bench.memory.timing = DRAM;
    int first, layers;
    while (std::scanf("%d %d", &first, &layers) == 2) {
        const auto image = file_of<uint8_t>(folder + "/image.bin"), beats = file_of<uint8_t>(folder + "/dram.bin");
        bench.load(program, image.size());
        std::memcpy(&bench.memory.bytes[bench.image_at], image.data(), image.size());
        std::memcpy(&bench.memory.bytes.at(bench.dram_at), beats.data(), beats.size());
        bench.cycles = bench.stalls = bench.memory.moved[0] = bench.memory.moved[1] = 0;
        bench.begin(first, layers);
        const int error = bench.wait();
        std::FILE *const out = std::fopen((folder + "/dram.bin").c_str(), "wb");
        if (!out) { return 2; }
        std::fwrite(&bench.memory.bytes[bench.dram_at], 1, beats.size(), out);
        std::fclose(out);
        std::printf("%d %lld %lld %lld %lld\n", error, static_cast<long long>(bench.cycles),
                    static_cast<long long>(bench.stalls), static_cast<long long>(bench.memory.moved[0] * BUS_BYTES),
                    static_cast<long long>(bench.memory.moved[1] * BUS_BYTES));
        std::fflush(stdout);
    }
    return 0;
}
