/* Transposed depthwise convolution of a row with strides of 2, over ek_vector.h: outputs with even and with odd numbers each
 * take every second tap, and are put side by side at last. */
#include "ek_conv_shape.h"
#include "ek_vector.h"

/* Outputs 2 * (first + lane) + odd of a channel's row. */
static inline ek_v ek_spread_phase(const float *x, const float *w, ek_v acc, const ek_conv_shape *s, int32_t first, int32_t odd)
{
    for (int32_t kx = (odd + s->pad_left) % 2; kx < s->k_w; kx += 2) {
        const int32_t from = first + (odd + s->pad_left - kx) / 2;
        const int32_t lo = ek_min(ek_max(-from, 0), EK_LANES), hi = ek_max(ek_min(s->in_w - from, EK_LANES), 0);
        acc = ek_v_fma(ek_v_all(w[kx]), ek_v_load_range(x + from, lo, hi), acc);
    }
    return acc;
}

/* Returns 0 where layers are others, and does nothing then. */
static int ek_spread_rows(const float *x, const float *w, const float *bias, float *y, const ek_conv_shape *s)
{
    int32_t low[EK_LANES], high[EK_LANES];
    if (s->groups != s->in_c || s->groups != s->out_c || s->in_h != 1 || s->out_h != 1 || s->k_h != 1 || s->pad_top != 0
        || s->stride_w != 2 || s->dil_w != 1) {
        return 0;
    }
    for (int32_t i = 0; i < EK_LANES; i++) {
        low[i] = i / 2 + i % 2 * EK_LANES;
        high[i] = low[i] + EK_LANES / 2;
    }
    for (int32_t c = 0; c < s->out_c; c++, x += s->in_w, w += s->k_w, y += s->out_w) {
        const ek_v start = ek_v_all(bias ? bias[c] : 0.0f);
        for (int32_t at = 0; at < s->out_w; at += 2 * EK_LANES) {
            const ek_v even = ek_spread_phase(x, w, start, s, at / 2, 0), odd = ek_spread_phase(x, w, start, s, at / 2, 1);
            ek_v_store_some(y + at, ek_v_pick(even, odd, ek_picks_load(low)), s->out_w - at);
            if (at + EK_LANES < s->out_w) {
                ek_v_store_some(y + at + EK_LANES, ek_v_pick(even, odd, ek_picks_load(high)), s->out_w - at - EK_LANES);
            }
        }
    }
    return 1;
}
