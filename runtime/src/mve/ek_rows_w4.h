/* Helium: 32 int4 weights in a vector, the even ones in the low nibbles. */
#ifndef EK_ROWS_W4_GUARD
#define EK_ROWS_W4_GUARD

#include "ek_int4.h"
#include "ek_rows.h"

/* Sum of products of the last taps, x [n] and the weights of one row. */
static inline int32_t ek_rest_w4(const int8_t *x, const int8_t *w, int32_t n)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < n; i++) {
        sum += x[i] * ek_int4(w, i);
    }
    return sum;
}

/* acc + 32 products. */
static inline int32_t ek_mac_w4(int32_t acc, int8x16x2_t x, const int8_t *w)
{
    const int8x16_t pairs = vld1q_s8(w);
    acc = vmladavaq_s8(acc, x.val[0], vshrq_n_s8(vshlq_n_s8(pairs, 4), 4));
    return vmladavaq_s8(acc, x.val[1], vshrq_n_s8(pairs, 4));
}

/* acc [rows] += x [k] . w [rows][k]. */
static inline void ek_rows_s8_w4(const int8_t *x, const int8_t *w, int32_t k, int32_t rows, int32_t *acc)
{
    const ptrdiff_t step = EK_BYTES_W4(k);
    int32_t row = 0;
    for (; row + 2 <= rows; row += 2, w += 2 * step) {
        const int8_t *xi = x, *w0 = w, *w1 = w + step;
        int32_t a = acc[row], b = acc[row + 1];
        for (int32_t i = k >> 5; i > 0; i--, xi += 32, w0 += 16, w1 += 16) {
            const int8x16x2_t taps = vld2q_s8(xi);
            a = ek_mac_w4(a, taps, w0);
            b = ek_mac_w4(b, taps, w1);
        }
        acc[row] = a + ek_rest_w4(xi, w0, k & 31);
        acc[row + 1] = b + ek_rest_w4(xi, w1, k & 31);
    }
    for (; row < rows; row++, w += step) {
        for (int32_t i = 0; i + 32 <= k; i += 32) {
            acc[row] = ek_mac_w4(acc[row], vld2q_s8(x + i), w + i / 2);
        }
        acc[row] += ek_rest_w4(x + (k & ~31), w + (k & ~31) / 2, k & 31);
    }
}

static inline void ek_rows_s16_w4(const int16_t *x, const int8_t *w, int32_t k, int32_t rows, int64_t *acc)
{
    for (int32_t row = 0; row < rows; row++, w += EK_BYTES_W4(k)) {
        int64_t sum = acc[row];
        int32_t i = 0;
        for (; i + 16 <= k; i += 16) {
            const int16x8x2_t taps = vld2q_s16(x + i);
            const int16x8_t pairs = vldrbq_s16(w + i / 2);
            sum = vmlaldavaq_s16(sum, taps.val[0], vshrq_n_s16(vshlq_n_s16(pairs, 12), 12));
            sum = vmlaldavaq_s16(sum, taps.val[1], vshrq_n_s16(pairs, 4));
        }
        for (; i < k; i++) {
            sum += x[i] * ek_int4(w, i);
        }
        acc[row] = sum;
    }
}

#endif
