/* The integer instance normalization over EK_NAME and EK_Y. */
#include "edgekit.h"

/* x, y [batch][channels][n], n <= 2^14: of every channel what ek_layernorm_s16 does with a row, with one gain and one
 * bias for all of it. gain, bias [channels]. */
void EK_NAME(const int16_t *restrict x, const int32_t *restrict gain, const int32_t *restrict bias, int32_t bias_up,
             int64_t epsilon, int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max, EK_Y *restrict y,
             int32_t batch, int32_t channels, int32_t n)
{
    for (int32_t row = 0; row < batch * channels; row++) {
        const int64_t g = gain[row % channels];
        const int64_t add = bias[row % channels] * ((int64_t)1 << bias_up) + ((int64_t)1 << (shift - 1));
        int64_t sum = 0, squares = 0;
        for (int32_t i = 0; i < n; i++) {
            sum += x[i];
            squares += x[i] * x[i];
        }
        const ek_inverse_root inverse = ek_inverse_root64((uint64_t)(n * squares - sum * sum + epsilon));
        const int32_t down = 42 - inverse.up; /* to 20 bits of fraction */
        for (int32_t i = 0; i < n; i++) {
            const int64_t d = (int64_t)n * x[i] - sum;
            const int64_t z = (d * inverse.mantissa + ((int64_t)1 << (down - 1))) >> down;
            y[i] = (EK_Y)ek_clamp64(((z * g + add) >> shift) + y_zero, y_min, y_max);
        }
        x += n;
        y += n;
    }
}
