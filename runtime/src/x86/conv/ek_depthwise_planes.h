/* Small planes have no kernel of their own here. */
#define EK_PLANES(...) 0
