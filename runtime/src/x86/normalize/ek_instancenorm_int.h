/* The integer instance normalization over EK_NAME and EK_Y, in lanes of 32 bits. */
#include "ek_lanes.h"
#include "ek_row_sums.h"

/* y [n] = (z * gain + add) >> shift of the normalized x, z, of 20 bits of fraction; shift >= 32, add with its half. No
 * distance to the mean is more than sqrt(n) times the root of the mean square: shifted up by 33 - down, which makes z the
 * upper half of a product, it has 31 bits. */
static inline void ek_normal_row(const int16_t *x, int64_t sum, ek_inverse_root inverse, int32_t gain, int64_t add,
                                 int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max, EK_Y *y, int32_t n)
{
    const int32_t much = inverse.mantissa >> 31 != 0; /* 2^31, which int32 does not hold */
    const int32_t down = 42 - inverse.up - much, more = down < 33 ? 33 - down : 0;
    const ek_i mantissa = ek_i_all((int32_t)(inverse.mantissa >> much)), count = ek_i_all(n), start = ek_i_all((int32_t)-sum);
    const ek_i g = ek_i_all(gain), zero = ek_i_all(y_zero), one = ek_i_all(1), up = ek_i_all(more);
    const ek_i low = ek_i_all(y_min - y_zero), high = ek_i_all(y_max - y_zero), behind = ek_i_all(down + more - 33);
    for (int32_t i = 0; i < n; i += EK_WIDTH) {
        const ek_i d = ek_i_shl(ek_i_dot_words(start, ek_i_load_s16(x + i, n - i), count), up);
        const ek_i z = ek_i_shr(ek_i_add(ek_i_shr(ek_i_high(d, mantissa), behind), one), one);
        const ek_i q = ek_i_shr(ek_i_high_and(z, g, add), ek_i_all(shift - 32));
        const ek_i v = ek_i_add(ek_i_clamp(q, low, high), zero);
        if (sizeof(EK_Y) == 1) {
            ek_i_store_s8((int8_t *)(void *)(y + i), v, n - i);
        } else {
            ek_i_store_s16((int16_t *)(void *)(y + i), v, n - i);
        }
    }
}

void EK_NAME(const int16_t *restrict x, const int32_t *restrict gain, const int32_t *restrict bias, int32_t bias_up,
             int64_t epsilon, int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max, EK_Y *restrict y,
             int32_t batch, int32_t channels, int32_t n)
{
    for (int32_t row = 0; row < batch * channels; row++, x += n, y += n) {
        const int64_t g = gain[row % channels];
        const int64_t add = bias[row % channels] * ((int64_t)1 << bias_up) + ((int64_t)1 << (shift - 1));
        int64_t squares;
        const int64_t sum = ek_row_sums(x, n, &squares);
        const ek_inverse_root inverse = ek_inverse_root64((uint64_t)(n * squares - sum * sum + epsilon));
        const int32_t down = 42 - inverse.up; /* to 20 bits of fraction */
        const int32_t lift = shift < 32 ? 32 - shift : 0; /* of both */
        const int64_t most = INT64_MAX / 2 >> lift, lifted = g * ((int64_t)1 << lift);
        const int fits = lifted <= INT32_MAX && lifted >= INT32_MIN && add <= most && add >= -most;
        if (fits) {
            ek_normal_row(x, sum, inverse, (int32_t)lifted, add * ((int64_t)1 << lift), shift + lift, y_zero, y_min, y_max, y, n);
        }
        for (int32_t i = 0; i < n && !fits; i++) {
            const int64_t d = (int64_t)n * x[i] - sum;
            const int64_t z = (d * inverse.mantissa + ((int64_t)1 << (down - 1))) >> down;
            y[i] = (EK_Y)ek_clamp64(((z * g + add) >> shift) + y_zero, y_min, y_max);
        }
    }
}
