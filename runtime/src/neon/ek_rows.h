/* Advanced SIMD: panels of four rows, of which up to four alternate. A group of taps is four int8 taps of each row of a panel,
 * or one tap of each where operands are int16. */
#ifndef EK_ROWS_GUARD
#define EK_ROWS_GUARD

#include "ek_fours_of_one.h"
#include "ek_outputs_each.h"

#undef EK_ROWS
#define EK_ROWS 64
#define EK_PANEL 4
#define EK_BYTES_S8(k) ((ptrdiff_t)(((k) + 3) & ~3))
#define EK_BYTES_S16(k) ((ptrdiff_t)(k))
#define EK_PACKED(n) (((n) + EK_PANEL - 1) / EK_PANEL * EK_PANEL)
#define EK_SUMMED_TAPS 504 /* products of 2^22 that fit an int32 sum, a multiple of 4 */

/* acc [rows] += x [k] . w, of so many panels, of which only the last may have fewer than four rows. */
static inline __attribute__((always_inline)) void ek_panels_s8(const int8_t *x, const int8_t *w, int32_t k, int32_t panels,
                                                               int32_t rows, int32_t *acc)
{
    const int32_t whole = k & ~3;
    int32x4_t sums[EK_ONE_PANELS];
    EK_UNROLL for (int32_t p = 0; p < panels; p++)
    {
        sums[p] = vdupq_n_s32(0);
    }
    ek_fours_of_one(x, w, whole >> 2, panels, sums);
    if (whole < k) {
        int8_t last[8];
        vst1_s8(last, vcreate_s8(ek_some_bytes(x + whole, k - whole)));
        ek_fours_of_one(last, w + (ptrdiff_t)4 * panels * whole, 1, panels, sums);
    }
    EK_UNROLL for (int32_t p = 0; p < panels; p++, acc += 4)
    {
        if (p < panels - 1 || (rows & 3) == 0) {
            vst1q_s32(acc, vaddq_s32(vld1q_s32(acc), sums[p]));
        } else {
            int32_t four[4];
            vst1q_s32(four, sums[p]);
            for (int32_t row = 0; row < (rows & 3); row++) {
                acc[row] += four[row];
            }
        }
    }
}

/* sums [panels] of four rows += x [n] . w, n <= EK_SUMMED_TAPS. */
static inline __attribute__((always_inline)) void ek_taps_of_one(const int16_t *x, const int8_t *w, int32_t n, int32_t panels,
                                                                 int32x4_t *sums)
{
    for (; n >= 4; n -= 4, x += 4, w += 16 * panels) {
        const int16x4_t taps = vld1_s16(x);
        int16x4_t wide[4 * EK_ONE_PANELS];
        EK_UNROLL for (int32_t i = 0; i < panels; i++)
        {
            const int8x16_t narrow = vld1q_s8(w + 16 * i);
            const int16x8_t low = vmovl_s8(vget_low_s8(narrow)), high = vmovl_high_s8(narrow);
            wide[4 * i] = vget_low_s16(low), wide[4 * i + 1] = vget_high_s16(low);
            wide[4 * i + 2] = vget_low_s16(high), wide[4 * i + 3] = vget_high_s16(high);
        }
        EK_UNROLL for (int32_t p = 0; p < panels; p++)
        {
            sums[p] = vmlal_lane_s16(sums[p], wide[p], taps, 0);
            sums[p] = vmlal_lane_s16(sums[p], wide[panels + p], taps, 1);
            sums[p] = vmlal_lane_s16(sums[p], wide[2 * panels + p], taps, 2);
            sums[p] = vmlal_lane_s16(sums[p], wide[3 * panels + p], taps, 3);
        }
    }
    for (; n > 0; n--, x++, w += 4 * panels) {
        EK_UNROLL for (int32_t p = 0; p < panels; p++)
        {
            const int16x8_t wide = vmovl_s8(vget_low_s8(ek_four_of(w, p)));
            sums[p] = vmlal_n_s16(sums[p], vget_low_s16(wide), *x);
        }
    }
}

/* acc [rows] += x [k] . w, panels and rows as above. */
static inline __attribute__((always_inline)) void ek_panels_s16(const int16_t *x, const int8_t *w, int32_t k, int32_t panels,
                                                                int32_t rows, int64_t *acc)
{
    for (int32_t at = 0; at < k; at += EK_SUMMED_TAPS) {
        const int32_t n = k - at < EK_SUMMED_TAPS ? k - at : EK_SUMMED_TAPS;
        int32x4_t sums[EK_ONE_PANELS];
        int32_t made[4 * EK_ONE_PANELS];
        EK_UNROLL for (int32_t p = 0; p < panels; p++)
        {
            sums[p] = vdupq_n_s32(0);
        }
        ek_taps_of_one(x + at, w + (ptrdiff_t)4 * panels * at, n, panels, sums);
        EK_UNROLL for (int32_t p = 0; p < panels; p++)
        {
            vst1q_s32(made + 4 * p, sums[p]);
        }
        for (int32_t row = 0; row < rows; row++) {
            acc[row] += made[row];
        }
    }
}

