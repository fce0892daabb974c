/* Sums of a few taps for a row of outputs; runtime/src/<isa>/ek_taps_row.h are others, with the same results. */
#ifndef EK_TAPS_ROW_GUARD
#define EK_TAPS_ROW_GUARD

#include "edgekit.h"

#define EK_TAPS_IN_ROW 64 /* products of 2^22 that fit an int32 sum */
#define EK_SHORT_ROW 16 /* shorter rows of outputs are computed several at once */
#define EK_PADDED_PLANES 1024 /* elements of planes with their padding, on the stack */

/* sums [n] = start + the sum over t of w [t] * x [offset [t] + j * stride], j the number of the output. */
#define EK_TAPS_ROW(name, x_type)                                                                                \
    static inline void name(const x_type *restrict x, const int32_t *restrict offset, const int8_t *restrict w,   \
                            int32_t taps, int32_t stride, int32_t start, int32_t *restrict sums, int32_t n)      \
    {                                                                                                            \
        int32_t j = 0;                                                                                           \
        for (; j + 4 <= n; j += 4, x += 4 * stride) {                                                            \
            int32_t a = start, b = start, c = start, d = start;                                                  \
            for (int32_t t = 0; t < taps; t++) {                                                                 \
                const x_type *const at = x + offset[t];                                                          \
                a += at[0] * w[t], b += at[stride] * w[t], c += at[2 * stride] * w[t], d += at[3 * stride] * w[t]; \
            }                                                                                                    \
            sums[j] = a, sums[j + 1] = b, sums[j + 2] = c, sums[j + 3] = d;                                      \
        }                                                                                                        \
        for (; j < n; j++, x += stride) {                                                                        \
            int32_t a = start;                                                                                   \
            for (int32_t t = 0; t < taps; t++) {                                                                 \
                a += x[offset[t]] * w[t];                                                                        \
            }                                                                                                    \
            sums[j] = a;                                                                                         \
        }                                                                                                        \
    }
EK_TAPS_ROW(ek_taps_row_s8, int8_t)
EK_TAPS_ROW(ek_taps_row_s16, int16_t)

#endif
