/* WebAssembly: sixteen outputs, or eight, in vectors; two taps at once are a product of pairs. */
#ifndef EK_TAPS_ROW_GUARD
#define EK_TAPS_ROW_GUARD

#include "ek_dot.h"

#define EK_TAPS_IN_ROW 64 /* products of 2^22 that fit an int32 sum */
#define EK_SHORT_ROW 1 /* rows are computed one by one */
#define EK_PADDED_PLANES 1

/* sum [2] += eight outputs of two taps: a and b times the halves of `pair`. */
static inline void ek_add_pairs(v128_t *sum, v128_t a, v128_t b, v128_t pair)
{
    sum[0] = wasm_i32x4_add(sum[0], wasm_i32x4_dot_i16x8(wasm_i16x8_shuffle(a, b, 0, 8, 1, 9, 2, 10, 3, 11), pair));
    sum[1] = wasm_i32x4_add(sum[1], wasm_i32x4_dot_i16x8(wasm_i16x8_shuffle(a, b, 4, 12, 5, 13, 6, 14, 7, 15), pair));
}

/* sums [n] = start + the sum over t of w [t] * x [offset [t] + j * stride], j the number of the output. */
#define EK_TAPS_ROW(name, x_type, eight)                                                                         \
    static inline __attribute__((always_inline)) void name##_few(const x_type *x, const int32_t *offset,         \
                                                                 const int8_t *w, int32_t taps, int32_t start,   \
                                                                 int32_t *sums, int32_t eights)                  \
    {                                                                                                            \
        v128_t sum[4];                                                                                           \
        for (int32_t i = 0; i < 2 * eights; i++) {                                                               \
            sum[i] = wasm_i32x4_splat(start);                                                                    \
        }                                                                                                        \
        for (int32_t t = 0; t < taps; t += 2) {                                                                  \
            const int32_t both = t + 1 < taps;                                                                   \
            const x_type *const a = x + offset[t], *const b = x + offset[t + both];                              \
            const int32_t second = both ? w[t + 1] : 0;                                                          \
            const v128_t pair = wasm_i32x4_splat((int32_t)((uint32_t)second << 16 | (uint16_t)w[t]));            \
            for (int32_t i = 0; i < eights; i++) {                                                               \
                ek_add_pairs(sum + 2 * i, eight(a + 8 * i), eight(b + 8 * i), pair);                             \
            }                                                                                                    \
        }                                                                                                        \
        for (int32_t i = 0; i < 2 * eights; i++) {                                                               \
            wasm_v128_store(sums + 4 * i, sum[i]);                                                               \
        }                                                                                                        \
    }                                                                                                            \
    static inline void name(const x_type *x, const int32_t *offset, const int8_t *w, int32_t taps, int32_t stride, \
                            int32_t start, int32_t *sums, int32_t n)                                             \
    {                                                                                                            \
        int32_t j = 0;                                                                                           \
        for (; stride == 1 && j + 16 <= n; j += 16) {                                                            \
            name##_few(x + j, offset, w, taps, start, sums + j, 2);                                              \
        }                                                                                                        \
        if (stride == 1 && n >= 8) {                                                                             \
            for (; j < n; j += 8) { /* the last eight once more, rather than a few one by one */                 \
                j = j + 8 <= n ? j : n - 8;                                                                      \
                name##_few(x + j, offset, w, taps, start, sums + j, 1);                                          \
            }                                                                                                    \
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
