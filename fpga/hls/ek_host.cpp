// The engine for programs on this machine, in plain numbers: test benches and `edgekit run` call it.
#include "ek_host.h"

#include <cstddef>
#include <vector>

#include "ek_engine.h"
#include "ek_program.h"

static uint32_t crc32(const uint32_t *words, std::size_t count)
{
    uint32_t crc = ~uint32_t{0};
    for (std::size_t i = 0; i < 32 * count; i++) {
        const uint32_t bit = (crc ^ words[i / 32] >> (i % 32)) & 1;
        crc = crc >> 1 ^ (bit ? 0xedb88320u : 0u);
    }
    return ~crc;
}

static uint32_t header(const uint32_t *words, ProgramField name) { return words[PROGRAM_FORMAT[name].word]; }

extern "C" int32_t edgekit_engine_check(const uint32_t *words, uint32_t count)
{
    limits_t limits;
    if (count < uint32_t(HEADER_WORDS)) {
        return ERROR_MAGIC;
    }
    const int error = read_header(words, limits);
    if (error == ERROR_MAGIC || error == ERROR_VERSION) {
        return error;
    }
    if (limits.words != count || header(words, PROGRAM_DIGEST) != crc32(words + DIGEST_FROM, count - DIGEST_FROM)) {
        return ERROR_DIGEST;
    }
    const bool fits = limits.dram <= uint32_t(DRAM_BEATS) && limits.image <= uint32_t(IMAGE_PIXELS);
    return error != ERROR_NONE ? error : fits ? int(ERROR_NONE) : int(ERROR_MEMORY);
}

extern "C" int32_t edgekit_engine_layers(const uint32_t *words) { return int32_t(header(words, PROGRAM_LAYERS)); }

extern "C" int32_t edgekit_engine(const uint32_t *words, int32_t first, int32_t layers, const int8_t *pixels,
                                  int8_t *beats)
{
    std::vector<pixel_t> image(IMAGE_PIXELS);
    for (std::size_t i = 0; i < image.size() * IMAGE_LANES; i++) {
        image[i / IMAGE_LANES].lane[i % IMAGE_LANES] = pixels[i];
    }
    std::vector<beat_t> dram(DRAM_BEATS);
    for (std::size_t i = 0; i < dram.size() * LANES; i++) {
        dram[i / LANES].lane[i % LANES] = beats[i];
    }
    const uint32_t status
        = ek_engine(words, image.data(), dram.data(), dram.data(), uint32_t(first), uint32_t(layers));
    for (std::size_t i = 0; i < dram.size() * LANES; i++) {
        beats[i] = int8_t(dram[i / LANES].lane[i % LANES].to_int());
    }
    return int32_t(status & 0xf);
}

extern "C" int32_t edgekit_engine_image_bytes(void) { return IMAGE_PIXELS * IMAGE_LANES; }
extern "C" int32_t edgekit_engine_dram_bytes(void) { return DRAM_BEATS * LANES; }
