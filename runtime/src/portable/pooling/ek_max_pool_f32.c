#define EK_NAME ek_max_pool_f32
#define EK_T float
#define EK_Y float
#define EK_ACC float
#define EK_BEFORE
#define EK_BEHIND
#define EK_START -EK_INF
#define EK_ADD(acc, v) ek_maxf1(acc, v)
#define EK_ADD_V(acc, v) ek_v_max(acc, v) /* of vectors, where there are some */
#define EK_RESULT(acc) (acc)
#define EK_POOL_MAX
#include "ek_pool.h"
