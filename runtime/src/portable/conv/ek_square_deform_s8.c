#include "edgekit.h"

void ek_square_deform_s8(const int8_t *restrict x, int32_t x_zero, const int8_t *restrict d, int32_t d_min,
                         int32_t d_max, const int8_t *restrict w, const int32_t *restrict bias,
                         const int32_t *restrict mult, const uint8_t *restrict shift, int32_t y_zero, int32_t y_min,
                         int32_t y_max, int8_t *restrict y, int32_t channels, int32_t height, int32_t width)
{
    for (int32_t c = 0; c < channels; c++) {
        const int8_t *const plane = x + (ptrdiff_t)c * height * width, *const taps = w + 9 * c;
        int8_t *const to = y + (ptrdiff_t)c * height * width;
        for (int32_t oy = 0; oy < height; oy++) {
            for (int32_t ox = 0; ox < width; ox++) {
                const int32_t reach = ek_clamp(d[oy * width + ox], d_min, d_max);
                int32_t acc = bias[c];
                for (int32_t k = 0; k < 9; k++) {
                    const int32_t iy = oy + (k / 3 - 1) * reach, ix = ox + (k % 3 - 1) * reach;
                    if (iy >= 0 && iy < height && ix >= 0 && ix < width) {
                        acc += taps[k] * (plane[(ptrdiff_t)iy * width + ix] - x_zero);
                    }
                }
                to[(ptrdiff_t)oy * width + ox] = (int8_t)ek_output(acc, mult[c], shift[c], y_zero, y_min, y_max);
            }
        }
    }
}
