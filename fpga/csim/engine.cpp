// The engine's layers, in the order of the hardware's loops: what comes out is what the RTL's data paths give, in every
// bit. It runs programs on a computer; it is not made for synthesis.
#include "engine.h"

static beat_t buffer[BUFFER_BEATS > 0 ? BUFFER_BEATS : 1];

static beat_t load(const beat_t *dram, int address)
{
    return address >= IN_DRAM ? dram[address - IN_DRAM] : buffer[address];
}

// Pixel (y, x) of a plane of what a layer reads, of rows of `width` pixels: of the input, whose other lanes are 0, or of
// an earlier result. Each stored pixel is repeated 2^up times each way.
static beat_t load_x(const int *plane, int width, int y, int x, const pixel_t *image, const beat_t *dram)
{
    const int up = plane[1], address = plane[0] + (y >> up) * (width >> up) + (x >> up);
    if (address >= IN_DRAM || address < IN_IMAGE) {
        return load(dram, address);
    }
    beat_t beat;
    for (int l = 0; l < IMAGE_LANES; l++) {
        beat.lane[l] = image[address - IN_IMAGE].lane[l];
    }
    return beat;
}

static void store(beat_t *dram, int address, const beat_t &beat)
{
    if (address >= IN_DRAM) {
        dram[address - IN_DRAM] = beat;
    } else {
        buffer[address] = beat;
    }
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

static void dense_sums(const int *layer, const int *planes, const weight_t *weights, const pixel_t *image,
                       const beat_t *dram, int oy, int ox, acc_t *acc)
{
    const int height = layer[HEIGHT], width = layer[WIDTH], stride = layer[STRIDE_LOG2], half = layer[KERNEL] / 2;
    for (int ky = 0; ky < layer[KERNEL]; ky++) {
        for (int kx = 0; kx < layer[KERNEL]; kx++) {
            for (int p = 0; p < layer[PLANES]; p++, weights += COLUMNS * LANES) {
                const int y = (oy << stride) + ky - half, x = (ox << stride) + kx - half;
                const bool inside = y >= 0 && y < height && x >= 0 && x < width;
                const beat_t beat
                    = inside ? load_x(planes + 2 * p, width, y, x, image, dram) : padding(layer[X_ZERO]);
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

static void dense(const int *layer, const int *planes, const weight_t *weights, const scaling_t *scalings,
                  const pixel_t *image, beat_t *dram)
{
    const int rows = layer[KERNEL] * layer[KERNEL] * layer[PLANES];
    const int pixels_x = ((layer[WIDTH] - 1) >> layer[STRIDE_LOG2]) + 1;
    for (int group = 0; group < layer[OUTPUTS] / COLUMNS; group++) {
        for (int i = 0; i < layer[PLANE_BEATS]; i++) {
            const scaling_t *const own = scalings + group * COLUMNS;
            acc_t acc[COLUMNS];
            for (int c = 0; c < COLUMNS; c++) {
                acc[c] = static_cast<int>(own[c].bias);
            }
            dense_sums(layer, planes, weights + group * rows * COLUMNS * LANES, image, dram, i / pixels_x, i % pixels_x,
                       acc);
            // a beat holds the channels of several groups, or a group fills several beats
            for (int first = 0; first < COLUMNS; first += LANES) {
                const int slot = group * COLUMNS + first, plane = slot / LANES;
                if (plane >= layer[OUT_PLANES]) {
                    continue;
                }
                const int address = layer[Y] + plane * layer[PLANE_BEATS] + i;
                beat_t beat = COLUMNS < LANES ? load(dram, address) : padding(0);
                for (int c = 0; c < (LANES < COLUMNS ? LANES : COLUMNS); c++) {
                    beat.lane[slot % LANES + c]
                        = requantize(acc[first + c], own[first + c], layer[Y_ZERO], layer[Y_MIN], layer[Y_MAX]);
                }
                store(dram, address, beat);
            }
        }
    }
}

// ---- depthwise 3x3, taps at distance d: a line buffer of LINE_ROWS rows that leads by one row more than d reaches

static void depthwise_pass(const int *layer, const int *planes, int groups, const weight_t *weights,
                           const scaling_t *scalings, int first, const pixel_t *image, beat_t *dram)
{
    static beat_t line[LINE_ROWS][LINE_BEATS];
    const int height = layer[HEIGHT], width = layer[WIDTH];
    const int stride = layer[STRIDE_LOG2], out_w = ((width - 1) >> stride) + 1, skip = (1 << stride) - 1;
    const int lead = layer[DEFORM] ? DMAX + 1 : 2;
    for (int y = 0; y < height + lead; y++) {
        for (int x = 0; x < width; x++) {
            unsigned_bits<4> d = 1;
            for (int g = 0; g < groups; g++) {
                const int cy = y - lead;
                if (cy >= 0 && g == 0 && layer[DEFORM]) {
                    d = static_cast<int>(load(dram, layer[D] + cy * width + x).lane[0]);
                }
                beat_t result;
                const bool kept = cy >= 0 && (cy & skip) == 0 && (x & skip) == 0;
                for (int l = 0; l < LANES; l++) {
                    acc_t acc = static_cast<int>(scalings[g * LANES + l].bias);
                    for (int k = 0; kept && k < 9; k++) {
                        const int ty = cy + (k / 3 - 1) * static_cast<int>(d);
                        const int tx = x + (k % 3 - 1) * static_cast<int>(d);
                        const bool inside = ty >= 0 && ty < height && tx >= 0 && tx < width;
                        const act_t tap = inside ? line[ty % LINE_ROWS][tx * groups + g].lane[l] : act_t(layer[X_ZERO]);
                        acc += static_cast<int>(tap) * static_cast<int>(weights[(g * 9 + k) * LANES + l]);
                    }
                    result.lane[l]
                        = requantize(acc, scalings[g * LANES + l], layer[Y_ZERO], layer[Y_MIN], layer[Y_MAX]);
                }
                if (y < height) {
                    line[y % LINE_ROWS][x * groups + g] = load_x(planes + 2 * g, width, y, x, image, dram);
                }
                if (kept) {
                    const int pixel = (cy >> stride) * out_w + (x >> stride);
                    store(dram, layer[Y] + (first + g) * layer[PLANE_BEATS] + pixel, result);
                }
            }
        }
    }
}

static void depthwise(const int *layer, const int *planes, const weight_t *weights, const scaling_t *scalings,
                      const pixel_t *image, beat_t *dram)
{
    for (int first = 0; first < layer[PLANES]; first += layer[GROUPS_PER_PASS]) {
        const int left = layer[PLANES] - first;
        const int groups = left < layer[GROUPS_PER_PASS] ? left : layer[GROUPS_PER_PASS];
        depthwise_pass(layer, planes + 2 * first, groups, weights + first * 9 * LANES, scalings + first * LANES, first, image,
                       dram);
    }
}

// ---- pool: the largest of each lane over kernel * kernel pixels

static void pool(const int *layer, const int *planes, const pixel_t *image, beat_t *dram)
{
    const int height = layer[HEIGHT], width = layer[WIDTH], stride = layer[STRIDE_LOG2];
    const int half = (layer[KERNEL] - 1) / 2, out_w = ((width - 1) >> stride) + 1;
    for (int p = 0; p < layer[PLANES]; p++) {
        for (int i = 0; i < layer[PLANE_BEATS]; i++) {
            beat_t most = padding(-128);
            for (int k = 0; k < layer[KERNEL] * layer[KERNEL]; k++) {
                const int y = ((i / out_w) << stride) + k / layer[KERNEL] - half;
                const int x = ((i % out_w) << stride) + k % layer[KERNEL] - half;
                if (y >= 0 && y < height && x >= 0 && x < width) {
                    const beat_t beat = load_x(planes + 2 * p, width, y, x, image, dram);
                    for (int l = 0; l < LANES; l++) {
                        if (beat.lane[l] > most.lane[l]) {
                            most.lane[l] = beat.lane[l];
                        }
                    }
                }
            }
            store(dram, layer[Y] + p * layer[PLANE_BEATS] + i, most);
        }
    }
}

void engine(const int *program, int layers, const int *planes, const weight_t *weights, const scaling_t *scalings,
            const pixel_t *image, beat_t *dram)
{
    for (int i = 0; i < layers; i++) {
        const int *const layer = program + i * LAYER_FIELDS;
        const int *const read = planes + 2 * layer[FIRST_PLANE];
        const weight_t *const own_weights = weights + layer[FIRST_WEIGHT];
        const scaling_t *const own_scalings = scalings + layer[FIRST_TABLE];
        if (layer[PATH] == 0) {
            dense(layer, read, own_weights, own_scalings, image, dram);
        } else if (layer[PATH] == 2) {
            pool(layer, read, image, dram);
        } else {
            depthwise(layer, read, own_weights, own_scalings, image, dram);
        }
    }
}
