/* Sums of a row over ek_vector.h. */
#ifndef EK_SUMS_F32_GUARD
#define EK_SUMS_F32_GUARD

#include "ek_vector.h"

static inline float ek_lanes_sum(ek_v v)
{
    float lanes[EK_LANES];
    ek_v_store(lanes, v);
    for (int32_t half = EK_LANES / 2; half > 0; half /= 2) {
        for (int32_t i = 0; i < half; i++) {
            lanes[i] += lanes[i + half];
        }
    }
    return lanes[0];
}

/* Sum of x [n]. */
static inline float ek_sum_f32(const float *x, int32_t n)
{
    ek_v lanes = ek_v_zero();
    float rest = 0.0f;
    int32_t i = 0;
    for (; i + EK_LANES <= n; i += EK_LANES) {
        lanes = ek_v_add(lanes, ek_v_load(x + i));
    }
    for (; i < n; i++) {
        rest += x[i];
    }
    return rest + ek_lanes_sum(lanes);
}

/* The greatest of x [n], n >= 1. */
static inline float ek_most_f32(const float *x, int32_t n)
{
    const ek_v inf = ek_v_all(EK_INF);
    ek_v a = ek_v_all(x[0]), b = a;
    float lanes[EK_LANES], most;
    int32_t i = 0;
    for (; i + 2 * EK_LANES <= n; i += 2 * EK_LANES) {
        a = ek_v_clip(ek_v_load(x + i), a, inf);
        b = ek_v_clip(ek_v_load(x + i + EK_LANES), b, inf);
    }
    for (; i + EK_LANES <= n; i += EK_LANES) {
        a = ek_v_clip(ek_v_load(x + i), a, inf);
    }
    ek_v_store(lanes, ek_v_clip(a, b, inf));
    most = lanes[0];
    for (int32_t j = 1; j < EK_LANES; j++) {
        most = lanes[j] > most ? lanes[j] : most;
    }
    for (; i < n; i++) {
        most = x[i] > most ? x[i] : most;
    }
    return most;
}

/* Sum of the squares of x [n] - mean. */
static inline float ek_squares_f32(const float *x, float mean, int32_t n)
{
    ek_v lanes = ek_v_zero();
    float rest = 0.0f;
    int32_t i = 0;
    for (; i + EK_LANES <= n; i += EK_LANES) {
        const ek_v d = ek_v_add(ek_v_load(x + i), ek_v_all(-mean));
        lanes = ek_v_fma(d, d, lanes);
    }
    for (; i < n; i++) {
        rest += (x[i] - mean) * (x[i] - mean);
    }
    return rest + ek_lanes_sum(lanes);
}

#endif
