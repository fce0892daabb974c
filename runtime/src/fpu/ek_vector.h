/* Four floats in registers of a scalar floating-point unit with fused products. */
#ifndef EK_VECTOR_GUARD
#define EK_VECTOR_GUARD

#include "edgekit.h"

#define EK_LANES 4
#define EK_TILE_ROWS 4 /* of one vector each: their sums, a vector and a weight take 21 of 32 registers */
#define EK_TILE_VECTORS 1
#define EK_ROW_PANELS 4  /* at once, of one row of a matrix: their sums stay in registers */
#define EK_PAIR_PANELS 2 /* of two */
#define EK_ROWS_PANELS 1 /* of four */
#define EK_ROWS_TOGETHER 4
#define EK_ROW_SUMS 1    /* a product is ready before the next one of its sum comes */
#define EK_MOST_VECTORS 4 /* of a single output */
#define EK_BANDS 512    /* floats on the stack */
#define EK_BLOCK_TAPS 128
#define EK_ALL_IN 0xfu
typedef struct {
    float a, b, c, d;
} ek_v;

#define EK_V_INLINE static inline __attribute__((always_inline))

EK_V_INLINE ek_v ek_v_of(float a, float b, float c, float d)
{
    const ek_v v = {a, b, c, d};
    return v;
}

EK_V_INLINE ek_v ek_v_all(float x)
{
    return ek_v_of(x, x, x, x);
}

EK_V_INLINE ek_v ek_v_zero(void)
{
    return ek_v_all(0.0f);
}

EK_V_INLINE ek_v ek_v_load(const float *x)
{
    return ek_v_of(x[0], x[1], x[2], x[3]);
}

/* Lanes from..to-1 of every step'th float; the other lanes are 0, and are not read. */
EK_V_INLINE ek_v ek_v_load_lanes(const float *x, int32_t from, int32_t to, int32_t step)
{
    return ek_v_of(from <= 0 && to > 0 ? x[0] : 0.0f, from <= 1 && to > 1 ? x[step] : 0.0f,
                   from <= 2 && to > 2 ? x[2 * step] : 0.0f, from <= 3 && to > 3 ? x[3 * step] : 0.0f);
}

/* The first n; the other lanes are 0. */
EK_V_INLINE ek_v ek_v_load_some(const float *x, int32_t n)
{
    return ek_v_load_lanes(x, 0, n, 1);
}

/* Every second of 2 * EK_LANES - 1 floats. */
EK_V_INLINE ek_v ek_v_load_even(const float *x)
{
    return ek_v_of(x[0], x[2], x[4], x[6]);
}

/* Lanes of such loads. */
typedef struct {
    int32_t from, to;
} ek_range;

EK_V_INLINE ek_range ek_range_of(int32_t from, int32_t to)
{
    const ek_range in = {from, to};
    return in;
}

EK_V_INLINE ek_range ek_even_range_of(int32_t from, int32_t to)
{
    return ek_range_of(from, to);
}

/* Lanes of x; the other lanes are 0, and are not read. */
EK_V_INLINE ek_v ek_v_load_in(const float *x, ek_range in)
{
    return ek_v_load_lanes(x, in.from, in.to, 1);
}

/* The same of every second float. */
EK_V_INLINE ek_v ek_v_load_even_in(const float *x, ek_range in)
{
    return ek_v_load_lanes(x, in.from, in.to, 2);
}

EK_V_INLINE void ek_v_store(float *x, ek_v v)
{
    x[0] = v.a;
    x[1] = v.b;
    x[2] = v.c;
    x[3] = v.d;
}

/* The lanes that are in, side by side. */
EK_V_INLINE void ek_v_store_packed(float *x, ek_v v, uint32_t in)
{
    if (in & 1u) {
        *x++ = v.a;
    }
    if (in & 2u) {
        *x++ = v.b;
    }
    if (in & 4u) {
        *x++ = v.c;
    }
    if (in & 8u) {
        *x = v.d;
    }
}

EK_V_INLINE void ek_v_store_some(float *x, ek_v v, int32_t n)
{
    ek_v_store_packed(x, v, n >= EK_LANES ? EK_ALL_IN : (1u << n) - 1u);
}

/* The lanes that are in, from x on; the others are 0. */
EK_V_INLINE ek_v ek_v_load_spread(const float *x, uint32_t in)
{
    const float a = in & 1u ? *x++ : 0.0f, b = in & 2u ? *x++ : 0.0f, c = in & 4u ? *x++ : 0.0f;
    return ek_v_of(a, b, c, in & 8u ? *x : 0.0f);
}

EK_V_INLINE ek_v ek_v_add(ek_v x, ek_v y)
{
    return ek_v_of(x.a + y.a, x.b + y.b, x.c + y.c, x.d + y.d);
}

/* What is above 0; 0 where nothing is, or no number. */
EK_V_INLINE ek_v ek_v_relu(ek_v x)
{
    return ek_v_of(x.a > 0.0f ? x.a : 0.0f, x.b > 0.0f ? x.b : 0.0f, x.c > 0.0f ? x.c : 0.0f, x.d > 0.0f ? x.d : 0.0f);
}

EK_V_INLINE ek_v ek_v_mul(ek_v x, ek_v y)
{
    return ek_v_of(x.a * y.a, x.b * y.b, x.c * y.c, x.d * y.d);
}

EK_V_INLINE float ek_clipped(float x, float low, float high)
{
    x = x < low ? low : x;
    return x > high ? high : x;
}

/* What is below `low` or above `high` becomes that; what is no number stays. */
EK_V_INLINE ek_v ek_v_clip(ek_v x, ek_v low, ek_v high)
{
    return ek_v_of(ek_clipped(x.a, low.a, high.a), ek_clipped(x.b, low.b, high.b), ek_clipped(x.c, low.c, high.c),
                   ek_clipped(x.d, low.d, high.d));
}

EK_V_INLINE ek_v ek_v_div(ek_v x, ek_v y)
{
    return ek_v_of(x.a / y.a, x.b / y.b, x.c / y.c, x.d / y.d);
}

EK_V_INLINE ek_v ek_v_sqrt(ek_v x)
{
    return ek_v_of(ek_sqrtf1(x.a), ek_sqrtf1(x.b), ek_sqrtf1(x.c), ek_sqrtf1(x.d));
}

EK_V_INLINE float ek_pow2(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits = (bits << 23) + (127u << 23);
    memcpy(&x, &bits, sizeof bits);
    return x;
}

/* 2^n of v = n + 1.5 * 2^23, n within 126 of 0. */
EK_V_INLINE ek_v ek_v_pow2(ek_v v)
{
    return ek_v_of(ek_pow2(v.a), ek_pow2(v.b), ek_pow2(v.c), ek_pow2(v.d));
}

/* A core without fused products rounds twice: its fmaf would be a function of libm. */
EK_V_INLINE float ek_fma(float x, float y, float z)
{
#ifdef __FP_FAST_FMAF
    return __builtin_fmaf(x, y, z);
#else
    return x * y + z;
#endif
}

/* x * y + z. */
EK_V_INLINE ek_v ek_v_fma(ek_v x, ek_v y, ek_v z)
{
    return ek_v_of(ek_fma(x.a, y.a, z.a), ek_fma(x.b, y.b, z.b), ek_fma(x.c, y.c, z.c), ek_fma(x.d, y.d, z.d));
}

#endif
