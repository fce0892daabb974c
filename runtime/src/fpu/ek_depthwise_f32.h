/* Depthwise float convolution over ek_vector.h: vectors of a row of outputs, tap by tap of the rows of inputs as they lie. */
#include "ek_conv_shape.h"
#include "ek_epilogue_lanes.h"
#include "ek_vector.h"

#define EK_DEPTHWISE static __attribute__((noinline)) /* whose loop gets all registers */

/* The taps of a row of outputs: `rows` rows of inputs, the first at x, `down` floats apart, and k_w columns of each, `right`
 * apart. */
typedef struct {
    const float *x, *w;
    float bias;
    int32_t rows, down, k_w, right;
} ek_taps;

/* y [n] = outputs whose taps are all inside, at least a vector of them: the last one may take some again. */
static inline __attribute__((always_inline)) void ek_depthwise_inside(const ek_taps *t, float *y, int32_t n, int32_t k_w,
                                                                      int32_t stride)
{
    const int32_t rows = t->rows, down = t->down, right = t->right;
    const ek_v bias = ek_v_all(t->bias);
    for (int32_t ox = 0; ox < n; ox += EK_LANES) {
        const int32_t at = ox < n - EK_LANES ? ox : n - EK_LANES;
        const float *x = t->x + at * stride, *w = t->w;
        ek_v sum = bias;
        for (int32_t ky = 0; ky < rows; ky++, x += down, w += k_w) {
            const float *tap = x;
            _Pragma("GCC unroll 3")
            for (int32_t kx = 0; kx < k_w; kx++, tap += right) {
                sum = EK_V_FMA_ALL(w[kx], stride == 1 ? ek_v_load(tap) : ek_v_load_even(tap), sum);
            }
        }
        ek_v_store(y + at, sum);
    }
}

EK_DEPTHWISE void ek_depthwise_three(const ek_taps *t, float *y, int32_t n)
{
    ek_depthwise_inside(t, y, n, 3, 1);
}

EK_DEPTHWISE void ek_depthwise_one(const ek_taps *t, float *y, int32_t n)
{
    ek_depthwise_inside(t, y, n, t->k_w, 1);
}

EK_DEPTHWISE void ek_depthwise_two(const ek_taps *t, float *y, int32_t n)
{
    ek_depthwise_inside(t, y, n, t->k_w, 2);
}

/* y [from..to-1] = outputs at a border, one by one; x is where the first tap of column 0 would lie. */
EK_DEPTHWISE void ek_depthwise_border(const ek_taps *t, const ek_conv_shape *s, float *y, int32_t from, int32_t to)
{
    for (int32_t ox = from; ox < to; ox++) {
        const int32_t left = ox * s->stride_w - s->pad_left, lo = ek_min(ek_first(-left, s->dil_w), s->k_w);
        const int32_t hi = ek_max(ek_min(ek_first(s->in_w - left, s->dil_w), s->k_w), lo);
        const float *x = t->x + ox * s->stride_w;
        float sum = t->bias;
        for (int32_t ky = 0; ky < t->rows; ky++, x += t->down) {
            for (int32_t kx = lo; kx < hi; kx++) {
                sum += x[kx * t->right] * t->w[ky * t->k_w + kx];
            }
        }
        y[ox] = sum;
    }
}

/* y [n] becomes what `bounds` says. */
EK_DEPTHWISE void ek_depthwise_bound(const ek_bounds *bounds, float *y, int32_t n)
{
    for (int32_t i = 0; i < n; i += EK_LANES) {
        ek_v_store_some(y + i, ek_bounded(ek_v_load_some(y + i, n - i), bounds), n - i);
    }
}

/* y [out_w] = a row of outputs, of which columns from..to-1 have all taps inside. */
static inline void ek_depthwise_row(const ek_taps *t, const ek_conv_shape *s, float *y, int32_t from, int32_t to)
{
    ek_taps inside = *t;
    inside.x += from * s->stride_w;
    ek_depthwise_border(t, s, y, 0, from);
    if (from < to && s->stride_w == 2) {
        ek_depthwise_two(&inside, y + from, to - from);
    } else if (from < to && s->k_w == 3) {
        ek_depthwise_three(&inside, y + from, to - from);
    } else if (from < to) {
        ek_depthwise_one(&inside, y + from, to - from);
    }
    ek_depthwise_border(t, s, y, to, s->out_w);
}

/* Takes every shape. */
static inline int ek_depthwise_f32(const float *x, const float *w, const float *bias, const ek_bounds *bounds, float *y,
                                   const ek_conv_shape *s)
{
    const int32_t plane = s->in_h * s->in_w, per_group = s->out_c / s->groups;
    const int32_t from = ek_min(ek_first(s->pad_left, s->stride_w), s->out_w);
    const int32_t end = ek_min(ek_first(s->in_w - (s->k_w - 1) * s->dil_w + s->pad_left, s->stride_w), s->out_w);
    const int32_t to = s->stride_w <= 2 && end - from >= EK_LANES ? end : from;
    ek_taps taps = {x, w, 0.0f, 0, s->dil_h * s->in_w, s->k_w, s->dil_w};
    for (int32_t oy = 0; oy < s->out_h; oy++) {
        const int32_t top = oy * s->stride_h - s->pad_top, first = ek_min(ek_first(-top, s->dil_h), s->k_h);
        const int32_t last = ek_max(ek_min(ek_first(s->in_h - top, s->dil_h), s->k_h), first);
        const int32_t at = (top + first * s->dil_h) * s->in_w - s->pad_left;
        taps.rows = last - first;
        for (int32_t o = 0; o < s->out_c; o++) {
            taps.x = x + o / per_group * plane + at;
            taps.w = w + (o * s->k_h + first) * s->k_w;
            taps.bias = bias ? bias[o] : 0.0f;
            ek_depthwise_row(&taps, s, y + (o * s->out_h + oy) * s->out_w, from, to);
        }
    }
    if (bounds->act != EK_NO_ACT) {
        ek_depthwise_bound(bounds, y, s->out_c * s->out_h * s->out_w);
    }
    return 1;
}
