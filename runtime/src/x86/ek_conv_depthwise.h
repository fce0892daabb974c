/* Depthwise convolutions have no kernel of their own here. */
#define EK_DEPTHWISE(...) 0
