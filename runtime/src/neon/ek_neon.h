/* Intrinsics of Advanced SIMD, as AArch64 has them. */
#include <arm_neon.h>
