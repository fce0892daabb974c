/* The integer transposed convolution over EK_NAME, EK_X, EK_ACC, EK_Y and EK_TERM (see ek_conv_taps.h). */
#define EK_W int8_t
#include "ek_conv_transpose_taps.h"

void EK_NAME(const EK_X *restrict x, int32_t x_zero, const int8_t *restrict w, const EK_ACC *restrict bias,
             const int32_t *restrict mult, const uint8_t *restrict shift, int32_t y_zero, int32_t y_min,
             int32_t y_max, EK_Y *restrict y, const ek_conv_shape *shape)
{
    const ek_conv_shape s = *shape;
    const ptrdiff_t group_size = (ptrdiff_t)(s.in_c / s.groups) * s.in_h * s.in_w;
    EK_ACC acc[EK_BLOCK];
    for (int32_t o = 0; o < s.out_c; o++) {
        const EK_X *xg = x + o / (s.out_c / s.groups) * group_size;
        const ptrdiff_t from = ek_conv_transpose_from(&s, o);
        for (int32_t oy = 0; oy < s.out_h; oy++) {
            for (int32_t ox = 0; ox < s.out_w; ox += EK_BLOCK) {
                const int32_t count = ek_min(EK_BLOCK, s.out_w - ox);
                for (int32_t j = 0; j < count; j++) {
                    acc[j] = bias[o];
                }
                ek_conv_transpose_taps(xg, x_zero, w, from, &s, oy, ox, count, acc);
                for (int32_t j = 0; j < count; j++) {
                    *y++ = (EK_Y)ek_output(acc[j], mult[o], shift[o], y_zero, y_min, y_max);
                }
            }
        }
    }
}
