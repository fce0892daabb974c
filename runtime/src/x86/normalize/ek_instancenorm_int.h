/* The integer instance normalization over EK_NAME and EK_Y. */
#include "ek_normal_lanes.h"

void EK_NAME(const int16_t *restrict x, const int32_t *restrict gain, const int32_t *restrict bias, int32_t bias_up,
             int64_t epsilon, int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max, EK_Y *restrict y,
             int32_t batch, int32_t channels, int32_t n)
{
    const int32_t lift = shift < 32 ? 32 - shift : 0; /* of gain and bias */
    const int64_t most = INT64_MAX / 2 >> lift;
    for (int32_t row = 0; row < batch * channels; row++, x += n, y += n) {
        const int64_t g = gain[row % channels], lifted = g * ((int64_t)1 << lift);
        const int64_t add = bias[row % channels] * ((int64_t)1 << bias_up) + ((int64_t)1 << (shift - 1));
        const int fits = lifted <= INT32_MAX && lifted >= INT32_MIN && add <= most && add >= -most;
        const ek_normal o = ek_normal_of(x, epsilon, n);
        const ek_i factor = ek_i_all((int32_t)(fits ? lifted : 0));
        const int64_t more = fits ? add * ((int64_t)1 << lift) : 0;
        for (int32_t i = 0; i < n && fits; i += EK_WIDTH) {
            const ek_i z = ek_normal_at(&o, x + i, n - i);
            ek_normal_store(ek_i_high_and(z, factor, more), shift + lift, y_zero, y_min, y_max, y + i, n - i);
        }
        for (int32_t i = 0; i < n && !fits; i++) {
            y[i] = (EK_Y)ek_clamp64(((ek_normal_one(&o, x[i]) * g + add) >> shift) + y_zero, y_min, y_max);
        }
    }
}
