/* Advanced SIMD: integer convolutions by tiles of some outputs and positions, four taps side by side: ek_conv_tiles.h. */
#ifndef EK_TILE_GUARD
#define EK_TILE_GUARD

#include "ek_bits.h"
#include "ek_conv_shape.h"
#include "ek_fours.h"
#include "ek_rows.h"
#include "ek_scales.h"

#define EK_TILE_TAPS 1024
#define EK_TILE_FOURS
#define EK_TILE_PANEL 4 /* outputs side by side */

/* How the sums of eight channels become outputs: shifted up by `up`, by the high word of the doubled product, and by what is
 * `left` of a shift of 32 or more. Sums that do not fit when shifted up give outputs beyond any limit, as multipliers are 2^30
 * or more. Channels behind the last one have no meaning. */
typedef struct {
    int32_t is_high, bias[8], by[8], up[8], left[8], y_zero, y_min, y_max; /* is_high: up is 0 for each */
} ek_eight;

static __attribute__((noinline)) void ek_set_eight(const ek_scales *s, int32_t first, int32_t channels, ek_eight *e)
{
    uint8_t shift[8];
    for (int32_t i = 0; channels < 8 && i < 8; i++) {
        const int32_t c = first + ek_min(i, channels - 1);
        e->bias[i] = s->bias[c], e->by[i] = s->mult[c], shift[i] = s->shift[c];
    }
    if (channels == 8) { /* copies of a known length are not calls */
        memcpy(e->bias, s->bias + first, sizeof(e->bias));
        memcpy(e->by, s->mult + first, sizeof(e->by));
        memcpy(shift, s->shift + first, sizeof(shift));
    }
    const uint8x8_t right = vld1_u8(shift), up = vqsub_u8(vdup_n_u8(32), right);
    const int16x8_t left = vreinterpretq_s16_u16(vsubl_u8(vdup_n_u8(31), vadd_u8(right, up)));
    const int16x8_t wide = vreinterpretq_s16_u16(vmovl_u8(up));
    vst1q_s32(e->up, vmovl_s16(vget_low_s16(wide)));
    vst1q_s32(e->up + 4, vmovl_s16(vget_high_s16(wide)));
    vst1q_s32(e->left, vmovl_s16(vget_low_s16(left)));
    vst1q_s32(e->left + 4, vmovl_s16(vget_high_s16(left)));
    e->is_high = vget_lane_u64(vreinterpret_u64_u8(up), 0) == 0;
    e->y_zero = s->y_zero, e->y_min = s->y_min, e->y_max = s->y_max;
}

/* The zero and the limits of outputs, in the widths of both types. */
typedef struct {
    int16x8_t zero;
    int8x16_t least, most;
    int32x4_t wide_zero, wide_least, wide_most;
} ek_limits;

static inline __attribute__((always_inline)) ek_limits ek_limits_of(const ek_eight *e)
{
    const ek_limits l = {vdupq_n_s16((int16_t)e->y_zero), vdupq_n_s8((int8_t)e->y_min), vdupq_n_s8((int8_t)e->y_max),
                         vdupq_n_s32(e->y_zero), vdupq_n_s32(e->y_min), vdupq_n_s32(e->y_max)};
    return l;
}

/* y [4 * n] = n vectors, with the zero, within limits. */
static inline __attribute__((always_inline)) void ek_store_vectors_s8(const int32x4_t *q, int32_t n, const ek_limits *l,
                                                                      int8_t *y)
{
    const int16x4_t none = vdup_n_s16(0);
    const int16x8_t first = vcombine_s16(vqmovn_s32(q[0]), n > 1 ? vqmovn_s32(q[1]) : none);
    const int8x8_t low = vqmovn_s16(vqaddq_s16(first, l->zero));
    int8x8_t high = low;
    if (n > 2) {
        high = vqmovn_s16(vqaddq_s16(vcombine_s16(vqmovn_s32(q[2]), n > 3 ? vqmovn_s32(q[3]) : none), l->zero));
    }
    const int8x16_t both = vmaxq_s8(vminq_s8(vcombine_s8(low, high), l->most), l->least);
    if (n == 1) {
        vst1q_lane_s32((int32_t *)(void *)y, vreinterpretq_s32_s8(both), 0);
    } else if (n == 4) {
        vst1q_s8(y, both);
    } else {
        vst1_s8(y, vget_low_s8(both));
    }
    if (n == 3) {
        vst1q_lane_s32((int32_t *)(void *)(y + 8), vreinterpretq_s32_s8(both), 2);
    }
}

static inline __attribute__((always_inline)) void ek_store_vectors_s16(const int32x4_t *q, int32_t n, const ek_limits *l,
                                                                       int16_t *y)
{
    EK_UNROLL for (int32_t v = 0; v < n; v++)
    {
        const int32x4_t moved = vqaddq_s32(q[v], l->wide_zero);
        vst1_s16(y + 4 * v, vmovn_s32(vmaxq_s32(vminq_s32(moved, l->wide_most), l->wide_least)));
    }
}

/* The factor of a channel of eight. */
typedef struct {
    int32x4_t by, up, left;
} ek_factor;

static inline __attribute__((always_inline)) ek_factor ek_factor_of(const ek_eight *e, int32_t i)
{
    const ek_factor f = {vld1q_dup_s32(e->by + i), vld1q_dup_s32(e->up + i), vld1q_dup_s32(e->left + i)};
    return f;
}

/* y [4 * n] = the outputs of n vectors of sums, n <= 4; is_high: f.up is 0. */
static inline __attribute__((always_inline)) void ek_vector_outputs(const int32x4_t *sums, int32_t n, ek_factor f,
                                                                    const ek_limits *l, int is_high, EK_Y *y)
{
    int32x4_t q[4];
    EK_UNROLL for (int32_t v = 0; v < n; v++)
    {
        q[v] = vrshlq_s32(vqdmulhq_s32(is_high ? sums[v] : vqshlq_s32(sums[v], f.up), f.by), f.left);
    }
    if (sizeof(EK_Y) == 1) {
        ek_store_vectors_s8(q, n, l, (int8_t *)(void *)y);
    } else {
        ek_store_vectors_s16(q, n, l, (int16_t *)(void *)y);
    }
}

#endif
