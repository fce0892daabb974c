/* Convolutions of channels by themselves. */
#include "ek_conv_pairs.h"
#include "ek_depthwise_taps.h"

/* Whether the shape is one that this takes; then y is done. */
#define EK_DEPTHWISE(x, x_zero, w, bias, mult, shift, y_zero, y_min, y_max, y, s)                                      \
    (ek_depthwise_taps(x, x_zero, w, bias, mult, shift, y_zero, y_min, y_max, y, s)                                    \
     || (sizeof(EK_X) == 1                                                                                             \
         && ek_conv_columns((const int8_t *)(const void *)(x), x_zero, w,                                              \
                            EK_PAIRS_LAYER(bias, mult, shift, y_zero, y_min, y_max, s), y, s)))
