/* Vectors of int32 of RISC-V: as many as two registers hold. */
#ifndef EK_LANES_GUARD
#define EK_LANES_GUARD

#include "ek_rvv.h"

#define EK_WIDTH ((int32_t)EK_ALL)
#define EK_ALL __riscv_vsetvl_e32m2(EK_MANY)
typedef vint32m2_t ek_i;

static inline size_t ek_some(int32_t n)
{
    return n < EK_WIDTH ? (size_t)n : EK_ALL;
}

static inline ek_i ek_i_all(int32_t v)
{
    return __riscv_vmv_v_x_i32m2(v, EK_ALL);
}

/* The first n of x; the other lanes are anything, and are not read. */
static inline ek_i ek_i_load_s8(const int8_t *x, int32_t n)
{
    return __riscv_vsext_vf4_i32m2(__riscv_vle8_v_i8mf2(x, ek_some(n)), ek_some(n));
}

static inline ek_i ek_i_load_s16(const int16_t *x, int32_t n)
{
    return __riscv_vsext_vf2_i32m2(__riscv_vle16_v_i16m1(x, ek_some(n)), ek_some(n));
}

static inline ek_i ek_i_load_s32(const int32_t *x, int32_t n)
{
    return __riscv_vle32_v_i32m2(x, ek_some(n));
}

/* The first n lanes, which the type holds. */
static inline void ek_i_store_s16(int16_t *y, ek_i v, int32_t n)
{
    __riscv_vse16_v_i16m1(y, __riscv_vncvt_x_x_w_i16m1(v, ek_some(n)), ek_some(n));
}

static inline void ek_i_store_s8(int8_t *y, ek_i v, int32_t n)
{
    const vint16m1_t half = __riscv_vncvt_x_x_w_i16m1(v, ek_some(n));
    __riscv_vse8_v_i8mf2(y, __riscv_vncvt_x_x_w_i8mf2(half, ek_some(n)), ek_some(n));
}

static inline ek_i ek_i_add(ek_i a, ek_i b)
{
    return __riscv_vadd_vv_i32m2(a, b, EK_ALL);
}

static inline ek_i ek_i_sub(ek_i a, ek_i b)
{
    return __riscv_vsub_vv_i32m2(a, b, EK_ALL);
}

static inline ek_i ek_i_mul(ek_i a, ek_i b)
{
    return __riscv_vmul_vv_i32m2(a, b, EK_ALL);
}

/* by is 0..31. */
static inline ek_i ek_i_shl(ek_i v, ek_i by)
{
    return __riscv_vsll_vv_i32m2(v, __riscv_vreinterpret_v_i32m2_u32m2(by), EK_ALL);
}

static inline ek_i ek_i_shr(ek_i v, ek_i by)
{
    return __riscv_vsra_vv_i32m2(v, __riscv_vreinterpret_v_i32m2_u32m2(by), EK_ALL);
}

static inline ek_i ek_i_clamp(ek_i v, ek_i lo, ek_i hi)
{
    return __riscv_vmin_vv_i32m2(__riscv_vmax_vv_i32m2(v, lo, EK_ALL), hi, EK_ALL);
}

/* a where v < 0, else b. */
static inline ek_i ek_i_where_negative(ek_i v, ek_i a, ek_i b)
{
    return __riscv_vmerge_vvm_i32m2(b, a, __riscv_vmslt_vx_i32m2_b16(v, 0, EK_ALL), EK_ALL);
}

/* The upper halves of the 64-bit sums a * b, and a * b + c * d. */
static inline ek_i ek_i_high(ek_i a, ek_i b)
{
    return __riscv_vmulh_vv_i32m2(a, b, EK_ALL);
}

static inline ek_i ek_i_high_of_two(ek_i a, ek_i b, ek_i c, ek_i d)
{
    const vbool16_t carry = __riscv_vmadc_vv_i32m2_b16(ek_i_mul(a, b), ek_i_mul(c, d), EK_ALL);
    return __riscv_vadc_vvm_i32m2(ek_i_high(a, b), ek_i_high(c, d), carry, EK_ALL);
}

#endif
