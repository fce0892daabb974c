#define EK_NAME ek_avg_pool_f32
#define EK_T float
#define EK_Y float
#define EK_ACC float
#define EK_BEFORE
#define EK_BEHIND int32_t include_pad, int32_t pad_bottom, int32_t pad_right,
#define EK_START 0.0f
#define EK_ADD(acc, v) ((acc) + (v))
#define EK_RESULT(acc) ((acc) / (float)EK_COUNT)
#include "ek_pool_count.h"
#include "ek_pool.h"
