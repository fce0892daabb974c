/* WebAssembly: eight outputs in two vectors. */
#ifndef EK_TAPS_ROW_GUARD
#define EK_TAPS_ROW_GUARD

#include "ek_dot.h"

#define EK_TAPS_IN_ROW 64 /* products of 2^22 that fit an int32 sum */

/* sums [n] = start + the sum over t of w [t] * x [offset [t] + j * stride], j the number of the output. */
#define EK_TAPS_ROW(name, x_type, eight)                                                                         \
    static inline void name(const x_type *x, const int32_t *offset, const int8_t *w, int32_t taps, int32_t stride, \
                            int32_t start, int32_t *sums, int32_t n)                                             \
    {                                                                                                            \
        int32_t j = 0;                                                                                           \
        for (; stride == 1 && j + 8 <= n; j += 8) {                                                              \
            v128_t low = wasm_i32x4_splat(start), high = low;                                                    \
            for (int32_t t = 0; t < taps; t++) {                                                                 \
                const v128_t v = eight(x + j + offset[t]), tap = wasm_i16x8_splat(w[t]);                         \
                low = wasm_i32x4_add(low, wasm_i32x4_extmul_low_i16x8(v, tap));                                  \
                high = wasm_i32x4_add(high, wasm_i32x4_extmul_high_i16x8(v, tap));                               \
            }                                                                                                    \
            wasm_v128_store(sums + j, low);                                                                      \
            wasm_v128_store(sums + j + 4, high);                                                                 \
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
