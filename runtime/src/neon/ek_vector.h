/* Vectors of AArch64. */
#ifndef EK_VECTOR_GUARD
#define EK_VECTOR_GUARD

#include "edgekit.h"
#include "ek_neon.h"

#define EK_LANES 4
#ifdef __aarch64__
#define EK_TILE_ROWS 8 /* of so many vectors each: their sums stay in registers */
#define EK_FMA_LANE(a, b, lane, c) vfmaq_laneq_f32(c, a, b, lane) /* a * b[lane] + c */
#else
#define EK_TILE_ROWS 4
#endif
#define EK_TILE_VECTORS 2
#define EK_LAST_INSIDE /* a rest of positions begins inside the vector before */
#define EK_ALL_IN 0xfu
typedef float32x4_t ek_v;

static inline ek_v ek_v_zero(void)
{
    return vdupq_n_f32(0.0f);
}

static inline ek_v ek_v_all(float x)
{
    return vdupq_n_f32(x);
}

static inline ek_v ek_v_load(const float *x)
{
    return vld1q_f32(x);
}

/* The first n; the other lanes are 0. */
static inline ek_v ek_v_load_some(const float *x, int32_t n)
{
    ek_v v = ek_v_zero();
    if (n >= 4) {
        return vld1q_f32(x);
    }
    if (n >= 2) {
        v = vcombine_f32(vld1_f32(x), vdup_n_f32(0.0f));
        return n == 3 ? vld1q_lane_f32(x + 2, v, 2) : v;
    }
    return n == 1 ? vld1q_lane_f32(x, v, 0) : v;
}

/* Lanes from..to-1 of x; the other lanes are 0, and are not read. */
static inline ek_v ek_v_load_range(const float *x, int32_t from, int32_t to)
{
    float lanes[EK_LANES] = {0.0f, 0.0f, 0.0f, 0.0f};
    if (from <= 0) {
        return ek_v_load_some(x, to);
    }
    for (int32_t i = from; i < to; i++) {
        lanes[i] = x[i];
    }
    return vld1q_f32(lanes);
}

/* Every second of 2 * EK_LANES - 1 floats. */
static inline ek_v ek_v_load_even(const float *x)
{
    return vuzp1q_f32(vld1q_f32(x), ek_v_load_some(x + 4, 3));
}

/* Every second of 2 * EK_LANES floats, which are all read. */
static inline ek_v ek_v_load_pairs(const float *x)
{
    return vuzp1q_f32(vld1q_f32(x), vld1q_f32(x + EK_LANES));
}

/* Every second float of lanes from..to-1; the other lanes are 0, and are not read. */
static inline ek_v ek_v_load_even_range(const float *x, int32_t from, int32_t to)
{
    float lanes[EK_LANES] = {0.0f, 0.0f, 0.0f, 0.0f};
    if (from == 0 && to == EK_LANES) {
        return ek_v_load_even(x);
    }
    for (int32_t i = from; i < to; i++) {
        lanes[i] = x[2 * i];
    }
    return vld1q_f32(lanes);
}

/* Lanes of such loads. */
typedef struct {
    int32_t from, to;
} ek_range;

static inline ek_range ek_range_of(int32_t from, int32_t to)
{
    const ek_range in = {from, to};
    return in;
}

static inline ek_range ek_even_range_of(int32_t from, int32_t to)
{
    return ek_range_of(from, to);
}

static inline ek_v ek_v_load_in(const float *x, ek_range in)
{
    return ek_v_load_range(x, in.from, in.to);
}

static inline ek_v ek_v_load_even_in(const float *x, ek_range in)
{
    return ek_v_load_even_range(x, in.from, in.to);
}

static inline void ek_v_store(float *x, ek_v v)
{
    vst1q_f32(x, v);
}

static inline void ek_v_store_some(float *x, ek_v v, int32_t n)
{
    if (n >= 4) {
        vst1q_f32(x, v);
        return;
    }
    if (n >= 2) {
        vst1_f32(x, vget_low_f32(v));
    }
    if (n == 1) {
        vst1q_lane_f32(x, v, 0);
    } else if (n == 3) {
        vst1q_lane_f32(x + 2, v, 2);
    }
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
    return vreinterpretq_f32_u32(vandq_u32(vcgtzq_f32(a), vreinterpretq_u32_f32(a)));
}

static inline ek_v ek_v_mul(ek_v a, ek_v b)
{
    return vmulq_f32(a, b);
}

/* What is below `low` or above `high` becomes that; what is no number stays. */
static inline ek_v ek_v_clip(ek_v a, ek_v low, ek_v high)
{
    return vminq_f32(vmaxq_f32(a, low), high);
}

static inline ek_v ek_v_div(ek_v a, ek_v b)
{
    return vdivq_f32(a, b);
}

static inline ek_v ek_v_sqrt(ek_v a)
{
    return vsqrtq_f32(a);
}

/* 2^n of v = n + 1.5 * 2^23, n within 126 of 0. */
static inline ek_v ek_v_pow2(ek_v v)
{
    return vreinterpretq_f32_s32(vaddq_s32(vshlq_n_s32(vreinterpretq_s32_f32(v), 23), vdupq_n_s32(127 << 23)));
}

/* a * b + c. */
static inline ek_v ek_v_fma(ek_v a, ek_v b, ek_v c)
{
    return vfmaq_f32(c, a, b);
}

#endif
