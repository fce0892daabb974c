/* Armv7E-M DSP: tiles of two outputs and two positions, four taps in a word, of which an smlad takes two; see
 * runtime/src/tiles. The taps of positions are widened before, of each four the even and the odd ones in turn. */
#ifndef EK_TILE_GUARD
#define EK_TILE_GUARD

#include "ek_dot.h"
#include "ek_scales.h"

#define EK_TILE_TAPS 512
#define EK_TILE_GROUP 4
#define EK_TILE_CHANNELS 4
#define EK_TILE_POSITIONS 16
#define EK_TILE_OUTPUTS 32 /* at once; even */
#define EK_TILE_BYTES 1024 /* of columns, before they are widened */
#define EK_TILE_TOGETHER 2 /* positions of which strips take a multiple */
#define EK_TILE_WIDE 2     /* bytes of a tap of a column, when it is widened */
#define EK_TILE_ROOM (EK_TILE_WIDE * EK_TILE_BYTES)
#define EK_TILE_ALIGNED _Alignas(8)
#define EK_TILE_FEW 0 /* taps of a layer up to which tiles are not added to anything, and have no bias */
#define EK_STRIP_ROWS 4 /* of which a strip has a multiple */

static inline void ek_put_word(int8_t *to, uint32_t word)
{
    memcpy(to, &word, 4);
}

/* to [n] = x [n], which do not overlap. */
static inline void ek_take_run(const int8_t *x, int32_t n, int8_t *to)
{
    for (; n >= 4; n -= 4, x += 4, to += 4) {
        ek_put_word(to, (uint32_t)ek_word(x));
    }
    for (; n > 0; n--) {
        *to++ = *x++;
    }
}

static inline void ek_take_same(int8_t fill, int32_t n, int8_t *to)
{
    for (; n > 0; n--) {
        *to++ = fill;
    }
}

/* to [n][channels] = x at n positions `x_step` apart, channels `plane` elements apart; positions of `to` are to_step. */
static __attribute__((noinline)) void ek_take_channels(const int8_t *x, int32_t plane, int32_t channels, int32_t x_step,
                                                       int32_t n, int8_t *to, int32_t to_step)
{
    for (; n > 0; n--, x += x_step, to += to_step) {
        const int8_t *from = x;
        int8_t *put = to;
        int32_t i = channels;
        for (; i >= 4; i -= 4, from += 4 * (ptrdiff_t)plane, put += 4) {
            const uint32_t low = (uint8_t)from[0] | (uint32_t)(uint8_t)from[plane] << 8;
            const uint32_t high = (uint8_t)from[2 * plane] | (uint32_t)(uint8_t)from[3 * plane] << 8;
            ek_put_word(put, low | high << 16);
        }
        for (; i > 0; i--, from += plane) {
            *put++ = *from;
        }
    }
}

/* Rows that a window reads of some channels: rows `step` and channels `plane` elements apart, of which lo..hi-1 are
 * inside; of each n columns from `left` on, `by` apart, of those in [0, width). */
typedef struct {
    const int8_t *x;
    int32_t step, plane, channels, rows, lo, hi, left, by, n, width;
    int8_t fill;
} ek_rows_in;

/* to [channels][rows][n] = them, fill where they are outside. */
static __attribute__((noinline)) void ek_take_rows(const ek_rows_in *w, int8_t *to)
{
    const int32_t n = w->n, by = w->by, left = w->left, width = w->width;
    const int whole = by == 1 && left >= 0 && left + n <= width;
    for (int32_t c = 0; c < w->channels; c++) {
        for (int32_t r = 0; r < w->rows; r++, to += n) {
            const int8_t *const row = w->x + c * (ptrdiff_t)w->plane + r * w->step;
            if (r < w->lo || r >= w->hi) {
                ek_take_same(w->fill, n, to);
            } else if (whole) {
                ek_take_run(row + left, n, to);
            } else {
                for (int32_t k = 0, ix = left; k < n; k++, ix += by) {
                    to[k] = ix >= 0 && ix < width ? row[ix] : w->fill;
                }
            }
        }
    }
}

