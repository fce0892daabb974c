/* Armv7E-M DSP: four rows side by side, four int8 taps of each in a word, whose even and odd bytes sxtb16 widens; the
 * operand is brought into the same order. An smlad takes two products of 16 bits. */
#ifndef EK_ROWS_GUARD
#define EK_ROWS_GUARD

#include "ek_dot.h"

#define EK_PANEL 4
#define EK_BYTES_S8(k) ((ptrdiff_t)(((k) + 3) & ~3))
#define EK_BYTES_S16(k) EK_BYTES_S8(k)
#include "ek_outputs_high.h"

/* acc += two even and two odd taps times those of the word at w + offset. One block, so that no compiler holds
 * more words than there are registers. */
#define EK_WORD_S8(acc, even, odd, w, offset)                                       \
    __asm__("ldr %1, [%5, %6]\n\tsxtb16 %2, %1\n\tsmlad %0, %3, %2, %0\n\t"           \
            "sxtb16 %1, %1, ror #8\n\tsmlad %0, %4, %1, %0"                         \
            : "+r"(acc), "=&r"(word), "=&r"(half)                                   \
            : "r"(even), "r"(odd), "r"(w), "i"(offset), "m"(*(const int8_t(*)[16])((w) + (offset))))

#define EK_WORDS_S8(i)                                   \
    {                                                    \
        const int16x2_t even = x[2 * (i)], odd = x[2 * (i) + 1]; \
        EK_WORD_S8(a, even, odd, w, 16 * (i));           \
        EK_WORD_S8(b, even, odd, w, 16 * (i) + 4);       \
        EK_WORD_S8(c, even, odd, w, 16 * (i) + 8);       \
        EK_WORD_S8(d, even, odd, w, 16 * (i) + 12);      \
    }

/* sums [4] += x [words][2] . w, of one panel; by itself, as its callers would leave it too few registers. */
static __attribute__((noinline)) void ek_panel_s8(const int16x2_t *x, const int8_t *w, int32_t words, int32_t *sums)
{
    int32_t a = sums[0], b = sums[1], c = sums[2], d = sums[3], word, half;
    for (int32_t i = words >> 1; i > 0; i--, w += 32, x += 4) {
        EK_WORDS_S8(0)
        EK_WORDS_S8(1)
    }
    if (words & 1) {
        EK_WORDS_S8(0)
    }
    sums[0] = a, sums[1] = b, sums[2] = c, sums[3] = d;
}

/* Sum of x [words][2] . w, of the first row of a panel. */
static inline int32_t ek_row_s8(const int16x2_t *x, const int8_t *w, int32_t words)
{
    int32_t a = 0, word, half;
    for (int32_t i = words; i > 0; i--, w += 16, x += 2) {
        EK_WORD_S8(a, x[0], x[1], w, 0);
    }
    return a;
}

/* The same of x [k], which is not widened first: another row would be another use of it. */
static inline int32_t ek_row_alone_s8(const int8_t *x, const int8_t *w, int32_t k)
{
    int32_t a = 0, word, half;
    for (; k >= 4; k -= 4, w += 16, x += 4) {
        const int32_t taps = ek_word(x);
        EK_WORD_S8(a, __sxtb16(taps), ek_odd(taps), w, 0);
    }
    if (k > 0) {
        const int32_t taps = ek_last_word(x, k);
        EK_WORD_S8(a, __sxtb16(taps), ek_odd(taps), w, 0);
    }
    return a;
}

/* acc [rows] += x [k] . w, packed rows. */
static inline void ek_rows_s8(const int8_t *x, const int8_t *w, int32_t k, int32_t rows, int32_t *acc)
{
    int16x2_t wide[EK_PIECE / 2];
    if (rows == 1) {
        acc[0] += ek_row_alone_s8(x, w, k);
        return;
    }
    for (int32_t at = 0; at < k; at += EK_PIECE, w += 4 * EK_PIECE) {
        const int32_t n = k - at < EK_PIECE ? k - at : EK_PIECE, words = (n + 3) / 4;
        ek_widen_s8(x + at, n, wide);
        const int8_t *panel = w;
        int32_t row = 0;
        for (; row + 4 <= rows; row += 4, panel += 4 * EK_BYTES_S8(k)) {
            ek_panel_s8(wide, panel, words, acc + row);
        }
        for (; row < rows; row++, panel += 4) {
            acc[row] += ek_row_s8(wide, panel, words);
        }
    }
}

static inline void ek_rows_s16(const int16_t *x, const int8_t *w, int32_t k, int32_t rows, int64_t *acc)
{
    for (int32_t row = 0; row < rows; row += 2) {
        const int8_t *wr = w + (row & ~3) * EK_BYTES_S16(k) + 4 * (row & 3);
        int64_t a = 0, b = 0;
        for (int32_t i = 0; i < k; i += 4, wr += 16) {
            const int32_t first = ek_word(wr), second = ek_word(wr + 4);
            int16x2_t even, odd;
            ek_taps_s16(x + i, k - i, &even, &odd);
            a = __smlald(odd, ek_odd(first), __smlald(even, __sxtb16(first), a));
            b = __smlald(odd, ek_odd(second), __smlald(even, __sxtb16(second), b));
        }
        acc[row] += a;
        if (row + 1 < rows) {
            acc[row + 1] += b;
        }
    }
}

#endif
