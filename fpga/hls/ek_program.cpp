#include "ek_program.h"

static uint32_t number_of(const uint32_t *words, const field_t &field)
{
#pragma HLS INLINE
    const uint32_t mask = field.bits == 32 ? ~uint32_t{0} : (uint32_t{1} << field.bits) - 1;
    return words[field.word] >> field.low & mask;
}

static plane_t plane_of(uint32_t word)
{
#pragma HLS INLINE
    plane_t plane;
    plane.region = number_of(&word, ADDRESS_FORMAT[ADDRESS_REGION]);
    plane.up = number_of(&word, ADDRESS_FORMAT[ADDRESS_UP]);
    plane.beat = number_of(&word, ADDRESS_FORMAT[ADDRESS_BEAT]);
    return plane;
}

int read_header(const uint32_t *program, limits_t &limits)
{
    uint32_t header[HEADER_WORDS];
#pragma HLS ARRAY_PARTITION variable=header type=complete
    for (int i = 0; i < HEADER_WORDS; i++) {
#pragma HLS PIPELINE II=1
        header[i] = program[i];
    }
#define HEADER(name) number_of(header, PROGRAM_FORMAT[PROGRAM_##name])
    limits.words = HEADER(WORDS);
    limits.buffer = HEADER(BUFFER_BEATS);
    limits.dram = HEADER(DRAM_BEATS);
    limits.image = HEADER(IMAGE_BEATS);
    limits.layers = HEADER(LAYERS);
    int error = ERROR_NONE;
    if (HEADER(MAGIC) != MAGIC) {
        error = ERROR_MAGIC;
    } else if (HEADER(VERSION) != VERSION) {
        error = ERROR_VERSION;
    } else if (HEADER(LANES) != LANES || HEADER(COLUMNS) != COLUMNS || HEADER(WEIGHT_BITS) != WEIGHT_BITS
               || HEADER(DMAX) != DMAX || HEADER(IMAGE_LANES) != IMAGE_LANES) {
        error = ERROR_ENGINE;
    } else if (HEADER(LINE_BEATS) > LINE_BEATS || HEADER(TABLE_GROUPS) > TABLE_GROUPS || HEADER(BANK_ROWS) > BANK_ROWS
               || HEADER(PLANE_ROWS) > PLANE_ROWS || HEADER(ACCUMULATOR_BITS) > ACC_BITS
               || limits.buffer > BUFFER_BEATS) {
        error = ERROR_MEMORY;
    }
#undef HEADER
    return error;
}

// ---- layers

static void read_record(const uint32_t *words, layer_t &layer)
{
    uint32_t record[LAYER_WORDS];
#pragma HLS ARRAY_PARTITION variable=record type=complete
    for (int i = 0; i < LAYER_WORDS; i++) {
#pragma HLS PIPELINE II=1
        record[i] = words[i];
    }
#define FIELD(name) number_of(record, LAYER_FORMAT[LAYER_##name])
    layer.path = FIELD(PATH);
    layer.deform = FIELD(DEFORM) != 0;
    layer.stride_log2 = FIELD(STRIDE_LOG2);
    layer.kernel = FIELD(KERNEL);
    layer.height = FIELD(HEIGHT);
    layer.width = FIELD(WIDTH);
    layer.planes = FIELD(PLANES);
    layer.out_planes = FIELD(OUT_PLANES);
    layer.x_zero = FIELD(X_ZERO);
    layer.y_zero = FIELD(Y_ZERO);
    layer.y_min = FIELD(Y_MIN);
    layer.y_max = FIELD(Y_MAX);
    layer.y = plane_of(FIELD(Y));
    layer.d = plane_of(FIELD(D));
    layer.first_plane = FIELD(FIRST_PLANE);
    layer.first_block = FIELD(FIRST_BLOCK);
    layer.plane_beats = FIELD(PLANE_BEATS);
    layer.beats = FIELD(BEATS);
    layer.groups = FIELD(GROUPS);
    layer.groups_per_pass = FIELD(GROUPS_PER_PASS);
#undef FIELD
}

