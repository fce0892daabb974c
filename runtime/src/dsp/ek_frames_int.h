/* Armv7E-M DSP: the integer depthwise convolution at one position over EK_NAME, EK_X, EK_ACC, EK_Y and EK_OUTPUT. Four
 * channels of a frame, and their weights, are loaded at once; their sums stay in registers. */
#include "ek_rows.h"

#define EK_AT_ONCE 64

/* acc [4] = the bias and the taps of four channels. */
static inline void ek_four_channels(const EK_X *x, const int32_t *at, const int8_t *w, const EK_ACC *bias, int32_t channels,
                                    int32_t taps, EK_ACC *acc)
{
    int32_t a = 0, b = 0, c = 0, d = 0;
    for (int32_t t = 0; t < taps; t++, w += channels) {
        const int8_t *const frame = (const int8_t *)(const void *)(x + at[t]);
        const int32_t first = ek_word(frame), weights = ek_word(w);
        const int32_t even = (int32_t)__sxtb16(weights), odd = (int32_t)ek_odd(weights);
        if (sizeof(EK_X) == 1) {
            const int32_t x_even = (int32_t)__sxtb16(first), x_odd = (int32_t)ek_odd(first);
            a = __smlabb(x_even, even, a), b = __smlabb(x_odd, odd, b);
            c = __smlatt(x_even, even, c), d = __smlatt(x_odd, odd, d);
        } else {
            const int32_t second = ek_word(frame + 4);
            a = __smlabb(first, even, a), b = __smlatb(first, odd, b);
            c = __smlabt(second, even, c), d = __smlatt(second, odd, d);
        }
    }
    acc[0] = bias[0] + a, acc[1] = bias[1] + b, acc[2] = bias[2] + c, acc[3] = bias[3] + d;
}

static inline int32_t ek_one_channel(const EK_X *x, const int32_t *at, const int8_t *w, int32_t channels, int32_t taps)
{
    int32_t sum = 0;
    for (int32_t t = 0; t < taps; t++, w += channels) {
        sum = __smlabb(x[at[t]], *w, sum);
    }
    return sum;
}

void EK_NAME(const EK_X *restrict x, const int32_t *restrict at, const int8_t *restrict w,
             const EK_ACC *restrict bias, const int32_t *restrict mult, const uint8_t *restrict shift, int32_t y_zero,
             int32_t y_min, int32_t y_max, EK_Y *restrict y, int32_t taps, int32_t channels)
{
    EK_ACC acc[EK_AT_ONCE];
    for (int32_t o = 0; o < channels; o += EK_AT_ONCE) {
        const int32_t n = channels - o < EK_AT_ONCE ? channels - o : EK_AT_ONCE;
        int32_t j = 0;
        for (; j + 4 <= n; j += 4) {
            ek_four_channels(x + o + j, at, w + o + j, bias + o + j, channels, taps, acc + j);
        }
        for (; j < n; j++) {
            acc[j] = bias[o + j] + ek_one_channel(x + o + j, at, w + o + j, channels, taps);
        }
        EK_OUTPUT(acc, mult + o, shift + o, y_zero, y_min, y_max, y + o, n);
    }
}
