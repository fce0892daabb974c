/* Dot products that the integer kernels are written over. Private to runtime/src. */
#ifndef EK_DOT_H
#define EK_DOT_H

#include "edgekit.h"

/* Sum of x [n] * w [n]; the sum must fit int32. */
static inline int32_t ek_dot_s8(const int8_t *restrict x, const int8_t *restrict w, int32_t n)
{
    int32_t acc = 0;
    for (int32_t i = 0; i < n; i++) {
        acc += (int16_t)(x[i] * w[i]);
    }
    return acc;
}

/* Sum of (x [n] - zero) * w [n]; every product fits int16 because |x - zero| <= 255 and |w| <= 128. */
static inline int32_t ek_dot_offset_s8(const int8_t *restrict x, int32_t zero, const int8_t *restrict w, int32_t n)
{
    const int16_t z = (int16_t)zero;
    int32_t acc = 0;
    for (int32_t i = 0; i < n; i++) {
        acc += (int16_t)((int16_t)(x[i] - z) * w[i]);
    }
    return acc;
}

/* Sum of (x [n] - zero) * w [n]; 120 products of at most 65535 * 128 fit the int32 partial sum. */
static inline int64_t ek_dot_offset_s16(const int16_t *restrict x, int32_t zero, const int8_t *restrict w, int32_t n)
{
    int64_t acc = 0;
    for (int32_t i = 0; i < n; i += 120) {
        const int32_t end = n - i < 120 ? n : i + 120;
        int32_t part = 0;
        for (int32_t j = i; j < end; j++) {
            part += (x[j] - zero) * w[j];
        }
        acc += part;
    }
    return acc;
}

/* Sum of x [n] * w [n]; 256 products of 2^22 at most fit the int32 partial sum. */
static inline int64_t ek_dot_s16(const int16_t *restrict x, const int8_t *restrict w, int32_t n)
{
    int64_t acc = 0;
    for (int32_t i = 0; i < n; i += 256) {
        const int32_t end = n - i < 256 ? n : i + 256;
        int32_t part = 0;
        for (int32_t j = i; j < end; j++) {
            part += (int32_t)x[j] * w[j];
        }
        acc += part;
    }
    return acc;
}

#endif
