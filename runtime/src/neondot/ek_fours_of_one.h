/* Armv8.2-A with dot products: int8 products of one vector. */
#ifndef EK_FOURS_OF_ONE_GUARD
#define EK_FOURS_OF_ONE_GUARD

#include "ek_fours.h"

#define EK_ONE_PANELS 4 /* of four outputs, at once */

/* sums [panels] of four outputs each, at one position, += the products of n fours of w and x, side by side; of w the next
 * panel's four comes before the next four. */
static inline __attribute__((always_inline)) void ek_fours_of_one(const int8_t *x, const int8_t *w, int32_t n, int32_t panels,
                                                                  int32x4_t *sums)
{
    for (; n >= 4; n -= 4, x += 16, w += 64 * panels) {
        const int8x16_t taps = vld1q_s8(x);
        EK_UNROLL for (int32_t p = 0; p < panels; p++)
        {
            const int8_t *const at = w + 16 * p;
            sums[p] = vdotq_laneq_s32(sums[p], vld1q_s8(at), taps, 0);
            sums[p] = vdotq_laneq_s32(sums[p], vld1q_s8(at + 16 * panels), taps, 1);
            sums[p] = vdotq_laneq_s32(sums[p], vld1q_s8(at + 32 * panels), taps, 2);
            sums[p] = vdotq_laneq_s32(sums[p], vld1q_s8(at + 48 * panels), taps, 3);
        }
    }
    for (; n > 0; n--, x += 4, w += 16 * panels) {
        const int8x16_t taps = ek_four_of(x, 0);
        EK_UNROLL for (int32_t p = 0; p < panels; p++)
        {
            sums[p] = vdotq_s32(sums[p], vld1q_s8(w + 16 * p), taps);
        }
    }
}

#endif
