/* RISC-V vectors: two rows at a time, taps and weights 16 bits wide. */
#ifndef EK_DOT_GUARD
#define EK_DOT_GUARD

#include "ek_rvv.h"

#define EK_ROWS 16
#define EK_PIECE 4096 /* of at most 129 products of 2^22 in each of 32 or more int32 sums, two of which are added */

/* acc + the sums of all lanes. */
static inline int32_t ek_total_s32(int32_t acc, vint32m4_t sums, size_t lanes)
{
    const vint32m1_t start = __riscv_vmv_s_x_i32m1(acc, 1);
    return __riscv_vmv_x_s_i32m1_i32(__riscv_vredsum_vs_i32m4_i32m1(sums, start, lanes));
}

static inline int64_t ek_total_s64(int64_t acc, vint32m4_t sums, size_t lanes)
{
    const vint64m1_t start = __riscv_vmv_s_x_i64m1(acc, 1);
    return __riscv_vmv_x_s_i64m1_i64(__riscv_vwredsum_vs_i32m4_i64m1(sums, start, lanes));
}

/* Sums of a lane of the lower half and one of the upper. */
static inline vint32m4_t ek_halves(vint32m8_t sums, size_t lanes)
{
    return __riscv_vadd_vv_i32m4(__riscv_vget_v_i32m8_i32m4(sums, 0), __riscv_vget_v_i32m8_i32m4(sums, 1), lanes);
}

/* acc [rows] += x [k] . w [rows][k], rows `stride` apart; zero is 0. The last of an odd number is taken twice. */
#define EK_DOTS_OF(name, x_type, wide, acc_type, total)                                                          \
    static inline void name(const x_type *x, int32_t zero, const int8_t *w, ptrdiff_t stride, int32_t k,         \
                            int32_t rows, acc_type *acc)                                                         \
    {                                                                                                            \
        const size_t all = __riscv_vsetvl_e32m8(EK_MANY), half = __riscv_vsetvl_e32m4(EK_MANY);                  \
        (void)zero;                                                                                              \
        for (int32_t at = 0; at < k; at += EK_PIECE, x += EK_PIECE, w += EK_PIECE) {                             \
            const int32_t n = k - at < EK_PIECE ? k - at : EK_PIECE;                                             \
            for (int32_t row = 0; row < rows; row += 2) {                                                        \
                const int32_t next = row + 1 < rows ? row + 1 : row;                                             \
                const int8_t *a = w + row * stride, *b = w + next * stride;                                      \
                const x_type *xi = x;                                                                            \
                vint32m8_t sum_a = __riscv_vmv_v_x_i32m8(0, all), sum_b = sum_a;                                 \
                for (size_t left = (size_t)n, vl; left > 0; left -= vl, xi += vl, a += vl, b += vl) {            \
                    vl = __riscv_vsetvl_e16m4(left);                                                             \
                    const vint16m4_t v = wide(xi, vl);                                                           \
                    sum_a = __riscv_vwmacc_vv_i32m8_tu(sum_a, v, ek_wide_s8(a, vl), vl);                         \
                    sum_b = __riscv_vwmacc_vv_i32m8_tu(sum_b, v, ek_wide_s8(b, vl), vl);                         \
                }                                                                                                \
                const acc_type second = total(acc[next], ek_halves(sum_b, half), half);                          \
                acc[row] = total(acc[row], ek_halves(sum_a, half), half);                                        \
                acc[next] = next == row ? acc[row] : second;                                                     \
            }                                                                                                    \
        }                                                                                                        \
    }
EK_DOTS_OF(ek_dots_s8, int8_t, ek_wide_s8, int32_t, ek_total_s32)
EK_DOTS_OF(ek_dots_s16, int16_t, ek_wide_s16, int64_t, ek_total_s64)

#endif
