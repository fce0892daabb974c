/* Transposed convolutions of int8 channels each by itself have no kernel of their own. */
#define EK_TRANSPOSED_DEPTHWISE(x, x_zero, w, bias, mult, shift, y_zero, y_min, y_max, y, s) 0
