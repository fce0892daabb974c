/* Normalized rows of int16 in lanes of 32 bits, and their outputs over EK_Y. */
#include "ek_lanes.h"
#include "ek_row_sums.h"

/* What the elements of a row have in common. */
typedef struct {
    ek_i mantissa, count, start, up, behind;
    int64_t sum, whole;
    int32_t n, down;
} ek_normal;

/* No distance to the mean is more than sqrt(n) times the root of the mean square: shifted up by 33 - down, which makes the
 * normalized one the upper half of a product, it has 31 bits. */
static inline ek_normal ek_normal_of(const int16_t *x, int64_t epsilon, int32_t n)
{
    int64_t squares;
    const int64_t sum = ek_row_sums(x, n, &squares);
    const ek_inverse_root inverse = ek_inverse_root64((uint64_t)(n * squares - sum * sum + epsilon));
    const int32_t much = inverse.mantissa >> 31 != 0; /* 2^31, which int32 does not hold */
    const int32_t down = 42 - inverse.up - much, more = down < 33 ? 33 - down : 0; /* to 20 bits of fraction */
    const ek_normal o = {
        ek_i_all((int32_t)(inverse.mantissa >> much)),
        ek_i_all(n),
        ek_i_all((int32_t)-sum),
        ek_i_all(more),
        ek_i_all(down + more - 33),
        sum,
        inverse.mantissa >> much,
        n,
        down,
    };
    return o;
}

/* The normalized x [n] of a vector, with 20 bits of fraction. */
static inline ek_i ek_normal_at(const ek_normal *o, const int16_t *x, int32_t n)
{
    const ek_i one = ek_i_all(1), d = ek_i_dot_words(o->start, ek_i_load_s16(x, n), o->count);
    return ek_i_shr(ek_i_add(ek_i_shr(ek_i_high(ek_i_shl(d, o->up), o->mantissa), o->behind), one), one);
}

/* The same of one. */
static inline int64_t ek_normal_one(const ek_normal *o, int32_t x)
{
    return (((int64_t)o->n * x - o->sum) * o->whole + ((int64_t)1 << (o->down - 1))) >> o->down;
}

/* y [n] = outputs of sums with these upper halves, shift >= 32. */
static inline void ek_normal_store(ek_i sum, int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max, EK_Y *y, int32_t n)
{
    const ek_i low = ek_i_all(y_min - y_zero), high = ek_i_all(y_max - y_zero);
    const ek_i v = ek_i_add(ek_i_clamp(ek_i_shr(sum, ek_i_all(shift - 32)), low, high), ek_i_all(y_zero));
    if (sizeof(EK_Y) == 1) {
        ek_i_store_s8((int8_t *)(void *)y, v, n);
    } else {
        ek_i_store_s16((int16_t *)(void *)y, v, n);
    }
}
