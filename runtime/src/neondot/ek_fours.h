/* Armv8.2-A with dot products: four taps of four outputs, or of four positions, in a vector. */
#ifndef EK_FOURS_GUARD
#define EK_FOURS_GUARD

#include "ek_dot.h"

#define EK_TILE_PANELS 2 /* of four outputs, at once */
#define EK_TILE_VECTORS 3 /* of four positions, at once */
#define EK_FOURS_FIT 1 /* sums are 32 bits wide */
#define ek_fours_are_narrow(w, n) 1

/* Four taps of number n, for each position. */
static inline __attribute__((always_inline)) int8x16_t ek_four_of(const int8_t *w, int32_t n)
{
    return vreinterpretq_s8_s32(vld1q_dup_s32((const int32_t *)(const void *)(w + 4 * n)));
}

/* sums [4] of four outputs += the products of taps w with the four positions x. */
static inline __attribute__((always_inline)) void ek_add_four(int8x16_t w, int8x16_t x, int32x4_t *sums, int32_t apart)
{
    sums[0] = vdotq_laneq_s32(sums[0], x, w, 0);
    sums[apart] = vdotq_laneq_s32(sums[apart], x, w, 1);
    sums[2 * apart] = vdotq_laneq_s32(sums[2 * apart], x, w, 2);
    sums[3 * apart] = vdotq_laneq_s32(sums[3 * apart], x, w, 3);
}

/* sums [4 * panels][vectors] += the products of `rows` by `fours` taps of that many outputs and positions. A row of x starts
 * at[row] bytes behind x, its fours are x_step apart; the fours of w lie side by side, its panels w_step apart. */
static inline __attribute__((always_inline)) void ek_add_fours(const int8_t *x, const uint16_t *at, int32_t x_step,
                                                               const int8_t *w, ptrdiff_t w_step, int32_t rows,
                                                               int32_t fours, int32_t panels, int32_t vectors,
                                                               int is_narrow, int32x4_t *sums)
{
    (void)is_narrow;
    for (int32_t r = 0; r < rows; r++) {
        const int8_t *from = x + at[r];
        _Pragma("GCC unroll 2") for (int32_t i = fours; i > 0; i--, from += x_step, w += 16)
        {
            EK_UNROLL for (int32_t p = 0; p < panels; p++)
            {
                const int8x16_t taps = vld1q_s8(w + p * w_step);
                EK_UNROLL for (int32_t v = 0; v < vectors; v++)
                {
                    ek_add_four(taps, vld1q_s8(from + 16 * v), sums + 4 * p * vectors + v, vectors);
                }
            }
        }
    }
}

/* sums [n] += the products of `fours` taps with windows, n <= 4: of four f the bytes that lie at[f] behind a window. */
static inline __attribute__((always_inline)) void ek_add_windows(const int8_t *const *from, const uint8x16_t *bytes,
                                                                 int32_t n, const int32_t *at, const int8x16_t *taps,
                                                                 int32_t fours, int is_wide, int is_narrow, int32x4_t *sums)
{
    (void)is_narrow;
    EK_UNROLL for (int32_t f = 0; f < fours; f++)
    {
        EK_UNROLL for (int32_t v = 0; v < n; v++)
        {
            sums[v] = vdotq_s32(sums[v], ek_window(from[v] + at[f], bytes[v], is_wide), taps[f]);
        }
    }
}

#endif