static bool fits(const plane_t &plane, uint64_t beats, const limits_t &limits)
{
#pragma HLS INLINE
    uint32_t limit = 0;
    if (plane.region == IN_BUFFER) {
        limit = limits.buffer;
    } else if (plane.region == IN_DRAM) {
        limit = limits.dram;
    } else if (plane.region == IN_IMAGE) {
        limit = limits.image;
    }
    return uint64_t(plane.beat.to_int()) + beats <= limit;
}

// Rows of weights in words: several share a word, or a row takes whole words.
template <int WEIGHTS>
struct packing_t {
    static constexpr int BITS = WEIGHTS * WEIGHT_BITS;
    static constexpr int ROOM = BITS > 16 ? 32 : BITS > 8 ? 16 : BITS > 4 ? 8 : 4; // of a row that shares its word
    static constexpr int SHARED = BITS > 32 ? 1 : 32 / ROOM;
    static constexpr int STEPS = BITS > 32 ? (BITS + 31) / 32 : 1; // words of a row, or 1
    static constexpr int PER_WORD = BITS > 32 ? 32 / WEIGHT_BITS : WEIGHTS;
    static uint64_t words(uint64_t rows) { return STEPS > 1 ? rows * STEPS : (rows + SHARED - 1) / SHARED; }
};
typedef packing_t<COLUMNS * LANES> dense_packing_t;
typedef packing_t<LANES> tap_packing_t;

static uint64_t block_words(const layer_t &layer)
{
#pragma HLS INLINE
    return layer.path == PATH_DENSE ? 2 * COLUMNS + dense_packing_t::words(layer.beats)
                                    : 2 * LANES + tap_packing_t::words(9);
}

// Why the engine cannot run a layer, its planes left out.
static int check_layer(const layer_t &layer, const limits_t &limits)
{
    const int height = layer.height.to_int(), width = layer.width.to_int();
    const int planes = layer.planes.to_int(), kernel = layer.kernel.to_int();
    const bool dense = layer.path == PATH_DENSE, depthwise = layer.path == PATH_DEPTHWISE;
    const uint64_t pixels = height && width ? uint64_t(out_height_of(layer)) * out_width_of(layer) : 0;
    const uint64_t blocks = dense ? layer.groups : depthwise ? planes : 0;
    int error = ERROR_NONE;
    if (layer.path.to_int() > PATH_POOL || planes == 0 || kernel == 0 || pixels == 0 || layer.plane_beats != pixels
        || (dense && (layer.beats != uint32_t(kernel) * kernel * planes || layer.groups == 0))
        || (depthwise && layer.groups_per_pass == 0)) {
        error = ERROR_LAYERS;
    } else if (planes > PLANE_ROWS || (dense && layer.beats > BANK_ROWS)
               || (depthwise
                   && (layer.groups_per_pass > TABLE_GROUPS || uint64_t(layer.groups_per_pass) * width > LINE_BEATS))) {
        error = ERROR_MEMORY;
    } else if (uint64_t(layer.first_plane) + planes > limits.words
               || layer.first_block + blocks * block_words(layer) > limits.words
               || layer.y.region == IN_IMAGE || !fits(layer.y, layer.out_planes.to_int() * pixels, limits)
               || (layer.deform && !fits(layer.d, uint64_t(height) * width, limits))) {
        error = ERROR_ADDRESS;
    }
    return error;
}

int read_layer(const uint32_t *program, int number, const limits_t &limits, layer_t &layer, plane_t planes[PLANE_ROWS])
{
    read_record(program + HEADER_WORDS + LAYER_WORDS * number, layer);
    int error = check_layer(layer, limits);
    if (error == ERROR_NONE) {
        const int count = layer.planes.to_int(), height = layer.height.to_int(), width = layer.width.to_int();
        for (int i = 0; i < count; i++) {
#pragma HLS LOOP_TRIPCOUNT max=PLANE_ROWS
#pragma HLS PIPELINE II=1
            const plane_t plane = plane_of(program[layer.first_plane + i]);
            const int up = plane.up.to_int();
            planes[i] = plane;
            if (!fits(plane, uint64_t((height - 1) >> up) * (width >> up) + ((width - 1) >> up) + 1, limits)) {
                error = ERROR_ADDRESS;
            }
        }
    }
    return error;
}

