/* Vectors of Helium. */
#ifndef EK_VECTOR_GUARD
#define EK_VECTOR_GUARD

#include <arm_mve.h>

#include "edgekit.h"

#define EK_LANES 4
#define EK_TILE_ROWS 3 /* of two vectors each: their sums and these vectors take all eight registers */
#define EK_TILE_VECTORS 2
#define EK_ROW_PANELS 4  /* at once, of one row of a matrix: their sums stay in registers */
#define EK_PAIR_PANELS 2 /* of two */
#define EK_ROWS_PANELS 1 /* of four */
#define EK_ROWS_TOGETHER 4
#define EK_ROW_SUMS 1    /* a product is ready before the next one of its sum comes */
#define EK_MOST_VECTORS 4 /* of a single output */
#define EK_BANDS 512    /* floats on the stack */
#define EK_BLOCK_TAPS 128
#define EK_ALL_IN 0xfu
typedef float32x4_t ek_v;

static inline ek_v ek_v_all(float x)
{
    return vdupq_n_f32(x);
}

static inline ek_v ek_v_zero(void)
{
    return vdupq_n_f32(0.0f);
}

static inline ek_v ek_v_load(const float *x)
{
    return vld1q_f32(x);
}

/* Lanes from..to-1: those that a load or store takes. With vctp gcc 14 may crash in a loop. */
static inline mve_pred16_t ek_lanes_in(int32_t from, int32_t to)
{
    const uint32_t below = from > 0 ? (1u << 4 * (from < EK_LANES ? from : EK_LANES)) - 1u : 0u;
    const uint32_t all = to > 0 ? (1u << 4 * (to < EK_LANES ? to : EK_LANES)) - 1u : 0u;
    return (mve_pred16_t)(all & ~below);
}

/* The first n; the other lanes are 0. */
static inline ek_v ek_v_load_some(const float *x, int32_t n)
{
    return vldrwq_z_f32(x, ek_lanes_in(0, n));
}

/* Every second of 2 * EK_LANES - 1 floats, of the lanes that are in. */
static inline ek_v ek_v_load_even_where(const float *x, mve_pred16_t in)
{
    return vldrwq_gather_shifted_offset_z_f32(x, vmulq_n_u32(vidupq_n_u32(0, 1), 2), in);
}

/* Every second of 2 * EK_LANES - 1 floats. */
static inline ek_v ek_v_load_even(const float *x)
{
    return ek_v_load_even_where(x, 0xffff);
}

/* Lanes of such loads. */
typedef mve_pred16_t ek_range;

static inline ek_range ek_range_of(int32_t from, int32_t to)
{
    return ek_lanes_in(from, to);
}

static inline ek_range ek_even_range_of(int32_t from, int32_t to)
{
    return ek_lanes_in(from, to);
}

/* Lanes of x; the other lanes are 0, and are not read. */
static inline ek_v ek_v_load_in(const float *x, ek_range in)
{
    return vldrwq_z_f32(x, in);
}

/* The same of every second float. */
static inline ek_v ek_v_load_even_in(const float *x, ek_range in)
{
    return ek_v_load_even_where(x, in);
}

static inline void ek_v_store(float *x, ek_v v)
{
    vst1q_f32(x, v);
}

static inline void ek_v_store_some(float *x, ek_v v, int32_t n)
{
    vstrwq_p_f32(x, v, ek_lanes_in(0, n));
}

/* The lanes that are in, from x on; the others are 0. */
static inline ek_v ek_v_load_spread(const float *x, uint32_t in)
{
    float lanes[EK_LANES];
    if (in == EK_ALL_IN) {
        return ek_v_load(x);
    }
    for (int32_t j = 0; j < EK_LANES; j++) {
        lanes[j] = in >> j & 1 ? *x++ : 0.0f;
    }
    return ek_v_load(lanes);
}

/* The lanes that are in, side by side. */
static inline void ek_v_store_packed(float *x, ek_v v, uint32_t in)
{
    float lanes[EK_LANES];
    if (in == EK_ALL_IN) {
        ek_v_store(x, v);
        return;
    }
    ek_v_store(lanes, v);
    for (int32_t j = 0; j < EK_LANES; j++) {
        if (in >> j & 1) {
            *x++ = lanes[j];
        }
    }
}

static inline ek_v ek_v_add(ek_v a, ek_v b)
{
    return vaddq_f32(a, b);
}

/* What is above 0; 0 where nothing is, or no number. */
static inline ek_v ek_v_relu(ek_v a)
{
    return vpselq_f32(a, ek_v_zero(), vcmpgtq_n_f32(a, 0.0f));
}

static inline ek_v ek_v_mul(ek_v a, ek_v b)
{
    return vmulq_f32(a, b);
}

/* What is below `low` or above `high` becomes that; what is no number stays. */
static inline ek_v ek_v_clip(ek_v a, ek_v low, ek_v high)
{
    const ek_v above = vpselq_f32(low, a, vcmpgtq_f32(low, a)); /* a comparison "less" also takes what is no number */
    return vpselq_f32(high, above, vcmpgtq_f32(above, high));
}

/* Helium has no quotients and no roots of floats: the scalar unit has. */
static inline ek_v ek_v_div(ek_v a, ek_v b)
{
    float x[EK_LANES], y[EK_LANES];
    ek_v_store(x, a);
    ek_v_store(y, b);
    for (int32_t i = 0; i < EK_LANES; i++) {
        x[i] /= y[i];
    }
    return ek_v_load(x);
}

static inline ek_v ek_v_sqrt(ek_v a)
{
    float x[EK_LANES];
    ek_v_store(x, a);
    for (int32_t i = 0; i < EK_LANES; i++) {
        x[i] = ek_sqrtf1(x[i]);
    }
    return ek_v_load(x);
}

/* 2^n of v = n + 1.5 * 2^23, n within 126 of 0. */
static inline ek_v ek_v_pow2(ek_v v)
{
    return vreinterpretq_f32_s32(vaddq_n_s32(vshlq_n_s32(vreinterpretq_s32_f32(v), 23), 127 << 23));
}

/* a * b + c. */
static inline ek_v ek_v_fma(ek_v a, ek_v b, ek_v c)
{
    return vfmaq_f32(c, a, b);
}

/* The same of one number and a vector. */
#define EK_V_FMA_ALL(a, b, c) vfmaq_n_f32(c, b, a)

#endif
