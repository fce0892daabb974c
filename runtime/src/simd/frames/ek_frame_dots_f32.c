/* Products with frames over ek_vector.h: of four frames at once two sums of lanes each, else of one frame four. */
#include "ek_sums_f32.h"

#define EK_STREAMS 4

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

/* y [EK_STREAMS] = products of a [k] with as many frames. */
static inline void ek_dots_f32(const float *a, const float *x, const int32_t *at, float *y, int32_t k)
{
    ek_v even[EK_STREAMS], odd[EK_STREAMS];
    int32_t i = 0;
    for (int32_t f = 0; f < EK_STREAMS; f++) {
        even[f] = odd[f] = ek_v_zero();
    }
    for (; i + 2 * EK_LANES <= k; i += 2 * EK_LANES) {
        const ek_v first = ek_v_load(a + i), second = ek_v_load(a + i + EK_LANES);
        for (int32_t f = 0; f < EK_STREAMS; f++) {
            even[f] = ek_v_fma(first, ek_v_load(x + at[f] + i), even[f]);
            odd[f] = ek_v_fma(second, ek_v_load(x + at[f] + i + EK_LANES), odd[f]);
        }
    }
    for (; i < k; i += EK_LANES) {
        const int32_t n = k - i < EK_LANES ? k - i : EK_LANES;
        const ek_v some = ek_v_load_some(a + i, n);
        for (int32_t f = 0; f < EK_STREAMS; f++) {
            even[f] = ek_v_fma(some, ek_v_load_some(x + at[f] + i, n), even[f]);
        }
    }
    for (int32_t f = 0; f < EK_STREAMS; f++) {
        y[f] = ek_lanes_sum(ek_v_add(even[f], odd[f]));
    }
}

void ek_frame_dots_f32(const float *restrict a, const float *restrict x, const int32_t *restrict at, float *restrict y,
                       int32_t m, int32_t k, int32_t n)
{
    for (int32_t row = 0; row < m; row++, a += k, y += n) {
        int32_t t = 0;
        for (; t + EK_STREAMS <= n; t += EK_STREAMS) {
            ek_dots_f32(a, x, at + t, y + t, k);
        }
        for (; t < n; t++) {
            y[t] = ek_dot_f32(a, x + at[t], k);
        }
    }
}
