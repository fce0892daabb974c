/* What a column of taps reads for a vector of output columns: alike for all rows and channels. */
#ifndef EK_TAP_LANES_GUARD
#define EK_TAP_LANES_GUARD

#include "ek_conv_shape.h"
#include "ek_vector.h"

/* Lanes lo..hi-1 of a row of x, lane j at base + j * stride; the others are outside. */
typedef struct {
    ek_range range;
    int32_t base, lo, hi;
} ek_tap_lanes;

/* That of taps kx of n output columns ox.. ; n may be more than a vector holds, or below 1. */
static inline ek_tap_lanes ek_tap_lanes_of(const ek_conv_shape *s, int32_t kx, int32_t ox, int32_t n)
{
    const int32_t base = ox * s->stride_w - s->pad_left + kx * s->dil_w, some = ek_max(ek_min(n, EK_LANES), 0);
    const int32_t lo = ek_min(ek_first(-base, s->stride_w), some);
    const int32_t hi = ek_max(ek_min(ek_first(s->in_w - base, s->stride_w), some), lo);
    const ek_tap_lanes t = {s->stride_w == 2 ? ek_even_range_of(lo, hi) : ek_range_of(lo, hi), base, lo, hi};
    return t;
}

/* The lanes of a row, 0 outside. */
static inline __attribute__((always_inline)) ek_v ek_load_tap(const float *row, const ek_tap_lanes *t, int32_t stride)
{
    const float *const x = row + t->base;
    float lanes[EK_LANES];
    if (stride == 1) {
        return ek_v_load_in(x, t->range);
    }
    if (stride == 2) {
        return ek_v_load_even_in(x, t->range);
    }
    for (int32_t j = 0; j < EK_LANES; j++) {
        lanes[j] = j >= t->lo && j < t->hi ? x[j * stride] : 0.0f;
    }
    return ek_v_load(lanes);
}

#endif
