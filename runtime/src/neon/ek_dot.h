/* AArch64: four rows at a time, 16 int8 or 8 int16 taps in a vector. */
#ifndef EK_DOT_GUARD
#define EK_DOT_GUARD

#include "edgekit.h"
#include "ek_mac_s8.h"

#define EK_ROWS 16
#define EK_UNROLL _Pragma("GCC unroll 32") /* early: else arrays of sums lie in memory */
/* Keeps compilers from starting all products at once, for which registers do not suffice, and from calls to copy some bytes. */
#define EK_IN_TURN(a, b) __asm__ volatile("" : "+w"(a), "+w"(b))
#define EK_PIECE_S16 1024 /* of 256 products of 2^22 in each of four int32 sums */

/* acc + 8 products, two to a lane. */
static inline int32x4_t ek_mac_s16(int32x4_t acc, int16x8_t x, int16x8_t w)
{
    return vmlal_high_s16(vmlal_s16(acc, vget_low_s16(x), vget_low_s16(w)), x, w);
}

/* Whether two products of weights in the halves of a vector, of n, fit 16 bits for every x: not where both are -128. */
static inline int ek_are_narrow(const int8_t *w, int32_t n)
{
    int8x8_t worst = vdup_n_s8(127);
    int8_t lanes[8];
    int fit = 1;
    for (; n > 0; n--, w += 16) {
        const int8x16_t v = vld1q_s8(w);
        worst = vmin_s8(worst, vmax_s8(vget_low_s8(v), vget_high_s8(v)));
    }
    vst1_s8(lanes, worst);
    for (int32_t i = 0; i < 8; i++) {
        fit &= lanes[i] != -128;
    }
    return fit;
}

/* Bytes of the 16 behind x, or of 32. */
static inline __attribute__((always_inline)) int8x16_t ek_window(const int8_t *x, uint8x16_t bytes, int is_wide)
{
    const int8x16x2_t both = {{vld1q_s8(x), vld1q_s8(is_wide ? x + 16 : x)}};
    return is_wide ? vqtbl2q_s8(both, bytes) : vqtbl1q_s8(both.val[0], bytes);
}

/* The first n <= 8 bytes, in two loads that overlap; the others are 0. */
static inline uint64_t ek_some_bytes(const int8_t *p, int32_t n)
{
    uint32_t low = 0, high = 0;
    uint64_t whole;
    if (n == 8) {
        memcpy(&whole, p, 8);
        return whole;
    }
    if (n >= 4) {
        memcpy(&low, p, 4);
        memcpy(&high, p + n - 4, 4);
        return low | (uint64_t)high >> (64 - 8 * n) << 32;
    }
    for (int32_t i = n; i-- > 0;) {
        low = low << 8 | (uint8_t)p[i];
    }
    return low;
}

/* The first n < 16 of a vector; the others are 0. */
static inline int8x16_t ek_some_s8(const int8_t *p, int32_t n)
{
    const uint64_t low = ek_some_bytes(p, n < 8 ? n : 8), high = n > 8 ? ek_some_bytes(p + 8, n - 8) : 0;
    return vreinterpretq_s8_u64(vcombine_u64(vcreate_u64(low), vcreate_u64(high)));
}

