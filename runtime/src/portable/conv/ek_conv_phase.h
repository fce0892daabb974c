/* A transposed convolution is one convolution for each remainder of output positions by the stride, with the taps that
 * meet it: its phases. */
#ifndef EK_CONV_PHASE_GUARD
#define EK_CONV_PHASE_GUARD

#include "ek_conv_shape.h"

/* Along one axis: `out` outputs, each of `count` taps from input `at` on, `step` apart. */
typedef struct {
    int32_t out, count, at, step;
} ek_phase;

static inline ek_phase ek_phase_of(int32_t phase, int32_t out, int32_t k, int32_t stride, int32_t dil, int32_t pad)
{
    ek_phase p = {out > phase ? (out - phase + stride - 1) / stride : 0, 0, 0, 1};
    for (int32_t i = k - 1; i >= 0; i--) { /* the last tap reads the first input */
        const int32_t ahead = phase + pad - i * dil;
        if (ahead % stride == 0) {
            p.step = p.count == 1 ? ahead / stride - p.at : p.step;
            p.at = p.count == 0 ? ahead / stride : p.at;
            p.count++;
        }
    }
    return p;
}

/* The convolution of a phase. Its padding is below 0 where the first tap is inside. */
static inline ek_conv_shape ek_conv_of_phase(const ek_conv_shape *s, const ek_phase *v, const ek_phase *h)
{
    const ek_conv_shape one = {s->in_c, s->in_h, s->in_w, s->out_c, v->out, h->out, v->count, h->count,
                               1, 1, v->step, h->step, -v->at, -h->at, s->groups};
    return one;
}

#endif
