/* Softmax over ek_vector.h: the greatest element of a row, powers and their sum, then quotients. Lanes behind a row are below
 * all elements, and add nothing. */
#include "ek_vector.h"

/* e^x of x <= 0, within 4e-7 of its value; 0 below -87.68. What is no number stays. A polynomial fitted to a relative
 * error of 9e-8 within log(2) / 2. */
static inline ek_v ek_v_exp_below(ek_v x)
{
    const ek_v within = ek_v_greater(ek_v_all(-88.0f), x);
    const ek_v magic = ek_v_fma(within, ek_v_all(1.44269504f), ek_v_all(12582912.0f)); /* 1.5 * 2^23: behind it stands n */
    const ek_v n = ek_v_add(magic, ek_v_all(-12582912.0f)), r = ek_v_fma(n, ek_v_all(-0.693147182f), within);
    ek_v p = ek_v_all(8.290270343e-3f);
    p = ek_v_fma(p, r, ek_v_all(4.189816117e-2f));
    p = ek_v_fma(p, r, ek_v_all(1.666763872e-1f));
    p = ek_v_fma(p, r, ek_v_all(4.999914765e-1f));
    p = ek_v_fma(p, r, ek_v_all(9.999997020e-1f));
    p = ek_v_fma(p, r, ek_v_all(1.0f));
    return ek_v_mul(p, ek_v_pow2(magic));
}

/* The greatest of x [n]. */
static inline float ek_top(const float *x, int32_t n)
{
    const ek_v least = ek_v_all(-EK_INF);
    ek_v a = least, b = least;
    int32_t i = 0;
    for (; i + 2 * EK_LANES <= n; i += 2 * EK_LANES) {
        a = ek_v_greater(ek_v_load(x + i), a);
        b = ek_v_greater(ek_v_load(x + i + EK_LANES), b);
    }
    for (; i < n; i += EK_LANES) {
        a = ek_v_greater(ek_v_load_or(x + i, n - i, least), a);
    }
    return ek_v_top(ek_v_greater(a, b));
}

void ek_softmax_f32(const float *x, float *y, int32_t rows, int32_t n)
{
    for (int32_t row = 0; row < rows; row++, x += n, y += n) {
        const ek_v top = ek_v_all(-ek_top(x, n)), least = ek_v_all(-EK_INF);
        const int32_t whole = n / EK_LANES * EK_LANES;
        ek_v sum = ek_v_zero(), scale;
        for (int32_t i = 0; i < whole; i += EK_LANES) {
            const ek_v p = ek_v_exp_below(ek_v_add(ek_v_load(x + i), top));
            sum = ek_v_add(sum, p);
            ek_v_store(y + i, p);
        }
        if (whole < n) {
            const ek_v p = ek_v_exp_below(ek_v_add(ek_v_load_or(x + whole, n - whole, least), top));
            sum = ek_v_add(sum, p);
            ek_v_store_some(y + whole, p, n - whole);
        }
        scale = ek_v_all(1.0f / ek_v_sum(sum));
        for (int32_t i = 0; i < whole; i += EK_LANES) {
            ek_v_store(y + i, ek_v_mul(ek_v_load(y + i), scale));
        }
        if (whole < n) {
            ek_v_store_some(y + whole, ek_v_mul(ek_v_load_some(y + whole, n - whole), scale), n - whole);
        }
    }
}
