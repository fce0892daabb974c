/* Armv7-A: int8 products of one vector. There are registers for one four of x, and a load brings two panels. */
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
    for (; n > 0; n--, x += 4) {
        const int8x16_t taps = ek_four_of(x, 0);
        EK_UNROLL for (int32_t p = 0; p + 2 <= panels; p += 2)
        {
            const int8x16x2_t two = vld1q_s8_x2(w);
            ek_add_four(taps, two.val[0], halves[p]);
            ek_add_four(taps, two.val[1], halves[p + 1]);
            w += 32;
        }
        if (panels & 1) {
            ek_add_four(taps, vld1q_s8(w), halves[panels - 1]);
            w += 16;
        }
    }
    EK_UNROLL for (int32_t p = 0; p < panels; p++)
    {
        sums[p] = vaddq_s32(sums[p], vpaddq_s32(halves[p][0], halves[p][1]));
    }
}

#endif
