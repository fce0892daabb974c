/* Convolutions of channels side by side: none. */
#define EK_FOURS(...) 0
#define EK_W4_FOURS(...) 0
