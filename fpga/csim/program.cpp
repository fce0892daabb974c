#include "program.h"

int64_t number_of(const uint32_t *words, const field_t &field)
{
    const uint32_t mask = field.bits == 32 ? ~uint32_t{0} : (uint32_t{1} << field.bits) - 1;
    const int64_t value = words[field.word] >> field.low & mask;
    const bool negative = field.is_signed && value >> (field.bits - 1);
    return negative ? value - (int64_t{1} << field.bits) : value;
}

static int64_t header(const uint32_t *words, ProgramField name) { return number_of(words, PROGRAM_FORMAT[name]); }

static uint32_t crc32(const uint32_t *words, std::size_t count)
{
    uint32_t crc = ~uint32_t{0};
    for (std::size_t i = 0; i < 32 * count; i++) {
        const uint32_t bit = (crc ^ words[i / 32] >> (i % 32)) & 1;
        crc = crc >> 1 ^ (bit ? 0xedb88320u : 0u);
    }
    return ~crc;
}

int check(const uint32_t *words, std::size_t count)
{
    if (count < std::size_t{HEADER_WORDS} || words[0] != MAGIC) {
        return ERROR_MAGIC;
    }
    if (words[PROGRAM_FORMAT[PROGRAM_VERSION].word] != VERSION) {
        return ERROR_VERSION;
    }
    if (header(words, PROGRAM_WORDS) != int64_t(count)
        || header(words, PROGRAM_DIGEST) != crc32(words + DIGEST_FROM, count - DIGEST_FROM)) {
        return ERROR_DIGEST;
    }
    if (header(words, PROGRAM_LANES) != LANES || header(words, PROGRAM_COLUMNS) != COLUMNS
        || header(words, PROGRAM_WEIGHT_BITS) != WEIGHT_BITS || header(words, PROGRAM_DMAX) != DMAX
        || header(words, PROGRAM_IMAGE_LANES) != IMAGE_LANES) {
        return ERROR_ENGINE;
    }
    if (header(words, PROGRAM_LINE_BEATS) > LINE_BEATS || header(words, PROGRAM_TABLE_GROUPS) > TABLE_GROUPS
        || header(words, PROGRAM_BANK_ROWS) > BANK_ROWS || header(words, PROGRAM_PLANE_ROWS) > PLANE_ROWS
        || header(words, PROGRAM_ACCUMULATOR_BITS) > ACC_BITS || header(words, PROGRAM_BUFFER_BEATS) > BUFFER_BEATS
        || header(words, PROGRAM_DRAM_BEATS) > DRAM_BEATS || header(words, PROGRAM_IMAGE_BEATS) > IMAGE_PIXELS) {
        return ERROR_MEMORY;
    }
    return ERROR_NONE;
}

// Rows of `width` weights from `words` on: several share a word, or one takes whole words. Returns what follows them.
static const uint32_t *read_rows(const uint32_t *words, int rows, int width, std::vector<weight_t> &weights)
{
    const int bits = width * WEIGHT_BITS;
    int room = 1; // bits of a row
    while (room < bits && room < 32) {
        room *= 2;
    }
    if (bits > 32) {
        room = (bits + 31) / 32 * 32;
    }
    for (int row = 0; row < rows; row++) {
        for (int i = 0; i < width; i++) {
            const std::size_t bit = std::size_t(row) * room + std::size_t(i) * WEIGHT_BITS;
            weights.push_back(weight_t(words[bit / 32] >> (bit % 32)));
        }
    }
    return words + (std::size_t(rows) * room + 31) / 32;
}

layer_t decode(const uint32_t *words, int number)
{
    const uint32_t *const record = words + HEADER_WORDS + number * LAYER_WORDS;
    layer_t layer;
    for (int i = 0; i < LAYER_FIELDS; i++) {
        layer.field[i] = int(number_of(record, LAYER_FORMAT[i]));
    }
    const uint32_t *const planes = words + uint32_t(layer[LAYER_FIRST_PLANE]);
    layer.planes.assign(planes, planes + layer[LAYER_PLANES]);
    if (layer[LAYER_PATH] == PATH_POOL) {
        return layer;
    }
    const bool dense = layer[LAYER_PATH] == PATH_DENSE;
    const int blocks = dense ? layer[LAYER_GROUPS] : layer[LAYER_PLANES], channels = dense ? COLUMNS : LANES;
    const int rows = dense ? layer[LAYER_BEATS] : 9, width = dense ? COLUMNS * LANES : LANES;
    const uint32_t *block = words + uint32_t(layer[LAYER_FIRST_BLOCK]);
    for (int b = 0; b < blocks; b++) {
        for (int c = 0; c < channels; c++) {
            scaling_t scaling;
            scaling.bias = int32_t(block[c]);
            scaling.mult = number_of(block + channels + c, SCALE_FORMAT[SCALE_MULT]);
            scaling.shift = number_of(block + channels + c, SCALE_FORMAT[SCALE_SHIFT]);
            layer.scalings.push_back(scaling);
        }
        block = read_rows(block + 2 * channels, rows, width, layer.weights);
    }
    return layer;
}
