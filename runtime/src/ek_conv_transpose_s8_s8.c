#define EK_X int8_t
#define EK_W int8_t
#define EK_ACC int32_t
#define EK_TERM(x, zero, w) ((int16_t)((int16_t)((x) - (zero)) * (w)))
#include "ek_conv_transpose_taps.h"

void ek_conv_transpose_s8_s8(const int8_t *restrict x, int32_t x_zero, const int8_t *restrict w,
                             const int32_t *restrict bias, const int32_t *restrict mult,
                             const uint8_t *restrict shift, int32_t y_zero, int32_t y_min, int32_t y_max,
                             int8_t *restrict y, const ek_conv_shape *shape)
{
    const ek_conv_shape s = *shape;
    const ptrdiff_t group_size = (ptrdiff_t)(s.in_c / s.groups) * s.in_h * s.in_w;
    int32_t acc[EK_BLOCK];
    for (int32_t o = 0; o < s.out_c; o++) {
        const int8_t *xg = x + o / (s.out_c / s.groups) * group_size;
        const int8_t *wo = ek_conv_transpose_weights(w, &s, o);
        for (int32_t oy = 0; oy < s.out_h; oy++) {
            for (int32_t ox = 0; ox < s.out_w; ox += EK_BLOCK) {
                const int32_t count = ek_min(EK_BLOCK, s.out_w - ox);
                for (int32_t j = 0; j < count; j++) {
                    acc[j] = bias[o];
                }
                ek_conv_transpose_taps(xg, x_zero, wo, &s, oy, ox, count, acc);
                for (int32_t j = 0; j < count; j++) {
                    *y++ = (int8_t)ek_output(acc[j], mult[o], shift[o], y_zero, y_min, y_max);
                }
            }
        }
    }
}
