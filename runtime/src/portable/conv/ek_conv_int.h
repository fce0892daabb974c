/* The integer convolution kernel over EK_NAME, EK_X, EK_ACC, EK_Y, EK_DOTS and EK_TERM (see ek_conv_taps.h). */
#include "ek_dot.h"
#define EK_W int8_t
#include "ek_conv_taps.h"

void EK_NAME(const EK_X *restrict x, int32_t x_zero, const int8_t *restrict w, const EK_ACC *restrict bias,
             const int32_t *restrict mult, const uint8_t *restrict shift, int32_t y_zero, int32_t y_min,
             int32_t y_max, EK_Y *restrict y, const ek_conv_shape *shape)
{
    const ek_conv_shape s = ek_conv_flatten(shape);
    const int32_t per_group = s.out_c / s.groups, taps = s.in_c / s.groups * s.k_h * s.k_w;
    const ptrdiff_t group_size = (ptrdiff_t)(s.in_c / s.groups) * s.in_h * s.in_w;
    const ptrdiff_t plane = (ptrdiff_t)s.out_h * s.out_w;
    const int dot = ek_conv_is_dot(&s), by_column = ek_conv_by_column(&s);
    EK_ACC acc[EK_BLOCK];
    int32_t o = 0;
    while (o < s.out_c) {
        const int32_t rows = dot || by_column ? ek_min(EK_ROWS, per_group - o % per_group) : 1;
        const int32_t step = dot || by_column ? 1 : EK_BLOCK;
        const EK_X *const xg = x + o / per_group * group_size;
        const int8_t *const wo = w + o * EK_SPAN(taps);
        if (plane == 1 && !dot && !by_column) {
            const EK_ACC sum = ek_conv_pixel(xg, x_zero, wo, &s, 0, 0, bias[o]);
            y[o] = (EK_Y)ek_output(sum, mult[o], shift[o], y_zero, y_min, y_max);
            o++;
            continue;
        }
        for (int32_t oy = 0; oy < s.out_h; oy++) {
            for (int32_t ox = 0; ox < s.out_w; ox += step) {
                const int32_t columns = ek_min(step, s.out_w - ox);
                EK_Y *const to = y + o * plane + (ptrdiff_t)oy * s.out_w + ox;
                for (int32_t j = 0; j < rows * columns; j++) {
                    acc[j] = bias[rows == 1 ? o : o + j];
                }
                if (dot) {
                    EK_DOTS(xg, x_zero, wo, taps, taps, rows, acc);
                } else if (by_column) {
                    ek_conv_column(xg, x_zero, wo, &s, oy, ox, rows, acc);
                } else {
                    ek_conv_taps(xg, x_zero, wo, &s, oy, ox, columns, acc);
                }
                for (int32_t j = 0; j < rows * columns; j++) {
                    const int32_t c = rows == 1 ? o : o + j;
                    to[rows == 1 ? j : j * plane] = (EK_Y)ek_output(acc[j], mult[c], shift[c], y_zero, y_min, y_max);
                }
            }
        }
        o += rows;
    }
}
