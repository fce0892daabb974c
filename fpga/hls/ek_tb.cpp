// Test bench: runs every picture of image.bin through the engine and compares the outputs' bytes in DRAM with
// expected.bin. stages.bin has three numbers per call of the engine: its first layer, how many, and how many bytes of
// host.bin are written to DRAM before it, where host_places.bin says: what the CPU computes between layers.
// tb [FOLDER]. Returns 1 on a difference.
#include "ek_host.h"

#include <cstdio>
#include <string>
#include <vector>

template <typename T>
static std::vector<T> read(const std::string &path)
{
    std::vector<T> values;
    std::FILE *const file = std::fopen(path.c_str(), "rb");
    if (!file) {
        return values;
    }
    T value;
    while (std::fread(&value, sizeof value, 1, file) == 1) {
        values.push_back(value);
    }
    std::fclose(file);
    return values;
}

int main(int argc, char **argv)
{
    const std::string folder = argc > 1 ? argv[1] : ".";
    const auto program = read<uint32_t>(folder + "/program.bin");
    const auto outputs = read<int32_t>(folder + "/outputs.bin");
    const auto images = read<int8_t>(folder + "/image.bin");
    const auto stages = read<int32_t>(folder + "/stages.bin"), places = read<int32_t>(folder + "/host_places.bin");
    const auto host = read<int8_t>(folder + "/host.bin"), expected = read<int8_t>(folder + "/expected.bin");
    if (program.empty() || stages.empty() || images.empty()) {
        std::fprintf(stderr, "no program.bin, stages.bin or image.bin in %s\n", folder.c_str());
        return 2;
    }
    if (const int32_t error = edgekit_engine_check(program.data(), uint32_t(program.size()))) {
        std::fprintf(stderr, "program.bin is refused: error %d of program_format.h\n", int(error));
        return 2;
    }
    const size_t size = size_t(edgekit_engine_image_bytes()), pictures = images.size() / size;
    if (expected.size() != pictures * outputs.size() || host.size() != pictures * places.size()) {
        std::fprintf(stderr, "expected.bin or host.bin is not of %zu pictures\n", pictures);
        return 2;
    }
    size_t different = 0;
    for (size_t i = 0; i < pictures; i++) {
        std::vector<int8_t> dram(edgekit_engine_dram_bytes());
        size_t written = 0;
        for (size_t s = 0; s < stages.size(); s += 3) {
            for (int32_t j = 0; j < stages[s + 2]; j++, written++) {
                dram[places[written]] = host[i * places.size() + written];
            }
            const int32_t error
                = edgekit_engine(program.data(), stages[s], stages[s + 1], &images[i * size], dram.data());
            if (error) {
                std::fprintf(stderr, "the engine cannot run layers from %d on: error %d\n", int(stages[s]), int(error));
                return 2;
            }
        }
        for (size_t o = 0; o < outputs.size(); o++) {
            different += dram[outputs[o]] != expected[i * outputs.size() + o];
        }
    }
    std::printf("%zu pictures, %zu bytes compared, %zu differ\n", pictures, expected.size(), different);
    return different != 0;
}
