#include "edgekit.h"

/* Bits of positive floats are in the order of their values, NaN behind infinity: comparing them as integers costs no
 * more for denormal numbers. */
void ek_finite_f32(const float *x, float *y, int32_t n, float floor, float limit)
{
    const uint32_t least = ek_bits_of(floor), most = ek_bits_of(limit);
    EK_IVDEP
    for (int32_t i = 0; i < n; i++) {
        const uint32_t bits = ek_bits_of(x[i]), size = bits & 0x7fffffffu;
        const int fits = (size >= least) & (size <= most);
        y[i] = ek_float_of(fits ? bits : 0u);
    }
}
