/* Armv8.0-A: int8 products of one vector. A load brings four fours of x, each in all lanes. */
#ifndef EK_FOURS_OF_ONE_GUARD
#define EK_FOURS_OF_ONE_GUARD

#include "ek_fours.h"

#define EK_ONE_PANELS 4 /* of four outputs, at once */

/* sums [panels] of four outputs each, at one position, += the products of n fours of w and x, side by side; of w the next
 * panel's four comes before the next four. */
static inline __attribute__((always_inline)) void ek_fours_of_one(const int8_t *x, const int8_t *w, int32_t n, int32_t panels,
                                                                  int32x4_t *sums)
{
    int32x4_t halves[EK_ONE_PANELS][2];
    EK_UNROLL for (int32_t p = 0; p < panels; p++)
    {
        halves[p][0] = halves[p][1] = vdupq_n_s32(0);
    }
    for (; n >= 4; n -= 4, x += 16, w += 64 * panels) {
        const int32x4x4_t taps = vld4q_dup_s32((const int32_t *)(const void *)x);
        EK_UNROLL for (int32_t i = 0; i < 4 * panels; i++)
        {
            ek_add_four(vreinterpretq_s8_s32(taps.val[i / panels]), vld1q_s8(w + 16 * i), halves[i % panels]);
        }
    }
    for (; n > 0; n--, x += 4, w += 16 * panels) {
        const int8x16_t taps = ek_four_of(x, 0);
        EK_UNROLL for (int32_t p = 0; p < panels; p++)
        {
            ek_add_four(taps, vld1q_s8(w + 16 * p), halves[p]);
        }
    }
    EK_UNROLL for (int32_t p = 0; p < panels; p++)
    {
        sums[p] = vaddq_s32(sums[p], vpaddq_s32(halves[p][0], halves[p][1]));
    }
}

#endif
