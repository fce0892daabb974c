/* Pooling over EK_NAME, EK_T (x), EK_Y (y), EK_ACC, EK_START, EK_ADD(acc, value) and EK_RESULT(acc, count); EK_BEFORE and
 * EK_BEHIND are the parameters around y. `inside` counts the window's taps inside x; the macros may use
 * it, the window's first row and column `by` and `bx`, and the shape `s`. EK_OUTSIDE is a value of x that adds
 * nothing, EK_WITH the parameter that EK_ADD reads. */
#include "ek_conv_shape.h"
#include "ek_pool_layout.h"

#ifndef EK_OUTSIDE
#define EK_OUTSIDE EK_START
#endif

/* v / dil, v >= 0: a division takes longer than a small window. */
static inline int32_t ek_taps_in(int32_t v, int32_t dil)
{
    return dil == 1 ? v : v / dil;
}

/* The first tap at or behind index 0, of taps at base, base + dil, ... */
static inline int32_t ek_first_tap(int32_t base, int32_t dil)
{
    return base < 0 ? ek_taps_in(dil - 1 - base, dil) : 0;
}

/* The number of the k taps before `size`. */
static inline int32_t ek_end_tap(int32_t base, int32_t dil, int32_t k, int32_t size)
{
    const int32_t taps = base < size ? ek_taps_in(size - base + dil - 1, dil) : 0;
    return taps < k ? taps : k;
}

void EK_NAME(const EK_T *restrict x, EK_BEFORE EK_Y *restrict y, EK_BEHIND const ek_conv_shape *shape)
{
    const ek_conv_shape s = *shape;
#ifdef EK_POOL_WHOLE
    if (EK_POOL_WHOLE) {
        return;
    }
#endif
#include "ek_pool_bands.h"
    for (int32_t c = 0; c < s.out_c; c++) {
        const EK_T *const plane = x + (ptrdiff_t)c * s.in_h * s.in_w;
        for (int32_t oy = 0; oy < s.out_h; oy++) {
            const int32_t by = oy * s.stride_h - s.pad_top;
            const int32_t top = ek_first_tap(by, s.dil_h), bottom = ek_end_tap(by, s.dil_h, s.k_h, s.in_h);
            for (int32_t ox = 0; ox < s.out_w; ox++) {
                const int32_t bx = ox * s.stride_w - s.pad_left;
                const int32_t left = ek_first_tap(bx, s.dil_w), right = ek_end_tap(bx, s.dil_w, s.k_w, s.in_w);
                const int32_t inside = (bottom - top) * (right - left);
                EK_ACC acc = EK_START;
                (void)inside;
                for (int32_t ky = top; ky < bottom; ky++) {
                    const EK_T *const row = plane + (ptrdiff_t)(by + ky * s.dil_h) * s.in_w;
                    for (int32_t kx = left; kx < right; kx++) {
                        acc = EK_ADD(acc, row[bx + kx * s.dil_w]);
                    }
                }
                *y++ = EK_RESULT(acc);
            }
        }
    }
}
