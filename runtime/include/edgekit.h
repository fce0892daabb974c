/* EdgeKit kernels: C99, freestanding but for memcpy, memmove and memset, no libm, no heap, no static state.
 *
 * Conventions
 *  - Names are ek_<op>_<input dtype>[_<output dtype>]; s8 is int8_t, s16 is int16_t, f32 is float.
 *  - Batch is 1. Images are [channels][height][width]; a 1-D signal has height 1.
 *  - Integer results follow one formula and are the same on every core. Float results have one scalar
 *    order per output element; build with -ffp-contract=off to have the same bits on every core.
 *  - The caller owns all memory. Arrays do not overlap unless "y may be x" is said.
 *  - mult/shift: a real factor as mult * 2^-shift with mult in (-2^31, 2^31), shift in 1..62, and
 *    bits(accumulator) + bits(mult) <= 62. Matrix products, convolutions and cells with int32 sums: mult is 0, or
 *    |mult| >= 2^20.
 *  - Integer accumulators must not overflow: the exporter proves it from the weights' sums.
 *  - EK_..._SCRATCH macros count bytes; scratch is aligned for its element type.
 */
#ifndef EDGEKIT_H
#define EDGEKIT_H

#include <stddef.h>
#include <stdint.h>

/* Freestanding tool chains may bring no string.h. */
#if defined(__has_include)
#if !__has_include(<string.h>)
#define EK_NO_STRING_H
#endif
#endif
#ifdef EK_NO_STRING_H
void *memcpy(void *to, const void *from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size);
#else
#include <string.h>
#endif

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

/* Says that equal pointers are the only overlap between a loop's arrays. */
#if defined(__GNUC__) && !defined(__clang__)
#define EK_IVDEP _Pragma("GCC ivdep")
#else
#define EK_IVDEP
#endif

/* Where a program that checks a build looks at a layer's result; nothing in the build itself. */
#ifndef EK_LAYER
#define EK_LAYER(number, data) ((void)(data))
#endif

/* Right shifts of negative numbers must be arithmetic; int must have 32 bits or more. */
typedef char ek_assert_arithmetic_shift[(-1 >> 1) == -1 && sizeof(int) >= 4 ? 1 : -1];

