/* Armv8.2-A with dot products. */
#ifndef __ARM_FEATURE_DOTPROD
#error "This build is for a core with dot products: compile with the options in CMakeLists.txt; or export for cortex-a53."
#endif

#include <arm_neon.h>

/* acc + 16 products, four to a lane. */
static inline int32x4_t ek_mac_s8(int32x4_t acc, int8x16_t x, int8x16_t w)
{
    return vdotq_s32(acc, x, w);
}
