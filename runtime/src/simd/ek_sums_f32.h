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

/* The greatest of x [n], n >= 1; lanes have one each. */
static inline float ek_most_f32(const float *x, int32_t n)
{
    float most[EK_LANES];
    int32_t i = 0;
    for (int32_t j = 0; j < EK_LANES; j++) {
        most[j] = x[0];
    }
    for (; i + EK_LANES <= n; i += EK_LANES) {
        for (int32_t j = 0; j < EK_LANES; j++) {
            most[j] = x[i + j] > most[j] ? x[i + j] : most[j];
        }
    }
    for (; i < n; i++) {
        most[0] = x[i] > most[0] ? x[i] : most[0];
    }
    for (int32_t half = EK_LANES / 2; half > 0; half /= 2) {
        for (int32_t j = 0; j < half; j++) {
            most[j] = most[j + half] > most[j] ? most[j + half] : most[j];
        }
    }
    return most[0];
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
