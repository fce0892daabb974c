// The engine for programs on this machine, in plain numbers: test benches and `edgekit run` call it.
#include "engine_host.h"

#include <cstddef>
#include <vector>

#include "engine.h"

extern "C" void edgekit_engine(const int32_t *program, int32_t layers, const int32_t *planes, const int8_t *stored,
                               int32_t weights, const int32_t *tables, int32_t channels, const int8_t *pixels,
                               int8_t *beats)
{
    const std::vector<weight_t> own(stored, stored + weights);
    std::vector<scaling_t> scalings(channels);
    for (int32_t i = 0; i < channels; i++) {
        scalings[i].bias = tables[3 * i];
        scalings[i].mult = tables[3 * i + 1];
        scalings[i].shift = tables[3 * i + 2];
    }
    std::vector<pixel_t> image(IMAGE_PIXELS);
    for (size_t i = 0; i < image.size() * IMAGE_LANES; i++) {
        image[i / IMAGE_LANES].lane[i % IMAGE_LANES] = pixels[i];
    }
    std::vector<beat_t> dram(DRAM_BEATS);
    for (size_t i = 0; i < dram.size() * LANES; i++) {
        dram[i / LANES].lane[i % LANES] = beats[i];
    }
    engine(program, layers, planes, own.data(), scalings.data(), image.data(), dram.data());
    for (size_t i = 0; i < dram.size() * LANES; i++) {
        beats[i] = int8_t(dram[i / LANES].lane[i % LANES]);
    }
}

extern "C" int32_t edgekit_engine_fields(void) { return LAYER_FIELDS; }
extern "C" int32_t edgekit_engine_image_bytes(void) { return IMAGE_PIXELS * IMAGE_LANES; }
extern "C" int32_t edgekit_engine_dram_bytes(void) { return DRAM_BEATS * LANES; }
