// Test bench: runs every picture of image.bin through the engine and compares the DRAM beats of the outputs with
// expected.bin. engine_tb FOLDER [RESULTS]: RESULTS gets all of DRAM after each picture. Returns 1 on a difference.
#include "engine.h"

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
    const auto program = read<int32_t>(folder + "/program.bin"), planes = read<int32_t>(folder + "/planes.bin");
    const auto tables = read<int32_t>(folder + "/tables.bin"), outputs = read<int32_t>(folder + "/outputs.bin");
    const auto stored = read<int8_t>(folder + "/weights.bin"), bytes = read<int8_t>(folder + "/image.bin");
    const auto expected = read<int8_t>(folder + "/expected.bin");
    const std::vector<weight_t> weights(stored.begin(), stored.end());
    std::vector<scaling_t> scalings(tables.size() / 3);
    for (size_t i = 0; i < scalings.size(); i++) {
        scalings[i].bias = tables[3 * i];
        scalings[i].mult = tables[3 * i + 1];
        scalings[i].shift = tables[3 * i + 2];
    }
    if (program.empty() || bytes.empty()) {
        std::fprintf(stderr, "no program.bin or image.bin in %s\n", folder.c_str());
        return 2;
    }
    const size_t pictures = bytes.size() / (size_t(IMAGE_PIXELS) * IMAGE_LANES);
    std::FILE *const results = argc > 2 ? std::fopen(argv[2], "wb") : nullptr;
    size_t at = 0, different = 0;
    for (size_t i = 0; i < pictures; i++) {
        std::vector<pixel_t> image(IMAGE_PIXELS);
        for (size_t j = 0; j < image.size() * IMAGE_LANES; j++) {
            image[j / IMAGE_LANES].lane[j % IMAGE_LANES] = bytes[i * image.size() * IMAGE_LANES + j];
        }
        std::vector<beat_t> dram(DRAM_BEATS);
        engine(program.data(), int(program.size() / LAYER_FIELDS), planes.data(), weights.data(), scalings.data(),
               image.data(), dram.data());
        for (size_t o = 0; o < outputs.size() && !expected.empty(); o++) { // (beat, lane) of each expected byte
            different += int8_t(dram[outputs[o] / LANES].lane[outputs[o] % LANES]) != expected[at++];
        }
        for (size_t j = 0; results && j < dram.size() * LANES; j++) {
            std::fputc(int(uint8_t(int64_t(dram[j / LANES].lane[j % LANES]))), results);
        }
    }
    if (results) {
        std::fclose(results);
    }
    std::printf("%zu pictures, %zu bytes compared, %zu differ\n", pictures, at, different);
    return different != 0;
}
