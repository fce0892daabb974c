/* Armv7E-M: what quantizing makes of one float before the zero point. The conversion rounds half to even, saturates, and makes
 * 0 of NaN. */
#ifndef EK_QUOTIENT_GUARD
#define EK_QUOTIENT_GUARD

#include "edgekit.h"

#include <arm_acle.h>

#define EK_QUOTIENT_MOST 131072.0f /* saturates with any zero point of 16 bits, and is exact to round */

/* x / scale, rounded half to even and saturated; 0 of NaN. */
static inline int32_t ek_quotient(float x, float scale)
{
    float v = x / scale;
#if defined(__ARM_FP) && (__ARM_FP & 4)
    int32_t whole;
    __asm__("vcvtr.s32.f32 %0, %0" : "+t"(v));
    memcpy(&whole, &v, 4);
    return __ssat(whole, 18);
#else
    v = v == v ? v : 0.0f;
    v = v < EK_QUOTIENT_MOST ? v : EK_QUOTIENT_MOST;
    v = v > -EK_QUOTIENT_MOST ? v : -EK_QUOTIENT_MOST;
    return (int32_t)ek_roundf1(v);
#endif
}

#endif
