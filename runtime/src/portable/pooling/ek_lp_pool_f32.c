#include "edgekit.h"

/* |x|^p. */
static inline float ek_power(float x, int32_t p)
{
    const float magnitude = x < 0.0f ? -x : x;
    float power = magnitude;
    for (int32_t i = 1; i < p; i++) {
        power = power * magnitude;
    }
    return power;
}

static inline float ek_root(float x, int32_t p)
{
    return p == 1 ? x : p == 2 ? ek_sqrtf1(x) : ek_expf1(ek_logf1(x) / (float)p);
}

#define EK_NAME ek_lp_pool_f32
#define EK_T float
#define EK_Y float
#define EK_ACC float
#define EK_BEFORE
#define EK_BEHIND int32_t p,
#define EK_START 0.0f
#define EK_WITH p
#define EK_ADD(acc, v) ((acc) + ek_power(v, p))
#define EK_RESULT(acc) ek_root(acc, p)
#include "ek_pool.h"
