/* WebAssembly: 16 int4 weights in half a vector, the even ones in the low nibbles. */
#ifndef EK_ROWS_W4_GUARD
#define EK_ROWS_W4_GUARD

#include "ek_int4.h"
#include "ek_rows.h"

/* 16 weights of 8 bytes, in order. */
static inline v128_t ek_sixteen_w4(const int8_t *pairs)
{
    const v128_t both = wasm_v128_load64_zero(pairs);
    const v128_t even = wasm_i8x16_shr(wasm_i8x16_shl(both, 4), 4), odd = wasm_i8x16_shr(both, 4);
    return wasm_i8x16_shuffle(even, odd, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}

/* acc [rows] += x [n] . w [n], rows `step` bytes apart. */
#define EK_FEW_ROWS_W4(name, x_type, acc_type, eight, add_totals)                                                \
    static inline __attribute__((always_inline)) void name(const x_type *x, const int8_t *w, ptrdiff_t step,     \
                                                           int32_t n, int32_t rows, acc_type *acc)               \
    {                                                                                                            \
        const int8_t *at[4] = {w, w + step, w + 2 * step, w + 3 * step};                                         \
        v128_t sum[4];                                                                                           \
        for (int32_t r = 0; r < rows; r++) {                                                                     \
            sum[r] = wasm_i32x4_const_splat(0);                                                                  \
        }                                                                                                        \
        for (int32_t i = n >> 4; i > 0; i--, x += 16) {                                                          \
            const v128_t first = eight(x), second = eight(x + 8);                                                \
            for (int32_t r = 0; r < rows; r++) {                                                                 \
                const v128_t taps = ek_sixteen_w4(at[r]);                                                        \
                sum[r] = ek_mac_s16(sum[r], first, wasm_i16x8_extend_low_i8x16(taps));                           \
                sum[r] = ek_mac_s16(sum[r], second, wasm_i16x8_extend_high_i8x16(taps));                         \
                at[r] += 8;                                                                                      \
            }                                                                                                    \
        }                                                                                                        \
        for (int32_t r = 0; r < rows; r++) {                                                                     \
            for (int32_t j = 0; j < (n & 15); j++) {                                                             \
                acc[r] += x[j] * ek_int4(at[r], j);                                                              \
            }                                                                                                    \
        }                                                                                                        \
        add_totals(acc, sum, rows);                                                                              \
    }
EK_FEW_ROWS_W4(ek_few_rows_s8_w4, int8_t, int32_t, ek_eight_s8, ek_add_totals_s32)
EK_FEW_ROWS_W4(ek_few_rows_s16_w4, int16_t, int64_t, ek_eight_s16, ek_add_totals_s64)

/* acc [rows] += x [k] . w [rows][k]. */
static inline void ek_rows_s8_w4(const int8_t *x, const int8_t *w, int32_t k, int32_t rows, int32_t *acc)
{
    const ptrdiff_t step = EK_BYTES_W4(k);
    int32_t row = 0;
    for (; row + 4 <= rows; row += 4) {
        ek_few_rows_s8_w4(x, w + row * step, step, k, 4, acc + row);
    }
    for (; row < rows; row++) {
        ek_few_rows_s8_w4(x, w + row * step, step, k, 1, acc + row);
    }
}

static inline void ek_rows_s16_w4(const int16_t *x, const int8_t *w, int32_t k, int32_t rows, int64_t *acc)
{
    const ptrdiff_t step = EK_BYTES_W4(k);
    for (int32_t at = 0; at < k; at += EK_PIECE_S16) {
        const int32_t n = k - at < EK_PIECE_S16 ? k - at : EK_PIECE_S16;
        const int8_t *wr = w + at / 2;
        int32_t row = 0;
        for (; row + 4 <= rows; row += 4, wr += 4 * step) {
            ek_few_rows_s16_w4(x + at, wr, step, n, 4, acc + row);
        }
        for (; row < rows; row++, wr += step) {
            ek_few_rows_s16_w4(x + at, wr, step, n, 1, acc + row);
        }
    }
}

#endif
