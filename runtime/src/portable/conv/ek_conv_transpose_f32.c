#define EK_INPUT_BY_INPUT /* where a row of inputs is shorter than the kernel */
#define EK_X float
#define EK_W float
#define EK_ACC float
#define EK_TERM(x, zero, w) ((x) * (w))
#include "ek_conv_transpose_taps.h"

void ek_conv_transpose_f32(const float *restrict x, const float *restrict w, const float *restrict bias,
                           float *restrict y, const ek_conv_shape *shape)
{
    const ek_conv_shape s = *shape;
    const ptrdiff_t group_size = (ptrdiff_t)(s.in_c / s.groups) * s.in_h * s.in_w;
    for (int32_t o = 0; o < s.out_c; o++) {
        const float *xg = x + o / (s.out_c / s.groups) * group_size;
        const ptrdiff_t from = ek_conv_transpose_from(&s, o);
        for (int32_t oy = 0; oy < s.out_h; oy++) {
            for (int32_t ox = 0; ox < s.out_w; ox += EK_BLOCK) {
                const int32_t count = ek_min(EK_BLOCK, s.out_w - ox);
                for (int32_t j = 0; j < count; j++) {
                    y[j] = bias ? bias[o] : 0.0f;
                }
                ek_conv_transpose_taps(xg, 0, w, from, &s, oy, ox, count, y);
                y += count;
            }
        }
    }
}
