#include "edgekit.h"

typedef struct {
    float re, im;
} ek_complex;

static inline ek_complex ek_load(const float *x, int32_t i)
{
    const ek_complex z = {x[2 * i], x[2 * i + 1]};
    return z;
}

static inline void ek_store(float *y, int32_t i, ek_complex z)
{
    y[2 * i] = z.re;
    y[2 * i + 1] = z.im;
}

static inline ek_complex ek_plus(ek_complex a, ek_complex b)
{
    const ek_complex z = {a.re + b.re, a.im + b.im};
    return z;
}

static inline ek_complex ek_minus(ek_complex a, ek_complex b)
{
    const ek_complex z = {a.re - b.re, a.im - b.im};
    return z;
}

static inline ek_complex ek_times(ek_complex a, ek_complex b)
{
    const ek_complex z = {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
    return z;
}

static inline ek_complex ek_scaled(ek_complex a, float s)
{
    const ek_complex z = {a.re * s, a.im * s};
    return z;
}

static inline ek_complex ek_times_minus_i(ek_complex a)
{
    const ek_complex z = {a.im, -a.re};
    return z;
}

/* A stage of radix R reads x[q + s (p + m j)] and writes y[q + s (R p + k)], j, k < R, times w^(p s k);
 * p < m, q < s; s is the product of the radices before. */
static void ek_stage2(const float *restrict x, float *restrict y, const float *restrict w, int32_t m, int32_t s)
{
    for (int32_t p = 0; p < m; p++) {
        const ek_complex w1 = ek_load(w, p * s);
        for (int32_t q = 0; q < s; q++) {
            const ek_complex a = ek_load(x, q + s * p), b = ek_load(x, q + s * (p + m));
            ek_store(y, q + s * 2 * p, ek_plus(a, b));
            ek_store(y, q + s * (2 * p + 1), ek_times(ek_minus(a, b), w1));
        }
    }
}

static void ek_stage4(const float *restrict x, float *restrict y, const float *restrict w, int32_t m, int32_t s)
{
    for (int32_t p = 0; p < m; p++) {
        const ek_complex w1 = ek_load(w, p * s), w2 = ek_load(w, 2 * p * s), w3 = ek_load(w, 3 * p * s);
        for (int32_t q = 0; q < s; q++) {
            const ek_complex a = ek_load(x, q + s * p), b = ek_load(x, q + s * (p + m));
            const ek_complex c = ek_load(x, q + s * (p + 2 * m)), d = ek_load(x, q + s * (p + 3 * m));
            const ek_complex ac = ek_plus(a, c), bd = ek_plus(b, d), a_c = ek_minus(a, c);
            const ek_complex b_d = ek_times_minus_i(ek_minus(b, d));
            ek_store(y, q + s * 4 * p, ek_plus(ac, bd));
            ek_store(y, q + s * (4 * p + 1), ek_times(ek_plus(a_c, b_d), w1));
            ek_store(y, q + s * (4 * p + 2), ek_times(ek_minus(ac, bd), w2));
            ek_store(y, q + s * (4 * p + 3), ek_times(ek_minus(a_c, b_d), w3));
        }
    }
}

static void ek_stage3(const float *restrict x, float *restrict y, const float *restrict w, int32_t m, int32_t s)
{
    const float sin60 = 0.866025404f;
    for (int32_t p = 0; p < m; p++) {
        const ek_complex w1 = ek_load(w, p * s), w2 = ek_load(w, 2 * p * s);
        for (int32_t q = 0; q < s; q++) {
            const ek_complex a = ek_load(x, q + s * p), b = ek_load(x, q + s * (p + m));
            const ek_complex c = ek_load(x, q + s * (p + 2 * m)), bc = ek_plus(b, c);
            const ek_complex t = ek_minus(a, ek_scaled(bc, 0.5f));
            const ek_complex u = ek_times_minus_i(ek_scaled(ek_minus(b, c), sin60));
            ek_store(y, q + s * 3 * p, ek_plus(a, bc));
            ek_store(y, q + s * (3 * p + 1), ek_times(ek_plus(t, u), w1));
            ek_store(y, q + s * (3 * p + 2), ek_times(ek_minus(t, u), w2));
        }
    }
}

static void ek_stage5(const float *restrict x, float *restrict y, const float *restrict w, int32_t m, int32_t s)
{
    const float cos72 = 0.309016994f, cos144 = -0.809016994f, sin72 = 0.951056516f, sin144 = 0.587785252f;
    for (int32_t p = 0; p < m; p++) {
        for (int32_t q = 0; q < s; q++) {
            const ek_complex a = ek_load(x, q + s * p), b = ek_load(x, q + s * (p + m));
            const ek_complex c = ek_load(x, q + s * (p + 2 * m)), d = ek_load(x, q + s * (p + 3 * m));
            const ek_complex e = ek_load(x, q + s * (p + 4 * m));
            const ek_complex be = ek_plus(b, e), cd = ek_plus(c, d), b_e = ek_minus(b, e), c_d = ek_minus(c, d);
            const ek_complex t1 = ek_plus(ek_plus(a, ek_scaled(be, cos72)), ek_scaled(cd, cos144));
            const ek_complex t2 = ek_plus(ek_plus(a, ek_scaled(be, cos144)), ek_scaled(cd, cos72));
            const ek_complex u1 = ek_times_minus_i(ek_plus(ek_scaled(b_e, sin72), ek_scaled(c_d, sin144)));
            const ek_complex u2 = ek_times_minus_i(ek_minus(ek_scaled(b_e, sin144), ek_scaled(c_d, sin72)));
            ek_store(y, q + s * 5 * p, ek_plus(ek_plus(a, be), cd));
            ek_store(y, q + s * (5 * p + 1), ek_times(ek_plus(t1, u1), ek_load(w, p * s)));
            ek_store(y, q + s * (5 * p + 2), ek_times(ek_plus(t2, u2), ek_load(w, 2 * p * s)));
            ek_store(y, q + s * (5 * p + 3), ek_times(ek_minus(t2, u2), ek_load(w, 3 * p * s)));
            ek_store(y, q + s * (5 * p + 4), ek_times(ek_minus(t1, u1), ek_load(w, 4 * p * s)));
        }
    }
}

const float *ek_fft_f32(const float *x, float *a, float *b, const float *tables, int32_t size)
{
    int32_t left = size, done = 1;
    while (left > 1) {
        const int32_t radix = left % 4 == 0 ? 4 : left % 2 == 0 ? 2 : left % 3 == 0 ? 3 : 5;
        float *const out = x == a ? b : a;
        left /= radix;
        if (radix == 4) {
            ek_stage4(x, out, tables, left, done);
        } else if (radix == 2) {
            ek_stage2(x, out, tables, left, done);
        } else if (radix == 3) {
            ek_stage3(x, out, tables, left, done);
        } else {
            ek_stage5(x, out, tables, left, done);
        }
        done *= radix;
        x = out;
    }
    return x;
}
