#include "edgekit.h"

/* Local response normalization: y = x / (bias + factor * sum of x^2 over the channels from (size - 1) / 2 before to
 * size / 2 behind)^beta, x and y [batch][channels][n], channels outside left out; sums in order, the power as
 * ek_powf1. size >= 1. y may not be x. */
void ek_lrn_f32(const float *restrict x, float *restrict y, int32_t batch, int32_t channels, int32_t n, int32_t size,
                float factor, float beta, float bias)
{
    const int32_t before = (size - 1) / 2, behind = size / 2;
    for (int32_t b = 0; b < batch; b++) {
        const float *const image = x + (ptrdiff_t)b * channels * n;
        for (int32_t c = 0; c < channels; c++) {
            const int32_t first = c < before ? 0 : c - before, end = channels - c <= behind ? channels : c + behind + 1;
            float *const sums = y + ((ptrdiff_t)b * channels + c) * n;
            memset(sums, 0, (size_t)n * sizeof(float));
            for (int32_t from = first; from < end; from++) {
                const float *const row = image + (ptrdiff_t)from * n;
                for (int32_t i = 0; i < n; i++) {
                    sums[i] += row[i] * row[i];
                }
            }
            for (int32_t i = 0; i < n; i++) {
                sums[i] = image[(ptrdiff_t)c * n + i] / ek_powf1(bias + factor * sums[i], beta);
            }
        }
    }
}
