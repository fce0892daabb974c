/* Armv8.0-A: four taps of four outputs, or of four positions, in a vector. Products are 16 bits wide; a sum has two parts. */
#ifndef EK_FOURS_GUARD
#define EK_FOURS_GUARD

#include "ek_dot.h"

#define EK_TILE_PANELS 1 /* of four outputs, at once */
#define EK_TILE_VECTORS 2 /* of four positions, at once */
#define EK_FOURS_FIT 0 /* whether two products fit 16 bits whatever they are; where they do, that takes 3 instructions, not 4 */

/* Whether two products fit 16 bits for every x: where none of the n weights is -128; n is a multiple of 16. */
static inline int ek_fours_are_narrow(const int8_t *w, ptrdiff_t n)
{
    int8x16_t least = vdupq_n_s8(0);
    int8_t lanes[8];
    int32_t least_of_all = 0;
    for (; n >= 64; n -= 64, w += 64) {
        const int8x16_t a = vminq_s8(vld1q_s8(w), vld1q_s8(w + 16)), b = vminq_s8(vld1q_s8(w + 32), vld1q_s8(w + 48));
        least = vminq_s8(least, vminq_s8(a, b));
    }
    for (; n > 0; n -= 16, w += 16) {
        least = vminq_s8(least, vld1q_s8(w));
    }
    vst1_s8(lanes, vmin_s8(vget_low_s8(least), vget_high_s8(least)));
    for (int32_t i = 0; i < 8; i++) {
        least_of_all = lanes[i] < least_of_all ? lanes[i] : least_of_all;
    }
    return least_of_all > -128;
}

/* Four taps of one of four outputs, for each position. */
static inline __attribute__((always_inline)) int8x16_t ek_four_of(const int8_t *w, int32_t output)
{
    return vreinterpretq_s8_s32(vld1q_dup_s32((const int32_t *)(const void *)(w + 4 * output)));
}

/* sums [2], of positions 0 and 1 and of 2 and 3, += x . w. */
static inline __attribute__((always_inline)) void ek_add_four(int8x16_t w, int8x16_t x, int32x4_t *sums)
{
    sums[0] = vpadalq_s16(sums[0], vmull_s8(vget_low_s8(x), vget_low_s8(w)));
    sums[1] = vpadalq_s16(sums[1], vmull_high_s8(x, w));
}

/* The same of two fours, which fit 16 bits together. */
static inline __attribute__((always_inline)) void ek_add_two_fours(int8x16_t w, int8x16_t x, int8x16_t w2, int8x16_t x2,
                                                                   int32x4_t *sums)
{
    const int16x8_t low = vmull_s8(vget_low_s8(x), vget_low_s8(w)), high = vmull_high_s8(x, w);
    sums[0] = vpadalq_s16(sums[0], vmlal_s8(low, vget_low_s8(x2), vget_low_s8(w2)));
    sums[1] = vpadalq_s16(sums[1], vmlal_high_s8(high, x2, w2));
}

/* The sums of an output, of as many vectors of positions, with two fours of its taps. */
static inline __attribute__((always_inline)) void ek_add_output(int32x4_t first, const int8x16_t *one, int32x4_t second,
                                                                const int8x16_t *two, int32_t vectors,
                                                                int32x4_t (*halves)[2])
{
    EK_IN_TURN(first, second);
    EK_UNROLL for (int32_t v = 0; v < vectors; v++)
    {
        ek_add_two_fours(vreinterpretq_s8_s32(first), one[v], vreinterpretq_s8_s32(second), two[v], halves[v]);
    }
    EK_UNROLL for (int32_t v = 0; v < vectors; v++)
    {
        EK_IN_TURN(halves[v][0], halves[v][1]);
    }
}

/* sums [4 * panels][vectors] += the products of `rows` by `fours` taps of that many outputs and positions. A row of x starts
 * at[row] bytes behind x, its fours are x_step apart; the fours of w lie side by side, its panels w_step apart. */
