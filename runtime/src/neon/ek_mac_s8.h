/* Armv8.0-A: products of int8 are 16 bits wide, sums of neighbours 32. */
#include "ek_neon.h"

/* acc + 16 products, four to a lane. */
static inline int32x4_t ek_mac_s8(int32x4_t acc, int8x16_t x, int8x16_t w)
{
    acc = vpadalq_s16(acc, vmull_s8(vget_low_s8(x), vget_low_s8(w)));
    return vpadalq_s16(acc, vmull_high_s8(x, w));
}

#define EK_MAC_NARROW /* where these fit, that takes three instructions in place of four */

/* The same, of which two to a lane are added in 16 bits. */
static inline int32x4_t ek_mac_narrow_s8(int32x4_t acc, int8x16_t x, int8x16_t w)
{
    return vpadalq_s16(acc, vmlal_high_s8(vmull_s8(vget_low_s8(x), vget_low_s8(w)), x, w));
}

/* Whether those of vectors w [n] fit for every x: not where both weights are -128. */
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
