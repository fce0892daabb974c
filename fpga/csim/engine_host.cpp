// The engine for programs on this machine, in plain numbers: test benches and `edgekit run` call it.
#include "engine_host.h"

#include <cstddef>
#include <vector>

#include "program.h"

extern "C" int32_t edgekit_engine_check(const uint32_t *words, uint32_t count) { return check(words, count); }

extern "C" int32_t edgekit_engine_layers(const uint32_t *words)
{
    return int32_t(number_of(words, PROGRAM_FORMAT[PROGRAM_LAYERS]));
}

extern "C" void edgekit_engine(const uint32_t *words, int32_t first, int32_t layers, const int8_t *pixels, int8_t *beats)
{
    std::vector<pixel_t> image(IMAGE_PIXELS);
    for (size_t i = 0; i < image.size() * IMAGE_LANES; i++) {
        image[i / IMAGE_LANES].lane[i % IMAGE_LANES] = pixels[i];
    }
    std::vector<beat_t> dram(DRAM_BEATS);
    for (size_t i = 0; i < dram.size() * LANES; i++) {
        dram[i / LANES].lane[i % LANES] = beats[i];
    }
    for (int32_t i = first; i < first + layers; i++) {
        engine(decode(words, i), image.data(), dram.data());
    }
    for (size_t i = 0; i < dram.size() * LANES; i++) {
        beats[i] = int8_t(dram[i / LANES].lane[i % LANES]);
    }
}

extern "C" int32_t edgekit_engine_image_bytes(void) { return IMAGE_PIXELS * IMAGE_LANES; }
extern "C" int32_t edgekit_engine_dram_bytes(void) { return DRAM_BEATS * LANES; }
