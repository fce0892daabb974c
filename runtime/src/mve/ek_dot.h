/* Helium: four rows at a time, 16 int8 or 8 int16 taps in a vector. */
#ifndef EK_DOT_GUARD
#define EK_DOT_GUARD

#include "edgekit.h"

#include <arm_mve.h>

#define EK_ROWS 16

/* acc [4] += x [k] . w, rows `stride` apart. */
static inline void ek_four_s8(const int8_t *x, const int8_t *w, ptrdiff_t stride, int32_t k, int32_t *acc)
{
    const int8_t *w1 = w + stride, *w2 = w1 + stride, *w3 = w2 + stride;
    int32_t a0 = acc[0], a1 = acc[1], a2 = acc[2], a3 = acc[3];
    for (int32_t i = k >> 4; i > 0; i--) {
        const int8x16_t v = vld1q_s8(x);
        a0 = vmladavaq_s8(a0, v, vld1q_s8(w));
        a1 = vmladavaq_s8(a1, v, vld1q_s8(w1));
        a2 = vmladavaq_s8(a2, v, vld1q_s8(w2));
        a3 = vmladavaq_s8(a3, v, vld1q_s8(w3));
        x += 16, w += 16, w1 += 16, w2 += 16, w3 += 16;
    }
    if (k & 15) {
        const mve_pred16_t rest = vctp8q((uint32_t)(k & 15));
        const int8x16_t v = vldrbq_z_s8(x, rest);
        a0 = vmladavaq_s8(a0, v, vldrbq_z_s8(w, rest));
        a1 = vmladavaq_s8(a1, v, vldrbq_z_s8(w1, rest));
        a2 = vmladavaq_s8(a2, v, vldrbq_z_s8(w2, rest));
        a3 = vmladavaq_s8(a3, v, vldrbq_z_s8(w3, rest));
    }
    acc[0] = a0, acc[1] = a1, acc[2] = a2, acc[3] = a3;
}

/* Sum of x [k] * w [k]. */
static inline int32_t ek_one_s8(const int8_t *x, const int8_t *w, int32_t k)
{
    int32_t sum = 0;
    for (; k > 0; k -= 16, x += 16, w += 16) {
        const mve_pred16_t some = vctp8q((uint32_t)k);
        sum = vmladavaq_s8(sum, vldrbq_z_s8(x, some), vldrbq_z_s8(w, some));
    }
    return sum;
}

/* acc [rows] += x [k] . w [rows][k], rows `stride` apart; zero is 0. */
static inline void ek_dots_s8(const int8_t *x, int32_t zero, const int8_t *w, ptrdiff_t stride, int32_t k,
                              int32_t rows, int32_t *acc)
{
    int32_t row = 0;
    (void)zero;
    for (; row + 4 <= rows; row += 4, w += 4 * stride) {
        ek_four_s8(x, w, stride, k, acc + row);
    }
    for (; row < rows; row++, w += stride) {
        acc[row] += ek_one_s8(x, w, k);
    }
}

static inline void ek_dots_s16(const int16_t *x, int32_t zero, const int8_t *w, ptrdiff_t stride, int32_t k,
                               int32_t rows, int64_t *acc)
{
    (void)zero;
    for (int32_t row = 0; row + 2 <= rows; row += 2, w += 2 * stride) {
        int64_t a = acc[row], b = acc[row + 1];
        for (int32_t i = 0; i < k; i += 8) {
            const mve_pred16_t some = vctp16q((uint32_t)(k - i));
            const int16x8_t v = vldrhq_z_s16(x + i, some);
            a = vmlaldavaq_s16(a, v, vldrbq_z_s16(w + i, some));
            b = vmlaldavaq_s16(b, v, vldrbq_z_s16(w + stride + i, some));
        }
        acc[row] = a, acc[row + 1] = b;
    }
    if (rows & 1) {
        int64_t a = acc[rows - 1];
        for (int32_t i = 0; i < k; i += 8) {
            const mve_pred16_t some = vctp16q((uint32_t)(k - i));
            a = vmlaldavaq_s16(a, vldrhq_z_s16(x + i, some), vldrbq_z_s16(w + i, some));
        }
        acc[rows - 1] = a;
    }
}

#endif
