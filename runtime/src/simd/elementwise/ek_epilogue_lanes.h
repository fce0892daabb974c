/* `ek_act` on vectors. */
#ifndef EK_EPILOGUE_LANES_GUARD
#define EK_EPILOGUE_LANES_GUARD

#include "ek_epilogue.h"
#include "ek_vector.h"

/* All functions but EK_NO_ACT. */
static inline ek_v ek_v_act(ek_v v, int32_t act, ek_v a, ek_v b)
{
    const ek_v zero = ek_v_zero(), one = ek_v_all(1.0f);
    if (act == EK_RELU) {
        return ek_v_relu(v);
    }
    if (act == EK_CLIP) {
        return ek_v_clip(v, a, b);
    }
    if (act == EK_LEAKY_RELU) {
        const ek_v above = ek_v_relu(v);
        return ek_v_fma(a, ek_v_clip(v, ek_v_all(-EK_INF), zero), above);
    }
    b = ek_v_clip(ek_v_fma(v, a, b), zero, one);
    return act == EK_HARD_SIGMOID ? b : ek_v_mul(v, b);
}

/* What sums become where they are. */
typedef struct {
    int32_t act;
    ek_v low, high;
} ek_bounds;

/* Nothing where something is added before. */
static inline ek_bounds ek_bounds_of(const ek_epilogue *e)
{
    const ek_bounds bounds = {e->add ? EK_NO_ACT : e->act, ek_v_all(e->a), ek_v_all(e->b)};
    return bounds;
}

static inline ek_v ek_bounded(ek_v v, const ek_bounds *b)
{
    return b->act == EK_NO_ACT ? v : ek_v_act(v, b->act, b->low, b->high);
}

#endif
