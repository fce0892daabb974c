/* Within EK_NAME of ek_pool.h: lanes along the rows of a picture have no kernel of their own here. */
