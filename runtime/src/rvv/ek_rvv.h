/* RISC-V vectors of any length from 128 bits on. */
#ifndef EK_RVV_GUARD
#define EK_RVV_GUARD

#if !defined(__riscv_v_intrinsic) || __riscv_v_intrinsic < 12000
#error "This build is for RISC-V with vectors: compile with gcc 14 or clang 17 and the options in CMakeLists.txt; or export for riscv64."
#endif

#include "edgekit.h"

#include <riscv_vector.h>

/* More elements than eight registers hold, so that a vsetvl of them gives all. Not vsetvlmax: gcc 14 may let that one
 * overwrite a register that is in use. */
#define EK_MANY 65536

static inline vint16m4_t ek_wide_s8(const int8_t *x, size_t vl)
{
    return __riscv_vsext_vf2_i16m4(__riscv_vle8_v_i8m2(x, vl), vl);
}

static inline vint16m4_t ek_wide_s16(const int16_t *x, size_t vl)
{
    return __riscv_vle16_v_i16m4(x, vl);
}

#endif
