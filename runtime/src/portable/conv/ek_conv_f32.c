#define EK_X float
#define EK_W float
#define EK_ACC float
#define EK_TERM(x, zero, w) ((x) * (w))
#define EK_DOTS ek_dots_f32
#define EK_ROWS 16

#include <stddef.h>
#include <stdint.h>

/* acc [rows] += x [k] . w [rows][k], rows `stride` apart, each in ascending k; four chains run side by side. */
static inline void ek_dots_f32(const float *restrict x, int32_t zero, const float *restrict w, ptrdiff_t stride,
                               int32_t k, int32_t rows, float *restrict acc)
{
    int32_t row = 0;
    (void)zero;
    for (; row + 4 <= rows; row += 4) {
        const float *const w0 = w + row * stride, *const w1 = w0 + stride, *const w2 = w1 + stride;
        const float *const w3 = w2 + stride;
        float a0 = acc[row], a1 = acc[row + 1], a2 = acc[row + 2], a3 = acc[row + 3];
        for (int32_t i = 0; i < k; i++) {
            a0 += x[i] * w0[i];
            a1 += x[i] * w1[i];
            a2 += x[i] * w2[i];
            a3 += x[i] * w3[i];
        }
        acc[row] = a0;
        acc[row + 1] = a1;
        acc[row + 2] = a2;
        acc[row + 3] = a3;
    }
    for (; row < rows; row++) {
        for (int32_t i = 0; i < k; i++) {
            acc[row] += x[i] * w[row * stride + i];
        }
    }
}

#include "ek_conv_taps.h"
#include "ek_epilogue.h"

void ek_conv_f32(const float *restrict x, const float *restrict w, const float *restrict bias, int32_t act, float a,
                 float b, const float *restrict add, float *restrict y, const ek_conv_shape *shape)
{
    const ek_epilogue then = {act, a, b, add, y};
    const ek_conv_shape s = ek_conv_flatten(shape);
    const int32_t per_group = s.out_c / s.groups, per_input = s.in_c / s.groups, taps = per_input * s.k_h * s.k_w;
    const ptrdiff_t group_size = (ptrdiff_t)per_input * s.in_h * s.in_w, plane = (ptrdiff_t)s.out_h * s.out_w;
    const int dot = ek_conv_is_dot(&s);
    const int matrix = !dot && s.k_h == 1 && s.k_w == 1 && s.out_h == 1 && s.in_h == 1 && s.out_w == s.in_w
                       && s.pad_top == 0 && s.pad_left == 0 && s.stride_w == 1;
    const int by_column = dot || (!matrix && ek_conv_by_column(&s) && ek_conv_is_inside(&s));
    float acc[EK_ROWS];
    for (ptrdiff_t i = 0; i < s.out_c * plane; i++) {
        y[i] = bias ? bias[i / plane] : 0.0f;
    }
    for (int32_t o = 0, rows; o < s.out_c; o += rows) {
        const float *const xg = x + o / per_group * group_size, *const wo = w + (ptrdiff_t)o * taps;
        float *const yo = y + o * plane;
        rows = by_column ? ek_min(EK_ROWS, per_group - o % per_group) : 1;
        if (matrix) {
            ek_accumulate_f32(wo, xg, yo, per_input, s.out_w, s.in_w);
        }
        for (int32_t oy = 0; oy < s.out_h && !matrix; oy++) {
            if (!by_column) {
                ek_conv_taps(xg, 0, wo, &s, oy, 0, s.out_w, yo + (ptrdiff_t)oy * s.out_w);
                continue;
            }
            for (int32_t ox = 0; ox < s.out_w; ox++) {
                float *const to = yo + (ptrdiff_t)oy * s.out_w + ox;
                for (int32_t j = 0; j < rows; j++) {
                    acc[j] = to[j * plane];
                }
                if (dot) {
                    ek_dots_f32(xg, 0, wo, taps, taps, rows, acc);
                } else {
                    ek_conv_column(xg, 0, wo, &s, oy, ox, rows, acc);
                }
                for (int32_t j = 0; j < rows; j++) {
                    to[j * plane] = acc[j];
                }
            }
        }
        ek_epilogue_row(&then, yo, rows * plane);
    }
}
