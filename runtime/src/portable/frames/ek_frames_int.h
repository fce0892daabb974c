/* The integer depthwise convolution at one position over EK_NAME, EK_X, EK_ACC, EK_Y and EK_OUTPUT: channels lie side
 * by side, in frames and in weights, so that compilers make vectors of them. */
#include "ek_rows.h"

#define EK_AT_ONCE 64

/* sums [n] += three taps, or one, of n channels. */
static inline void ek_three_frames(const EK_X *restrict a, const EK_X *restrict b, const EK_X *restrict c,
                                   const int8_t *restrict w, int32_t channels, int32_t *restrict sums, int32_t n)
{
    const int8_t *const wb = w + channels, *const wc = wb + channels;
    for (int32_t j = 0; j < n; j++) {
        sums[j] += a[j] * w[j] + b[j] * wb[j] + c[j] * wc[j];
    }
}

static inline void ek_one_frame(const EK_X *restrict x, const int8_t *restrict w, int32_t *restrict sums, int32_t n)
{
    for (int32_t j = 0; j < n; j++) {
        sums[j] += x[j] * w[j];
    }
}

void EK_NAME(const EK_X *restrict x, const int32_t *restrict at, const int8_t *restrict w,
             const EK_ACC *restrict bias, const int32_t *restrict mult, const uint8_t *restrict shift, int32_t y_zero,
             int32_t y_min, int32_t y_max, EK_Y *restrict y, int32_t taps, int32_t channels)
{
    int32_t sums[EK_AT_ONCE];
    EK_ACC acc[EK_AT_ONCE];
    for (int32_t o = 0; o < channels; o += EK_AT_ONCE) {
        const int32_t n = channels - o < EK_AT_ONCE ? channels - o : EK_AT_ONCE;
        const EK_X *const xo = x + o;
        const int8_t *wt = w + o;
        int32_t t = 0;
        memset(sums, 0, sizeof(sums));
        for (; t + 3 <= taps; t += 3, wt += 3 * (ptrdiff_t)channels) {
            ek_three_frames(xo + at[t], xo + at[t + 1], xo + at[t + 2], wt, channels, sums, n);
        }
        for (; t < taps; t++, wt += channels) {
            ek_one_frame(xo + at[t], wt, sums, n);
        }
        for (int32_t j = 0; j < n; j++) {
            acc[j] = bias[o + j] + sums[j];
        }
        EK_OUTPUT(acc, mult + o, shift + o, y_zero, y_min, y_max, y + o, n);
    }
}