/* acc [rows][EK_TILE_POSITIONS] = bias [rows], of n positions. */
static inline void ek_tile_start(int32_t *acc, const int32_t *bias, int32_t rows, int32_t n)
{
    for (; rows > 0; rows--, bias++, acc += EK_TILE_POSITIONS) {
        for (int32_t i = 0; i < n; i++) {
            acc[i] = *bias;
        }
    }
}

/* Columns are laid behind their place, from where they are widened without being written over. */
#define EK_TILE_LAID(n, taps) ((n) * (taps))

/* Widen n columns of `taps` taps: of each four the even and the odd ones in turn. */
static __attribute__((noinline)) void ek_tile_ready(int8_t *columns, int32_t taps, int32_t n)
{
    const int8_t *from = columns + EK_TILE_LAID(n, taps);
    int16x2_t *to = (int16x2_t *)(void *)columns;
    for (int32_t i = n * taps; i > 0; i -= 4, from += 4, to += 2) {
        const int32_t word = ek_word(from);
        to[0] = __sxtb16(word), to[1] = ek_odd(word);
    }
}

/* Four products of two outputs each with two positions: one block, so that all stays in registers, of which compilers that
 * do not optimise leave too few. */
#ifdef __OPTIMIZE__
#define EK_TILE_FOUR                                                                                             \
    do {                                                                                                         \
        int32_t word, half, even, odd, even2, odd2;                                                              \
        __asm__("ldr %[t], [%[w]], #4\n\tldrd %[e], %[o], [%[x]], #8\n\tldrd %[f], %[q], [%[x2]], #8\n\t"        \
                "sxtb16 %[h], %[t]\n\tsmlad %[a], %[e], %[h], %[a]\n\tsmlad %[b], %[f], %[h], %[b]\n\t"          \
                "sxtb16 %[t], %[t], ror #8\n\tsmlad %[a], %[o], %[t], %[a]\n\t"                                 \
                "smlad %[b], %[q], %[t], %[b]\n\tldr %[t], [%[w]], #4\n\t"                                      \
                "sxtb16 %[h], %[t]\n\tsmlad %[c], %[e], %[h], %[c]\n\tsmlad %[d], %[f], %[h], %[d]\n\t"          \
                "sxtb16 %[t], %[t], ror #8\n\tsmlad %[c], %[o], %[t], %[c]\n\tsmlad %[d], %[q], %[t], %[d]"      \
                : [a] "+r"(a), [b] "+r"(b), [c] "+r"(c), [d] "+r"(d), [x] "+r"(x), [x2] "+r"(x2), [w] "+r"(wi),  \
                  [t] "=&r"(word), [h] "=&r"(half), [e] "=&r"(even), [o] "=&r"(odd), [f] "=&r"(even2),           \
                  [q] "=&r"(odd2)                                                                                \
                :                                                                                                \
                : "memory");                                                                                     \
    } while (0)
#else
#define EK_TILE_FOUR                                                                                             \
    do {                                                                                                         \
        const int16x2_t *const one = (const int16x2_t *)(const void *)x, *const two = (const int16x2_t *)(const void *)x2; \
        a = ek_mac_s8(a, one, ek_word(wi)), b = ek_mac_s8(b, two, ek_word(wi));                                  \
        c = ek_mac_s8(c, one, ek_word(wi + 4)), d = ek_mac_s8(d, two, ek_word(wi + 4));                          \
        x += 8, x2 += 8, wi += 8;                                                                                \
    } while (0)
#endif

/* acc [rows][EK_TILE_POSITIONS] += the products of packed outputs with `n` positions of `taps` taps, `apart` taps apart.
 * Outputs come in twos: the one behind an odd number is of no meaning. */
static __attribute__((noinline)) void ek_tile(const int8_t *w, const int8_t *columns, int32_t apart, int32_t taps,
                                              int32_t n, int32_t rows, int32_t *acc)
{
    const int32_t step = EK_TILE_WIDE * apart, back = step - EK_TILE_WIDE * taps;
    for (; rows > 0; rows -= 2, w += 2 * taps, acc += 2 * EK_TILE_POSITIONS) {
        const int8_t *x = columns, *const end = w + 2 * taps;
        int32_t *to = acc, *const last = acc + n - 1;
        do {
            const int8_t *x2 = to < last ? x + step : x, *wi = w;
            int32_t a = to[0], b = to[1], c = to[EK_TILE_POSITIONS], d = to[EK_TILE_POSITIONS + 1];
            if (taps & 4) {
                EK_TILE_FOUR;
            }
            while (wi != end) {
                EK_TILE_FOUR;
                EK_TILE_FOUR;
            }
            to[0] = a, to[EK_TILE_POSITIONS] = c;
            if (to < last) {
                to[1] = b, to[EK_TILE_POSITIONS + 1] = d;
            }
            x = x2 + back;
            to += 2;
        } while (to <= last);
    }
}

