/* Convolutions of channels side by side: none. */
#define EK_FOURS(...) 0
