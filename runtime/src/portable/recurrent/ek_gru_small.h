/* Small cells have no form of their own here. */
#define EK_GRU_SMALL
