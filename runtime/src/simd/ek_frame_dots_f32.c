/* Products with frames over ek_vector.h: four sums of lanes each. */
#include "ek_sums_f32.h"

static inline float ek_dot_f32(const float *a, const float *x, int32_t k)
{
    ek_v sum[4] = {ek_v_zero(), ek_v_zero(), ek_v_zero(), ek_v_zero()};
    int32_t i = 0;
    for (; i + 4 * EK_LANES <= k; i += 4 * EK_LANES) {
        for (int32_t r = 0; r < 4; r++) {
            sum[r] = ek_v_fma(ek_v_load(a + i + r * EK_LANES), ek_v_load(x + i + r * EK_LANES), sum[r]);
        }
    }
    for (; i + EK_LANES <= k; i += EK_LANES) {
        sum[0] = ek_v_fma(ek_v_load(a + i), ek_v_load(x + i), sum[0]);
    }
    if (i < k) {
        sum[1] = ek_v_fma(ek_v_load_some(a + i, k - i), ek_v_load_some(x + i, k - i), sum[1]);
    }
    return ek_lanes_sum(ek_v_add(ek_v_add(sum[0], sum[1]), ek_v_add(sum[2], sum[3])));
}

void ek_frame_dots_f32(const float *restrict a, const float *restrict x, const int32_t *restrict at, float *restrict y,
                       int32_t m, int32_t k, int32_t n)
{
    for (int32_t row = 0; row < m; row++, a += k, y += n) {
        for (int32_t t = 0; t < n; t++) {
            y[t] = ek_dot_f32(a, x + at[t], k);
        }
    }
}
