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
