/* AArch64: rows are not packed. */
#ifndef EK_ROWS_GUARD
#define EK_ROWS_GUARD

#include "ek_dot.h"
#include "ek_outputs_each.h"

#define EK_PANEL 1
#define EK_BYTES_S8(k) ((ptrdiff_t)(k))
#define EK_BYTES_S16(k) ((ptrdiff_t)(k))
#define EK_PACKED(n) (n)

/* acc [rows] += x [k] . w. */
static inline void ek_rows_s8(const int8_t *x, const int8_t *w, int32_t k, int32_t rows, int32_t *acc)
{
    ek_dots_s8(x, 0, w, k, k, rows, acc);
}

static inline void ek_rows_s16(const int16_t *x, const int8_t *w, int32_t k, int32_t rows, int64_t *acc)
{
    ek_dots_s16(x, 0, w, k, k, rows, acc);
}

/* Four outputs: 64 bits wide, one rounding. */
static inline int32x4_t ek_four_outputs(const int32_t *acc, const int32_t *mult, const uint8_t *shift, int32_t y_zero,
                                        int32_t y_min, int32_t y_max)
{
    uint32_t shifts;
    memcpy(&shifts, shift, 4);
    const uint16x8_t wide = vmovl_u8(vreinterpret_u8_u64(vcreate_u64(shifts)));
    const int32x4_t right = vnegq_s32(vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(wide))));
    const int32x4_t a = vld1q_s32(acc), m = vld1q_s32(mult);
    const int64x2_t low = vrshlq_s64(vmull_s32(vget_low_s32(a), vget_low_s32(m)), vmovl_s32(vget_low_s32(right)));
    const int64x2_t high = vrshlq_s64(vmull_high_s32(a, m), vmovl_high_s32(right));
    const int32x4_t q = vqaddq_s32(vqmovn_high_s64(vqmovn_s64(low), high), vdupq_n_s32(y_zero));
    return vmaxq_s32(vminq_s32(q, vdupq_n_s32(y_max)), vdupq_n_s32(y_min));
}

static inline void ek_store_four_s16(int16_t *y, int32x4_t q)
{
    vst1_s16(y, vmovn_s32(q));
}

static inline void ek_store_four_s8(int8_t *y, int32x4_t q)
{
    const int16x4_t half = vmovn_s32(q);
    vst1_lane_s32((int32_t *)(void *)y, vreinterpret_s32_s8(vmovn_s16(vcombine_s16(half, half))), 0);
}

/* y [n] = ek_output of acc [n], each with its own factor. */
#define EK_OUTPUTS(name, y_type, store)                                                                          \
    static inline void name(const int32_t *acc, const int32_t *mult, const uint8_t *shift, int32_t y_zero,       \
                            int32_t y_min, int32_t y_max, y_type *y, int32_t n)                                  \
    {                                                                                                            \
        int32_t j = 0;                                                                                           \
        for (; j + 4 <= n; j += 4) {                                                                             \
            store(y + j, ek_four_outputs(acc + j, mult + j, shift + j, y_zero, y_min, y_max));                   \
        }                                                                                                        \
        for (; j < n; j++) {                                                                                     \
            y[j] = (y_type)ek_output(acc[j], mult[j], shift[j], y_zero, y_min, y_max);                           \
        }                                                                                                        \
    }
EK_OUTPUTS(ek_outputs_s32_s8, int8_t, ek_store_four_s8)
EK_OUTPUTS(ek_outputs_s32_s16, int16_t, ek_store_four_s16)

/* Four sums by one factor, without the zero: the high word of the doubled product, and the rest of a shift of 32 or more. */
static inline int32x4_t ek_four_scaled(const int32_t *acc, int32x4_t mult, int32x4_t left)
{
    return vrshlq_s32(vqdmulhq_s32(vld1q_s32(acc), mult), left);
}

/* y [n] = ek_output of acc [n], all with one factor. */
static inline void ek_channel_outputs_s8(const int32_t *acc, int32_t mult, int32_t shift, int32_t y_zero, int32_t y_min,
                                         int32_t y_max, int8_t *y, int32_t n)
{
    const int32x4_t by = vdupq_n_s32(mult), left = vdupq_n_s32(31 - shift);
    const int16x8_t zero = vdupq_n_s16((int16_t)y_zero);
    const int8x8_t least = vdup_n_s8((int8_t)y_min), most = vdup_n_s8((int8_t)y_max);
    int32_t j = 0;
    for (; shift >= 32 && j + 8 <= n; j += 8) {
        const int32x4_t low = ek_four_scaled(acc + j, by, left), high = ek_four_scaled(acc + j + 4, by, left);
        const int8x8_t q = vqmovn_s16(vqaddq_s16(vcombine_s16(vqmovn_s32(low), vqmovn_s32(high)), zero));
        vst1_s8(y + j, vmax_s8(vmin_s8(q, most), least));
    }
    for (; j < n; j++) {
        y[j] = (int8_t)ek_output(acc[j], mult, (uint8_t)shift, y_zero, y_min, y_max);
    }
}

static inline void ek_channel_outputs_s16(const int32_t *acc, int32_t mult, int32_t shift, int32_t y_zero, int32_t y_min,
                                          int32_t y_max, int16_t *y, int32_t n)
{
    const int32x4_t by = vdupq_n_s32(mult), left = vdupq_n_s32(31 - shift), zero = vdupq_n_s32(y_zero);
    const int32x4_t least = vdupq_n_s32(y_min), most = vdupq_n_s32(y_max);
    int32_t j = 0;
    for (; shift >= 32 && j + 4 <= n; j += 4) {
        const int32x4_t q = vaddq_s32(ek_four_scaled(acc + j, by, left), zero);
        vst1_s16(y + j, vmovn_s32(vmaxq_s32(vminq_s32(q, most), least)));
    }
    for (; j < n; j++) {
        y[j] = (int16_t)ek_output(acc[j], mult, (uint8_t)shift, y_zero, y_min, y_max);
    }
}

#endif
