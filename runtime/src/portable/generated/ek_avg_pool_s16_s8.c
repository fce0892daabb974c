#define EK_NAME ek_avg_pool_s16_s8
#define EK_T int16_t
#define EK_Y int8_t
#define EK_ACC int64_t
#include "ek_avg_pool_int.h"
