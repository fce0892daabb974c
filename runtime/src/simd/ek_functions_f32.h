/* Functions of float networks over ek_vector.h: each within 1e-6 of its value. What is no number stays. */
#ifndef EK_FUNCTIONS_F32_GUARD
#define EK_FUNCTIONS_F32_GUARD

#include "ek_states_f32.h"

/* e^x; 0 below -86.99, inf above 88.73. Polynomial of Cephes expf. */
static inline ek_v ek_v_exp(ek_v x)
{
    const ek_v within = ek_v_clip(x, ek_v_all(-87.3f), ek_v_all(89.0f));
    const ek_v magic = ek_v_fma(within, ek_v_all(1.44269504f), ek_v_all(12582912.0f)); /* as in ek_v_exp2_less_one */
    const ek_v n = ek_v_add(magic, ek_v_all(-12582912.0f));
    const ek_v r = ek_v_fma(n, ek_v_all(2.12194440e-4f), ek_v_fma(n, ek_v_all(-0.693359375f), within));
    const ek_v power = ek_v_pow2(ek_v_add(magic, ek_v_all(-1.0f))); /* half of it, which is finite; 0 where n is -126 */
    ek_v p = ek_v_all(1.9875691500e-4f);
    p = ek_v_fma(p, r, ek_v_all(1.3981999507e-3f));
    p = ek_v_fma(p, r, ek_v_all(8.3334519073e-3f));
    p = ek_v_fma(p, r, ek_v_all(4.1665795894e-2f));
    p = ek_v_fma(p, r, ek_v_all(1.6666665459e-1f));
    p = ek_v_fma(p, r, ek_v_all(5.0000001201e-1f));
    p = ek_v_fma(ek_v_fma(p, r, ek_v_all(1.0f)), r, ek_v_all(1.0f));
    return ek_v_mul(ek_v_mul(p, power), ek_v_all(2.0f));
}

/* The error function: x P(x^2) / Q(x^2), fitted to a relative error of 2e-8 within 3.92; at 4 and beyond it is 1. */
static inline ek_v ek_v_erf(ek_v x)
{
    const ek_v within = ek_v_clip(x, ek_v_all(-4.0f), ek_v_all(4.0f)), s = ek_v_mul(within, within);
    ek_v p = ek_v_all(2.050087530e-6f), q = ek_v_all(3.809177194e-5f);
    p = ek_v_fma(p, s, ek_v_all(2.848837422e-4f));
    q = ek_v_fma(q, s, ek_v_all(1.162543027e-3f));
    p = ek_v_fma(p, s, ek_v_all(3.765645116e-3f));
    q = ek_v_fma(q, s, ek_v_all(1.496927356e-2f));
    p = ek_v_fma(p, s, ek_v_all(5.274881352e-2f));
    q = ek_v_fma(q, s, ek_v_all(1.141093665e-1f));
    p = ek_v_fma(p, s, ek_v_all(1.904070575e-1f));
    q = ek_v_fma(q, s, ek_v_all(5.020766021e-1f));
    p = ek_v_fma(p, s, ek_v_all(1.128379146f));
    q = ek_v_fma(q, s, ek_v_all(1.0f));
    return ek_v_clip(ek_v_div(ek_v_mul(within, p), q), ek_v_all(-1.0f), ek_v_all(1.0f));
}

static inline ek_v ek_v_gelu(ek_v x)
{
    const ek_v half = ek_v_mul(x, ek_v_all(0.5f));
    return ek_v_fma(half, ek_v_erf(ek_v_mul(x, ek_v_all(0.70710678f))), half);
}

static inline ek_v ek_v_hard_swish(ek_v x)
{
    const ek_v slope = ek_v_fma(x, ek_v_all(0.166666672f), ek_v_all(0.5f));
    return ek_v_mul(x, ek_v_clip(slope, ek_v_zero(), ek_v_all(1.0f)));
}

#endif