#ifdef __cplusplus
extern "C" {
#endif

/* ---- integer helpers -------------------------------------------------------------------------- */

static inline int32_t ek_clamp(int32_t v, int32_t lo, int32_t hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

static inline int64_t ek_clamp64(int64_t v, int64_t lo, int64_t hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

static inline int8_t ek_saturate_s8(int32_t v)
{
    return (int8_t)ek_clamp(v, -128, 127);
}

static inline int16_t ek_saturate_s16(int32_t v)
{
    return (int16_t)ek_clamp(v, -32768, 32767);
}

/* (acc * m + 2^(s-1)) >> s: one rounding, half up. s in 1..62, bits(acc) + bits(m) <= 62. */
static inline int64_t ek_requantize64(int64_t acc, int32_t m, int32_t s)
{
    return (acc * m + ((int64_t)1 << (s - 1))) >> s;
}

/* y_zero + requantized acc, clamped to [y_min, y_max]. */
static inline int32_t ek_output(int64_t acc, int32_t m, int32_t s, int32_t y_zero, int32_t y_min, int32_t y_max)
{
    return (int32_t)ek_clamp64(ek_requantize64(acc, m, s) + y_zero, y_min, y_max);
}

/* Piecewise-linear table of 1025 entries, 64 inputs apart: entry i is the value at x = 64 i - 32768. */
static inline int16_t ek_lut_s16_at(const int16_t *table, int16_t x)
{
    const int32_t u = (int32_t)x + 32768;
    const int32_t i = u >> 6;
    const int32_t t0 = table[i];
    return (int16_t)(t0 + (((table[i + 1] - t0) * (u & 63) + 32) >> 6));
}

/* Largest r with r * r <= v. */
static inline uint32_t ek_isqrt64(uint64_t v)
{
    uint64_t root = 0, bit = (uint64_t)1 << 62;
    while (bit > v) {
        bit >>= 2;
    }
    for (; bit != 0; bit >>= 2) {
        const uint64_t next = root + bit;
        root >>= 1;
        if (v >= next) {
            v -= next;
            root += bit;
        }
    }
    return (uint32_t)root;
}

/* 1 / sqrt(v) = mantissa * 2^(up - 62) with a relative error below 2^-29; mantissa in [2^30, 2^31]; 0 for v = 0. */
typedef struct {
    int64_t mantissa;
    int32_t up;
} ek_inverse_root;

static inline ek_inverse_root ek_inverse_root64(uint64_t v)
{
    ek_inverse_root r = {0, 0};
    if (v != 0) {
        for (; v < (uint64_t)1 << 62; v <<= 2) {
            r.up++;
        }
        r.mantissa = (int64_t)(((uint64_t)1 << 62) / ek_isqrt64(v));
    }
    return r;
}

/* 2^(30 - u * 2^-20), u >= 0, from 257 entries table[i] = 2^(30 - i / 256): relative error below 2^-19 down to 2^0. */
static inline int64_t ek_exp2_q30(const int32_t *table, int64_t u)
{
    const int32_t i = (int32_t)(u >> 12) & 255, low = (int32_t)u & 4095;
    const int64_t down = u >> 20;
    const int64_t v = table[i] - (((int64_t)(table[i] - table[i + 1]) * low + 2048) >> 12);
    return down > 30 ? 0 : (v + (((int64_t)1 << down) >> 1)) >> down;
}

/* ---- integers of a tensor, any type widened to int64: results are the same for every operand ------- */

/* Quotient towards zero; 0 where b is 0. */
static inline int64_t ek_divi1(int64_t a, int64_t b)
{
    return b == 0 ? 0 : b == -1 ? (int64_t)(0u - (uint64_t)a) : a / b;
}

/* Remainder with the sign of a; 0 where b is 0. */
static inline int64_t ek_fmodi1(int64_t a, int64_t b)
{
    return b == 0 || b == -1 ? 0 : a % b;
}

/* Remainder with the sign of b; 0 where b is 0. */
static inline int64_t ek_modi1(int64_t a, int64_t b)
{
    const int64_t r = ek_fmodi1(a, b);
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

static inline int64_t ek_absi1(int64_t a)
{
    return a < 0 ? (int64_t)(0u - (uint64_t)a) : a;
}

static inline int64_t ek_mini1(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t ek_maxi1(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* a^b modulo 2^64; for a negative b the quotient 1 / a^-b towards zero, 0 where a is 0. */
static inline int64_t ek_powi1(int64_t a, int64_t b)
{
    uint64_t base = (uint64_t)a, power = 1;
    if (b < 0) {
        return a == 1 ? 1 : a != -1 ? 0 : b % 2 == 0 ? 1 : -1;
    }
    for (; b > 0; b >>= 1) {
        power *= b & 1 ? base : 1;
        base *= base;
    }
    return (int64_t)power;
}

/* Float to integer towards zero: saturates, NaN gives 0. */
static inline int64_t ek_trunci1(float x)
{
    return x >= 9223372036854775808.0f ? INT64_MAX : x > -9223372036854775808.0f ? (int64_t)x : x == x ? INT64_MIN : 0;
}

/* ---- float functions: relative error below 3e-7, see each for the borders ----------------------- */

typedef union {
    float f;
    uint32_t u;
} ek_bits;

static inline float ek_float_of(uint32_t u)
{
    ek_bits b;
    b.u = u;
    return b.f;
}

static inline uint32_t ek_bits_of(float f)
{
    ek_bits b;
    b.f = f;
    return b.u;
}

#define EK_INF ek_float_of(0x7f800000u)
#define EK_NAN ek_float_of(0x7fc00000u)

/* Smaller and larger of two; NaN if either is. */
static inline float ek_minf1(float a, float b)
{
    const float least = a < b ? a : b;
    return a == a ? least : a;
}

static inline float ek_maxf1(float a, float b)
{
    const float most = a > b ? a : b;
    return a == a ? most : a;
}

/* Nearest integer, half to even, as a float; |x| < 2^22. */
static inline float ek_roundf1(float x)
{
    return (x + 12582912.0f) - 12582912.0f;
}

/* e^x; 0 below -87.33654 (no denormal results), inf above 88.72283. Polynomial of Cephes expf. */
static inline float ek_expf1(float x)
{
    const float hi = 88.72283f, lo = -87.33654f;
    const float below = x < hi ? x : hi;
    const float c = below > lo ? below : lo;
    const float n = ek_roundf1(c * 1.44269504f);
    const float r = (c - n * 0.693359375f) - n * -2.12194440e-4f;
    const int32_t e = (int32_t)n;
    const int32_t half = e >> 1;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = (p * (r * r) + r) + 1.0f;
    p = p * ek_float_of((uint32_t)(half + 127) << 23);
    p = p * ek_float_of((uint32_t)(e - half + 127) << 23);
    p = x > hi ? EK_INF : p;
    p = x < lo ? 0.0f : p;
    return x == x ? p : x;
}

/* Natural logarithm; -inf at 0, NaN below 0. Denormals are exact inputs. Polynomial of Cephes logf. */
static inline float ek_logf1(float x)
{
    const float a = x < 1.17549435e-38f ? x * 8388608.0f : x;
    const uint32_t u = ek_bits_of(a) + 0x004afb0du; /* 1.0 - sqrt(1/2), as bits */
    const int32_t lift = x < 1.17549435e-38f ? 150 : 127;
    const float e = (float)((int32_t)(u >> 23) - lift);
    const float f = ek_float_of((u & 0x007fffffu) + 0x3f3504f3u) - 1.0f;
    const float z = f * f;
    float p = 7.0376836292e-2f;
    p = p * f + -1.1514610310e-1f;
    p = p * f + 1.1676998740e-1f;
    p = p * f + -1.2420140846e-1f;
    p = p * f + 1.4249322787e-1f;
    p = p * f + -1.6668057665e-1f;
    p = p * f + 2.0000714765e-1f;
    p = p * f + -2.4999993993e-1f;
    p = p * f + 3.3333331174e-1f;
    p = p * f * z;
    p = p + e * -2.12194440e-4f;
    p = p - 0.5f * z;
    p = (f + p) + e * 0.693359375f;
    p = x == EK_INF ? x : p;
    p = x == 0.0f ? -EK_INF : p;
    p = x < 0.0f ? EK_NAN : p;
    return x == x ? p : x;
}

/* Square root by three Newton steps; keeps +-0, NaN below 0. */
static inline float ek_sqrtf1(float x)
{
    const float a = x < 1.17549435e-38f ? x * 16777216.0f : x;
    const float back = x < 1.17549435e-38f ? 2.44140625e-4f : 1.0f;
    float y = ek_float_of(0x1fbd1df5u + (ek_bits_of(a) >> 1));
    y = 0.5f * (y + a / y);
    y = 0.5f * (y + a / y);
    y = 0.5f * (y + a / y);
    y = y * back;
    y = x == 0.0f ? x : y;
    y = x == EK_INF ? x : y;
    y = x < 0.0f ? EK_NAN : y;
    return x == x ? y : x;
}

/* 1 / (1 + e^-x). */
static inline float ek_sigmoidf1(float x)
{
    return 1.0f / (1.0f + ek_expf1(-x));
}

/* Hyperbolic tangent: polynomial of Cephes tanhf below 0.625, exponential above. */
static inline float ek_tanhf1(float x)
{
    const float a = x < 0.0f ? -x : x;
    const float z = x * x;
    const float s = 1.0f - 2.0f / (ek_expf1(2.0f * a) + 1.0f);
    const float large = x < 0.0f ? -s : s;
    float p = -5.70498872745e-3f;
    p = p * z + 2.06390887954e-2f;
    p = p * z + -5.37397155531e-2f;
    p = p * z + 1.33314422036e-1f;
    p = p * z + -3.33332819422e-1f;
    p = (p * z) * x + x;
    return a < 0.625f ? p : large;
}

/* Error function: odd polynomial below 0.92773, 1 - exp(polynomial) above. */
static inline float ek_erff1(float x)
{
    const float a = x < 0.0f ? -x : x;
    const float t = a < 4.0f ? a : 4.0f;
    const float s = x * x;
    float q = -1.72853470e-5f, p = -5.96761703e-4f, large;
    q = q * t + 3.83197126e-4f;
    q = q * t + -3.88396438e-3f;
    q = q * t + 2.42546219e-2f;
    q = q * t + -1.06777877e-1f;
    q = q * t + -6.34846687e-1f;
    q = q * t + -1.28717512e-1f;
    q = q * t - t;
    q = 1.0f - ek_expf1(q);
    large = x < 0.0f ? -q : q;
    p = p * s + 4.99119423e-3f;
    p = p * s + -2.67681349e-2f;
    p = p * s + 1.12819925e-1f;
    p = p * s + -3.76125336e-1f;
    p = p * s + 1.28379166e-1f;
    p = p * x + x;
    p = a < 0.927734375f ? p : large;
    return x == x ? p : x;
}

/* Largest and smallest integer that is not above, not below; any x. */
static inline float ek_floorf1(float x)
{
    const int32_t small = x > -8388608.0f && x < 8388608.0f;
    const float t = (float)(int32_t)(small ? x : 0.0f);
    return small ? (t > x ? t - 1.0f : t) : x;
}

static inline float ek_ceilf1(float x)
{
    return -ek_floorf1(-x);
}

/* Nearest integer, half to even; any x. */
static inline float ek_rintf1(float x)
{
    const float up = (x + 8388608.0f) - 8388608.0f, down = (x - 8388608.0f) + 8388608.0f;
    return x >= 0.0f && x < 8388608.0f ? up : x < 0.0f && x > -8388608.0f ? down : x;
}

/* Remainder of x / y with the sign of x, exact; NaN where y is 0 or x infinite. */
static inline float ek_fmodf1(float x, float y)
{
    const float b = y < 0.0f ? -y : y;
    float a = x < 0.0f ? -x : x, t = b;
    if (!(a < EK_INF) || !(b > 0.0f)) {
        return EK_NAN;
    }
    while (a - t >= t) {
        t += t;
    }
    while (t > b) {
        a = a >= t ? a - t : a;
        t *= 0.5f;
    }
    a = a >= b ? a - b : a;
    return x < 0.0f ? -a : a;
}

/* log(1 + e^x) = max(x, 0) + log(1 + e) with e = e^-|x|; that is 2 atanh(s) with s = e / (e + 2), by its series. */
static inline float ek_softplusf1(float x)
{
    const float e = ek_expf1(x < 0.0f ? x : -x);
    const float s = e / (e + 2.0f), z = s * s;
    float p = 2.0f / 13.0f;
    p = p * z + 2.0f / 11.0f;
    p = p * z + 2.0f / 9.0f;
    p = p * z + 2.0f / 7.0f;
    p = p * z + 2.0f / 5.0f;
    p = p * z + 2.0f / 3.0f;
    p = p * z + 2.0f;
    return (x > 0.0f ? x : 0.0f) + p * s;
}

/* x^y as e^(y ln |x|) with the sign rules of C: relative error below 2e-7 (1 + |y ln |x||). */
static inline float ek_powf1(float x, float y)
{
    const float b = y < 0.0f ? -y : y;
    const float half = ek_floorf1(b * 0.5f) * 2.0f; /* y is even where b equals this */
    const float p = ek_expf1(y * ek_logf1(x < 0.0f ? -x : x));
    const float odd = b - half == 1.0f ? -p : p;
    const float whole = ek_floorf1(b) == b ? odd : EK_NAN;
    return y == 0.0f || x == 1.0f ? 1.0f : x < 0.0f ? whole : p;
}

/* Sine of x (`turn` 0) or cosine (`turn` 1): absolute error below 2e-7 for |x| <= 1e4, 1e-5 for |x| <= 1e5,
 * NaN beyond. Reduction by parts of pi / 2 and polynomials of Cephes sinf and cosf. */
static inline float ek_sincosf1(float x, int32_t turn)
{
    const float c = x > -1e5f && x < 1e5f ? x : 0.0f;
    const float n = ek_roundf1(c * 0.636619772f);
    const float r = ((c - n * 1.5703125f) - n * 4.837512969970703125e-4f) - n * 7.54978995489188216e-8f;
    const int32_t q = (int32_t)n + turn;
    const float z = r * r;
    float s = -1.9515295891e-4f, t = 2.443315711809948e-5f, y;
    s = s * z + 8.3321608736e-3f;
    s = s * z + -1.6666654611e-1f;
    s = (s * z) * r + r;
    t = t * z + -1.388731625493765e-3f;
    t = t * z + 4.166664568298827e-2f;
    t = ((t * z) * z - 0.5f * z) + 1.0f;
    y = q & 1 ? t : s;
    y = q & 2 ? -y : y;
    return x > -1e5f && x < 1e5f ? y : EK_NAN;
}

/* Arc sine; NaN outside [-1, 1]. Polynomial of Cephes asinf. */
static inline float ek_asinf1(float x)
{
    const float a = x < 0.0f ? -x : x;
    const float z = a > 0.5f ? 0.5f * (1.0f - a) : a * a;
    const float r = a > 0.5f ? ek_sqrtf1(z) : a;
    float p = 4.2163199048e-2f;
    p = p * z + 2.4181311049e-2f;
    p = p * z + 4.5470025998e-2f;
    p = p * z + 7.4953002686e-2f;
    p = p * z + 1.6666752422e-1f;
    p = (p * z) * r + r;
    p = a > 0.5f ? 1.57079633f - 2.0f * p : p;
    return x < 0.0f ? -p : p;
}

/* Arc cosine; NaN outside [-1, 1]. */
static inline float ek_acosf1(float x)
{
    const float a = x < 0.0f ? -x : x;
    const float near_one = 2.0f * ek_asinf1(ek_sqrtf1(0.5f * (1.0f - a)));
    const float outer = x < 0.0f ? 3.14159265f - near_one : near_one;
    return a > 0.5f ? outer : 1.57079633f - ek_asinf1(x);
}

/* Arc tangent. Polynomial of Cephes atanf. */
static inline float ek_atanf1(float x)
{
    const float a = x < 0.0f ? -x : x;
    const float steep = a > 2.41421356f ? -1.0f / a : (a - 1.0f) / (a + 1.0f);
    const float r = a > 0.414213562f ? steep : a;
    const float start = a > 2.41421356f ? 1.57079633f : a > 0.414213562f ? 0.785398163f : 0.0f;
    const float z = r * r;
    float p = 8.05374449538e-2f;
    p = p * z + -1.38776856032e-1f;
    p = p * z + 1.99777106478e-1f;
    p = p * z + -3.33329491539e-1f;
    p = start + ((p * z) * r + r);
    return x < 0.0f ? -p : p;
}

/* Hyperbolic sine. Polynomial of Cephes sinhf up to 1. */
static inline float ek_sinhf1(float x)
{
    const float a = x < 0.0f ? -x : x;
    const float e = ek_expf1(0.5f * a), z = x * x;
    const float large = (0.5f * e) * e - 0.5f / (e * e);
    float p = 2.03721912945e-4f;
    p = p * z + 8.33028376239e-3f;
    p = p * z + 1.66667160211e-1f;
    p = (p * z) * x + x;
    return a > 1.0f ? (x < 0.0f ? -large : large) : p;
}

/* Hyperbolic cosine. */
static inline float ek_coshf1(float x)
{
    const float e = ek_expf1(0.5f * (x < 0.0f ? -x : x));
    return (0.5f * e) * e + 0.5f / (e * e);
}

/* Inverse hyperbolic sine. Polynomial of Cephes asinhf below 0.5. */
static inline float ek_asinhf1(float x)
{
    const float a = x < 0.0f ? -x : x, z = x * x;
    const float large = a > 1500.0f ? ek_logf1(a) + 0.693147181f : ek_logf1(a + ek_sqrtf1(z + 1.0f));
    float p = 2.0122003309e-2f;
    p = p * z + -4.2699340972e-2f;
    p = p * z + 7.4847586088e-2f;
    p = p * z + -1.6666288134e-1f;
    p = (p * z) * x + x;
    return a < 0.5f ? p : x < 0.0f ? -large : large;
}

/* Inverse hyperbolic cosine; NaN below 1. Polynomial of Cephes acoshf below 1.5. */
static inline float ek_acoshf1(float x)
{
    const float z = x - 1.0f;
    const float large = x > 1500.0f ? ek_logf1(x) + 0.693147181f : ek_logf1(x + ek_sqrtf1(z * (x + 1.0f)));
    float p = 1.7596881071e-3f;
    p = p * z + -7.5272886713e-3f;
    p = p * z + 2.6454905019e-2f;
    p = p * z + -1.1784741703e-1f;
    p = p * z + 1.4142135263f;
    return z < 0.5f ? p * ek_sqrtf1(z) : large;
}

/* Inverse hyperbolic tangent; NaN outside [-1, 1]. Polynomial of Cephes atanhf below 0.5. */
static inline float ek_atanhf1(float x)
{
    const float a = x < 0.0f ? -x : x, z = x * x;
    float p = 1.81740078349e-1f;
    p = p * z + 8.24370301058e-2f;
    p = p * z + 1.46691431730e-1f;
    p = p * z + 1.99782164500e-1f;
    p = p * z + 3.33337300303e-1f;
    p = (p * z) * x + x;
    return a < 0.5f ? p : 0.5f * ek_logf1((1.0f + x) / (1.0f - x));
}

/* ---- matrix products ---------------------------------------------------------------------------- */

/* y [n] += x [k] * w [k][stride], columns 0..n-1, in ascending k for every element. */
static inline void ek_accumulate_f32(const float *x, const float *w, float *y, int32_t k, int32_t n, int32_t stride)
{
    int32_t i = 0;
    for (; i + 4 <= k; i += 4) {
        const float *w0 = w + (ptrdiff_t)i * stride, *w1 = w0 + stride, *w2 = w1 + stride, *w3 = w2 + stride;
        const float x0 = x[i], x1 = x[i + 1], x2 = x[i + 2], x3 = x[i + 3];
        int32_t j;
        EK_IVDEP
        for (j = 0; j < n; j++) {
            y[j] = (((y[j] + x0 * w0[j]) + x1 * w1[j]) + x2 * w2[j]) + x3 * w3[j];
        }
    }
    for (; i < k; i++) {
        const float *w0 = w + (ptrdiff_t)i * stride;
        int32_t j;
        EK_IVDEP
        for (j = 0; j < n; j++) {
            y[j] = y[j] + x[i] * w0[j];
        }
    }
}

/* Fully connected: y [rows][n] = clamp(y_zero + requantize(x [rows][k] . w [n][k] + bias [n])).
 *  w       -128..127, row per output
 *  bias    contains -x_zero * sum(w row): there is no x_zero argument
 *  mult    [n], shift [n]: per output
 *  y_min, y_max  within the range of y; they carry a fused relu or clip
 * s8 inputs: int32 accumulator, |bias| + k * 128 * 127 < 2^31. s16 inputs: int64 accumulator. */
void ek_fc_s8_s8(const int8_t *x, const int8_t *w, const int32_t *bias, const int32_t *mult, const uint8_t *shift,
                 int32_t y_zero, int32_t y_min, int32_t y_max, int8_t *y, int32_t rows, int32_t k, int32_t n);
void ek_fc_s8_s16(const int8_t *x, const int8_t *w, const int32_t *bias, const int32_t *mult, const uint8_t *shift,
                  int32_t y_zero, int32_t y_min, int32_t y_max, int16_t *y, int32_t rows, int32_t k, int32_t n);
void ek_fc_s16_s16(const int16_t *x, const int8_t *w, const int64_t *bias, const int32_t *mult, const uint8_t *shift,
                   int32_t y_zero, int32_t y_min, int32_t y_max, int16_t *y, int32_t rows, int32_t k, int32_t n);
void ek_fc_s16_s8(const int16_t *x, const int8_t *w, const int64_t *bias, const int32_t *mult, const uint8_t *shift,
                  int32_t y_zero, int32_t y_min, int32_t y_max, int8_t *y, int32_t rows, int32_t k, int32_t n);

/* What a float layer does with its sums v before they are its output: add, laid out as y, is added unless it is NULL,
 * then one of these functions is taken, of numbers a and b. */
typedef enum {
    EK_NO_ACT,
    EK_RELU,         /* v > 0 ? v : 0 */
    EK_CLIP,         /* min(max(v, a), b) */
    EK_LEAKY_RELU,   /* v < 0 ? a * v : v */
    EK_HARD_SIGMOID, /* min(max(v * a + b, 0), 1) */
    EK_HARD_SWISH    /* v * min(max(v * a + b, 0), 1) */
} ek_act;

/* y [rows][n] = act(bias [n] + x [rows][k] . w [k][n] + add), summed in ascending k. bias and add may be NULL: 0; add may
 * not overlap y. */
void ek_fc_f32(const float *x, const float *w, const float *bias, int32_t act, float a, float b, const float *add,
               float *y, int32_t rows, int32_t k, int32_t n);

/* y [m][n] = a [m][k] . b [k][n], summed in ascending k from 0. */
void ek_matmul_f32(const float *a, const float *b, float *y, int32_t m, int32_t k, int32_t n);

/* ---- convolutions --------------------------------------------------------------------------------- */

/* All sizes in elements, all >= 1 (pads >= 0); in_c and out_c are multiples of groups. */
typedef struct {
    int32_t in_c, in_h, in_w, out_c, out_h, out_w, k_h, k_w, stride_h, stride_w, dil_h, dil_w, pad_top, pad_left, groups;
} ek_conv_shape;

/* y [out_c][out_h][out_w] = clamp(y_zero + requantize(bias [out_c] + sum w * (x - x_zero))).
 *  x   [in_c][in_h][in_w]; taps outside x contribute nothing
 *  w   [out_c][in_c / groups][k_h][k_w]
 *  bias [out_c], without any x_zero term
 *  mult, shift [out_c]; y_min, y_max as for ek_fc
 * x_zero is in the range of x (0 for s16 in EdgeKit's scheme). s8: int32 accumulator, s16: int64. */
void ek_conv_s8_s8(const int8_t *x, int32_t x_zero, const int8_t *w, const int32_t *bias, const int32_t *mult,
                   const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max, int8_t *y,
                   const ek_conv_shape *shape);
void ek_conv_s8_s16(const int8_t *x, int32_t x_zero, const int8_t *w, const int32_t *bias, const int32_t *mult,
                    const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max, int16_t *y,
                    const ek_conv_shape *shape);
void ek_conv_s16_s16(const int16_t *x, int32_t x_zero, const int8_t *w, const int64_t *bias, const int32_t *mult,
                     const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max, int16_t *y,
                     const ek_conv_shape *shape);
void ek_conv_s16_s8(const int16_t *x, int32_t x_zero, const int8_t *w, const int64_t *bias, const int32_t *mult,
                    const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max, int8_t *y,
                    const ek_conv_shape *shape);

/* The same where an instruction set has other ways to compute it; EdgeKit names one for each layer, and stores w and bias
 * as it reads them (edgekit.targets.c.packing.conv_paths). With vectors of x86, position by position, of one group; w is
 * [out_c][k_h][k_w][in_c] in packed rows. */
void ek_conv_positions_s8_s8(const int8_t *x, int32_t x_zero, const int8_t *w, const int32_t *bias,
                             const int32_t *mult, const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max,
                             int8_t *y, const ek_conv_shape *shape);
void ek_conv_positions_s8_s16(const int8_t *x, int32_t x_zero, const int8_t *w, const int32_t *bias,
                              const int32_t *mult, const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max,
                              int16_t *y, const ek_conv_shape *shape);
void ek_conv_positions_s16_s16(const int16_t *x, int32_t x_zero, const int8_t *w, const int64_t *bias,
                               const int32_t *mult, const uint8_t *shift, int32_t y_zero, int32_t y_min,
                               int32_t y_max, int16_t *y, const ek_conv_shape *shape);
void ek_conv_positions_s16_s8(const int16_t *x, int32_t x_zero, const int8_t *w, const int64_t *bias,
                              const int32_t *mult, const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max,
                              int8_t *y, const ek_conv_shape *shape);

/* With vectors of x86, two or four int8 channels side by side, or two int16 ones; w is
 * [out_c][in_c / groups / n][k_h][k_w][n]. */
void ek_conv_bands_s8_s8(const int8_t *x, int32_t x_zero, const int8_t *w, const int32_t *bias, const int32_t *mult,
                         const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max, int8_t *y,
                         const ek_conv_shape *shape);
void ek_conv_bands_s8_s16(const int8_t *x, int32_t x_zero, const int8_t *w, const int32_t *bias, const int32_t *mult,
                          const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max, int16_t *y,
                          const ek_conv_shape *shape);
void ek_conv_bands_s16_s16(const int16_t *x, int32_t x_zero, const int8_t *w, const int64_t *bias,
                           const int32_t *mult, const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max,
                           int16_t *y, const ek_conv_shape *shape);
void ek_conv_bands_s16_s8(const int16_t *x, int32_t x_zero, const int8_t *w, const int64_t *bias, const int32_t *mult,
                          const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max, int8_t *y,
                          const ek_conv_shape *shape);

/* With AVX-512, without padding: of one tap and stride 1, 2,048 channels of a group at most; or of rows of four taps or more,
 * which count as a multiple of four, 8,192 of a group at most. */
void ek_conv_points_s8_s8(const int8_t *x, int32_t x_zero, const int8_t *w, const int32_t *bias, const int32_t *mult,
                          const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max, int8_t *y,
                          const ek_conv_shape *shape);
void ek_conv_points_s8_s16(const int8_t *x, int32_t x_zero, const int8_t *w, const int32_t *bias, const int32_t *mult,
                           const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max, int16_t *y,
                           const ek_conv_shape *shape);

/* On Cortex-M with DSP instructions or Helium, where each channel is by itself, in_c == groups, and has one output or two;
 * without Helium also where each group has one output. */
void ek_conv_planes_s8_s8(const int8_t *x, int32_t x_zero, const int8_t *w, const int32_t *bias, const int32_t *mult,
                          const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max, int8_t *y,
                          const ek_conv_shape *shape);
void ek_conv_planes_s8_s16(const int8_t *x, int32_t x_zero, const int8_t *w, const int32_t *bias, const int32_t *mult,
                           const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max, int16_t *y,
                           const ek_conv_shape *shape);

/* With Helium, windows in strips of whole rows, without dilation along the row, stride_w <= k_w. */
void ek_conv_strips_s8_s8(const int8_t *x, int32_t x_zero, const int8_t *w, const int32_t *bias, const int32_t *mult,
                          const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max, int8_t *y,
                          const ek_conv_shape *shape);
void ek_conv_strips_s8_s16(const int8_t *x, int32_t x_zero, const int8_t *w, const int32_t *bias, const int32_t *mult,
                           const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max, int16_t *y,
                           const ek_conv_shape *shape);

/* Float convolution, layouts as above; per output: bias, then taps in order (channel, row, column), then add and act as
 * of ek_fc_f32. bias and add may be NULL: 0; add may not overlap y. */
void ek_conv_f32(const float *x, const float *w, const float *bias, int32_t act, float a, float b, const float *add,
                 float *y, const ek_conv_shape *shape);

/* Depthwise convolution at one position of frames that lie apart, as in a ring: of every channel
 * y = clamp(y_zero + requantize(bias + sum over t of w [t] * x [at [t]])).
 *  x   frames [channels], frame t from element at [t] on
 *  w   [taps][channels]
 *  bias [channels] contains -x_zero * sum(w): there is no x_zero argument; the others as for ek_fc
 * taps <= 64. s8: int32 accumulator, |bias| + 128 * sum(|w|) < 2^31; s16: int64. y may not overlap x. */
void ek_frames_s8_s8(const int8_t *x, const int32_t *at, const int8_t *w, const int32_t *bias, const int32_t *mult,
                     const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max, int8_t *y, int32_t taps,
                     int32_t channels);
void ek_frames_s8_s16(const int8_t *x, const int32_t *at, const int8_t *w, const int32_t *bias, const int32_t *mult,
                      const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max, int16_t *y, int32_t taps,
                      int32_t channels);
void ek_frames_s16_s16(const int16_t *x, const int32_t *at, const int8_t *w, const int64_t *bias, const int32_t *mult,
                       const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max, int16_t *y, int32_t taps,
                       int32_t channels);
void ek_frames_s16_s8(const int16_t *x, const int32_t *at, const int8_t *w, const int64_t *bias, const int32_t *mult,
                      const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max, int8_t *y, int32_t taps,
                      int32_t channels);

/* The same in float: per channel bias, then taps in order. bias may be NULL: 0. */
void ek_frames_f32(const float *x, const int32_t *at, const float *w, const float *bias, float *y, int32_t taps,
                   int32_t channels);

/* Deformable convolution (Zhu et al. 2019, arXiv 1811.11168, equation 1; ONNX DeformConv): tap k of output pixel p
 * reads x between its pixels at the tap's own place plus offset [offset_groups][k_h * k_w][2][out_h][out_w] (row,
 * column), times mask [offset_groups][k_h * k_w][out_h][out_w]; 0 outside of x. Channels are split evenly over the
 * offset groups. bias and mask may be NULL: 0 and 1. scratch holds in_c * k_h * k_w floats. in_h, in_w < 2^20. */
void ek_deform_conv_f32(const float *x, const float *w, const float *offset, const float *bias, const float *mask,
                        float *y, int32_t offset_groups, const ek_conv_shape *shape, float *scratch);

/* Depthwise 3x3 convolution whose dilation differs from pixel to pixel: tap (ky, kx) of output (oy, ox) reads
 * x (oy + (ky - 1) * r, ox + (kx - 1) * r), r = clamp(d [oy][ox], d_min, d_max); taps outside x contribute nothing.
 *  x, y [channels][height][width], d [height][width], w [channels][3][3]; the others as for ek_conv_s8_s8.
 * d_min >= 0. */
void ek_square_deform_s8(const int8_t *x, int32_t x_zero, const int8_t *d, int32_t d_min, int32_t d_max,
                         const int8_t *w, const int32_t *bias, const int32_t *mult, const uint8_t *shift,
                         int32_t y_zero, int32_t y_min, int32_t y_max, int8_t *y, int32_t channels, int32_t height,
                         int32_t width);

/* Transposed convolution: tap (ky, kx) of input (iy, ix) adds to output
 * (iy * stride_h + ky * dil_h - pad_top, ix * stride_w + kx * dil_w - pad_left), dropped when outside.
 *  w   [in_c][out_c / groups][k_h][k_w]
 * Per output: bias, then taps in order (channel, row, column). bias of the f32 form may be NULL: 0. */
void ek_conv_transpose_f32(const float *x, const float *w, const float *bias, float *y, const ek_conv_shape *shape);
void ek_conv_transpose_s8_s8(const int8_t *x, int32_t x_zero, const int8_t *w, const int32_t *bias,
                             const int32_t *mult, const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max,
                             int8_t *y, const ek_conv_shape *shape);
void ek_conv_transpose_s8_s16(const int8_t *x, int32_t x_zero, const int8_t *w, const int32_t *bias,
                              const int32_t *mult, const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max,
                              int16_t *y, const ek_conv_shape *shape);
void ek_conv_transpose_s16_s16(const int16_t *x, int32_t x_zero, const int8_t *w, const int64_t *bias,
                               const int32_t *mult, const uint8_t *shift, int32_t y_zero, int32_t y_min,
                               int32_t y_max, int16_t *y, const ek_conv_shape *shape);
void ek_conv_transpose_s16_s8(const int16_t *x, int32_t x_zero, const int8_t *w, const int64_t *bias,
                              const int32_t *mult, const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max,
                              int8_t *y, const ek_conv_shape *shape);

/* The same of at most eight taps to an output, without dilation along the row. */
void ek_conv_transpose_runs_s8_s8(const int8_t *x, int32_t x_zero, const int8_t *w, const int32_t *bias,
                                  const int32_t *mult, const uint8_t *shift, int32_t y_zero, int32_t y_min,
                                  int32_t y_max, int8_t *y, const ek_conv_shape *shape);
void ek_conv_transpose_runs_s8_s16(const int8_t *x, int32_t x_zero, const int8_t *w, const int32_t *bias,
                                   const int32_t *mult, const uint8_t *shift, int32_t y_zero, int32_t y_min,
                                   int32_t y_max, int16_t *y, const ek_conv_shape *shape);

/* With Helium, each phase as ek_conv_strips_s8_s8. */
void ek_conv_transpose_strips_s8_s8(const int8_t *x, int32_t x_zero, const int8_t *w, const int32_t *bias,
                                    const int32_t *mult, const uint8_t *shift, int32_t y_zero, int32_t y_min,
                                    int32_t y_max, int8_t *y, const ek_conv_shape *shape);
void ek_conv_transpose_strips_s8_s16(const int8_t *x, int32_t x_zero, const int8_t *w, const int32_t *bias,
                                     const int32_t *mult, const uint8_t *shift, int32_t y_zero, int32_t y_min,
                                     int32_t y_max, int16_t *y, const ek_conv_shape *shape);

/* ---- pooling -------------------------------------------------------------------------------------- */

/* y [c][out_h][out_w] is the largest value of each window of x [c][in_h][in_w]; taps outside x do not count, each
 * window has one inside. shape as for a convolution of c channels; its groups are not read. */
void ek_max_pool_f32(const float *x, float *y, const ek_conv_shape *shape);
void ek_max_pool_s8(const int8_t *x, int8_t *y, const ek_conv_shape *shape);
void ek_max_pool_s16(const int16_t *x, int16_t *y, const ek_conv_shape *shape);

/* The mean of each window, summed in order (row, column). The divisor counts the taps inside x; with include_pad
 * also those on the padding, which ends pad_bottom rows and pad_right columns behind x. */
void ek_avg_pool_f32(const float *x, float *y, int32_t include_pad, int32_t pad_bottom, int32_t pad_right,
                     const ek_conv_shape *shape);

/* y = clamp(y_zero + requantize(sum of (x - x_zero), mult [count - count_min], shift [count - count_min])), count the
 * divisor as above: its factor carries the division. s8: int32 accumulator, s16: int64. */
void ek_avg_pool_s8(const int8_t *x, int32_t x_zero, const int32_t *mult, const uint8_t *shift, int32_t count_min,
                    int32_t y_zero, int32_t y_min, int32_t y_max, int8_t *y, int32_t include_pad, int32_t pad_bottom,
                    int32_t pad_right, const ek_conv_shape *shape);
void ek_avg_pool_s16(const int16_t *x, int32_t x_zero, const int32_t *mult, const uint8_t *shift, int32_t count_min,
                     int32_t y_zero, int32_t y_min, int32_t y_max, int16_t *y, int32_t include_pad,
                     int32_t pad_bottom, int32_t pad_right, const ek_conv_shape *shape);
void ek_avg_pool_s16_s8(const int16_t *x, int32_t x_zero, const int32_t *mult, const uint8_t *shift,
                        int32_t count_min, int32_t y_zero, int32_t y_min, int32_t y_max, int8_t *y,
                        int32_t include_pad, int32_t pad_bottom, int32_t pad_right, const ek_conv_shape *shape);

/* (sum of |x|^p)^(1/p) of each window, p >= 1. */
void ek_lp_pool_f32(const float *x, float *y, int32_t p, const ek_conv_shape *shape);

/* y [outer][out_n][inner] = sum over t of weights [out_n][taps] * x [outer][in_n][inner] at index [out_n][taps],
 * in the order of t; indices are within 0..in_n-1. */
void ek_interpolate_f32(const float *x, const int32_t *index, const float *weights, float *y, int32_t outer,
                        int32_t in_n, int32_t out_n, int32_t inner, int32_t taps);

/* y [channels][points] = x [channels][in_h][in_w] at grid [points][2] = (column, row), -1 and 1 the borders of the
 * image, or with align_corners the centres of its outer pixels. nearest: 0 bilinear, 1 nearest pixel (half to even).
 * padding: 0 zeros, 1 nearest border, 2 reflection. in_h, in_w < 2^20; NaN counts as far outside. */
void ek_grid_sample_f32(const float *x, const float *grid, float *y, int32_t channels, int32_t in_h, int32_t in_w,
                        int32_t points, int32_t nearest, int32_t padding, int32_t align_corners);

/* ---- recurrent cells -------------------------------------------------------------------------------- */

/* Layers take all steps of all sequences of a batch. Scratch is for `rows` rows: as many as there are sequences, of one
 * as there are steps. So many of them at most are computed at once: */
#define EK_CELL_ROWS 4
#define EK_CELL_ROWS_F32 12
#define EK_CELLS(bytes, units, rows, most) ((size_t)(bytes) * (size_t)(units) * (size_t)((rows) < (most) ? (rows) : (most)))

/* GRU with int16 state; gates in ONNX order z, r, h.
 *  x        [steps][batch][inputs]; of s16 forms with inputs 0 [steps][batch][3 units], pre-activations of scale 2^-11,
 *           which then take the place of the product with w: w, w_bias, w_mult and w_shift are not read
 *  h        [batch][units], scale 2^-15, updated in place
 *  w        [3 units][inputs], r [3 units][units]
 *  w_bias, r_bias  [3 units], in the scale of their product; w_bias contains -x_zero * sum(w row)
 *  w_mult, w_shift, r_mult, r_shift  [3 units]: to int16 pre-activations of scale 2^-11, saturating
 *  sigmoid, tanh_  1025-entry tables from scale 2^-11 to scale 2^-15 (see ek_lut_s16_at)
 *  y        [steps][batch][units] what h is behind each step, or NULL
 *  linear_before_reset  1: n = tanh(W x + r * (R h + b)); 0: n = tanh(W x + R (r * h) + b)
 * The second type of a form is that of the recurrent product's operand: s8 takes saturate_s8((h + 128) >> 8), scale
 * 2^-7, s16 h itself. Products with an s8 operand have int32 sums and biases, with an s16 one int64. */
#define EK_GRU_S8_SCRATCH(units, rows) EK_CELLS(13, units, rows, EK_CELL_ROWS)  /* with an s8 recurrent operand */
#define EK_GRU_S16_SCRATCH(units, rows) EK_CELLS(14, units, rows, EK_CELL_ROWS) /* with an s16 one */
void ek_gru_s8_s8(const int8_t *x, int16_t *h, const int8_t *w, const int8_t *r, const int32_t *w_bias,
                  const int32_t *r_bias, const int32_t *w_mult, const uint8_t *w_shift, const int32_t *r_mult,
                  const uint8_t *r_shift, const int16_t *sigmoid, const int16_t *tanh_, int16_t *y, int32_t steps,
                  int32_t batch, int32_t inputs, int32_t units, int32_t linear_before_reset, int16_t *scratch);
void ek_gru_s8_s16(const int8_t *x, int16_t *h, const int8_t *w, const int8_t *r, const int32_t *w_bias,
                   const int64_t *r_bias, const int32_t *w_mult, const uint8_t *w_shift, const int32_t *r_mult,
                   const uint8_t *r_shift, const int16_t *sigmoid, const int16_t *tanh_, int16_t *y, int32_t steps,
                   int32_t batch, int32_t inputs, int32_t units, int32_t linear_before_reset, int16_t *scratch);
void ek_gru_s16_s8(const int16_t *x, int16_t *h, const int8_t *w, const int8_t *r, const int64_t *w_bias,
                   const int32_t *r_bias, const int32_t *w_mult, const uint8_t *w_shift, const int32_t *r_mult,
                   const uint8_t *r_shift, const int16_t *sigmoid, const int16_t *tanh_, int16_t *y, int32_t steps,
                   int32_t batch, int32_t inputs, int32_t units, int32_t linear_before_reset, int16_t *scratch);
void ek_gru_s16_s16(const int16_t *x, int16_t *h, const int8_t *w, const int8_t *r, const int64_t *w_bias,
                    const int64_t *r_bias, const int32_t *w_mult, const uint8_t *w_shift, const int32_t *r_mult,
                    const uint8_t *r_shift, const int16_t *sigmoid, const int16_t *tanh_, int16_t *y, int32_t steps,
                    int32_t batch, int32_t inputs, int32_t units, int32_t linear_before_reset, int16_t *scratch);

/* Float GRU: x [steps][batch][inputs], h [batch][units] in place, y [steps][batch][units] what h is behind each step, or
 * NULL; w [inputs][3 units], r [units][3 units], biases [3 units], gates z, r, h. h' = (1 - z) * n + z * h. */
#define EK_GRU_F32_SCRATCH(units, rows) EK_CELLS(24, units, rows, EK_CELL_ROWS_F32)
void ek_gru_f32(const float *x, float *h, const float *w, const float *r, const float *w_bias, const float *r_bias,
                float *y, int32_t steps, int32_t batch, int32_t inputs, int32_t units, int32_t linear_before_reset,
                float *scratch);

/* LSTM with int16 h and int32 c; gates in ONNX order i, o, f, c; the arguments are those of ek_gru_s8_s8, but for
 *  w, r     [4 units][...], and four gates everywhere
 *  c        [batch][units], scale 2^-c_bits with c_bits in 0..30, updated in place, saturating
 * c' = f * c + i * c~ in one rounding, with f = 1 - sigmoid(-gate): a cell that keeps everything can;
 * h' = o * tanh(c'), c' rounded to scale 2^-11. */
#define EK_LSTM_S8_SCRATCH(units, rows) EK_CELLS(17, units, rows, EK_CELL_ROWS)
#define EK_LSTM_S16_SCRATCH(units, rows) EK_CELLS(18, units, rows, EK_CELL_ROWS)
void ek_lstm_s8_s8(const int8_t *x, int16_t *h, int32_t *c, const int8_t *w, const int8_t *r, const int32_t *w_bias,
                   const int32_t *r_bias, const int32_t *w_mult, const uint8_t *w_shift, const int32_t *r_mult,
                   const uint8_t *r_shift, const int16_t *sigmoid, const int16_t *tanh_, int16_t *y, int32_t steps,
                   int32_t batch, int32_t inputs, int32_t units, int32_t c_bits, int16_t *scratch);
void ek_lstm_s8_s16(const int8_t *x, int16_t *h, int32_t *c, const int8_t *w, const int8_t *r, const int32_t *w_bias,
                    const int64_t *r_bias, const int32_t *w_mult, const uint8_t *w_shift, const int32_t *r_mult,
                    const uint8_t *r_shift, const int16_t *sigmoid, const int16_t *tanh_, int16_t *y, int32_t steps,
                    int32_t batch, int32_t inputs, int32_t units, int32_t c_bits, int16_t *scratch);
void ek_lstm_s16_s8(const int16_t *x, int16_t *h, int32_t *c, const int8_t *w, const int8_t *r, const int64_t *w_bias,
                    const int32_t *r_bias, const int32_t *w_mult, const uint8_t *w_shift, const int32_t *r_mult,
                    const uint8_t *r_shift, const int16_t *sigmoid, const int16_t *tanh_, int16_t *y, int32_t steps,
                    int32_t batch, int32_t inputs, int32_t units, int32_t c_bits, int16_t *scratch);
void ek_lstm_s16_s16(const int16_t *x, int16_t *h, int32_t *c, const int8_t *w, const int8_t *r,
                     const int64_t *w_bias, const int64_t *r_bias, const int32_t *w_mult, const uint8_t *w_shift,
                     const int32_t *r_mult, const uint8_t *r_shift, const int16_t *sigmoid, const int16_t *tanh_,
                     int16_t *y, int32_t steps, int32_t batch, int32_t inputs, int32_t units, int32_t c_bits,
                     int16_t *scratch);

/* Float LSTM: as ek_gru_f32, c [batch][units] in place; w [inputs][4 units], r [units][4 units], bias [4 units] = Wb + Rb,
 * gates i, o, f, c. c' = f * c + i * c~, h' = o * tanh(c'). */
#define EK_LSTM_F32_SCRATCH(units, rows) EK_CELLS(16, units, rows, EK_CELL_ROWS_F32)
void ek_lstm_f32(const float *x, float *h, float *c, const float *w, const float *r, const float *bias, float *y,
                 int32_t steps, int32_t batch, int32_t inputs, int32_t units, float *scratch);

/* Plain float recurrence, as ek_gru_f32: h = relu or tanh of bias + x w + h r; w [inputs][units], r [units][units],
 * bias [units] = Wb + Rb. */
#define EK_RNN_F32_SCRATCH(units, rows) EK_CELLS(4, units, rows, EK_CELL_ROWS_F32)
void ek_rnn_f32(const float *x, float *h, const float *w, const float *r, const float *bias, float *y, int32_t steps,
                int32_t batch, int32_t inputs, int32_t units, int32_t relu, float *scratch);

/* ---- pointwise, integer (y may be x, a or b where the types agree) ------------------------------------ */

/* y = table[x + 128], 256 entries. */
void ek_lut_s8(const int8_t *x, const int8_t *table, int8_t *y, int32_t n);

/* y = piecewise-linear table value, see ek_lut_s16_at; the s8 form requantizes it to
 * saturate(y_zero + requantize(value)). */
void ek_lut_s16(const int16_t *x, const int16_t *table, int16_t *y, int32_t n);
void ek_lut_s16_s8(const int16_t *x, const int16_t *table, int32_t mult, int32_t shift, int32_t y_zero, int8_t *y,
                   int32_t n);

/* y = clamp(y_zero + (((a - a_zero) * m1 + (b - b_zero) * m2 + 2^(shift-1)) >> shift)).
 * a_step, b_step: 1, or 0 for an operand of one element. A subtraction has a negative m2. s16: both zeros are 0. */
void ek_add_s8(const int8_t *a, int32_t a_step, int32_t a_zero, int32_t m1, const int8_t *b, int32_t b_step,
               int32_t b_zero, int32_t m2, int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max, int8_t *y,
               int32_t n);
void ek_add_s16(const int16_t *a, int32_t a_step, int32_t a_zero, int32_t m1, const int16_t *b, int32_t b_step,
                int32_t b_zero, int32_t m2, int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max, int16_t *y,
                int32_t n);
void ek_add_s16_s8(const int16_t *a, int32_t a_step, int32_t a_zero, int32_t m1, const int16_t *b, int32_t b_step,
                   int32_t b_zero, int32_t m2, int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max, int8_t *y,
                   int32_t n);

/* y = clamp(y_zero + (((a - a_zero) * (b - b_zero) * m + 2^(shift-1)) >> shift)). s16: both zeros are 0. */
void ek_mul_s8(const int8_t *a, int32_t a_step, int32_t a_zero, const int8_t *b, int32_t b_step, int32_t b_zero,
               int32_t m, int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max, int8_t *y, int32_t n);
void ek_mul_s16(const int16_t *a, int32_t a_step, int32_t a_zero, const int16_t *b, int32_t b_step, int32_t b_zero,
                int32_t m, int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max, int16_t *y, int32_t n);
void ek_mul_s16_s8(const int16_t *a, int32_t a_step, int32_t a_zero, const int16_t *b, int32_t b_step, int32_t b_zero,
                   int32_t m, int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max, int8_t *y, int32_t n);

/* x, y [channels][inner]; with d = x - x_zero: y = saturate(y_zero + ((d * m + 2^(shift-1)) >> shift)),
 * m = m_pos where d >= 0, else m_neg [channels] (slopes of any sign). */
void ek_prelu_s8(const int8_t *x, int32_t x_zero, int32_t m_pos, const int32_t *m_neg, int32_t shift, int32_t y_zero,
                 int8_t *y, int32_t channels, int32_t inner);
void ek_prelu_s16(const int16_t *x, int32_t x_zero, int32_t m_pos, const int32_t *m_neg, int32_t shift,
                  int32_t y_zero, int16_t *y, int32_t channels, int32_t inner);
void ek_prelu_s16_s8(const int16_t *x, int32_t x_zero, int32_t m_pos, const int32_t *m_neg, int32_t shift,
                     int32_t y_zero, int8_t *y, int32_t channels, int32_t inner);

/* ---- fused, integer: 64 bits inside, one rounding where nothing else is said ------------------------- */

/* y [m][n] = clamp(y_zero + requantize(sum over k of (a - a_zero) * (b - b_zero))), a [m][k], b [k][n] computed both.
 * s8: int32 sums, k <= 2^15; s16: both zeros 0, int64 sums, k <= 2^17. */
void ek_matmul_s8_s8(const int8_t *a, int32_t a_zero, const int8_t *b, int32_t b_zero, int32_t mult, int32_t shift,
                     int32_t y_zero, int32_t y_min, int32_t y_max, int8_t *y, int32_t m, int32_t k, int32_t n);
void ek_matmul_s8_s16(const int8_t *a, int32_t a_zero, const int8_t *b, int32_t b_zero, int32_t mult, int32_t shift,
                      int32_t y_zero, int32_t y_min, int32_t y_max, int16_t *y, int32_t m, int32_t k, int32_t n);
void ek_matmul_s16_s16(const int16_t *a, int32_t a_zero, const int16_t *b, int32_t b_zero, int32_t mult,
                       int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max, int16_t *y, int32_t m, int32_t k,
                       int32_t n);
void ek_matmul_s16_s8(const int16_t *a, int32_t a_zero, const int16_t *b, int32_t b_zero, int32_t mult, int32_t shift,
                      int32_t y_zero, int32_t y_min, int32_t y_max, int8_t *y, int32_t m, int32_t k, int32_t n);

/* y = clamp(y_zero + round_half_up(sqrt((a^2 * m1 + b^2 * m2 + add) * 2^-shift))); m1, m2 in [0, 2^30], add in
 * [0, 2^61], shift even, 2..62. y may be a or b where the types agree. */
void ek_magnitude_s16(const int16_t *a, int32_t m1, const int16_t *b, int32_t m2, int64_t add, int32_t shift,
                      int32_t y_zero, int32_t y_min, int32_t y_max, int16_t *y, int32_t n);
void ek_magnitude_s16_s8(const int16_t *a, int32_t m1, const int16_t *b, int32_t m2, int64_t add, int32_t shift,
                         int32_t y_zero, int32_t y_min, int32_t y_max, int8_t *y, int32_t n);

/* y = clamp(y_zero + ((a * b * m1 + c * d * m2 + 2^(shift-1)) >> shift)); m1, m2 in [-2^30, 2^30]. y may be any
 * operand where the types agree. */
void ek_product_sum_s16(const int16_t *a, const int16_t *b, int32_t m1, const int16_t *c, const int16_t *d,
                        int32_t m2, int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max, int16_t *y,
                        int32_t n);
void ek_product_sum_s16_s8(const int16_t *a, const int16_t *b, int32_t m1, const int16_t *c, const int16_t *d,
                           int32_t m2, int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max, int8_t *y,
                           int32_t n);

/* x [outer][n][inner], y [outer][inner] = clamp(y_zero + requantize(sum over n of x^2)); n <= 2^17, mult < 2^15. */
void ek_mean_square_s16(const int16_t *x, int32_t mult, int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max,
                        int16_t *y, int32_t outer, int32_t n, int32_t inner);
void ek_mean_square_s16_s8(const int16_t *x, int32_t mult, int32_t shift, int32_t y_zero, int32_t y_min,
                           int32_t y_max, int8_t *y, int32_t outer, int32_t n, int32_t inner);

/* x, y [rows][n], n <= 2^14. Per row, with the exact integers d = n * x - sum(x) and
 * v = n * sum(x^2) - sum(x)^2 + epsilon: z = d / sqrt(v) rounded to 20 bits of fraction (relative error below 2^-28
 * before), y = clamp(y_zero + ((z * gain + bias * 2^bias_up + 2^(shift-1)) >> shift)), z as an integer.
 * gain, bias [n]: |gain| <= 2^24, |bias * 2^bias_up| <= 2^52, epsilon in [0, 2^60]. */
void ek_layernorm_s16(const int16_t *x, const int32_t *gain, const int32_t *bias, int32_t bias_up, int64_t epsilon,
                      int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max, int16_t *y, int32_t rows,
                      int32_t n);
void ek_layernorm_s16_s8(const int16_t *x, const int32_t *gain, const int32_t *bias, int32_t bias_up, int64_t epsilon,
                         int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max, int8_t *y, int32_t rows,
                         int32_t n);

/* x, y [rows][n], n <= 2^14. e = 2^-u with u = requantize(max(x) - x, m, s) * 2^-20 (see ek_exp2_q30), p = e / sum(e)
 * with 31 bits of fraction and an error below 2^-17 p + 2^-31; y = clamp(y_zero + requantize(p * 2^31)),
 * |mult| < 2^30. exp2 [257]. */
void ek_softmax_s16(const int16_t *x, int32_t m, int32_t s, const int32_t *exp2, int32_t mult, int32_t shift,
                    int32_t y_zero, int32_t y_min, int32_t y_max, int16_t *y, int32_t rows, int32_t n);
void ek_softmax_s16_s8(const int16_t *x, int32_t m, int32_t s, const int32_t *exp2, int32_t mult, int32_t shift,
                       int32_t y_zero, int32_t y_min, int32_t y_max, int8_t *y, int32_t rows, int32_t n);

/* y = saturate(round_half_even(x / scale) + zero); NaN gives zero, infinities saturate. scale > 0. */
void ek_quantize_s8(const float *x, float scale, int32_t zero, int8_t *y, int32_t n);
void ek_quantize_s16(const float *x, float scale, int32_t zero, int16_t *y, int32_t n);
void ek_quantize_s32(const float *x, float scale, int32_t zero, int32_t *y, int32_t n);

/* y = (float)(x - zero) * scale. */
void ek_dequantize_s8(const int8_t *x, float scale, int32_t zero, float *y, int32_t n);
void ek_dequantize_s16(const int16_t *x, float scale, int32_t zero, float *y, int32_t n);
void ek_dequantize_s32(const int32_t *x, float scale, int32_t zero, float *y, int32_t n);

/* y = clamp(y_zero + requantize(x - x_zero)). */
void ek_requantize_s8_s8(const int8_t *x, int32_t x_zero, int32_t mult, int32_t shift, int32_t y_zero, int32_t y_min,
                         int32_t y_max, int8_t *y, int32_t n);
void ek_requantize_s8_s16(const int8_t *x, int32_t x_zero, int32_t mult, int32_t shift, int32_t y_zero, int32_t y_min,
                          int32_t y_max, int16_t *y, int32_t n);
void ek_requantize_s16_s8(const int16_t *x, int32_t x_zero, int32_t mult, int32_t shift, int32_t y_zero,
                          int32_t y_min, int32_t y_max, int8_t *y, int32_t n);
void ek_requantize_s16_s16(const int16_t *x, int32_t x_zero, int32_t mult, int32_t shift, int32_t y_zero,
                           int32_t y_min, int32_t y_max, int16_t *y, int32_t n);

/* ---- pointwise and rows, float (y may be x) ------------------------------------------------------------ */

void ek_exp_f32(const float *x, float *y, int32_t n);
void ek_log_f32(const float *x, float *y, int32_t n);
void ek_sqrt_f32(const float *x, float *y, int32_t n);
void ek_sigmoid_f32(const float *x, float *y, int32_t n);
void ek_tanh_f32(const float *x, float *y, int32_t n);
void ek_erf_f32(const float *x, float *y, int32_t n);

/* y = floor <= |x| <= limit ? x : 0; NaN and infinities give 0. */
void ek_finite_f32(const float *x, float *y, int32_t n, float floor, float limit);

/* With grid = {scale, low, high}: y = scale * clamp(round_half_even(x / scale), low, high), what x is as an
 * integer; NaN gives 0. low and high are integers, at most 2^22 from zero. scale 0: y = x. */
void ek_fake_quantize_f32(const float *x, const float *grid, float *y, int32_t n);

/* Softmax over each row of x [rows][n], n >= 1: e^(x - max) / sum, summed in order. */
void ek_softmax_f32(const float *x, float *y, int32_t rows, int32_t n);

/* y = (x - mean) * (1 / sqrt(variance + eps)) * scale [n] + bias [n] over each row of x [rows][n]; mean and
 * mean squared deviation summed in order. bias may be NULL; so may be means and inverses [rows], which take
 * the mean and 1 / sqrt(variance + eps) of every row. */
void ek_layernorm_f32(const float *x, const float *scale, const float *bias, float eps, float *y, float *means,
                      float *inverses, int32_t rows, int32_t n);

/* The same over each channel of x [batch][channels][n]; scale and bias [channels]. */
void ek_instancenorm_f32(const float *x, const float *scale, const float *bias, float eps, float *y, int32_t batch,
                         int32_t channels, int32_t n);

/* ---- Fourier transforms ---------------------------------------------------------------------------------- */

/* n is even and n / 2 has no prime factor above 5. tables: 2 n floats, the complex numbers
 * e^(-2 pi i k / (n/2)), k < n/2, then e^(-2 pi i k / n), k < n/2, rounded from double. */
#define EK_FFT_TABLES(n) ((size_t)8 * (size_t)(n))

/* Complex transform of `size` points (size = n/2), out of place by Stockham's method: radices 4, 2, 3, 5.
 * x is not changed. a and b [size][2] are work space; returns where the result is: a, b, or x when size is 1. */
const float *ek_fft_f32(const float *x, float *a, float *b, const float *tables, int32_t size);

/* spectrum [n/2+1][2] of x [n], unnormalized; scratch 2 n floats. */
#define EK_RFFT_F32_SCRATCH(n) ((size_t)8 * (size_t)(n))
void ek_rfft_f32(const float *x, float *spectrum, const float *tables, int32_t n, float *scratch);

/* x [n] of spectrum [n/2+1][2], divided by n; the imaginary parts of the first and last bin are ignored. */
#define EK_IRFFT_F32_SCRATCH(n) ((size_t)8 * (size_t)(n))
void ek_irfft_f32(const float *spectrum, float *x, const float *tables, int32_t n, float *scratch);

/* One hop of analysis: the frame is history [n-hop] then pcm [hop], times window [n]; its last n - hop
 * samples become the history. 1 <= hop <= n; scratch 3 n floats. */
#define EK_STFT_F32_SCRATCH(n) ((size_t)12 * (size_t)(n))
void ek_stft_f32(const float *pcm, float *history, const float *window, float *spectrum, const float *tables,
                 int32_t n, int32_t hop, float *scratch);

/* One hop of synthesis: the inverse transform times window [n] is added to overlap [n-hop]; its first hop
 * samples are pcm, the rest is the new overlap. Any normalization is in the window. */
#define EK_ISTFT_F32_SCRATCH(n) ((size_t)12 * (size_t)(n))
void ek_istft_f32(const float *spectrum, float *overlap, const float *window, float *pcm, const float *tables,
                  int32_t n, int32_t hop, float *scratch);

/* ---- int4 weights --------------------------------------------------------------------------------- */

/* The kernels above of the same names, with weights -7..7: two to a byte, low nibble first. Each row of a matrix
 * and each output channel of a convolution starts at a whole byte; the weights of a transposed convolution are one
 * row. Rows are not packed for an instruction set. */
void ek_fc_s8_s8_w4(const int8_t *x, const int8_t *w, const int32_t *bias, const int32_t *mult, const uint8_t *shift,
                    int32_t y_zero, int32_t y_min, int32_t y_max, int8_t *y, int32_t rows, int32_t k, int32_t n);
void ek_fc_s8_s16_w4(const int8_t *x, const int8_t *w, const int32_t *bias, const int32_t *mult, const uint8_t *shift,
                     int32_t y_zero, int32_t y_min, int32_t y_max, int16_t *y, int32_t rows, int32_t k, int32_t n);
void ek_fc_s16_s16_w4(const int16_t *x, const int8_t *w, const int64_t *bias, const int32_t *mult,
                      const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max, int16_t *y, int32_t rows,
                      int32_t k, int32_t n);
void ek_fc_s16_s8_w4(const int16_t *x, const int8_t *w, const int64_t *bias, const int32_t *mult,
                     const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max, int8_t *y, int32_t rows,
                     int32_t k, int32_t n);
void ek_conv_s8_s8_w4(const int8_t *x, int32_t x_zero, const int8_t *w, const int32_t *bias, const int32_t *mult,
                      const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max, int8_t *y,
                      const ek_conv_shape *shape);
void ek_conv_s8_s16_w4(const int8_t *x, int32_t x_zero, const int8_t *w, const int32_t *bias, const int32_t *mult,
                       const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max, int16_t *y,
                       const ek_conv_shape *shape);
void ek_conv_s16_s16_w4(const int16_t *x, int32_t x_zero, const int8_t *w, const int64_t *bias, const int32_t *mult,
                        const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max, int16_t *y,
                        const ek_conv_shape *shape);
void ek_conv_s16_s8_w4(const int16_t *x, int32_t x_zero, const int8_t *w, const int64_t *bias, const int32_t *mult,
                       const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max, int8_t *y,
                       const ek_conv_shape *shape);
void ek_conv_positions_s8_s8_w4(const int8_t *x, int32_t x_zero, const int8_t *w, const int32_t *bias,
                                const int32_t *mult, const uint8_t *shift, int32_t y_zero, int32_t y_min,
                                int32_t y_max, int8_t *y, const ek_conv_shape *shape);
void ek_conv_positions_s8_s16_w4(const int8_t *x, int32_t x_zero, const int8_t *w, const int32_t *bias,
                                 const int32_t *mult, const uint8_t *shift, int32_t y_zero, int32_t y_min,
                                 int32_t y_max, int16_t *y, const ek_conv_shape *shape);
void ek_conv_positions_s16_s16_w4(const int16_t *x, int32_t x_zero, const int8_t *w, const int64_t *bias,
                                  const int32_t *mult, const uint8_t *shift, int32_t y_zero, int32_t y_min,
                                  int32_t y_max, int16_t *y, const ek_conv_shape *shape);
void ek_conv_positions_s16_s8_w4(const int16_t *x, int32_t x_zero, const int8_t *w, const int64_t *bias,
                                 const int32_t *mult, const uint8_t *shift, int32_t y_zero, int32_t y_min,
                                 int32_t y_max, int8_t *y, const ek_conv_shape *shape);
void ek_conv_bands_s8_s8_w4(const int8_t *x, int32_t x_zero, const int8_t *w, const int32_t *bias,
                            const int32_t *mult, const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max,
                            int8_t *y, const ek_conv_shape *shape);
void ek_conv_bands_s8_s16_w4(const int8_t *x, int32_t x_zero, const int8_t *w, const int32_t *bias,
                             const int32_t *mult, const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max,
                             int16_t *y, const ek_conv_shape *shape);
void ek_conv_bands_s16_s16_w4(const int16_t *x, int32_t x_zero, const int8_t *w, const int64_t *bias,
                              const int32_t *mult, const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max,
                              int16_t *y, const ek_conv_shape *shape);
void ek_conv_bands_s16_s8_w4(const int16_t *x, int32_t x_zero, const int8_t *w, const int64_t *bias,
                             const int32_t *mult, const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max,
                             int8_t *y, const ek_conv_shape *shape);
void ek_conv_points_s8_s8_w4(const int8_t *x, int32_t x_zero, const int8_t *w, const int32_t *bias,
                             const int32_t *mult, const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max,
                             int8_t *y, const ek_conv_shape *shape);
void ek_conv_points_s8_s16_w4(const int8_t *x, int32_t x_zero, const int8_t *w, const int32_t *bias,
                              const int32_t *mult, const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max,
                              int16_t *y, const ek_conv_shape *shape);
void ek_conv_transpose_s8_s8_w4(const int8_t *x, int32_t x_zero, const int8_t *w, const int32_t *bias,
                                const int32_t *mult, const uint8_t *shift, int32_t y_zero, int32_t y_min,
                                int32_t y_max, int8_t *y, const ek_conv_shape *shape);
void ek_conv_transpose_s8_s16_w4(const int8_t *x, int32_t x_zero, const int8_t *w, const int32_t *bias,
                                 const int32_t *mult, const uint8_t *shift, int32_t y_zero, int32_t y_min,
                                 int32_t y_max, int16_t *y, const ek_conv_shape *shape);
void ek_conv_transpose_s16_s16_w4(const int16_t *x, int32_t x_zero, const int8_t *w, const int64_t *bias,
                                  const int32_t *mult, const uint8_t *shift, int32_t y_zero, int32_t y_min,
                                  int32_t y_max, int16_t *y, const ek_conv_shape *shape);
void ek_conv_transpose_s16_s8_w4(const int16_t *x, int32_t x_zero, const int8_t *w, const int64_t *bias,
                                 const int32_t *mult, const uint8_t *shift, int32_t y_zero, int32_t y_min,
                                 int32_t y_max, int8_t *y, const ek_conv_shape *shape);
void ek_gru_s8_s8_w4(const int8_t *x, int16_t *h, const int8_t *w, const int8_t *r, const int32_t *w_bias,
                     const int32_t *r_bias, const int32_t *w_mult, const uint8_t *w_shift, const int32_t *r_mult,
                     const uint8_t *r_shift, const int16_t *sigmoid, const int16_t *tanh_, int16_t *y, int32_t steps,
                     int32_t batch, int32_t inputs, int32_t units, int32_t linear_before_reset, int16_t *scratch);
void ek_gru_s8_s16_w4(const int8_t *x, int16_t *h, const int8_t *w, const int8_t *r, const int32_t *w_bias,
                      const int64_t *r_bias, const int32_t *w_mult, const uint8_t *w_shift, const int32_t *r_mult,
                      const uint8_t *r_shift, const int16_t *sigmoid, const int16_t *tanh_, int16_t *y, int32_t steps,
                      int32_t batch, int32_t inputs, int32_t units, int32_t linear_before_reset, int16_t *scratch);
void ek_gru_s16_s8_w4(const int16_t *x, int16_t *h, const int8_t *w, const int8_t *r, const int64_t *w_bias,
                      const int32_t *r_bias, const int32_t *w_mult, const uint8_t *w_shift, const int32_t *r_mult,
                      const uint8_t *r_shift, const int16_t *sigmoid, const int16_t *tanh_, int16_t *y, int32_t steps,
                      int32_t batch, int32_t inputs, int32_t units, int32_t linear_before_reset, int16_t *scratch);
void ek_gru_s16_s16_w4(const int16_t *x, int16_t *h, const int8_t *w, const int8_t *r, const int64_t *w_bias,
                       const int64_t *r_bias, const int32_t *w_mult, const uint8_t *w_shift, const int32_t *r_mult,
                       const uint8_t *r_shift, const int16_t *sigmoid, const int16_t *tanh_, int16_t *y,
                       int32_t steps, int32_t batch, int32_t inputs, int32_t units, int32_t linear_before_reset,
                       int16_t *scratch);
void ek_lstm_s8_s8_w4(const int8_t *x, int16_t *h, int32_t *c, const int8_t *w, const int8_t *r,
                      const int32_t *w_bias, const int32_t *r_bias, const int32_t *w_mult, const uint8_t *w_shift,
                      const int32_t *r_mult, const uint8_t *r_shift, const int16_t *sigmoid, const int16_t *tanh_,
                      int16_t *y, int32_t steps, int32_t batch, int32_t inputs, int32_t units, int32_t c_bits,
                      int16_t *scratch);
void ek_lstm_s8_s16_w4(const int8_t *x, int16_t *h, int32_t *c, const int8_t *w, const int8_t *r,
                       const int32_t *w_bias, const int64_t *r_bias, const int32_t *w_mult, const uint8_t *w_shift,
                       const int32_t *r_mult, const uint8_t *r_shift, const int16_t *sigmoid, const int16_t *tanh_,
                       int16_t *y, int32_t steps, int32_t batch, int32_t inputs, int32_t units, int32_t c_bits,
                       int16_t *scratch);
void ek_lstm_s16_s8_w4(const int16_t *x, int16_t *h, int32_t *c, const int8_t *w, const int8_t *r,
                       const int64_t *w_bias, const int32_t *r_bias, const int32_t *w_mult, const uint8_t *w_shift,
                       const int32_t *r_mult, const uint8_t *r_shift, const int16_t *sigmoid, const int16_t *tanh_,
                       int16_t *y, int32_t steps, int32_t batch, int32_t inputs, int32_t units, int32_t c_bits,
                       int16_t *scratch);
void ek_lstm_s16_s16_w4(const int16_t *x, int16_t *h, int32_t *c, const int8_t *w, const int8_t *r,
                        const int64_t *w_bias, const int64_t *r_bias, const int32_t *w_mult, const uint8_t *w_shift,
                        const int32_t *r_mult, const uint8_t *r_shift, const int16_t *sigmoid, const int16_t *tanh_,
                        int16_t *y, int32_t steps, int32_t batch, int32_t inputs, int32_t units, int32_t c_bits,
                        int16_t *scratch);

/* Four normal numbers z[4]: of a seed, a draw, and a block of four of its elements, all as bits. Words of Philox4x32-10
 * through a table of the inverse distribution, quantiles[993], of edgekit.base.random_normals; no number is the next
 * one's state. */
void ek_normal_f32(int64_t seed, int32_t draw, int32_t block, const int32_t *quantiles, float *z);

/* ---- N:M sparse weights ----------------------------------------------------------------------------- */

/* The kernels above of the same names, with weights of which only those that are not zero are stored, each with its place:
 * see runtime/src/ek_turns.h. A convolution is 1x1 with stride 1, without padding, of one group; its x_zero is folded
 * into the bias and not read. */
void ek_fc_s8_s8_sparse(const int8_t *x, const int8_t *w, const int32_t *bias, const int32_t *mult,
                        const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max, int8_t *y, int32_t rows,
                        int32_t k, int32_t n);
void ek_fc_s8_s16_sparse(const int8_t *x, const int8_t *w, const int32_t *bias, const int32_t *mult,
                         const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max, int16_t *y, int32_t rows,
                         int32_t k, int32_t n);
void ek_fc_s16_s16_sparse(const int16_t *x, const int8_t *w, const int64_t *bias, const int32_t *mult,
                          const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max, int16_t *y,
                          int32_t rows, int32_t k, int32_t n);
void ek_fc_s16_s8_sparse(const int16_t *x, const int8_t *w, const int64_t *bias, const int32_t *mult,
                         const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max, int8_t *y, int32_t rows,
                         int32_t k, int32_t n);

void ek_conv_s8_s8_sparse(const int8_t *x, int32_t x_zero, const int8_t *w, const int32_t *bias, const int32_t *mult,
                          const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max, int8_t *y,
                          const ek_conv_shape *shape);
void ek_conv_s8_s16_sparse(const int8_t *x, int32_t x_zero, const int8_t *w, const int32_t *bias, const int32_t *mult,
                           const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max, int16_t *y,
                           const ek_conv_shape *shape);
void ek_conv_s16_s16_sparse(const int16_t *x, int32_t x_zero, const int8_t *w, const int64_t *bias,
                            const int32_t *mult, const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max,
                            int16_t *y, const ek_conv_shape *shape);
void ek_conv_s16_s8_sparse(const int16_t *x, int32_t x_zero, const int8_t *w, const int64_t *bias,
                           const int32_t *mult, const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max,
                           int8_t *y, const ek_conv_shape *shape);

void ek_gru_s8_s8_sparse(const int8_t *x, int16_t *h, const int8_t *w, const int8_t *r, const int32_t *w_bias,
                         const int32_t *r_bias, const int32_t *w_mult, const uint8_t *w_shift, const int32_t *r_mult,
                         const uint8_t *r_shift, const int16_t *sigmoid, const int16_t *tanh_, int16_t *y,
                         int32_t steps, int32_t batch, int32_t inputs, int32_t units, int32_t linear_before_reset,
                         int16_t *scratch);
void ek_gru_s8_s16_sparse(const int8_t *x, int16_t *h, const int8_t *w, const int8_t *r, const int32_t *w_bias,
                          const int64_t *r_bias, const int32_t *w_mult, const uint8_t *w_shift, const int32_t *r_mult,
                          const uint8_t *r_shift, const int16_t *sigmoid, const int16_t *tanh_, int16_t *y,
                          int32_t steps, int32_t batch, int32_t inputs, int32_t units, int32_t linear_before_reset,
                          int16_t *scratch);
void ek_gru_s16_s8_sparse(const int16_t *x, int16_t *h, const int8_t *w, const int8_t *r, const int64_t *w_bias,
                          const int32_t *r_bias, const int32_t *w_mult, const uint8_t *w_shift, const int32_t *r_mult,
                          const uint8_t *r_shift, const int16_t *sigmoid, const int16_t *tanh_, int16_t *y,
                          int32_t steps, int32_t batch, int32_t inputs, int32_t units, int32_t linear_before_reset,
                          int16_t *scratch);
void ek_gru_s16_s16_sparse(const int16_t *x, int16_t *h, const int8_t *w, const int8_t *r, const int64_t *w_bias,
                           const int64_t *r_bias, const int32_t *w_mult, const uint8_t *w_shift,
                           const int32_t *r_mult, const uint8_t *r_shift, const int16_t *sigmoid,
                           const int16_t *tanh_, int16_t *y, int32_t steps, int32_t batch, int32_t inputs,
                           int32_t units, int32_t linear_before_reset, int16_t *scratch);

void ek_lstm_s8_s8_sparse(const int8_t *x, int16_t *h, int32_t *c, const int8_t *w, const int8_t *r,
                          const int32_t *w_bias, const int32_t *r_bias, const int32_t *w_mult, const uint8_t *w_shift,
                          const int32_t *r_mult, const uint8_t *r_shift, const int16_t *sigmoid, const int16_t *tanh_,
                          int16_t *y, int32_t steps, int32_t batch, int32_t inputs, int32_t units, int32_t c_bits,
                          int16_t *scratch);
void ek_lstm_s8_s16_sparse(const int8_t *x, int16_t *h, int32_t *c, const int8_t *w, const int8_t *r,
                           const int32_t *w_bias, const int64_t *r_bias, const int32_t *w_mult,
                           const uint8_t *w_shift, const int32_t *r_mult, const uint8_t *r_shift,
                           const int16_t *sigmoid, const int16_t *tanh_, int16_t *y, int32_t steps, int32_t batch,
                           int32_t inputs, int32_t units, int32_t c_bits, int16_t *scratch);
void ek_lstm_s16_s8_sparse(const int16_t *x, int16_t *h, int32_t *c, const int8_t *w, const int8_t *r,
                           const int64_t *w_bias, const int32_t *r_bias, const int32_t *w_mult,
                           const uint8_t *w_shift, const int32_t *r_mult, const uint8_t *r_shift,
                           const int16_t *sigmoid, const int16_t *tanh_, int16_t *y, int32_t steps, int32_t batch,
                           int32_t inputs, int32_t units, int32_t c_bits, int16_t *scratch);
void ek_lstm_s16_s16_sparse(const int16_t *x, int16_t *h, int32_t *c, const int8_t *w, const int8_t *r,
                            const int64_t *w_bias, const int64_t *r_bias, const int32_t *w_mult,
                            const uint8_t *w_shift, const int32_t *r_mult, const uint8_t *r_shift,
                            const int16_t *sigmoid, const int16_t *tanh_, int16_t *y, int32_t steps, int32_t batch,
                            int32_t inputs, int32_t units, int32_t c_bits, int16_t *scratch);

/* ---- kernels that their own files document -------------------------------------------------------------------- */

/* Float convolution of one group: what ek_conv_f32 computes, with w [in_c * k_h * k_w][out_c] packed as for ek_fc_f32. Where
 * there are vectors, they are of output channels. A kernel has 1,024 taps at most. Where taps are outside, 24,576 floats
 * hold the inputs of seven outputs in a row, or of seven rows that are shorter than that; of a picture of at most 4 x 4
 * outputs, the taps of four of them. */
void ek_conv_channels_f32(const float *x, const float *w, const float *bias, int32_t act, float a, float b,
                          const float *add, float *y, const ek_conv_shape *shape);

/* Float convolution of one group by 3x3 taps without strides and dilations: tiles of 2x2 outputs by the minimal filtering
 * F(2x2, 3x3) of Lavin and Gray, arXiv 1509.09308, section 4.1, which multiplies 16 times where the taps are 36. w
 * [16][in_c][out_c] = G g G^T of the taps g of an input and an output, each of the 16 packed as for ek_fc_f32. The tiles are
 * taken in strips of `rows` by `columns`, at most 64 columns; of `work` are 16 * (in_c * n + 32 * n + 64) floats needed, where
 * a strip has n tiles. At most 1,024 inputs. Other arguments are those of ek_conv_f32. What is not finite makes all outputs
 * of its tile infinite or NaN. */
void ek_conv_winograd_f32(const float *x, const float *w, const float *bias, int32_t act, float a, float b,
                          const float *add, float *y, float *work, int32_t rows, int32_t columns,
                          const ek_conv_shape *shape);

/* int8 convolution of one group by 3x3 taps without strides and dilations, with the bits of ek_conv_s8_s8: tiles of 4x4
 * outputs by the minimal filtering F(4x4, 3x3) of Lavin and Gray, arXiv 1509.09308, which multiplies 36 times where the taps
 * are 144, here in int16. w [36][out_c / 16][in_c / 2][16][2] = G g G^T of the taps g of an input and an output, 24 times
 * along each axis, but 8 times at infinity. bias [out_c] is 64 times that of sums of w * x, x_zero being what x is outside;
 * sums with their bias are below 2^25. shift >= 27, in_c <= 256; other arguments are those of ek_conv_s8_s8. */
void ek_conv_winograd_s8_s8(const int8_t *x, int32_t x_zero, const int16_t *w, const int32_t *bias,
                            const int32_t *mult, const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max,
                            int8_t *y, const ek_conv_shape *shape);

/* y = x, below 0 e^x - 1. */
void ek_elu_f32(const float *x, float *y, int32_t n);

/* Products of vectors with frames that lie apart, as in a ring: of each row of a and each frame t
 * y = clamp(y_zero + requantize(sum over i of (a [i] - a_zero) * (x [at [t] + i] - x_zero))).
 *  a   [m][k]; y [m][n], may not overlap a or x
 *  x   frame t of n is the k elements from x + at [t] on
 * s8: int32 accumulator, which k * 255 * 255 must fit; s16: int64. mult, shift and bounds as for ek_matmul. */
void ek_frame_dots_s8_s8(const int8_t *a, int32_t a_zero, const int8_t *x, int32_t x_zero, const int32_t *at,
                         int32_t mult, int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max, int8_t *y,
                         int32_t m, int32_t k, int32_t n);
void ek_frame_dots_s8_s16(const int8_t *a, int32_t a_zero, const int8_t *x, int32_t x_zero, const int32_t *at,
                          int32_t mult, int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max, int16_t *y,
                          int32_t m, int32_t k, int32_t n);
void ek_frame_dots_s16_s16(const int16_t *a, int32_t a_zero, const int16_t *x, int32_t x_zero, const int32_t *at,
                           int32_t mult, int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max, int16_t *y,
                           int32_t m, int32_t k, int32_t n);
void ek_frame_dots_s16_s8(const int16_t *a, int32_t a_zero, const int16_t *x, int32_t x_zero, const int32_t *at,
                          int32_t mult, int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max, int8_t *y,
                          int32_t m, int32_t k, int32_t n);

/* Float products of vectors with frames that lie apart, as in a ring: y [m][n], of row r and frame t
 * the sum over i < k, in ascending order, of a [r][i] * x [at [t] + i]. y may not overlap a or x. */
void ek_frame_dots_f32(const float *a, const float *x, const int32_t *at, float *y, int32_t m, int32_t k, int32_t n);

/* Fully connected layer over blocks that lie apart, as in a ring: what ek_fc does with the row of x whose block b of k
 * elements begins at x + at [b].
 *  w   [blocks][n][k], each block packed as for ek_fc; bias [n] of all of them
 * Other arguments as for ek_fc. y [n] may not overlap x. */
void ek_frame_fc_s8_s8(const int8_t *x, const int32_t *at, const int8_t *w, const int32_t *bias, const int32_t *mult,
                       const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max, int8_t *y, int32_t blocks,
                       int32_t k, int32_t n);
void ek_frame_fc_s8_s16(const int8_t *x, const int32_t *at, const int8_t *w, const int32_t *bias, const int32_t *mult,
                        const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max, int16_t *y,
                        int32_t blocks, int32_t k, int32_t n);
void ek_frame_fc_s16_s16(const int16_t *x, const int32_t *at, const int8_t *w, const int64_t *bias,
                         const int32_t *mult, const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max,
                         int16_t *y, int32_t blocks, int32_t k, int32_t n);
void ek_frame_fc_s16_s8(const int16_t *x, const int32_t *at, const int8_t *w, const int64_t *bias,
                        const int32_t *mult, const uint8_t *shift, int32_t y_zero, int32_t y_min, int32_t y_max,
                        int8_t *y, int32_t blocks, int32_t k, int32_t n);

/* Float fully connected layer over blocks that lie apart, as in a ring: block b of x is the k elements from x + at [b]
 * on. w [blocks][k][n], each block packed as for ek_fc_f32; bias [n] may be NULL: 0. y [n] may not overlap x. */
void ek_frame_fc_f32(const float *x, const int32_t *at, const float *w, const float *bias, float *y, int32_t blocks,
                     int32_t k, int32_t n);

/* Weighted sums of frames that lie apart, as in a ring: of each row of a
 * y = clamp(y_zero + requantize(sum over t of (a [t] - a_zero) * (x [at [t] + j] - x_zero))).
 *  a   [m][k]: a weight per frame; y [m][n], may not overlap a or x
 *  x   frame t of k is the n elements from x + at [t] on
 * s8: int32 accumulator, which k * 255 * 255 must fit; s16: int64. mult, shift and bounds as for ek_matmul. */
void ek_frame_sums_s8_s8(const int8_t *a, int32_t a_zero, const int8_t *x, int32_t x_zero, const int32_t *at,
                         int32_t mult, int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max, int8_t *y,
                         int32_t m, int32_t k, int32_t n);
void ek_frame_sums_s8_s16(const int8_t *a, int32_t a_zero, const int8_t *x, int32_t x_zero, const int32_t *at,
                          int32_t mult, int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max, int16_t *y,
                          int32_t m, int32_t k, int32_t n);
void ek_frame_sums_s16_s16(const int16_t *a, int32_t a_zero, const int16_t *x, int32_t x_zero, const int32_t *at,
                           int32_t mult, int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max, int16_t *y,
                           int32_t m, int32_t k, int32_t n);
void ek_frame_sums_s16_s8(const int16_t *a, int32_t a_zero, const int16_t *x, int32_t x_zero, const int32_t *at,
                          int32_t mult, int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max, int8_t *y,
                          int32_t m, int32_t k, int32_t n);

/* Float weighted sums of frames that lie apart, as in a ring: y [m][n], of row r and element j
 * the sum over t < k, in ascending order, of a [r][t] * x [at [t] + j]. y may not overlap a or x. */
void ek_frame_sums_f32(const float *a, const float *x, const int32_t *at, float *y, int32_t m, int32_t k, int32_t n);

/* y = x / 2 * (1 + erf(x / sqrt(2))). */
void ek_gelu_f32(const float *x, float *y, int32_t n);

/* y = x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))). */
void ek_gelu_tanh_f32(const float *x, float *y, int32_t n);

/* y = x * clamp(x / 6 + 0.5, 0, 1). */
void ek_hard_swish_f32(const float *x, float *y, int32_t n);

/* x, y [batch][channels][n], n <= 2^14: of every channel what ek_layernorm_s16 does with a row, with one gain and one
 * bias for all of it. gain, bias [channels]. */
void ek_instancenorm_s16(const int16_t *x, const int32_t *gain, const int32_t *bias, int32_t bias_up, int64_t epsilon,
                         int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max, int16_t *y, int32_t batch,
                         int32_t channels, int32_t n);
void ek_instancenorm_s16_s8(const int16_t *x, const int32_t *gain, const int32_t *bias, int32_t bias_up,
                            int64_t epsilon, int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max, int8_t *y,
                            int32_t batch, int32_t channels, int32_t n);

/* Local response normalization: y = x / (bias + factor * sum of x^2 over the channels from (size - 1) / 2 before to
 * size / 2 behind)^beta, x and y [batch][channels][n], channels outside left out; sums in order, the power as
 * ek_powf1. size >= 1. y may not be x. */
void ek_lrn_f32(const float *x, float *y, int32_t batch, int32_t channels, int32_t n, int32_t size, float factor,
                float beta, float bias);

/* One frame of TFLM's audio front end: features[bands] of the samples history[length - step] and pcm[step], length
 * 257..512, step 1..length; history and noise[bands] move on. window[length] and bins[257][3] (the first band of a bin,
 * its weight there and in the next band) are of 2^12, turns[384][2] of 32767, gains[33][3] and logs[129] those of
 * edgekit.base.micro_tables. The weights of a bin in bands outside are 0. scratch[bands + 129]. */
void ek_micro_frontend(const float *pcm, int16_t *history, int32_t *noise, const int16_t *window, const int16_t *bins,
                       const int16_t *turns, const int32_t *gains, const int16_t *logs, int32_t *features,
                       int32_t length, int32_t step, int32_t bands, uint64_t *scratch);

/* y = x * tanh(log(1 + e^x)). */
void ek_mish_f32(const float *x, float *y, int32_t n);

/* The next numbers of a noise: normal, z[count]. state[8] holds its seed and the number of the first of them, each as four
 * floats of 16 bits, the lowest first; the number moves on by count. `port` tells several noises of one seed apart.
 * quantiles[993] of edgekit.base.random_normals. */
void ek_normal_noise_f32(float *state, const int32_t *quantiles, float *z, int32_t port, int32_t count);

/* y = log(1 + e^x). */
void ek_softplus_f32(const float *x, float *y, int32_t n);

/* y [c * y_step + r] = x [r * x_step + c], r < rows, c < cols, elements of 2 bytes; x and y may not overlap. */
void ek_transpose_b16(const void *x, void *y, int32_t rows, int32_t cols, int32_t x_step, int32_t y_step);

/* y [c * y_step + r] = x [r * x_step + c], r < rows, c < cols, elements of 4 bytes; x and y may not overlap. */
void ek_transpose_b32(const void *x, void *y, int32_t rows, int32_t cols, int32_t x_step, int32_t y_step);

/* y [c * y_step + r] = x [r * x_step + c], r < rows, c < cols, elements of a byte; x and y may not overlap. */
void ek_transpose_b8(const void *x, void *y, int32_t rows, int32_t cols, int32_t x_step, int32_t y_step);

/* The next numbers of a noise: uniform from -1 up, below 1, z[count]. state[8] and port as for ek_normal_noise_f32. */
void ek_uniform_noise_f32(float *state, float *z, int32_t port, int32_t count);

#ifdef __cplusplus
}
#endif

#endif
