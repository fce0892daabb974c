/* Convolutions of channels side by side: two of them. */
#include "ek_conv_pairs.h"

#define EK_BESIDE 2 /* channels */
#define EK_BESIDE_OFFSET 0

#define EK_PAIRS_LAYER(bias, mult, shift, y_zero, y_min, y_max, s)                                                      \
    &(const ek_pair_layer){NULL, NULL, NULL, (const int32_t *)(const void *)(bias), mult, shift, 0, 0, 0,                    \
                      (s)->out_c / (s)->groups, y_zero, y_min, y_max, (ptrdiff_t)(s)->out_h * (s)->out_w}

/* Whether the shape is one that this takes; then y is done. */
#define EK_FOURS(x, x_zero, w, bias, mult, shift, y_zero, y_min, y_max, y, s)                                           \
    (sizeof(EK_X) == 1 && ek_conv_has_pairs(s)                                                                          \
     && (ek_conv_channels((const int8_t *)(const void *)(x), x_zero, w,                                                 \
                          EK_PAIRS_LAYER(bias, mult, shift, y_zero, y_min, y_max, s), y, s), 1))
#define EK_W4_FOURS ek_conv_has_pairs
