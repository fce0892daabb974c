/* AArch64: eight outputs in a vector. */
#ifndef EK_TAPS_ROW_GUARD
#define EK_TAPS_ROW_GUARD

#include "edgekit.h"
#include "ek_neon.h"

#define EK_TAPS_IN_ROW 64 /* products of 2^22 that fit an int32 sum */
#define EK_SHORT_ROW 16 /* shorter rows of outputs are computed several at once */
#define EK_PADDED_PLANES 1024 /* elements of planes with their padding, on the stack */

static inline int16x8_t ek_eight_s8(const int8_t *x)
{
    return vmovl_s8(vld1_s8(x));
}

static inline int16x8_t ek_eight_s16(const int16_t *x)
{
    return vld1q_s16(x);
}

/* sums [n] = start + the sum over t of w [t] * x [offset [t] + j * stride], j the number of the output. */
#define EK_TAPS_ROW(name, x_type, load)                                                                          \
    static inline void name(const x_type *x, const int32_t *offset, const int8_t *w, int32_t taps, int32_t stride, \
                            int32_t start, int32_t *sums, int32_t n)                                             \
    {                                                                                                            \
        int32_t j = 0;                                                                                           \
        for (; stride == 1 && j + 8 <= n; j += 8) {                                                              \
            int32x4_t low = vdupq_n_s32(start), high = low;                                                      \
            for (int32_t t = 0; t < taps; t++) {                                                                 \
                const int16x8_t v = load(x + j + offset[t]);                                                     \
                low = vmlal_n_s16(low, vget_low_s16(v), w[t]);                                                   \
                high = vmlal_high_n_s16(high, v, w[t]);                                                          \
            }                                                                                                    \
            vst1q_s32(sums + j, low);                                                                            \
            vst1q_s32(sums + j + 4, high);                                                                       \
        }                                                                                                        \
        for (; j < n; j++) {                                                                                     \
            int32_t sum = start;                                                                                 \
            for (int32_t t = 0; t < taps; t++) {                                                                 \
                sum += x[offset[t] + j * stride] * w[t];                                                         \
            }                                                                                                    \
            sums[j] = sum;                                                                                       \
        }                                                                                                        \
    }
EK_TAPS_ROW(ek_taps_row_s8, int8_t, ek_eight_s8)
EK_TAPS_ROW(ek_taps_row_s16, int16_t, ek_eight_s16)

#endif
