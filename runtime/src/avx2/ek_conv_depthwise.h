/* Convolutions of channels by themselves. */
#include "ek_conv_pairs.h"
#include "ek_depthwise_taps.h"

#if EK_BITS(EK_X) == 8
#define EK_COLUMNS ek_conv_columns
#else
#define EK_COLUMNS(...) 0
#endif

/* Whether the shape is one that this takes; then y is done. */
#define EK_DEPTHWISE(x, x_zero, w, bias, mult, shift, y_zero, y_min, y_max, y, s)                                      \
    (ek_depthwise_taps(x, x_zero, w, bias, mult, shift, y_zero, y_min, y_max, y, s)                                    \
     || EK_COLUMNS(x, x_zero, w, EK_PAIRS_LAYER(bias, mult, shift, y_zero, y_min, y_max, s), y, s))
