#include "edgekit.h"

void ek_frames_f32(const float *restrict x, const int32_t *restrict at, const float *restrict w,
                   const float *restrict bias, float *restrict y, int32_t taps, int32_t channels)
{
    int32_t t = 0;
    if (bias) {
        memcpy(y, bias, (size_t)channels * sizeof(float));
    } else {
        memset(y, 0, (size_t)channels * sizeof(float));
    }
    for (; t + 3 <= taps; t += 3, w += 3 * (ptrdiff_t)channels) {
        const float *const a = x + at[t], *const b = x + at[t + 1], *const c = x + at[t + 2];
        const float *const wb = w + channels, *const wc = wb + channels;
        for (int32_t j = 0; j < channels; j++) {
            y[j] = ((y[j] + a[j] * w[j]) + b[j] * wb[j]) + c[j] * wc[j];
        }
    }
    for (; t < taps; t++, w += channels) {
        const float *const a = x + at[t];
        for (int32_t j = 0; j < channels; j++) {
            y[j] += a[j] * w[j];
        }
    }
}
