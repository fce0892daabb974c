/* What a normalization or a softmax asks of an instruction set: sums of a row, and its greatest. This is the portable form,
 * in one scalar order; runtime/src/simd/ek_sums_f32.h is another, for float networks only. */
#ifndef EK_SUMS_F32_GUARD
#define EK_SUMS_F32_GUARD

#include "edgekit.h"

/* Sum of x [n], n >= 1. */
static inline float ek_sum_f32(const float *x, int32_t n)
{
    float sum = x[0];
    for (int32_t i = 1; i < n; i++) {
        sum += x[i];
    }
    return sum;
}

/* The greatest of x [n], n >= 1. */
static inline float ek_most_f32(const float *x, int32_t n)
{
    float most = x[0];
    for (int32_t i = 1; i < n; i++) {
        most = x[i] > most ? x[i] : most;
    }
    return most;
}

/* Sum of the squares of x [n] - mean. */
static inline float ek_squares_f32(const float *x, float mean, int32_t n)
{
    float squares = 0.0f;
    for (int32_t i = 0; i < n; i++) {
        const float d = x[i] - mean;
        squares += d * d;
    }
    return squares;
}

#endif
