/* RISC-V vectors: a byte holds two int4 weights, the even one in its low nibble. */
#ifndef EK_ROWS_W4_GUARD
#define EK_ROWS_W4_GUARD

#include "ek_int4.h"
#include "ek_rows.h"

#define EK_PIECE_W4 65536 /* even; at most 4098 products of 2^18 in each of 16 or more int32 sums */

/* Taps of even number, and of odd. */
static inline vint16m2x2_t ek_both_s8(const int8_t *x, size_t vl)
{
    const vint8m1x2_t v = __riscv_vlseg2e8_v_i8m1x2(x, vl);
    return __riscv_vcreate_v_i16m2x2(__riscv_vsext_vf2_i16m2(__riscv_vget_v_i8m1x2_i8m1(v, 0), vl),
                                     __riscv_vsext_vf2_i16m2(__riscv_vget_v_i8m1x2_i8m1(v, 1), vl));
}

static inline vint16m2x2_t ek_both_s16(const int16_t *x, size_t vl)
{
    return __riscv_vlseg2e16_v_i16m2x2(x, vl);
}

/* sums + products of taps and weights. */
static inline vint32m4_t ek_mac_w4(vint32m4_t sums, vint16m2x2_t x, const int8_t *w, size_t vl)
{
    const vint16m2_t pairs = __riscv_vsext_vf2_i16m2(__riscv_vle8_v_i8m1(w, vl), vl);
    const vint16m2_t even = __riscv_vsra_vx_i16m2(__riscv_vsll_vx_i16m2(pairs, 12, vl), 12, vl);
    const vint16m2_t odd = __riscv_vsra_vx_i16m2(pairs, 4, vl);
    sums = __riscv_vwmacc_vv_i32m4_tu(sums, __riscv_vget_v_i16m2x2_i16m2(x, 0), even, vl);
    return __riscv_vwmacc_vv_i32m4_tu(sums, __riscv_vget_v_i16m2x2_i16m2(x, 1), odd, vl);
}

/* acc [rows] += x [k] . w [rows][k]: two rows at a time, of which the last of an odd number is taken twice. */
#define EK_ROWS_W4(name, x_type, both, acc_type, total)                                                          \
    static inline void name(const x_type *x, const int8_t *w, int32_t k, int32_t rows, acc_type *acc)            \
    {                                                                                                            \
        const ptrdiff_t step = EK_BYTES_W4(k);                                                                   \
        const size_t all = __riscv_vsetvl_e32m4(EK_MANY);                                                        \
        for (int32_t row = 0; row < rows && k & 1; row++) {                                                      \
            acc[row] += x[k - 1] * ek_int4(w + row * step, k - 1);                                               \
        }                                                                                                        \
        for (int32_t at = 0; at + 1 < k; at += EK_PIECE_W4, x += EK_PIECE_W4, w += EK_PIECE_W4 / 2) {            \
            const int32_t n = k - at < EK_PIECE_W4 ? k - at : EK_PIECE_W4;                                       \
            for (int32_t row = 0; row < rows; row += 2) {                                                        \
                const int32_t next = row + 1 < rows ? row + 1 : row;                                             \
                const int8_t *a = w + row * step, *b = w + next * step;                                          \
                const x_type *xi = x;                                                                            \
                vint32m4_t sum_a = __riscv_vmv_v_x_i32m4(0, all), sum_b = sum_a;                                 \
                for (size_t left = (size_t)n / 2, vl; left > 0; left -= vl, xi += 2 * vl, a += vl, b += vl) {    \
                    vl = __riscv_vsetvl_e16m2(left);                                                             \
                    const vint16m2x2_t taps = both(xi, vl);                                                      \
                    sum_a = ek_mac_w4(sum_a, taps, a, vl);                                                       \
                    sum_b = ek_mac_w4(sum_b, taps, b, vl);                                                       \
                }                                                                                                \
                const acc_type second = total(acc[next], sum_b, all);                                            \
                acc[row] = total(acc[row], sum_a, all);                                                          \
                acc[next] = next == row ? acc[row] : second;                                                     \
            }                                                                                                    \
        }                                                                                                        \
    }
EK_ROWS_W4(ek_rows_s8_w4, int8_t, ek_both_s8, int32_t, ek_total_s32)
EK_ROWS_W4(ek_rows_s16_w4, int16_t, ek_both_s16, int64_t, ek_total_s64)

#endif
