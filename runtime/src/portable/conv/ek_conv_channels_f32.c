#include "ek_conv_shape.h"
#include "ek_epilogue.h"
#include "ek_rows_f32.h"

/* Float convolution of one group: what ek_conv_f32 computes, with w [in_c * k_h * k_w][out_c] packed as for ek_fc_f32. Where
 * there are vectors, they are of output channels. A kernel has 1,024 taps at most. Where taps are outside, 24,576 floats
 * hold the inputs of seven outputs in a row, or of seven rows that are shorter than that; of a picture of at most 4 x 4
 * outputs, the taps of four of them. */
void ek_conv_channels_f32(const float *restrict x, const float *restrict w, const float *restrict bias, int32_t act,
                          float a, float b, const float *restrict add, float *restrict y, const ek_conv_shape *shape)
{
    const ek_conv_shape s = *shape;
    const ek_epilogue then = {act, a, b, add, y};
    const int32_t kernel = s.k_h * s.k_w, taps = s.in_c * kernel, plane = s.out_h * s.out_w;
    const int32_t across = EK_COLUMNS == 1 ? s.out_c : EK_COLUMNS; /* side by side in w */
    for (int32_t p = 0; p < plane; p++) {
        const int32_t top = p / s.out_w * s.stride_h - s.pad_top, left = p % s.out_w * s.stride_w - s.pad_left;
        for (int32_t o = 0; o < s.out_c; o++) {
            const float *const wo = w + (ptrdiff_t)(o / across) * taps * across + o % across;
            float sum = bias ? bias[o] : 0.0f;
            for (int32_t t = 0; t < taps; t++) {
                const int32_t iy = top + t % kernel / s.k_w * s.dil_h, ix = left + t % s.k_w * s.dil_w;
                if (iy >= 0 && iy < s.in_h && ix >= 0 && ix < s.in_w) {
                    sum += x[((ptrdiff_t)(t / kernel) * s.in_h + iy) * s.in_w + ix] * wo[(ptrdiff_t)t * across];
                }
            }
            y[(ptrdiff_t)o * plane + p] = sum;
        }
    }
    ek_epilogue_row(&then, y, (ptrdiff_t)s.out_c * plane);
}
