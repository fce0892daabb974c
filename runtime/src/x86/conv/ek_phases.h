/* The phases of a transposed convolution, along one axis. */
#ifndef EK_PHASES_GUARD
#define EK_PHASES_GUARD

#include "edgekit.h"

/* Outputs phase, phase + stride, ...: the taps that meet them are every step'th from `first` on. */
typedef struct {
    int32_t out, count, at, step;
} ek_phase;

static inline ek_phase ek_phase_of(int32_t phase, int32_t out, int32_t k, int32_t stride, int32_t dil, int32_t pad)
{
    ek_phase p = {(out - phase + stride - 1) / stride, 0, 0, 0};
    for (int32_t i = 0; i < k; i++) {
        if ((phase + pad - i * dil) % stride == 0) {
            const int32_t at = (phase + pad - i * dil) / stride;
            p.at = p.count == 0 ? at : p.at;
            p.step = p.count == 1 ? at - p.at : p.step;
            p.count++;
        }
    }
    return p;
}

#endif
