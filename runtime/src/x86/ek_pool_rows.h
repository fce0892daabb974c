/* What ek_pool_across.h needs before EK_NAME. */
