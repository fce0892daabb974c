#define EK_X float
#define EK_W float
#define EK_ACC float
#define EK_TERM(x, zero, w) ((x) * (w))
#include "ek_conv_taps.h"

/* y [0..3] of four outputs whose weights w are `taps` apart, each summed in order: four independent chains. */
static void ek_conv_dot4(const float *restrict x, const float *restrict w, const float *restrict bias,
                         float *restrict y, int32_t taps)
{
    const float *w1 = w + taps, *w2 = w1 + taps, *w3 = w2 + taps;
    float a0 = bias ? bias[0] : 0.0f, a1 = bias ? bias[1] : 0.0f;
    float a2 = bias ? bias[2] : 0.0f, a3 = bias ? bias[3] : 0.0f;
    for (int32_t i = 0; i < taps; i++) {
        a0 += x[i] * w[i];
        a1 += x[i] * w1[i];
        a2 += x[i] * w2[i];
        a3 += x[i] * w3[i];
    }
    y[0] = a0;
    y[1] = a1;
    y[2] = a2;
    y[3] = a3;
}

void ek_conv_f32(const float *restrict x, const float *restrict w, const float *restrict bias, float *restrict y,
                 const ek_conv_shape *shape)
{
    const ek_conv_shape s = ek_conv_flatten(shape);
    const int32_t per_group = s.out_c / s.groups;
    const int32_t taps = s.in_c / s.groups * s.k_h * s.k_w;
    const ptrdiff_t group_size = (ptrdiff_t)(s.in_c / s.groups) * s.in_h * s.in_w;
    const int dot = ek_conv_is_dot(&s);
    int32_t o = 0;
    while (o < s.out_c) {
        const float *xg = x + o / per_group * group_size;
        const float *wo = w + (ptrdiff_t)o * taps;
        if (dot && o % per_group + 4 <= per_group) {
            ek_conv_dot4(xg, wo, bias ? bias + o : bias, y, taps);
            y += 4;
            o += 4;
            continue;
        }
        for (int32_t oy = 0; oy < s.out_h; oy++) {
            for (int32_t ox = 0; ox < s.out_w; ox += EK_BLOCK) {
                const int32_t count = ek_min(EK_BLOCK, s.out_w - ox);
                for (int32_t j = 0; j < count; j++) {
                    y[j] = bias ? bias[o] : 0.0f;
                }
                ek_conv_taps(xg, 0, wo, &s, oy, ox, count, y);
                y += count;
            }
        }
        o++;
    }
}
