/* RISC-V vectors: as many outputs at a time as eight registers hold sums. */
#ifndef EK_TAPS_ROW_GUARD
#define EK_TAPS_ROW_GUARD

#include "ek_rvv.h"

#define EK_TAPS_IN_ROW 64 /* products of 2^22 that fit an int32 sum */
#define EK_SHORT_ROW 1 /* a vector takes a row of any length */
#define EK_PADDED_PLANES 1

static inline vint16m4_t ek_apart_s8(const int8_t *x, ptrdiff_t stride, size_t vl)
{
    return __riscv_vsext_vf2_i16m4(__riscv_vlse8_v_i8m2(x, stride, vl), vl);
}

static inline vint16m4_t ek_apart_s16(const int16_t *x, ptrdiff_t stride, size_t vl)
{
    return __riscv_vlse16_v_i16m4(x, stride * 2, vl);
}

/* sums [n] = start + the sum over t of w [t] * x [offset [t] + j * stride], j the number of the output. */
#define EK_TAPS_ROW(name, x_type, beside, apart)                                                                 \
    static inline void name(const x_type *x, const int32_t *offset, const int8_t *w, int32_t taps, int32_t stride, \
                            int32_t start, int32_t *sums, int32_t n)                                             \
    {                                                                                                            \
        for (size_t left = (size_t)n, vl; left > 0; left -= vl, x += vl * (size_t)stride, sums += vl) {          \
            vl = __riscv_vsetvl_e16m4(left);                                                                     \
            vint32m8_t sum = __riscv_vmv_v_x_i32m8(start, vl);                                                   \
            for (int32_t t = 0; t < taps; t++) {                                                                 \
                const x_type *const at = x + offset[t];                                                          \
                sum = __riscv_vwmacc_vx_i32m8(sum, w[t], stride == 1 ? beside(at, vl) : apart(at, stride, vl), vl); \
            }                                                                                                    \
            __riscv_vse32_v_i32m8(sums, sum, vl);                                                                \
        }                                                                                                        \
    }
EK_TAPS_ROW(ek_taps_row_s8, int8_t, ek_wide_s8, ek_apart_s8)
EK_TAPS_ROW(ek_taps_row_s16, int16_t, ek_wide_s16, ek_apart_s16)

#endif
