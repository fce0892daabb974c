/* The portable kernel, with vectors: their sums have another order, so that only float recipes take it. */
#define EK_NAME ek_avg_pool_f32
#define EK_T float
#define EK_Y float
#define EK_ACC float
#define EK_BEFORE
#define EK_BEHIND int32_t include_pad, int32_t pad_bottom, int32_t pad_right,
#define EK_START 0.0f
#define EK_ADD(acc, v) ((acc) + (v))
#define EK_ADD_V(acc, v) ek_v_add(acc, v)
#define EK_RESULT(acc) ((acc) / (float)EK_COUNT)
#define EK_POOL_SUM ek_pool_means_f32(acc, down, across, n, to)
#include "ek_pool_count.h"
#include "ek_pool.h"