// ---- blocks

static scaling_t scaling_of(uint32_t bias, uint32_t scale)
{
#pragma HLS INLINE
    scaling_t scaling;
    scaling.bias = int32_t(bias);
    scaling.mult = number_of(&scale, SCALE_FORMAT[SCALE_MULT]);
    scaling.shift = number_of(&scale, SCALE_FORMAT[SCALE_SHIFT]);
    return scaling;
}

// The weights that word `step` of a row has; `place` is the row's place in a shared word.
template <int WEIGHTS>
static void unpack(uint32_t word, int step, int place, weight_t row[WEIGHTS])
{
#pragma HLS INLINE
    typedef packing_t<WEIGHTS> packing;
    const uint32_t own = word >> (place * packing::ROOM % 32);
    for (int i = 0; i < packing::PER_WORD; i++) {
#pragma HLS UNROLL
        if (step * packing::PER_WORD + i < WEIGHTS) {
            row[step * packing::PER_WORD + i] = weight_t(own >> (i * WEIGHT_BITS));
        }
    }
}

void load_group(const uint32_t *program, const layer_t &layer, const band_t &band, rows_t &rows,
                scalings_stream_t &scalings)
{
    typedef dense_packing_t packing;
    if (band.loads) {
        const uint32_t number = uint32_t(band.group + 1);
        const uint32_t *const block = program + layer.first_block + number * uint32_t(block_words(layer));
        scalings_t scaling;
#pragma HLS ARRAY_PARTITION variable=scaling.channel type=complete
        uint32_t bias[COLUMNS];
        for (int i = 0; i < 2 * COLUMNS; i++) {
#pragma HLS PIPELINE II=1
            const uint32_t word = block[i];
            if (i < COLUMNS) {
                bias[i] = word;
            } else {
                scaling.channel[i - COLUMNS] = scaling_of(bias[i - COLUMNS], word);
            }
        }
        scalings.write(scaling);
        row_t row;
#pragma HLS ARRAY_PARTITION variable=row.weight type=complete
        uint32_t word = 0;
        const int steps = int(layer.beats) * packing::STEPS;
        int step = 0, place = 0, at = 2 * COLUMNS;
        for (int i = 0; i < steps; i++) {
#pragma HLS LOOP_TRIPCOUNT max=BANK_ROWS
#pragma HLS PIPELINE II=1
            if (place == 0) {
                word = block[at++];
            }
            unpack<COLUMNS * LANES>(word, step, place, row.weight);
            step = step + 1 == packing::STEPS ? 0 : step + 1;
            place = place + 1 == packing::SHARED ? 0 : place + 1;
            if (step == 0) {
                rows.write(row);
            }
        }
    }
}

void load_tables(const uint32_t *program, const layer_t &layer, int first, int count, tables_t &tables)
{
    typedef tap_packing_t packing;
    uint32_t at = layer.first_block + first * uint32_t(block_words(layer));
    for (int g = 0; g < count; g++) {
#pragma HLS LOOP_TRIPCOUNT max=TABLE_GROUPS
        uint32_t bias[LANES];
        for (int i = 0; i < 2 * LANES; i++) {
#pragma HLS PIPELINE II=1
            const uint32_t word = program[at++];
            if (i < LANES) {
                bias[i] = word;
            } else {
                tables.scaling[g][i - LANES] = scaling_of(bias[i - LANES], word);
            }
        }
        uint32_t word = 0;
        int step = 0, place = 0, tap = 0;
        for (int i = 0; i < 9 * packing::STEPS; i++) {
#pragma HLS PIPELINE II=1
            if (place == 0) {
                word = program[at++];
            }
            unpack<LANES>(word, step, place, tables.tap[g][tap]);
            step = step + 1 == packing::STEPS ? 0 : step + 1;
            place = place + 1 == packing::SHARED ? 0 : place + 1;
            tap = step == 0 ? tap + 1 : tap;
        }
    }
}
