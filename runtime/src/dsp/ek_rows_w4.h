/* Armv7E-M DSP: eight int4 weights in a word. A nibble at the top of a byte is 16 times its weight, which sxtb16 widens
 * two at a time; sums are 16 times theirs until the end. */
#ifndef EK_ROWS_W4_GUARD
#define EK_ROWS_W4_GUARD

#include "ek_int4.h"
#include "ek_rows.h"

#define EK_NIBBLES ((int32_t)0xf0f0f0f0)

/* to [words][4] = taps 0 and 4, 1 and 5, 2 and 6, 3 and 7 of every eight. */
static inline void ek_eights(const int8_t *x, int32_t words, int16x2_t *to)
{
    for (int32_t i = 0; i < words; i++, x += 8, to += 4) {
        const uint32_t low = (uint32_t)ek_word(x), high = (uint32_t)ek_word(x + 4);
        const uint32_t a = (uint32_t)__sxtb16((int32_t)low), b = (uint32_t)ek_odd((int32_t)low);
        const uint32_t c = (uint32_t)__sxtb16((int32_t)high), d = (uint32_t)ek_odd((int32_t)high);
        to[0] = (int16x2_t)((a & 0xffffu) | c << 16), to[2] = (int16x2_t)(a >> 16 | (c & 0xffff0000u));
        to[1] = (int16x2_t)((b & 0xffffu) | d << 16), to[3] = (int16x2_t)(b >> 16 | (d & 0xffff0000u));
    }
}

/* acc + 16 times eight products; low nibbles hold the even taps. */
static inline int32_t ek_mac_w4(int32_t acc, const int16x2_t *x, int32_t pairs)
{
    const int32_t even = (int32_t)((uint32_t)pairs << 4) & EK_NIBBLES, odd = pairs & EK_NIBBLES;
    acc = __smlad(x[0], __sxtb16(even), acc);
    acc = __smlad(x[2], ek_odd(even), acc);
    acc = __smlad(x[1], __sxtb16(odd), acc);
    return __smlad(x[3], ek_odd(odd), acc);
}

/* acc [rows] += x [k] . w [rows][k]. */
static inline void ek_rows_s8_w4(const int8_t *x, const int8_t *w, int32_t k, int32_t rows, int32_t *acc)
{
    const ptrdiff_t step = EK_BYTES_W4(k);
    int16x2_t wide[EK_PIECE / 2];
    for (int32_t at = 0; at < k; at += EK_PIECE, w += EK_PIECE / 2) {
        const int32_t n = k - at < EK_PIECE ? k - at : EK_PIECE, words = n >> 3, whole = n & ~7;
        const int8_t *wr = w;
        ek_eights(x + at, words, wide);
        for (int32_t row = 0; row < rows; row++, wr += step) {
            int32_t sum = 0, rest = 0;
            for (int32_t i = 0; i < words; i++) {
                sum = ek_mac_w4(sum, wide + 4 * i, ek_word(wr + 4 * i));
            }
            for (int32_t i = whole; i < n; i++) {
                rest += x[at + i] * ek_int4(wr, i);
            }
            acc[row] += (sum >> 4) + rest;
        }
    }
}

static inline void ek_rows_s16_w4(const int16_t *x, const int8_t *w, int32_t k, int32_t rows, int64_t *acc)
{
    ek_dots_s16_w4(x, 0, w, k, k, rows, acc);
}

#endif