/* name: acc [rows] += x [k] . w, packed rows; by itself, as its callers would leave it too few registers. */
#define EK_PACKED_ROWS(name, x_type, acc_type, of_panels, bytes)                                                 \
    static __attribute__((noinline)) void name##_packed(const x_type *x, const int8_t *w, int32_t k,             \
                                                        int32_t rows, acc_type *acc)                             \
    {                                                                                                            \
        for (; rows > 12; rows -= 16, w += 16 * bytes(k), acc += 16) {                                           \
            of_panels(x, w, k, 4, rows < 16 ? rows : 16, acc);                                                   \
        }                                                                                                        \
        if (rows > 8) {                                                                                          \
            of_panels(x, w, k, 3, rows, acc);                                                                    \
        } else if (rows > 4) {                                                                                   \
            of_panels(x, w, k, 2, rows, acc);                                                                    \
        } else if (rows > 0) {                                                                                   \
            of_panels(x, w, k, 1, rows, acc);                                                                    \
        }                                                                                                        \
    }                                                                                                            \
    static inline void name(const x_type *x, const int8_t *w, int32_t k, int32_t rows, acc_type *acc)            \
    {                                                                                                            \
        name##_packed(x, w, k, rows, acc);                                                                       \
    }
EK_PACKED_ROWS(ek_rows_s8, int8_t, int32_t, ek_panels_s8, EK_BYTES_S8)
EK_PACKED_ROWS(ek_rows_s16, int16_t, int64_t, ek_panels_s16, EK_BYTES_S16)

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

/* Whether eight shifts, which are below 64, are 32 or more. */
static inline int ek_are_high(const uint8_t *shift)
{
    uint32_t first, second;
    memcpy(&first, shift, 4);
    memcpy(&second, shift + 4, 4);
    return (first & second & 0x20202020u) == 0x20202020u;
}

/* Eight outputs with such shifts, saturated to 16 bits: the high words of the doubled products, and the rest of the shifts. */
static inline int16x8_t ek_eight_high(const int32_t *acc, const int32_t *mult, const uint8_t *shift, int32x4_t zero)
{
    const int16x8_t left = vmovl_s8(vsub_s8(vdup_n_s8(31), vreinterpret_s8_u8(vld1_u8(shift))));
    const int32x4_t low = vqdmulhq_s32(vld1q_s32(acc), vld1q_s32(mult));
    const int32x4_t high = vqdmulhq_s32(vld1q_s32(acc + 4), vld1q_s32(mult + 4));
    return vcombine_s16(vqmovn_s32(vaddq_s32(vrshlq_s32(low, vmovl_s16(vget_low_s16(left))), zero)),
                        vqmovn_s32(vaddq_s32(vrshlq_s32(high, vmovl_s16(vget_high_s16(left))), zero)));
}

static inline void ek_store_eight_s16(int16_t *y, int16x8_t q, int32_t y_min, int32_t y_max)
{
    vst1q_s16(y, vmaxq_s16(vminq_s16(q, vdupq_n_s16((int16_t)y_max)), vdupq_n_s16((int16_t)y_min)));
}

static inline void ek_store_eight_s8(int8_t *y, int16x8_t q, int32_t y_min, int32_t y_max)
{
    vst1_s8(y, vmax_s8(vmin_s8(vqmovn_s16(q), vdup_n_s8((int8_t)y_max)), vdup_n_s8((int8_t)y_min)));
}

/* y [n] = ek_output of acc [n], each with its own factor. */
#define EK_OUTPUTS(name, y_type, store, store_eight)                                                             \
    static inline void name(const int32_t *acc, const int32_t *mult, const uint8_t *shift, int32_t y_zero,       \
                            int32_t y_min, int32_t y_max, y_type *y, int32_t n)                                  \
    {                                                                                                            \
        const int32x4_t zero = vdupq_n_s32(y_zero);                                                              \
        int32_t j = 0;                                                                                           \
        while (j + 4 <= n) {                                                                                     \
            if (j + 8 <= n && ek_are_high(shift + j)) {                                                          \
                store_eight(y + j, ek_eight_high(acc + j, mult + j, shift + j, zero), y_min, y_max);             \
                j += 8;                                                                                          \
            } else {                                                                                             \
                store(y + j, ek_four_outputs(acc + j, mult + j, shift + j, y_zero, y_min, y_max));               \
                j += 4;                                                                                          \
            }                                                                                                    \
        }                                                                                                        \
        for (; j < n; j++) {                                                                                     \
            y[j] = (y_type)ek_output(acc[j], mult[j], shift[j], y_zero, y_min, y_max);                           \
        }                                                                                                        \
    }
EK_OUTPUTS(ek_outputs_s32_s8, int8_t, ek_store_four_s8, ek_store_eight_s8)
EK_OUTPUTS(ek_outputs_s32_s16, int16_t, ek_store_four_s16, ek_store_eight_s16)

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
