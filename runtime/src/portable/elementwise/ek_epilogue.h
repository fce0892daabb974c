/* What a float layer does with its sums before they are its output: `ek_act` of edgekit.h. Private to runtime/src. */
#ifndef EK_EPILOGUE_GUARD
#define EK_EPILOGUE_GUARD

#include "edgekit.h"

#define EK_EPILOGUE_BLOCK 4096 /* outputs that are still near when it comes */

typedef struct {
    int32_t act;
    float a, b;
    const float *add, *y; /* add is NULL, or laid out as y */
} ek_epilogue;

/* Whether it is more than a comparison, which costs least where the sums are. */
static inline int ek_epilogue_is_apart(const ek_epilogue *e)
{
    return e->add || e->act > EK_CLIP;
}

/* Sums y [n], somewhere in the output, become outputs. */
static inline void ek_epilogue_row(const ek_epilogue *e, float *restrict y, ptrdiff_t n)
{
    const float a = e->a, b = e->b;
    const float *restrict const add = e->add ? e->add + (y - e->y) : NULL;
    for (ptrdiff_t i = 0; add && i < n; i++) {
        y[i] += add[i];
    }
    switch (e->act) {
    case EK_RELU:
        for (ptrdiff_t i = 0; i < n; i++) {
            y[i] = y[i] > 0.0f ? y[i] : 0.0f;
        }
        break;
    case EK_CLIP:
        for (ptrdiff_t i = 0; i < n; i++) {
            y[i] = ek_minf1(ek_maxf1(y[i], a), b);
        }
        break;
    case EK_LEAKY_RELU:
        for (ptrdiff_t i = 0; i < n; i++) {
            y[i] = y[i] < 0.0f ? a * y[i] : y[i];
        }
        break;
    case EK_HARD_SIGMOID:
        for (ptrdiff_t i = 0; i < n; i++) {
            y[i] = ek_minf1(ek_maxf1(y[i] * a + b, 0.0f), 1.0f);
        }
        break;
    case EK_HARD_SWISH:
        for (ptrdiff_t i = 0; i < n; i++) {
            y[i] *= ek_minf1(ek_maxf1(y[i] * a + b, 0.0f), 1.0f);
        }
        break;
    default: break;
    }
}

#endif
