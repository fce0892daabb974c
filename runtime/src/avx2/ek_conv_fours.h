/* Convolutions of channels side by side: two of them. */
#include "ek_conv_pairs.h"

#define EK_BESIDE 2 /* channels */
#define EK_BESIDE_OFFSET 0

/* Pairs of channels. */
static void ek_conv_channels(const EK_X *x, int32_t x_zero, const int8_t *w, const ek_pair_layer *layer, EK_Y *y,
                             const ek_conv_shape *s)
{
    const ek_pair_source source = {x, (ptrdiff_t)s->in_h * s->in_w, x_zero, 0};
    ek_conv_shape one = *s;
    one.in_c = (s->in_c / s->groups + 1) / 2;
    one.groups = 1;
    ek_conv_pairs(&source, w, layer, s, &one, y);
}

#define EK_CONV_BESIDE(x, x_zero, w, bias, mult, shift, y_zero, y_min, y_max, y, s) \
    ek_conv_channels(x, x_zero, w, EK_PAIRS_LAYER(bias, mult, shift, y_zero, y_min, y_max, s), y, s)
