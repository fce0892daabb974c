// The engine's layers, in the order of the hardware's loops: what comes out is what the RTL's data paths give, in every
// bit. It runs programs on a computer; it is not made for synthesis.
#include "engine.h"

static beat_t buffer[BUFFER_BEATS > 0 ? BUFFER_BEATS : 1];

static int place_of(uint32_t word, AddressField name)
{
    return int(word >> ADDRESS_FORMAT[name].low & ((uint32_t{1} << ADDRESS_FORMAT[name].bits) - 1));
}

static beat_t load(const beat_t *dram, uint32_t plane, int offset)
{
    const int at = place_of(plane, ADDRESS_BEAT) + offset;
    return place_of(plane, ADDRESS_REGION) == IN_DRAM ? dram[at] : buffer[at];
}

// Pixel (y, x) of a plane of what a layer reads, of rows of `width` pixels: of the input, whose other lanes are 0, or of
// an earlier result. Each stored pixel is repeated 2^up times each way.
static beat_t load_x(uint32_t plane, int width, int y, int x, const pixel_t *image, const beat_t *dram)
{
    const int up = place_of(plane, ADDRESS_UP), offset = (y >> up) * (width >> up) + (x >> up);
    if (place_of(plane, ADDRESS_REGION) != IN_IMAGE) {
        return load(dram, plane, offset);
    }
    beat_t beat;
    for (int l = 0; l < IMAGE_LANES; l++) {
        beat.lane[l] = image[place_of(plane, ADDRESS_BEAT) + offset].lane[l];
    }
    return beat;
}

static void store(beat_t *dram, uint32_t plane, int offset, const beat_t &beat)
{
    const int at = place_of(plane, ADDRESS_BEAT) + offset;
    (place_of(plane, ADDRESS_REGION) == IN_DRAM ? dram : buffer)[at] = beat;
}

static beat_t padding(int zero)
{
    beat_t beat;
    for (int l = 0; l < LANES; l++) {
        beat.lane[l] = zero;
    }
    return beat;
}

static act_t requantize(acc_t acc, const scaling_t &scaling, int zero, int low, int high)
{
    const signed_bits<ACC_BITS + MULT_BITS + 1> product = acc * scaling.mult;
    const signed_bits<ACC_BITS + MULT_BITS + 1> halves = product >> (scaling.shift - 1);
    const signed_bits<ACC_BITS + MULT_BITS + 2> value = ((halves + 1) >> 1) + zero;
    return value < low ? act_t(low) : value > high ? act_t(high) : act_t(value);
}

// ---- dense: an output beat of COLUMNS channels takes kernel * kernel * planes input beats

static void dense_sums(const layer_t &layer, const weight_t *weights, const pixel_t *image, const beat_t *dram,
                       int oy, int ox, acc_t *acc)
{
    const int height = layer[LAYER_HEIGHT], width = layer[LAYER_WIDTH], stride = layer[LAYER_STRIDE_LOG2], half = layer[LAYER_KERNEL] / 2;
    for (int ky = 0; ky < layer[LAYER_KERNEL]; ky++) {
        for (int kx = 0; kx < layer[LAYER_KERNEL]; kx++) {
            for (int p = 0; p < layer[LAYER_PLANES]; p++, weights += COLUMNS * LANES) {
                const int y = (oy << stride) + ky - half, x = (ox << stride) + kx - half;
                const bool inside = y >= 0 && y < height && x >= 0 && x < width;
                const beat_t beat
                    = inside ? load_x(layer.planes[p], width, y, x, image, dram) : padding(layer[LAYER_X_ZERO]);
                for (int c = 0; c < COLUMNS; c++) {
                    int sum = 0;
                    for (int l = 0; l < LANES; l++) {
                        sum += static_cast<int>(beat.lane[l]) * static_cast<int>(weights[c * LANES + l]);
                    }
                    acc[c] += sum;
                }
            }
        }
    }
}

static void dense(const layer_t &layer, const pixel_t *image, beat_t *dram)
{
    const int rows = layer[LAYER_KERNEL] * layer[LAYER_KERNEL] * layer[LAYER_PLANES];
    const int pixels_x = ((layer[LAYER_WIDTH] - 1) >> layer[LAYER_STRIDE_LOG2]) + 1;
    for (int group = 0; group < layer[LAYER_GROUPS]; group++) {
        for (int i = 0; i < layer[LAYER_PLANE_BEATS]; i++) {
            const scaling_t *const own = &layer.scalings[std::size_t(group) * COLUMNS];
            acc_t acc[COLUMNS];
            for (int c = 0; c < COLUMNS; c++) {
                acc[c] = static_cast<int>(own[c].bias);
            }
            dense_sums(layer, &layer.weights[std::size_t(group) * rows * COLUMNS * LANES], image, dram, i / pixels_x,
                       i % pixels_x, acc);
            // a beat holds the channels of several groups, or a group fills several beats
            for (int first = 0; first < COLUMNS; first += LANES) {
                const int slot = group * COLUMNS + first, plane = slot / LANES;
                if (plane >= layer[LAYER_OUT_PLANES]) {
                    continue;
                }
                const int offset = plane * layer[LAYER_PLANE_BEATS] + i;
                beat_t beat = COLUMNS < LANES ? load(dram, layer[LAYER_Y], offset) : padding(0);
                for (int c = 0; c < (LANES < COLUMNS ? LANES : COLUMNS); c++) {
                    beat.lane[slot % LANES + c]
                        = requantize(acc[first + c], own[first + c], layer[LAYER_Y_ZERO], layer[LAYER_Y_MIN], layer[LAYER_Y_MAX]);
                }
                store(dram, layer[LAYER_Y], offset, beat);
            }
        }
    }
}

