/* Helium: eight outputs in two vectors. */
#ifndef EK_TAPS_ROW_GUARD
#define EK_TAPS_ROW_GUARD

#include "edgekit.h"

#include <arm_mve.h>

#define EK_TAPS_IN_ROW 64 /* products of 2^22 that fit an int32 sum */
#define EK_SHORT_ROW 1 /* a vector takes a row of any length */
#define EK_PADDED_PLANES 1

/* sums [n] = start + the sum over t of w [t] * x [offset [t] + j * stride], j the number of the output. */
#define EK_TAPS_ROW(name, x_type, load, gather)                                                                  \
    static inline void name(const x_type *x, const int32_t *offset, const int8_t *w, int32_t taps, int32_t stride, \
                            int32_t start, int32_t *sums, int32_t n)                                             \
    {                                                                                                            \
        const uint32x4_t apart = vmulq_n_u32(vidupq_n_u32(0, 1), (uint32_t)stride);                              \
        for (int32_t j = 0; j < n; j += 8, x += 8 * stride) {                                                    \
            const mve_pred16_t some = vctp32q((uint32_t)(n - j));                                                \
            const mve_pred16_t rest = n - j > 4 ? vctp32q((uint32_t)(n - j - 4)) : 0;                            \
            int32x4_t low = vdupq_n_s32(start), high = low;                                                      \
            if (stride == 1) {                                                                                   \
                for (int32_t t = 0; t < taps; t++) {                                                             \
                    low = vmlaq_n_s32(low, load(x + offset[t], some), w[t]);                                     \
                    high = vmlaq_n_s32(high, load(x + offset[t] + 4, rest), w[t]);                               \
                }                                                                                                \
            } else {                                                                                             \
                for (int32_t t = 0; t < taps; t++) {                                                             \
                    low = vmlaq_n_s32(low, gather(x + offset[t], apart, some), w[t]);                            \
                    high = vmlaq_n_s32(high, gather(x + offset[t] + 4 * stride, apart, rest), w[t]);             \
                }                                                                                                \
            }                                                                                                    \
            vstrwq_p_s32(sums + j, low, some);                                                                   \
            vstrwq_p_s32(sums + j + 4, high, rest);                                                              \
        }                                                                                                        \
    }
EK_TAPS_ROW(ek_taps_row_s8, int8_t, vldrbq_z_s32, vldrbq_gather_offset_z_s32)
EK_TAPS_ROW(ek_taps_row_s16, int16_t, vldrhq_z_s32, vldrhq_gather_shifted_offset_z_s32)

#endif
