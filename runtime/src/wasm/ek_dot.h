/* WebAssembly: four rows at a time, eight taps in a vector, taps and weights 16 bits wide. */
#ifndef EK_DOT_GUARD
#define EK_DOT_GUARD

#include "ek_wasm.h"

#define EK_ROWS 16
#define EK_PIECE_S16 1024 /* of 256 products of 2^22 in each of four int32 sums */

/* acc + 8 products, two to a lane. */
static inline v128_t ek_mac_s16(v128_t acc, v128_t x, v128_t w)
{
    return wasm_i32x4_add(acc, wasm_i32x4_dot_i16x8(x, w));
}

static inline v128_t ek_eight_s8(const int8_t *x)
{
    return wasm_i16x8_load8x8(x);
}

static inline v128_t ek_eight_s16(const int16_t *x)
{
    return wasm_v128_load(x);
}

/* The first n < 8; the others are 0. */
static inline v128_t ek_some_s8(const int8_t *x, int32_t n)
{
    int8_t few[8] = {0};
    for (int32_t i = 0; i < n; i++) {
        few[i] = x[i];
    }
    return ek_eight_s8(few);
}

static inline v128_t ek_some_s16(const int16_t *x, int32_t n)
{
    int16_t few[8] = {0};
    for (int32_t i = 0; i < n; i++) {
        few[i] = x[i];
    }
    return ek_eight_s16(few);
}

/* One vector of the sums of all lanes of four. */
static inline v128_t ek_four_totals(const v128_t *s)
{
    const v128_t a = wasm_i32x4_add(wasm_i32x4_shuffle(s[0], s[1], 0, 4, 1, 5), wasm_i32x4_shuffle(s[0], s[1], 2, 6, 3, 7));
    const v128_t b = wasm_i32x4_add(wasm_i32x4_shuffle(s[2], s[3], 0, 4, 1, 5), wasm_i32x4_shuffle(s[2], s[3], 2, 6, 3, 7));
    return wasm_i32x4_add(wasm_i64x2_shuffle(a, b, 0, 2), wasm_i64x2_shuffle(a, b, 1, 3));
}

static inline int32_t ek_total(v128_t v)
{
    const v128_t halves = wasm_i32x4_add(v, wasm_i64x2_shuffle(v, v, 1, 1));
    return wasm_i32x4_extract_lane(halves, 0) + wasm_i32x4_extract_lane(halves, 1);
}

/* acc [rows] + totals, rows 4 or 1. */
static inline void ek_add_totals_s32(int32_t *acc, const v128_t *sum, int32_t rows)
{
    if (rows == 4) {
        wasm_v128_store(acc, wasm_i32x4_add(wasm_v128_load(acc), ek_four_totals(sum)));
    } else {
        acc[0] += ek_total(sum[0]);
    }
}

static inline void ek_add_totals_s64(int64_t *acc, const v128_t *sum, int32_t rows)
{
    for (int32_t r = 0; r < rows; r++) {
        const v128_t wide = wasm_i64x2_add(wasm_i64x2_extend_low_i32x4(sum[r]), wasm_i64x2_extend_high_i32x4(sum[r]));
        acc[r] += wasm_i64x2_extract_lane(wide, 0) + wasm_i64x2_extract_lane(wide, 1);
    }
}

/* acc [rows] += x [n] . w [rows][n], rows `stride` apart; `last` is the vector of x that n does not fill, with zeros, and
 * from w on `room` bytes may be read. */
#define EK_FEW_ROWS(name, x_type, acc_type, eight, add_totals)                                                   \
    static inline __attribute__((always_inline)) void name(const x_type *x, v128_t last, const int8_t *w,        \
                                                           ptrdiff_t stride, ptrdiff_t room, int32_t n,          \
                                                           int32_t rows, acc_type *acc)                          \
    {                                                                                                            \
        const int8_t *at[4] = {w, w + stride, w + 2 * stride, w + 3 * stride};                                   \
        v128_t sum[4];                                                                                           \
        for (int32_t r = 0; r < rows; r++) {                                                                     \
            sum[r] = wasm_i32x4_const_splat(0);                                                                  \
        }                                                                                                        \
        for (int32_t i = n >> 3; i > 0; i--, x += 8) {                                                           \
            const v128_t taps = eight(x);                                                                        \
            for (int32_t r = 0; r < rows; r++) {                                                                 \
                sum[r] = ek_mac_s16(sum[r], taps, ek_eight_s8(at[r]));                                           \
                at[r] += 8;                                                                                      \
            }                                                                                                    \
        }                                                                                                        \
        if (n & 7) {                                                                                             \
            for (int32_t r = 0; r < rows; r++) {                                                                 \
                const int fits = r * stride + (n & ~7) + 8 <= room;                                              \
                sum[r] = ek_mac_s16(sum[r], last, fits ? ek_eight_s8(at[r]) : ek_some_s8(at[r], n & 7));         \
            }                                                                                                    \
        }                                                                                                        \
        add_totals(acc, sum, rows);                                                                              \
    }
EK_FEW_ROWS(ek_few_rows_s8, int8_t, int32_t, ek_eight_s8, ek_add_totals_s32)
EK_FEW_ROWS(ek_few_rows_s16, int16_t, int64_t, ek_eight_s16, ek_add_totals_s64)

/* acc [rows] += x [k] . w [rows][k], rows `stride` apart; zero is 0. */
static inline void ek_dots_s8(const int8_t *x, int32_t zero, const int8_t *w, ptrdiff_t stride, int32_t k,
                              int32_t rows, int32_t *acc)
{
    const v128_t last = ek_some_s8(x + (k & ~7), k & 7);
    ptrdiff_t room = (rows - 1) * stride + k;
    int32_t row = 0;
    (void)zero;
    for (; row + 4 <= rows; row += 4, w += 4 * stride, room -= 4 * stride) {
        ek_few_rows_s8(x, last, w, stride, room, k, 4, acc + row);
    }
    for (; row < rows; row++, w += stride, room -= stride) {
        ek_few_rows_s8(x, last, w, stride, room, k, 1, acc + row);
    }
}

static inline void ek_dots_s16(const int16_t *x, int32_t zero, const int8_t *w, ptrdiff_t stride, int32_t k,
                               int32_t rows, int64_t *acc)
{
    (void)zero;
    for (int32_t at = 0; at < k; at += EK_PIECE_S16) {
        const int32_t n = k - at < EK_PIECE_S16 ? k - at : EK_PIECE_S16;
        const v128_t last = ek_some_s16(x + at + (n & ~7), n & 7);
        const int8_t *wr = w + at;
        ptrdiff_t room = (rows - 1) * stride + k - at;
        int32_t row = 0;
        for (; row + 4 <= rows; row += 4, wr += 4 * stride, room -= 4 * stride) {
            ek_few_rows_s16(x + at, last, wr, stride, room, n, 4, acc + row);
        }
        for (; row < rows; row++, wr += stride, room -= stride) {
            ek_few_rows_s16(x + at, last, wr, stride, room, n, 1, acc + row);
        }
    }
}

#endif
