#include "ek_conv_shape.h"
#include "ek_epilogue.h"
#include "ek_rows_f32.h"

#define EK_FEW_COLUMNS 24576 /* taps of all positions */
#define EK_FEW_OUTPUTS (EK_COLUMNS < 8 ? 16 : 2 * EK_COLUMNS) /* at once: their weights stay near for all positions */
#define EK_FEW_POSITIONS 12

/* column [in_c * k_h * k_w] = the taps of output (oy, ox), 0 outside. */
static void ek_few_column(const float *x, const ek_conv_shape *s, int32_t oy, int32_t ox, float *column)
{
    const int32_t top = oy * s->stride_h - s->pad_top, left = ox * s->stride_w - s->pad_left;
    for (int32_t c = 0; c < s->in_c; c++, x += (ptrdiff_t)s->in_h * s->in_w) {
        for (int32_t ky = 0; ky < s->k_h; ky++) {
            const int32_t iy = top + ky * s->dil_h;
            for (int32_t kx = 0; kx < s->k_w; kx++) {
                const int32_t ix = left + kx * s->dil_w;
                const int inside = iy >= 0 && iy < s->in_h && ix >= 0 && ix < s->in_w;
                *column++ = inside ? x[iy * s->in_w + ix] : 0.0f;
            }
        }
    }
}

/* Float convolution of one group with at most 12 output positions, whose taps are 24,576 at most: what ek_conv_f32 computes,
 * with w [in_c * k_h * k_w][out_c] packed as for ek_fc_f32. Each position is a row of a product of matrices. */
void ek_conv_few_f32(const float *restrict x, const float *restrict w, const float *restrict bias, int32_t act, float a,
                     float b, const float *restrict add, float *restrict y, const ek_conv_shape *shape)
{
    const ek_conv_shape s = *shape;
    const ek_epilogue then = {act, a, b, add, y};
    const int32_t taps = s.in_c * s.k_h * s.k_w, positions = s.out_h * s.out_w;
    float columns[EK_FEW_COLUMNS], sums[EK_FEW_POSITIONS * EK_FEW_OUTPUTS];
    for (int32_t p = 0; p < positions; p++) {
        ek_few_column(x, &s, p / s.out_w, p % s.out_w, columns + p * taps);
    }
    for (int32_t o = 0; o < s.out_c; o += EK_FEW_OUTPUTS) {
        const int32_t count = ek_min(s.out_c - o, EK_FEW_OUTPUTS);
        float *const to = y + (ptrdiff_t)o * positions;
        for (int32_t p = 0; p < positions; p++) {
            for (int32_t j = 0; j < count; j++) {
                sums[p * count + j] = bias ? bias[o + j] : 0.0f;
            }
        }
        ek_rows_f32(columns, w, sums, positions, taps, s.out_c, o, count);
        for (int32_t j = 0; j < count; j++) {
            for (int32_t p = 0; p < positions; p++) {
                to[j * positions + p] = sums[p * count + j];
            }
        }
        ek_epilogue_row(&then, to, (ptrdiff_t)count * positions);
    }
}
