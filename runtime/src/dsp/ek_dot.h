/* Armv7E-M DSP: products with rows that are not packed. sxtb16 widens the even and the odd bytes of a word of four
 * taps; an smlad takes two products of 16 bits. */
#ifndef EK_DOT_GUARD
#define EK_DOT_GUARD

#include "edgekit.h"

#include <arm_acle.h>

#define EK_ROWS 128
#define EK_PIECE 256

static inline int32_t ek_word(const int8_t *w)
{
    int32_t word;
    memcpy(&word, w, 4);
    return word;
}

/* The first n < 4 of a word; the others are 0. */
static inline int32_t ek_last_word(const int8_t *w, int32_t n)
{
    int32_t word = 0;
    memcpy(&word, w, (size_t)n);
    return word;
}

/* Bytes 1 and 3 of a word, widened: sxtb16 with its rotation, which compilers do not find. */
static inline int16x2_t ek_odd(int32_t word)
{
    int16x2_t odd;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(odd) : "r"(word));
    return odd;
}

/* The lower, and the upper, halves of two words side by side. */
static inline int16x2_t ek_lower_halves(int16x2_t a, int16x2_t b)
{
    int16x2_t both;
    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(both) : "r"(a), "r"(b));
    return both;
}

static inline int16x2_t ek_upper_halves(int16x2_t a, int16x2_t b)
{
    int16x2_t both;
    __asm__("pkhtb %0, %2, %1, asr #16" : "=r"(both) : "r"(a), "r"(b));
    return both;
}

/* to [words][2] = the even and the odd taps of every four of x [n], those that are not there 0. */
static inline void ek_widen_s8(const int8_t *x, int32_t n, int16x2_t *to)
{
    for (int32_t i = 0; i < n; i += 4, to += 2) {
        const int32_t word = i + 4 <= n ? ek_word(x + i) : ek_last_word(x + i, n & 3);
        to[0] = __sxtb16(word);
        to[1] = ek_odd(word);
    }
}

/* Four taps of x, those that are not there 0, even ones and odd ones. */
static inline void ek_taps_s16(const int16_t *x, int32_t n, int16x2_t *even, int16x2_t *odd)
{
    uint32_t both[2] = {0, 0};
    if (n >= 4) {
        memcpy(both, x, 8);
    } else {
        memcpy(both, x, (size_t)n * 2);
    }
    *even = (int16x2_t)((both[0] & 0xffffu) | (both[1] << 16));
    *odd = (int16x2_t)((both[0] >> 16) | (both[1] & 0xffff0000u));
}

static inline int32_t ek_mac_s8(int32_t acc, const int16x2_t *x, int32_t word)
{
    return __smlad(x[1], ek_odd(word), __smlad(x[0], __sxtb16(word), acc));
}

/* Sum of x [n] and w [n], both widened as above. */
static inline int32_t ek_dot_s8(int32_t acc, const int16x2_t *x, const int8_t *w, int32_t n)
{
    for (; n >= 4; n -= 4, x += 2, w += 4) {
        acc = ek_mac_s8(acc, x, ek_word(w));
    }
    return n > 0 ? ek_mac_s8(acc, x, ek_last_word(w, n)) : acc;
}

/* acc [rows] += x [k] . w [rows][k], rows `stride` apart; zero is 0. */
static inline void ek_dots_s8(const int8_t *x, int32_t zero, const int8_t *w, ptrdiff_t stride, int32_t k,
                              int32_t rows, int32_t *acc)
{
    int16x2_t wide[EK_PIECE / 2];
    (void)zero;
    for (int32_t at = 0; at < k; at += EK_PIECE) {
        const int32_t n = k - at < EK_PIECE ? k - at : EK_PIECE;
        const int8_t *wr = w + at;
        int32_t row = 0;
        ek_widen_s8(x + at, n, wide);
        for (; row + 2 <= rows; row += 2, wr += 2 * stride) {
            const int16x2_t *xi = wide;
            const int8_t *w0 = wr, *w1 = wr + stride;
            int32_t a = acc[row], b = acc[row + 1];
            for (int32_t i = n >> 2; i > 0; i--, xi += 2, w0 += 4, w1 += 4) {
                a = ek_mac_s8(a, xi, ek_word(w0));
                b = ek_mac_s8(b, xi, ek_word(w1));
            }
            acc[row] = ek_dot_s8(a, xi, w0, n & 3);
            acc[row + 1] = ek_dot_s8(b, xi, w1, n & 3);
        }
        if (row < rows) {
            acc[row] = ek_dot_s8(acc[row], wide, wr, n);
        }
    }
}

static inline void ek_dots_s16(const int16_t *x, int32_t zero, const int8_t *w, ptrdiff_t stride, int32_t k,
                               int32_t rows, int64_t *acc)
{
    (void)zero;
    for (int32_t row = 0; row < rows; row++, w += stride) {
        int64_t sum = acc[row];
        for (int32_t i = 0; i < k; i += 4) {
            const int32_t word = i + 4 <= k ? ek_word(w + i) : ek_last_word(w + i, k & 3);
            int16x2_t even, odd;
            ek_taps_s16(x + i, k - i, &even, &odd);
            sum = __smlald(odd, ek_odd(word), __smlald(even, __sxtb16(word), sum));
        }
        acc[row] = sum;
    }
}

#endif
