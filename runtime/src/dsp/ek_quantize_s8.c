/* Armv7E-M: four floats at a time, as products with the reciprocal in steps of 2^-16. Where one of the four lies so near to a half
 * that the roundings of the product may count, and where the reciprocal is not normal, they are quotients. */
#include "ek_quotient.h"

#define EK_NEAR 8            /* steps: the roundings of a product of up to 2^9 and its reciprocal make six, and the cut one */
#define EK_BY_LEAST 1.2e-38f /* of the reciprocal */
#define EK_BY_MOST 3e38f

/* y [n] from quotients. */
static __attribute__((noinline)) void ek_by_quotients(const float *x, float scale, int32_t zero, int8_t *y, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        y[i] = (int8_t)__ssat(ek_quotient(x[i], scale) + zero, 8);
    }
}

#if defined(__ARM_FP) && (__ARM_FP & 4) && defined(__OPTIMIZE__) && !defined(__clang__) /* twelve registers of one block */
/* A conversion cuts off the fraction, saturates, and makes 0 of NaN. With `added` the upper halves are the outputs before they are
 * limited, and the lower ones say how far a half is; `sel` takes the smaller halves. */
#define EK_FOUR_FLOATS                                                                                                  \
    "1:\n\tvldmia %[x]!, {s12-s15}\n\tvmul.f32 s12, s12, %[by]\n\tvmul.f32 s13, s13, %[by]\n\t"                         \
    "vmul.f32 s14, s14, %[by]\n\tvmul.f32 s15, s15, %[by]\n\tvcvt.s32.f32 s12, s12\n\tvcvt.s32.f32 s13, s13\n\t"        \
    "vcvt.s32.f32 s14, s14\n\tvcvt.s32.f32 s15, s15\n\tvmov %[a], %[b], s12, s13\n\tvmov %[c], %[d], s14, s15\n\t"      \
    "qadd %[a], %[a], %[add]\n\tqadd %[b], %[b], %[add]\n\tqadd %[c], %[c], %[add]\n\tqadd %[d], %[d], %[add]\n\t"      \
    "pkhbt %[t], %[a], %[b], lsl #16\n\tpkhbt %[u], %[c], %[d], lsl #16\n\t"                                            \
    "usub16 %[v], %[t], %[u]\n\tsel %[t], %[u], %[t]\n\tusub16 %[v], %[t], %[near]\n\tsel %[t], %[near], %[t]\n\t"      \
    "cmp %[t], %[near]\n\tbne 2f\n\tpkhtb %[a], %[c], %[a], asr #16\n\tpkhtb %[b], %[d], %[b], asr #16\n\t"             \
    "ssat16 %[a], #8, %[a]\n\tssat16 %[b], #8, %[b]\n\tuxtb16 %[a], %[a]\n\tuxtb16 %[b], %[b]\n\t"                      \
    "orr %[a], %[a], %[b], lsl #8\n\tstr %[a], [%[y]], #4\n\tcmp %[y], %[end]\n\tbne 1b\n2:"

void ek_quantize_s8(const float *x, float scale, int32_t zero, int8_t *y, int32_t n)
{
    const float by = 65536.0f / scale;
    const int32_t added = zero * 65536 + 32768 + EK_NEAR, near = 2 * EK_NEAR * 0x10001;
    const int is_normal = by >= EK_BY_LEAST && by <= EK_BY_MOST;
    const int8_t *const end = y + (is_normal ? n & ~3 : 0);
    n -= (int32_t)(end - y);
    while (y != end) {
        int32_t a, b, c, d, least, word, half;
        __asm__ volatile(EK_FOUR_FLOATS
                         : [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c), [d] "=&r"(d), [t] "=&r"(least), [u] "=&r"(word),
                           [v] "=&r"(half), [x] "+r"(x), [y] "+r"(y)
                         : [add] "r"(added), [near] "r"(near), [by] "t"(by), [end] "r"(end)
                         : "memory", "cc", "s12", "s13", "s14", "s15");
        if (least != near) {
            ek_by_quotients(x - 4, scale, zero, y, 4);
            y += 4;
        }
    }
    ek_by_quotients(x, scale, zero, y, n);
}
#else
void ek_quantize_s8(const float *x, float scale, int32_t zero, int8_t *y, int32_t n)
{
    ek_by_quotients(x, scale, zero, y, n);
}
#endif
