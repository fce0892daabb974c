/* Requantizing vectors of int32 over EK_X and EK_Y. Exact, by the upper halves of 64-bit products alone: with
 * shift >= 33, (p + 2^(shift-1)) >> shift is ((high(p) >> (shift - 33)) + 1) >> 1. */
#include "ek_lanes.h"

#define EK_LOAD(x, n)                                                                                        \
    (sizeof(EK_X) == 1 ? ek_i_load_s8((const int8_t *)(const void *)(x), n)                                  \
                       : ek_i_load_s16((const int16_t *)(const void *)(x), n))
#define EK_ROOM (sizeof(EK_X) == 1 ? 22 : 14) /* bits by which a difference of two EK_X may be shifted up */

/* How a product becomes an output: its operand and its factor are shifted up where the shift is below 33. */
typedef struct {
    int32_t up, down, zero, low, high;
    int32_t lift; /* bits by which the factor is shifted up */
    int fits;
} ek_scaling;

/* room: bits by which the operand may be shifted up; top: the largest factor's size. Where both leave too little room,
 * `fits` is 0. */
static inline ek_scaling ek_scaling_of(int32_t shift, int32_t room, int64_t top, int32_t y_zero, int32_t y_min,
                                       int32_t y_max)
{
    const int32_t more = shift < 33 ? 33 - shift : 0, up = more < room ? more : room;
    const ek_scaling s = {up, shift + more - 33, y_zero, y_min, y_max, more - up, top << (more - up) <= INT32_MAX};
    return s;
}

static inline int64_t ek_larger(int64_t a, int64_t b)
{
    a = a < 0 ? -a : a;
    b = b < 0 ? -b : b;
    return a > b ? a : b;
}

/* All lanes m, shifted up. */
static inline ek_i ek_lifted(int32_t m, const ek_scaling *s)
{
    return ek_i_all((int32_t)(s->fits ? m * ((int64_t)1 << s->lift) : m));
}

/* y [n] = outputs of products with these upper halves. */
static inline void ek_scaled_store(ek_i high, const ek_scaling *s, EK_Y *y, int32_t n)
{
    const ek_i one = ek_i_all(1), q = ek_i_shr(ek_i_add(ek_i_shr(high, ek_i_all(s->down)), one), one);
    const ek_i clamped = ek_i_clamp(ek_i_add(q, ek_i_all(s->zero)), ek_i_all(s->low), ek_i_all(s->high));
    if (sizeof(EK_Y) == 1) {
        ek_i_store_s8((int8_t *)(void *)y, clamped, n);
    } else {
        ek_i_store_s16((int16_t *)(void *)y, clamped, n);
    }
}
