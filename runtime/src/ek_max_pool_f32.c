#define EK_NAME ek_max_pool_f32
#define EK_T float
#define EK_Y float
#define EK_ACC float
#define EK_BEFORE
#define EK_BEHIND
#define EK_START -EK_INF
#define EK_ADD(acc, v) ek_maxf1(acc, v)
#define EK_RESULT(acc) (acc)
#include "ek_pool.h"
