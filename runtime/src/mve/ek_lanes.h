/* Vectors of 4 int32 of Helium. */
#ifndef EK_LANES_GUARD
#define EK_LANES_GUARD

#include "edgekit.h"

#include <arm_mve.h>

#define EK_WIDTH 4
typedef int32x4_t ek_i;

static inline ek_i ek_i_all(int32_t v)
{
    return vdupq_n_s32(v);
}

/* The first n of x; the other lanes are 0, and are not read. */
static inline ek_i ek_i_load_s8(const int8_t *x, int32_t n)
{
    return vldrbq_z_s32(x, vctp32q((uint32_t)n));
}

static inline ek_i ek_i_load_u8(const uint8_t *x, int32_t n)
{
    return vreinterpretq_s32_u32(vldrbq_z_u32(x, vctp32q((uint32_t)n)));
}

static inline ek_i ek_i_load_s16(const int16_t *x, int32_t n)
{
    return vldrhq_z_s32(x, vctp32q((uint32_t)n));
}

static inline ek_i ek_i_load_s32(const int32_t *x, int32_t n)
{
    return vldrwq_z_s32(x, vctp32q((uint32_t)n));
}

/* The first n lanes, which the type holds. */
static inline void ek_i_store_s16(int16_t *y, ek_i v, int32_t n)
{
    vstrhq_p_s32(y, v, vctp32q((uint32_t)n));
}

static inline void ek_i_store_s8(int8_t *y, ek_i v, int32_t n)
{
    vstrbq_p_s32(y, v, vctp32q((uint32_t)n));
}

static inline ek_i ek_i_add(ek_i a, ek_i b)
{
    return vaddq_s32(a, b);
}

static inline ek_i ek_i_sub(ek_i a, ek_i b)
{
    return vsubq_s32(a, b);
}

static inline ek_i ek_i_mul(ek_i a, ek_i b)
{
    return vmulq_s32(a, b);
}

static inline ek_i ek_i_shl(ek_i v, ek_i by)
{
    return vshlq_s32(v, by);
}

static inline ek_i ek_i_shr(ek_i v, ek_i by)
{
    return vshlq_s32(v, vnegq_s32(by));
}

static inline ek_i ek_i_clamp(ek_i v, ek_i lo, ek_i hi)
{
    return vminq_s32(vmaxq_s32(v, lo), hi);
}

/* a where v < 0, else b. */
static inline ek_i ek_i_where_negative(ek_i v, ek_i a, ek_i b)
{
    return vpselq_s32(a, b, vcmpltq_n_s32(v, 0));
}

/* The upper halves of the 64-bit sums a * b, and a * b + c * d. */
static inline ek_i ek_i_high(ek_i a, ek_i b)
{
    return vmulhq_s32(a, b);
}

static inline ek_i ek_i_high_of_two(ek_i a, ek_i b, ek_i c, ek_i d)
{
    const uint32x4_t low = vreinterpretq_u32_s32(vmulq_s32(a, b));
    const uint32x4_t sum = vaddq_u32(low, vreinterpretq_u32_s32(vmulq_s32(c, d)));
    const ek_i high = vaddq_s32(vmulhq_s32(a, b), vmulhq_s32(c, d));
    return vaddq_m_n_s32(high, high, 1, vcmphiq_u32(low, sum));
}

#endif
