/* The divisor of an average: taps inside x, or all that are not behind the padding. */
#define EK_COUNT                                                              \
    (include_pad ? ek_end_tap(by, s.dil_h, s.k_h, s.in_h + pad_bottom)        \
                       * ek_end_tap(bx, s.dil_w, s.k_w, s.in_w + pad_right)   \
                 : inside)