/* acc [rows] += x [k] . w, rows `stride` apart. */
static inline __attribute__((always_inline)) void ek_few_rows_s8(const int8_t *x, const int8_t *w, ptrdiff_t stride,
                                                                 int32_t k, int32_t rows, int32_t *acc)
{
    const ptrdiff_t at[4] = {0, stride, 2 * stride, 3 * stride};
    int32x4_t sum[4], odd[4];
    for (int32_t r = 0; r < rows; r++) {
        sum[r] = odd[r] = vdupq_n_s32(0);
    }
    for (int32_t i = k >> 5; i > 0; i--, x += 32, w += 32) {
        const int8x16_t x0 = vld1q_s8(x), x1 = vld1q_s8(x + 16);
        for (int32_t r = 0; r < rows; r++) {
            sum[r] = ek_mac_s8(sum[r], x0, vld1q_s8(w + at[r]));
            odd[r] = ek_mac_s8(odd[r], x1, vld1q_s8(w + at[r] + 16));
        }
    }
    if (k & 16) {
        const int8x16_t x0 = vld1q_s8(x);
        for (int32_t r = 0; r < rows; r++) {
            sum[r] = ek_mac_s8(sum[r], x0, vld1q_s8(w + at[r]));
        }
        x += 16, w += 16;
    }
    if (k & 15) {
        const int8x16_t x0 = ek_some_s8(x, k & 15);
        for (int32_t r = 0; r < rows; r++) {
            odd[r] = ek_mac_s8(odd[r], x0, ek_some_s8(w + at[r], k & 15));
        }
    }
    for (int32_t r = 0; r < rows; r++) {
        sum[r] = vaddq_s32(sum[r], odd[r]);
    }
    if (rows == 4) {
        const int32x4_t all = vpaddq_s32(vpaddq_s32(sum[0], sum[1]), vpaddq_s32(sum[2], sum[3]));
        vst1q_s32(acc, vaddq_s32(vld1q_s32(acc), all));
    } else {
        acc[0] += vaddvq_s32(sum[0]);
    }
}

/* acc [rows] += x [k] . w [rows][k], rows `stride` apart; zero is 0. */
static inline void ek_dots_s8(const int8_t *x, int32_t zero, const int8_t *w, ptrdiff_t stride, int32_t k,
                              int32_t rows, int32_t *acc)
{
    int32_t row = 0;
    (void)zero;
    for (; row + 4 <= rows; row += 4) {
        ek_few_rows_s8(x, w + row * stride, stride, k, 4, acc + row);
    }
    for (; row < rows; row++) {
        ek_few_rows_s8(x, w + row * stride, stride, k, 1, acc + row);
    }
}

/* acc [rows] += x [n] . w [n], rows `step` apart, n <= EK_PIECE_S16. */
static inline __attribute__((always_inline)) void ek_few_rows_s16(const int16_t *x, const int8_t *w, ptrdiff_t step,
                                                                  int32_t n, int32_t rows, int64_t *acc)
{
    const int8_t *at[4] = {w, w + step, w + 2 * step, w + 3 * step};
    int32x4_t sum[4];
    for (int32_t r = 0; r < rows; r++) {
        sum[r] = vdupq_n_s32(0);
    }
    for (int32_t i = n >> 4; i > 0; i--, x += 16) {
        const int16x8_t x0 = vld1q_s16(x), x1 = vld1q_s16(x + 8);
        for (int32_t r = 0; r < rows; r++) {
            const int8x16_t narrow = vld1q_s8(at[r]);
            sum[r] = ek_mac_s16(ek_mac_s16(sum[r], x0, vmovl_s8(vget_low_s8(narrow))), x1, vmovl_high_s8(narrow));
            at[r] += 16;
        }
    }
    for (int32_t r = 0; r < rows; r++) {
        int64_t rest = 0;
        for (int32_t j = 0; j < (n & 15); j++) {
            rest += x[j] * at[r][j];
        }
        acc[r] += vaddlvq_s32(sum[r]) + rest;
    }
}

static inline void ek_dots_s16(const int16_t *x, int32_t zero, const int8_t *w, ptrdiff_t stride, int32_t k,
                               int32_t rows, int64_t *acc)
{
    (void)zero;
    for (int32_t at = 0; at < k; at += EK_PIECE_S16) {
        const int32_t n = k - at < EK_PIECE_S16 ? k - at : EK_PIECE_S16;
        const int8_t *wr = w + at;
        int32_t row = 0;
        for (; row + 4 <= rows; row += 4, wr += 4 * stride) {
            ek_few_rows_s16(x + at, wr, stride, n, 4, acc + row);
        }
        for (; row < rows; row++, wr += stride) {
            ek_few_rows_s16(x + at, wr, stride, n, 1, acc + row);
        }
    }
}

#endif