// ---- depthwise 3x3, taps at distance d: a line buffer of LINE_ROWS rows that leads by one row more than d reaches

static void depthwise_pass(const layer_t &layer, int first, int groups, const pixel_t *image, beat_t *dram)
{
    static beat_t line[LINE_ROWS][LINE_BEATS];
    const weight_t *const weights = &layer.weights[std::size_t(first) * 9 * LANES];
    const scaling_t *const scalings = &layer.scalings[std::size_t(first) * LANES];
    const int height = layer[LAYER_HEIGHT], width = layer[LAYER_WIDTH];
    const int stride = layer[LAYER_STRIDE_LOG2], out_w = ((width - 1) >> stride) + 1, skip = (1 << stride) - 1;
    const int lead = layer[LAYER_DEFORM] ? DMAX + 1 : 2;
    for (int y = 0; y < height + lead; y++) {
        for (int x = 0; x < width; x++) {
            unsigned_bits<4> d = 1;
            for (int g = 0; g < groups; g++) {
                const int cy = y - lead;
                if (cy >= 0 && g == 0 && layer[LAYER_DEFORM]) {
                    d = static_cast<int>(load(dram, layer[LAYER_D], cy * width + x).lane[0]);
                }
                beat_t result;
                const bool kept = cy >= 0 && (cy & skip) == 0 && (x & skip) == 0;
                for (int l = 0; l < LANES; l++) {
                    acc_t acc = static_cast<int>(scalings[g * LANES + l].bias);
                    for (int k = 0; kept && k < 9; k++) {
                        const int ty = cy + (k / 3 - 1) * static_cast<int>(d);
                        const int tx = x + (k % 3 - 1) * static_cast<int>(d);
                        const bool inside = ty >= 0 && ty < height && tx >= 0 && tx < width;
                        const act_t tap = inside ? line[ty % LINE_ROWS][tx * groups + g].lane[l] : act_t(layer[LAYER_X_ZERO]);
                        acc += static_cast<int>(tap) * static_cast<int>(weights[(g * 9 + k) * LANES + l]);
                    }
                    result.lane[l]
                        = requantize(acc, scalings[g * LANES + l], layer[LAYER_Y_ZERO], layer[LAYER_Y_MIN], layer[LAYER_Y_MAX]);
                }
                if (y < height) {
                    line[y % LINE_ROWS][x * groups + g] = load_x(layer.planes[first + g], width, y, x, image, dram);
                }
                if (kept) {
                    const int pixel = (cy >> stride) * out_w + (x >> stride);
                    store(dram, layer[LAYER_Y], (first + g) * layer[LAYER_PLANE_BEATS] + pixel, result);
                }
            }
        }
    }
}

static void depthwise(const layer_t &layer, const pixel_t *image, beat_t *dram)
{
    for (int first = 0; first < layer[LAYER_PLANES]; first += layer[LAYER_GROUPS_PER_PASS]) {
        const int left = layer[LAYER_PLANES] - first;
        depthwise_pass(layer, first, left < layer[LAYER_GROUPS_PER_PASS] ? left : layer[LAYER_GROUPS_PER_PASS], image, dram);
    }
}

// ---- pool: the largest of each lane over kernel * kernel pixels

static void pool(const layer_t &layer, const pixel_t *image, beat_t *dram)
{
    const int height = layer[LAYER_HEIGHT], width = layer[LAYER_WIDTH], stride = layer[LAYER_STRIDE_LOG2];
    const int half = (layer[LAYER_KERNEL] - 1) / 2, out_w = ((width - 1) >> stride) + 1;
    for (int p = 0; p < layer[LAYER_PLANES]; p++) {
        for (int i = 0; i < layer[LAYER_PLANE_BEATS]; i++) {
            beat_t most = padding(-128);
            for (int k = 0; k < layer[LAYER_KERNEL] * layer[LAYER_KERNEL]; k++) {
                const int y = ((i / out_w) << stride) + k / layer[LAYER_KERNEL] - half;
                const int x = ((i % out_w) << stride) + k % layer[LAYER_KERNEL] - half;
                if (y >= 0 && y < height && x >= 0 && x < width) {
                    const beat_t beat = load_x(layer.planes[p], width, y, x, image, dram);
                    for (int l = 0; l < LANES; l++) {
                        if (beat.lane[l] > most.lane[l]) {
                            most.lane[l] = beat.lane[l];
                        }
                    }
                }
            }
            store(dram, layer[LAYER_Y], p * layer[LAYER_PLANE_BEATS] + i, most);
        }
    }
}

void engine(const layer_t &layer, const pixel_t *image, beat_t *dram)
{
    if (layer[LAYER_PATH] == PATH_DENSE) {
        dense(layer, image, dram);
    } else if (layer[LAYER_PATH] == PATH_POOL) {
        pool(layer, image, dram);
    } else {
        depthwise(layer, image, dram);
    }
}