/* The high word of a * b, and c. */
static inline int32_t ek_high_sum(int32_t a, int32_t b, int32_t c)
{
    int32_t high;
    __asm__("smmla %0, %1, %2, %3" : "=r"(high) : "r"(a), "r"(b), "r"(c));
    return high;
}

/* y [n] = the outputs of channel c from their sums: of a shift of 33 or more only the high word of a product counts, and
 * where it has room for both, the zero point is added with the half that rounds. */
#define EK_OUTPUTS_OF_CHANNEL(name, y_type, bits)                                                                \
    static inline void name(const int32_t *acc, const ek_scales *s, int32_t c, y_type *y, int32_t n)             \
    {                                                                                                            \
        const int32_t mult = s->mult[c], shift = s->shift[c], y_zero = s->y_zero, y_min = s->y_min;              \
        const int32_t y_max = s->y_max, right = shift - 32;                                                      \
        if (shift < 33 || shift > 62 - bits) {                                                                   \
            for (int32_t j = 0; j < n; j++) {                                                                    \
                y[j] = (y_type)ek_output(acc[j], mult, shift, y_zero, y_min, y_max);                             \
            }                                                                                                    \
            return;                                                                                              \
        }                                                                                                        \
        const int32_t added = (1 << (right - 1)) + y_zero * (1 << right);                                        \
        if (y_min == -(1 << (bits - 1)) && y_max == (1 << (bits - 1)) - 1) {                                     \
            for (; n >= 4; n -= 4, acc += 4, y += 4) {                                                           \
                y[0] = (y_type)__ssat(ek_high_sum(acc[0], mult, added) >> right, bits);                          \
                y[1] = (y_type)__ssat(ek_high_sum(acc[1], mult, added) >> right, bits);                          \
                y[2] = (y_type)__ssat(ek_high_sum(acc[2], mult, added) >> right, bits);                          \
                y[3] = (y_type)__ssat(ek_high_sum(acc[3], mult, added) >> right, bits);                          \
            }                                                                                                    \
        }                                                                                                        \
        for (; n > 0; n--) {                                                                                     \
            *y++ = (y_type)ek_clamp(ek_high_sum(*acc++, mult, added) >> right, y_min, y_max);                    \
        }                                                                                                        \
    }
EK_OUTPUTS_OF_CHANNEL(ek_channel_outputs_s8, int8_t, 8)
EK_OUTPUTS_OF_CHANNEL(ek_channel_outputs_s16, int16_t, 16)

/* y [rows][plane] = n outputs of each channel from number c on. */
#define EK_TILE_OUTPUTS_TO(name, y_type, outputs)                                                                \
    static __attribute__((noinline)) void name(const int32_t *acc, int32_t apart, int32_t rows, int32_t plane,   \
                                               const ek_scales *s, int32_t c, y_type *y, int32_t n)              \
    {                                                                                                            \
        for (; rows > 0; rows--, c++, acc += apart, y += plane) {                                                \
            outputs(acc, s, c, y, n);                                                                            \
        }                                                                                                        \
    }
EK_TILE_OUTPUTS_TO(ek_tile_outputs_s8, int8_t, ek_channel_outputs_s8)
EK_TILE_OUTPUTS_TO(ek_tile_outputs_s16, int16_t, ek_channel_outputs_s16)

/* y [n] = from [n], `apart` elements from one to the next. */
#define EK_PUT_APART_TO(name, y_type)                                                             \
    static inline void name(const y_type *from, int32_t n, y_type *y, int32_t apart)              \
    {                                                                                             \
        for (; n > 0; n--, y += apart) {                                                          \
            *y = *from++;                                                                         \
        }                                                                                         \
    }
EK_PUT_APART_TO(ek_put_apart_s8, int8_t)
EK_PUT_APART_TO(ek_put_apart_s16, int16_t)

#endif
