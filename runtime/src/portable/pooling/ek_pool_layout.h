/* What ek_pool_bands.h needs before EK_NAME. */
