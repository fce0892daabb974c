/* Rows of transposed depthwise convolutions have no kernel of their own here. */
#define ek_spread_rows(...) 0
