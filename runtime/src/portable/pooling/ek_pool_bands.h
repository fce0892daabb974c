/* Within EK_NAME of ek_pool.h: windows of many outputs at a time, where vectors have them. */
