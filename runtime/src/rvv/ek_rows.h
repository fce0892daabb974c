/* RISC-V vectors: rows are not packed. */
#ifndef EK_ROWS_GUARD
#define EK_ROWS_GUARD

#include "ek_dot.h"
#include "ek_lanes.h"

#define EK_PANEL 1
#define EK_BYTES_S8(k) ((ptrdiff_t)(k))
#define EK_BYTES_S16(k) ((ptrdiff_t)(k))
#define EK_PACKED(n) (n)

/* acc [rows] += x [k] . w. */
static inline void ek_rows_s8(const int8_t *x, const int8_t *w, int32_t k, int32_t rows, int32_t *acc)
{
    ek_dots_s8(x, 0, w, k, k, rows, acc);
}

static inline void ek_rows_s16(const int16_t *x, const int8_t *w, int32_t k, int32_t rows, int64_t *acc)
{
    ek_dots_s16(x, 0, w, k, k, rows, acc);
}

static inline vint64m4_t ek_products_s32(const int32_t *acc, const int32_t *mult, size_t vl)
{
    return __riscv_vwmul_vv_i64m4(__riscv_vle32_v_i32m2(acc, vl), __riscv_vle32_v_i32m2(mult, vl), vl);
}

static inline vint64m4_t ek_products_s64(const int64_t *acc, const int32_t *mult, size_t vl)
{
    const vint64m4_t m = __riscv_vsext_vf2_i64m4(__riscv_vle32_v_i32m2(mult, vl), vl);
    return __riscv_vmul_vv_i64m4(__riscv_vle64_v_i64m4(acc, vl), m, vl);
}

/* y [n] = ek_output of acc [n], each with its own factor: one rounding, half up. */
#define EK_OUTPUTS(name, acc_type, products, y_type, store)                                                      \
    static inline void name(const acc_type *acc, const int32_t *mult, const uint8_t *shift, int32_t y_zero,      \
                            int32_t y_min, int32_t y_max, y_type *y, int32_t n)                                  \
    {                                                                                                            \
        for (size_t left = (size_t)n, vl; left > 0; left -= vl, acc += vl, mult += vl, shift += vl, y += vl) {   \
            vl = __riscv_vsetvl_e32m2(left);                                                                     \
            const vuint64m4_t right = __riscv_vzext_vf8_u64m4(__riscv_vle8_v_u8mf2(shift, vl), vl);              \
            vint64m4_t q = __riscv_vssra_vv_i64m4(products(acc, mult, vl), right, __RISCV_VXRM_RNU, vl);         \
            q = __riscv_vmax_vx_i64m4(q, y_min - y_zero, vl);                                                    \
            q = __riscv_vmin_vx_i64m4(q, y_max - y_zero, vl);                                                    \
            store(y, __riscv_vadd_vx_i32m2(__riscv_vncvt_x_x_w_i32m2(q, vl), y_zero, vl), (int32_t)vl);          \
        }                                                                                                        \
    }
EK_OUTPUTS(ek_outputs_s32_s8, int32_t, ek_products_s32, int8_t, ek_i_store_s8)
EK_OUTPUTS(ek_outputs_s32_s16, int32_t, ek_products_s32, int16_t, ek_i_store_s16)
EK_OUTPUTS(ek_outputs_s64_s8, int64_t, ek_products_s64, int8_t, ek_i_store_s8)
EK_OUTPUTS(ek_outputs_s64_s16, int64_t, ek_products_s64, int16_t, ek_i_store_s16)

/* y [n] = the table's values at x [n], see ek_lut_s16_at; y may be x. */
static inline void ek_lut_row_s16(const int16_t *x, const int16_t *table, int16_t *y, int32_t n)
{
    for (size_t left = (size_t)n, vl; left > 0; left -= vl, x += vl, y += vl) {
        vl = __riscv_vsetvl_e16m2(left);
        const vuint16m2_t u = __riscv_vxor_vx_u16m2(__riscv_vle16_v_u16m2((const uint16_t *)x, vl), 0x8000, vl);
        const vuint16m2_t bytes = __riscv_vand_vx_u16m2(__riscv_vsrl_vx_u16m2(u, 5, vl), 0x7fe, vl);
        const vint16m2_t t0 = __riscv_vluxei16_v_i16m2(table, bytes, vl);
        const vint32m4_t rise = __riscv_vwsub_vv_i32m4(__riscv_vluxei16_v_i16m2(table + 1, bytes, vl), t0, vl);
        const vuint32m4_t part = __riscv_vzext_vf2_u32m4(__riscv_vand_vx_u16m2(u, 63, vl), vl);
        vint32m4_t v = __riscv_vmul_vv_i32m4(rise, __riscv_vreinterpret_v_u32m4_i32m4(part), vl);
        v = __riscv_vssra_vx_i32m4(v, 6, __RISCV_VXRM_RNU, vl);
        __riscv_vse16_v_i16m2(y, __riscv_vadd_vv_i16m2(t0, __riscv_vncvt_x_x_w_i16m2(v, vl), vl), vl);
    }
}

#endif
