/* Dot products of one vector with several weight rows, which the integer kernels are written over.
 * Private to runtime/src. */
#ifndef EK_DOT_GUARD
#define EK_DOT_GUARD

#include "edgekit.h"

#define EK_ROWS 16 /* rows that share one widened piece of the vector */
#define EK_PIECE 256

/* Sum of x [n] * w [n]; the sum must fit int32. */
static inline int32_t ek_dot_wide(const int16_t *restrict x, const int8_t *restrict w, int32_t n)
{
    int32_t acc = 0;
    for (int32_t i = 0; i < n; i++) {
        acc += (int32_t)x[i] * w[i];
    }
    return acc;
}

/* acc [rows] += (x [k] - zero) . w [rows][k], rows `stride` apart, at most EK_ROWS; int32 does not overflow. */
static inline void ek_dots_s8(const int8_t *restrict x, int32_t zero, const int8_t *restrict w, ptrdiff_t stride,
                              int32_t k, int32_t rows, int32_t *restrict acc)
{
    int16_t wide[EK_PIECE];
    for (int32_t at = 0; at < k; at += EK_PIECE) {
        const int32_t n = k - at < EK_PIECE ? k - at : EK_PIECE;
        for (int32_t i = 0; i < n; i++) {
            wide[i] = (int16_t)(x[at + i] - zero);
        }
        for (int32_t row = 0; row < rows; row++) {
            acc[row] += ek_dot_wide(wide, w + row * stride + at, n);
        }
    }
}

/* The same for int16: 256 products of 2^22 (zero is 0) or 120 of 65535 * 128 fit the int32 partial sum. */
static inline void ek_dots_s16(const int16_t *restrict x, int32_t zero, const int8_t *restrict w, ptrdiff_t stride,
                               int32_t k, int32_t rows, int64_t *restrict acc)
{
    const int32_t piece = zero == 0 ? 256 : 120;
    for (int32_t row = 0; row < rows; row++) {
        const int8_t *const wr = w + row * stride;
        for (int32_t at = 0; at < k; at += piece) {
            const int32_t n = k - at < piece ? k - at : piece;
            int32_t part = 0;
            if (zero == 0) {
                part = ek_dot_wide(x + at, wr + at, n);
            } else {
                for (int32_t i = at; i < at + n; i++) {
                    part += (x[i] - zero) * wr[i];
                }
            }
            acc[row] += part;
        }
    }
}

#endif
