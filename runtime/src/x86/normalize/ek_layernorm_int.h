/* The integer layer normalization over EK_NAME and EK_Y. */
#include "ek_normal_lanes.h"

/* Whether all gains have room to be shifted up. */
static inline int ek_gains_lift(const int32_t *gain, int32_t lift, int32_t n)
{
    int32_t bits = 0;
    for (int32_t i = 0; i < n && lift > 0; i++) {
        bits |= gain[i] ^ (gain[i] >> 31);
    }
    return bits >> (31 - lift) == 0;
}

void EK_NAME(const int16_t *restrict x, const int32_t *restrict gain, const int32_t *restrict bias, int32_t bias_up,
             int64_t epsilon, int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max, EK_Y *restrict y,
             int32_t rows, int32_t n)
{
    const int64_t half = (int64_t)1 << (shift - 1), step = (int64_t)1 << bias_up;
    const int32_t lift = shift < 32 ? 32 - shift : 0; /* of gain and bias */
    const int fits = bias_up + lift <= 30 && ek_gains_lift(gain, lift, n);
    const ek_i up = ek_i_all(lift), many = ek_i_all(fits ? (int32_t)1 << (bias_up + lift) : 0);
    for (int32_t row = 0; row < rows; row++, x += n, y += n) {
        const ek_normal o = ek_normal_of(x, epsilon, n);
        for (int32_t i = 0; i < n && fits; i += EK_WIDTH) {
            const ek_i z = ek_normal_at(&o, x + i, n - i), g = ek_i_shl(ek_i_load_s32(gain + i, n - i), up);
            const ek_i sum = ek_i_high_of_two_and(z, g, ek_i_load_s32(bias + i, n - i), many, half * ((int64_t)1 << lift));
            ek_normal_store(sum, shift + lift, y_zero, y_min, y_max, y + i, n - i);
        }
        for (int32_t i = 0; i < n && !fits; i++) {
            const int64_t v = (ek_normal_one(&o, x[i]) * gain[i] + bias[i] * step + half) >> shift;
            y[i] = (EK_Y)ek_clamp64(v + y_zero, y_min, y_max);
        }
    }
}
