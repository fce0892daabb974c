#include "edgekit.h"

void ek_interpolate_f32(const float *restrict x, const int32_t *restrict index, const float *restrict weights,
                        float *restrict y, int32_t outer, int32_t in_n, int32_t out_n, int32_t inner, int32_t taps)
{
    for (int32_t o = 0; o < outer; o++) {
        const float *const block = x + (ptrdiff_t)o * in_n * inner;
        for (int32_t j = 0; j < out_n; j++) {
            const int32_t *const from = index + (ptrdiff_t)j * taps;
            const float *const w = weights + (ptrdiff_t)j * taps;
            for (int32_t i = 0; i < inner; i++) {
                float sum = w[0] * block[(ptrdiff_t)from[0] * inner + i];
                for (int32_t t = 1; t < taps; t++) {
                    sum = sum + w[t] * block[(ptrdiff_t)from[t] * inner + i];
                }
                *y++ = sum;
            }
        }
    }
}
