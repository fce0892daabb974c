/* The integer layer normalization over EK_NAME and EK_Y. */
#include "ek_normal_lanes.h"

/* Whether all gains have room to be shifted up. */
static inline int ek_gains_lift(const int32_t *gain, int32_t lift, int32_t n)
{
    const int32_t count = lift > 0 ? n : 0;
    int32_t bits = 0;
    for (int32_t i = 0; i < count; i++) {
        bits |= gain[i] ^ (gain[i] >> 31);
    }
    return bits >> (31 - lift) == 0;
}

/* What all rows have in common: gains are shifted up by `lift`, biases by as much in `many`. */
typedef struct {
    ek_i up, many;
    int64_t half;
    int32_t shift, y_zero, y_min, y_max;
} ek_affine;

/* y [n] = the outputs of a vector of x. */
static inline __attribute__((always_inline)) void ek_normal_outputs(const ek_normal *o, const ek_affine *a, const int16_t *x,
                                                                    const int32_t *gain, const int32_t *bias, EK_Y *y,
                                                                    int32_t n)
{
    const ek_i z = ek_normal_at(o, x, n), g = ek_i_shl(ek_i_load_s32(gain, n), a->up);
    const ek_i sum = ek_i_high_of_two_and(z, g, ek_i_load_s32(bias, n), a->many, a->half);
    ek_normal_store(sum, a->shift, a->y_zero, a->y_min, a->y_max, y, n);
}

void EK_NAME(const int16_t *restrict x, const int32_t *restrict gain, const int32_t *restrict bias, int32_t bias_up,
             int64_t epsilon, int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max, EK_Y *restrict y,
             int32_t rows, int32_t n)
{
    const int64_t half = (int64_t)1 << (shift - 1), step = (int64_t)1 << bias_up;
    const int32_t lift = shift < 32 ? 32 - shift : 0; /* of gain and bias */
    const int fits = bias_up + lift <= 30 && ek_gains_lift(gain, lift, n);
    const ek_affine a = {ek_i_all(lift),
                         ek_i_all(fits ? (int32_t)1 << (bias_up + lift) : 0),
                         half * ((int64_t)1 << lift),
                         shift + lift,
                         y_zero,
                         y_min,
                         y_max};
    for (int32_t row = 0; row < rows; row++, x += n, y += n) {
        const ek_normal o = ek_normal_of(x, epsilon, n);
        int32_t i = 0;
        for (; fits && i + EK_WIDTH <= n; i += EK_WIDTH) {
            ek_normal_outputs(&o, &a, x + i, gain + i, bias + i, y + i, EK_WIDTH);
        }
        if (fits && i < n) {
            ek_normal_outputs(&o, &a, x + i, gain + i, bias + i, y + i, n - i);
        }
        for (; i < n && !fits; i++) {
            const int64_t v = (ek_normal_one(&o, x[i]) * gain[i] + bias[i] * step + half) >> shift;
            y[i] = (EK_Y)ek_clamp64(v + y_zero, y_min, y_max);
        }
    }
}
