/* Intrinsics of AArch64 that Armv7-A spells in two, with the same results: halves of vectors, sums across lanes. It has
 * no quotients and roots of vectors. */
#ifndef EK_NEON_GUARD
#define EK_NEON_GUARD

#include <arm_neon.h>

#define vdupq_laneq_s32(v, lane) vdupq_lane_s32((lane) < 2 ? vget_low_s32(v) : vget_high_s32(v), (lane)&1)

static inline int16x8_t vmull_high_s8(int8x16_t a, int8x16_t b)
{
    return vmull_s8(vget_high_s8(a), vget_high_s8(b));
}

static inline int16x8_t vmlal_high_s8(int16x8_t sum, int8x16_t a, int8x16_t b)
{
    return vmlal_s8(sum, vget_high_s8(a), vget_high_s8(b));
}

static inline int64x2_t vmull_high_s32(int32x4_t a, int32x4_t b)
{
    return vmull_s32(vget_high_s32(a), vget_high_s32(b));
}

static inline int32x4_t vmlal_high_s16(int32x4_t sum, int16x8_t a, int16x8_t b)
{
    return vmlal_s16(sum, vget_high_s16(a), vget_high_s16(b));
}

static inline int32x4_t vmlal_high_n_s16(int32x4_t sum, int16x8_t a, int16_t b)
{
    return vmlal_n_s16(sum, vget_high_s16(a), b);
}

static inline int32x4_t vaddw_high_s16(int32x4_t sum, int16x8_t a)
{
    return vaddw_s16(sum, vget_high_s16(a));
}

static inline int16x8_t vmovl_high_s8(int8x16_t a)
{
    return vmovl_s8(vget_high_s8(a));
}

static inline uint32x4_t vmovl_high_u16(uint16x8_t a)
{
    return vmovl_u16(vget_high_u16(a));
}

static inline int64x2_t vmovl_high_s32(int32x4_t a)
{
    return vmovl_s32(vget_high_s32(a));
}

static inline int32x4_t vqmovn_high_s64(int32x2_t low, int64x2_t high)
{
    return vcombine_s32(low, vqmovn_s64(high));
}

static inline int64_t vaddlvq_s32(int32x4_t a)
{
    const int64x2_t pairs = vpaddlq_s32(a);
    return vgetq_lane_s64(pairs, 0) + vgetq_lane_s64(pairs, 1);
}

static inline int32x4_t vpaddq_s32(int32x4_t a, int32x4_t b)
{
    return vcombine_s32(vpadd_s32(vget_low_s32(a), vget_high_s32(a)), vpadd_s32(vget_low_s32(b), vget_high_s32(b)));
}

static inline int32_t vaddvq_s32(int32x4_t a)
{
    const int32x2_t pairs = vadd_s32(vget_low_s32(a), vget_high_s32(a));
    return vget_lane_s32(vpadd_s32(pairs, pairs), 0);
}

static inline int8x16_t vqtbl2q_s8(int8x16x2_t table, uint8x16_t at)
{
    const int8x8x4_t all = {{vget_low_s8(table.val[0]), vget_high_s8(table.val[0]), vget_low_s8(table.val[1]),
                             vget_high_s8(table.val[1])}};
    const int8x16_t by = vreinterpretq_s8_u8(at);
    return vcombine_s8(vtbl4_s8(all, vget_low_s8(by)), vtbl4_s8(all, vget_high_s8(by)));
}

static inline int8x16_t vqtbl1q_s8(int8x16_t table, uint8x16_t at)
{
    const int8x8x2_t all = {{vget_low_s8(table), vget_high_s8(table)}};
    const int8x16_t by = vreinterpretq_s8_u8(at);
    return vcombine_s8(vtbl2_s8(all, vget_low_s8(by)), vtbl2_s8(all, vget_high_s8(by)));
}

static inline float32x4_t vuzp1q_f32(float32x4_t a, float32x4_t b)
{
    return vuzpq_f32(a, b).val[0];
}

static inline uint32x4_t vcgtzq_f32(float32x4_t a)
{
    return vcgtq_f32(a, vdupq_n_f32(0.0f));
}

static inline float32x4_t vdivq_f32(float32x4_t a, float32x4_t b)
{
    float of[4], by[4];
    vst1q_f32(of, a);
    vst1q_f32(by, b);
    for (int32_t i = 0; i < 4; i++) {
        of[i] /= by[i];
    }
    return vld1q_f32(of);
}

static inline float32x4_t vsqrtq_f32(float32x4_t a)
{
    float of[4];
    vst1q_f32(of, a);
    for (int32_t i = 0; i < 4; i++) {
        of[i] = __builtin_sqrtf(of[i]);
    }
    return vld1q_f32(of);
}

#endif
