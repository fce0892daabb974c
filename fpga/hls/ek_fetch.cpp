#include "ek_memory.h"

// The stored pixel of pixel (y, x) of a plane that is read as rows of `width` pixels.
static int pixel_of(const plane_t &plane, int width, int y, int x)
{
#pragma HLS INLINE
    const int up = plane.up.to_int();
    return (y >> up) * (width >> up) + (x >> up);
}

// A stored pixel of a plane. Lanes that the input does not have are 0.
static beat_t load(const plane_t &plane, int pixel_number, const pixel_t *image, const beat_t *dram,
                   const buffer_t buffer)
{
#pragma HLS INLINE
    const int at = plane.beat.to_int() + pixel_number;
    beat_t beat;
#pragma HLS ARRAY_PARTITION variable=beat.lane type=complete
    if (plane.region == IN_BUFFER) {
        beat = buffer[at];
    } else if (plane.region == IN_DRAM) {
        beat = dram[at];
    } else {
        const pixel_t pixel = image[at];
        for (int l = 0; l < LANES; l++) {
#pragma HLS UNROLL
            beat.lane[l] = l < IMAGE_LANES ? pixel.lane[l < IMAGE_LANES ? l : 0] : act_t(0);
        }
    }
    return beat;
}

void fetch_taps(const layer_t &layer, int row, int rows, int outers, int planes, act_t padding,
                const plane_t table[PLANE_ROWS], const pixel_t *image, const beat_t *dram, const buffer_t buffer,
                beats_t &x)
{
    const int height = layer.height.to_int(), width = layer.width.to_int(), kernel = layer.kernel.to_int();
    const int stride = layer.stride_log2.to_int(), out_width = out_width_of(layer), half = (kernel - 1) / 2;
    const int beats = rows * out_width * kernel * kernel * planes;
    beat_t outside;
#pragma HLS ARRAY_PARTITION variable=outside.lane type=complete
    for (int l = 0; l < LANES; l++) {
#pragma HLS UNROLL
        outside.lane[l] = padding;
    }
    for (int outer = 0; outer < outers; outer++) {
#pragma HLS LOOP_TRIPCOUNT max=PLANE_ROWS
        int oy = row, ox = 0, ky = 0, kx = 0, p = 0;
        int at_y = 0, at_x = 0, whole = 0; // the tap's pixel, and its place in a plane that is not repeated
        bool inside = false;
        for (int i = 0; i < beats; i++) {
#pragma HLS PIPELINE II=1
            if (p == 0) {
                at_y = (oy << stride) + ky - half;
                at_x = (ox << stride) + kx - half;
                inside = at_y >= 0 && at_y < height && at_x >= 0 && at_x < width;
                whole = at_y * width + at_x;
            }
            const plane_t &plane = table[outer + p];
            const int pixel = plane.up == 0 ? whole : pixel_of(plane, width, at_y, at_x);
            x.write(inside ? load(plane, pixel, image, dram, buffer) : outside);
            if (++p == planes) {
                p = 0;
                if (++kx == kernel) {
                    kx = 0;
                    if (++ky == kernel) {
                        ky = 0;
                        if (++ox == out_width) {
                            ox = 0;
                            oy++;
                        }
                    }
                }
            }
        }
    }
}

void fetch_rows(const layer_t &layer, int first, int count, const plane_t table[PLANE_ROWS], const pixel_t *image,
                const beat_t *dram, const buffer_t buffer, beats_t &x, dilations_t &d)
{
    const int height = layer.height.to_int(), width = layer.width.to_int();
    const int lead = layer.deform ? DMAX + 1 : 2;
    const int reads = height * width * (count + (layer.deform ? 1 : 0)); // of x, and of d
    const int skips = layer.deform && height < lead ? (lead - height) * width : 0; // pixels of rows without either
    int y = 0, at_x = 0, slot = 0;
    for (int i = 0; i < reads + skips; i++) {
#pragma HLS PIPELINE II=1
        const bool has_d = layer.deform && y >= lead, has_x = y < height;
        const int slots = (has_d ? 1 : 0) + (has_x ? count : 0), p = slot - (has_d ? 1 : 0);
        if (has_d && slot == 0) {
            const int pixel = pixel_of(layer.d, width, y - lead, at_x);
            d.write(dilation_t(load(layer.d, pixel, image, dram, buffer).lane[0].to_int()));
        } else if (has_x) {
            const plane_t &plane = table[first + p];
            x.write(load(plane, pixel_of(plane, width, y, at_x), image, dram, buffer));
        }
        if (++slot >= slots) {
            slot = 0;
            if (++at_x == width) {
                at_x = 0;
                y++;
            }
        }
    }
}
