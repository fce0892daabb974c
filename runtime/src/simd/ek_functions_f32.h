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

static inline ek_v ek_v_gelu_tanh(ek_v x)
{
    const ek_v half = ek_v_mul(x, ek_v_all(0.5f)), square = ek_v_mul(x, x);
    const ek_v cubic = ek_v_fma(ek_v_mul(x, ek_v_all(0.044715f)), square, x);
    return ek_v_fma(half, ek_v_tanh(ek_v_mul(cubic, ek_v_all(0.7978846f))), half);
}

/* x tanh(log(1 + e)) = x n / (n + 2) with n = e (e + 2); no number of -inf. */
static inline ek_v ek_v_mish(ek_v x)
{
    const ek_v below = ek_v_clip(x, ek_v_all(-EK_INF), ek_v_zero()), e = ek_v_exp(ek_v_clip(x, ek_v_all(-EK_INF), ek_v_all(20.0f)));
    const ek_v n = ek_v_mul(e, ek_v_add(e, ek_v_all(2.0f))), share = ek_v_div(n, ek_v_add(n, ek_v_all(2.0f)));
    return ek_v_fma(ek_v_clip(x, ek_v_all(-87.3f), ek_v_all(EK_INF)), share, ek_v_mul(below, ek_v_zero()));
}

/* log(1 + e^x) = max(x, 0) + log(1 + e) with e = e^-|x|; that is 2 atanh(s) with s = e / (e + 2), by its series. */
static inline ek_v ek_v_softplus(ek_v x)
{
    const ek_v above = ek_v_clip(x, ek_v_zero(), ek_v_all(EK_INF)), below = ek_v_clip(x, ek_v_all(-EK_INF), ek_v_zero());
    const ek_v e = ek_v_exp(ek_v_fma(above, ek_v_all(-1.0f), below));
    const ek_v s = ek_v_div(e, ek_v_add(e, ek_v_all(2.0f))), square = ek_v_mul(s, s);
    ek_v p = ek_v_all(2.0f / 13.0f);
    p = ek_v_fma(p, square, ek_v_all(2.0f / 11.0f));
    p = ek_v_fma(p, square, ek_v_all(2.0f / 9.0f));
    p = ek_v_fma(p, square, ek_v_all(2.0f / 7.0f));
    p = ek_v_fma(p, square, ek_v_all(2.0f / 5.0f));
    p = ek_v_fma(p, square, ek_v_all(2.0f / 3.0f));
    p = ek_v_fma(p, square, ek_v_all(2.0f));
    return ek_v_fma(p, s, above);
}

static inline ek_v ek_v_elu(ek_v x)
{
    const ek_v below = ek_v_clip(x, ek_v_all(-EK_INF), ek_v_zero());
    return ek_v_add(ek_v_exp2_less_one(ek_v_mul(below, ek_v_all(1.44269504f))), ek_v_clip(x, ek_v_zero(), ek_v_all(EK_INF)));
}

static inline ek_v ek_v_hard_swish(ek_v x)
{
    const ek_v slope = ek_v_fma(x, ek_v_all(0.166666672f), ek_v_all(0.5f));
    return ek_v_mul(x, ek_v_clip(slope, ek_v_zero(), ek_v_all(1.0f)));
}

#endif