static inline __attribute__((always_inline)) void ek_add_fours(const int8_t *x, const uint16_t *at, int32_t x_step,
                                                               const int8_t *w, ptrdiff_t w_step, int32_t rows,
                                                               int32_t fours, int32_t panels, int32_t vectors,
                                                               int is_narrow, int32x4_t *sums)
{
    int32x4_t halves[4 * EK_TILE_PANELS * EK_TILE_VECTORS][2];
    (void)w_step;
    EK_UNROLL for (int32_t i = 0; i < 4 * panels * vectors; i++)
    {
        halves[i][0] = halves[i][1] = vdupq_n_s32(0);
    }
    for (int32_t r = 0; r < rows; r++) {
        const int8_t *from = x + at[r];
        int32_t i = fours;
        for (; is_narrow && i >= 2; i -= 2, from += 2 * x_step, w += 32) {
            int8x16_t one[EK_TILE_VECTORS], two[EK_TILE_VECTORS];
            EK_UNROLL for (int32_t v = 0; v < vectors; v++)
            {
                one[v] = vld1q_s8(from + 16 * v), two[v] = vld1q_s8(from + x_step + 16 * v);
            }
            int32x4_t first = vreinterpretq_s32_s8(vld1q_s8(w)), second = vreinterpretq_s32_s8(vld1q_s8(w + 16));
            EK_IN_TURN(first, second);
            ek_add_output(vdupq_laneq_s32(first, 0), one, vdupq_laneq_s32(second, 0), two, vectors, halves);
            ek_add_output(vdupq_laneq_s32(first, 1), one, vdupq_laneq_s32(second, 1), two, vectors, halves + vectors);
            ek_add_output(vdupq_laneq_s32(first, 2), one, vdupq_laneq_s32(second, 2), two, vectors, halves + 2 * vectors);
            ek_add_output(vdupq_laneq_s32(first, 3), one, vdupq_laneq_s32(second, 3), two, vectors, halves + 3 * vectors);
        }
        for (; i > 0; i--, from += x_step, w += 16) {
            EK_UNROLL for (int32_t o = 0; o < 4; o++)
            {
                const int8x16_t taps = ek_four_of(w, o);
                EK_UNROLL for (int32_t v = 0; v < vectors; v++)
                {
                    ek_add_four(taps, vld1q_s8(from + 16 * v), halves[o * vectors + v]);
                }
            }
        }
    }
    EK_UNROLL for (int32_t i = 0; i < 4 * panels * vectors; i++)
    {
        sums[i] = vaddq_s32(sums[i], vpaddq_s32(halves[i][0], halves[i][1]));
    }
}

/* sums [n] += the products of `fours` taps with windows, n <= 4: of four f the bytes that lie at[f] behind a window. */
static inline __attribute__((always_inline)) void ek_add_windows(const int8_t *const *from, const uint8x16_t *bytes,
                                                                 int32_t n, const int32_t *at, const int8x16_t *taps,
                                                                 int32_t fours, int is_wide, int is_narrow, int32x4_t *sums)
{
    int32x4_t halves[4][2];
    int32_t f = 0;
    EK_UNROLL for (int32_t v = 0; v < n; v++)
    {
        halves[v][0] = halves[v][1] = vdupq_n_s32(0);
    }
    EK_UNROLL for (; is_narrow && f + 2 <= fours; f += 2)
    {
        EK_UNROLL for (int32_t v = 0; v < n; v++)
        {
            ek_add_two_fours(taps[f], ek_window(from[v] + at[f], bytes[v], is_wide), taps[f + 1],
                             ek_window(from[v] + at[f + 1], bytes[v], is_wide), halves[v]);
        }
    }
    EK_UNROLL for (; f < fours; f++)
    {
        EK_UNROLL for (int32_t v = 0; v < n; v++)
        {
            ek_add_four(taps[f], ek_window(from[v] + at[f], bytes[v], is_wide), halves[v]);
        }
    }
    EK_UNROLL for (int32_t v = 0; v < n; v++)
    {
        sums[v] = vaddq_s32(sums[v], vpaddq_s32(halves[v][0], halves[v][1]));
    }
}

#endif
