#define EK_NAME ek_max_pool_s16
#define EK_T int16_t
#define EK_Y int16_t
#define EK_ACC int16_t
#define EK_BEFORE
#define EK_BEHIND
#define EK_START -32768
#define EK_ADD(acc, v) ((v) > (acc) ? (v) : (acc))
#define EK_RESULT(acc) (acc)
#define EK_POOL_MAX
#include "ek_pool.h"
