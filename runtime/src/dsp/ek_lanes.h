/* One int32, where a product of 32 bits has its upper half at once. */
#ifndef EK_LANES_GUARD
#define EK_LANES_GUARD

#include "edgekit.h"

#define EK_WIDTH 1
typedef int32_t ek_i;

static inline ek_i ek_i_all(int32_t v)
{
    return v;
}

/* The first n of x, which is 1 at least. */
static inline ek_i ek_i_load_s8(const int8_t *x, int32_t n)
{
    (void)n;
    return *x;
}

static inline ek_i ek_i_load_s16(const int16_t *x, int32_t n)
{
    (void)n;
    return *x;
}

static inline ek_i ek_i_load_s32(const int32_t *x, int32_t n)
{
    (void)n;
    return *x;
}

static inline void ek_i_store_s16(int16_t *y, ek_i v, int32_t n)
{
    (void)n;
    *y = (int16_t)v;
}

static inline void ek_i_store_s8(int8_t *y, ek_i v, int32_t n)
{
    (void)n;
    *y = (int8_t)v;
}

static inline ek_i ek_i_add(ek_i a, ek_i b)
{
    return a + b;
}

static inline ek_i ek_i_sub(ek_i a, ek_i b)
{
    return a - b;
}

static inline ek_i ek_i_mul(ek_i a, ek_i b)
{
    return (int32_t)((uint32_t)a * (uint32_t)b);
}

static inline ek_i ek_i_shl(ek_i v, ek_i by)
{
    return (int32_t)((uint32_t)v << by);
}

/* by is 0..62. */
static inline ek_i ek_i_shr(ek_i v, ek_i by)
{
    return v >> (by < 31 ? by : 31);
}

static inline ek_i ek_i_clamp(ek_i v, ek_i lo, ek_i hi)
{
    return ek_clamp(v, lo, hi);
}

/* a where v < 0, else b. */
static inline ek_i ek_i_where_negative(ek_i v, ek_i a, ek_i b)
{
    return v < 0 ? a : b;
}

/* The upper halves of the 64-bit sums a * b, and a * b + c * d. */
static inline ek_i ek_i_high(ek_i a, ek_i b)
{
    return (int32_t)(((int64_t)a * b) >> 32);
}

static inline ek_i ek_i_high_of_two(ek_i a, ek_i b, ek_i c, ek_i d)
{
    return (int32_t)(((int64_t)a * b + (int64_t)c * d) >> 32);
}

#endif
