/* AArch64: 32 int4 weights in a vector, the even ones in the low nibbles. */
#ifndef EK_ROWS_W4_GUARD
#define EK_ROWS_W4_GUARD

#include "ek_int4.h"
#include "ek_rows.h"

static inline int8x16_t ek_even_weights(int8x16_t pairs)
{
    return vshrq_n_s8(vshlq_n_s8(pairs, 4), 4);
}

static inline int8x16_t ek_odd_weights(int8x16_t pairs)
{
    return vshrq_n_s8(pairs, 4);
}

/* acc [rows] += x [k] . w. */
static inline __attribute__((always_inline)) void ek_few_rows_s8_w4(const int8_t *x, const int8_t *w, int32_t k,
                                                                    int32_t rows, int32_t *acc)
{
    const ptrdiff_t step = EK_BYTES_W4(k);
    const int8_t *at[4] = {w, w + step, w + 2 * step, w + 3 * step};
    int32x4_t even[4], odd[4];
    for (int32_t r = 0; r < rows; r++) {
        even[r] = odd[r] = vdupq_n_s32(0);
    }
    for (int32_t i = k >> 5; i > 0; i--, x += 32) {
        const int8x16x2_t taps = vld2q_s8(x);
        for (int32_t r = 0; r < rows; r++) {
            const int8x16_t pairs = vld1q_s8(at[r]);
            even[r] = ek_mac_s8(even[r], taps.val[0], ek_even_weights(pairs));
            odd[r] = ek_mac_s8(odd[r], taps.val[1], ek_odd_weights(pairs));
            at[r] += 16;
        }
    }
    for (int32_t r = 0; r < rows; r++) {
        int32_t rest = 0;
        for (int32_t j = 0; j < (k & 31); j++) {
            rest += x[j] * ek_int4(at[r], j);
        }
        acc[r] += vaddvq_s32(vaddq_s32(even[r], odd[r])) + rest;
    }
}

/* Of four rows; by itself, as its callers would leave it too few registers. */
static __attribute__((noinline)) void ek_four_rows_s8_w4(const int8_t *x, const int8_t *w, int32_t k, int32_t *acc)
{
    ek_few_rows_s8_w4(x, w, k, 4, acc);
}

/* acc [rows] += x [k] . w [rows][k]. */
static inline void ek_rows_s8_w4(const int8_t *x, const int8_t *w, int32_t k, int32_t rows, int32_t *acc)
{
    int32_t row = 0;
    for (; row + 4 <= rows; row += 4) {
        ek_four_rows_s8_w4(x, w + row * EK_BYTES_W4(k), k, acc + row);
    }
    for (; row < rows; row++) {
        ek_few_rows_s8_w4(x, w + row * EK_BYTES_W4(k), k, 1, acc + row);
    }
}

/* acc [rows] += x [n] . w [n], rows `step` bytes apart, n <= EK_PIECE_S16. */
static inline __attribute__((always_inline)) void ek_few_rows_s16_w4(const int16_t *x, const int8_t *w,
                                                                     ptrdiff_t step, int32_t n, int32_t rows,
                                                                     int64_t *acc)
{
    const int8_t *at[4] = {w, w + step, w + 2 * step, w + 3 * step};
    int32x4_t sum[4];
    for (int32_t r = 0; r < rows; r++) {
        sum[r] = vdupq_n_s32(0);
    }
    for (int32_t i = n >> 5; i > 0; i--, x += 32) {
        const int16x8x2_t first = vld2q_s16(x), second = vld2q_s16(x + 16);
        for (int32_t r = 0; r < rows; r++) {
            const int8x16_t pairs = vld1q_s8(at[r]);
            const int8x16_t even = ek_even_weights(pairs), odd = ek_odd_weights(pairs);
            sum[r] = ek_mac_s16(sum[r], first.val[0], vmovl_s8(vget_low_s8(even)));
            sum[r] = ek_mac_s16(sum[r], first.val[1], vmovl_s8(vget_low_s8(odd)));
            sum[r] = ek_mac_s16(sum[r], second.val[0], vmovl_high_s8(even));
            sum[r] = ek_mac_s16(sum[r], second.val[1], vmovl_high_s8(odd));
            at[r] += 16;
        }
    }
    for (int32_t r = 0; r < rows; r++) {
        int64_t rest = 0;
        for (int32_t j = 0; j < (n & 31); j++) {
            rest += x[j] * ek_int4(at[r], j);
        }
        acc[r] += vaddlvq_s32(sum[r]) + rest;
    }
}

static inline void ek_rows_s16_w4(const int16_t *x, const int8_t *w, int32_t k, int32_t rows, int64_t *acc)
{
    const ptrdiff_t step = EK_BYTES_W4(k);
    for (int32_t at = 0; at < k; at += EK_PIECE_S16) {
        const int32_t n = k - at < EK_PIECE_S16 ? k - at : EK_PIECE_S16;
        const int8_t *wr = w + at / 2;
        int32_t row = 0;
        for (; row + 4 <= rows; row += 4, wr += 4 * step) {
            ek_few_rows_s16_w4(x + at, wr, step, n, 4, acc + row);
        }
        for (; row < rows; row++, wr += step) {
            ek_few_rows_s16_w4(x + at, wr, step, n, 1, acc + row);
        }
    }
}

#endif
