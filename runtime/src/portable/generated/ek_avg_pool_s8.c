#define EK_NAME ek_avg_pool_s8
#define EK_T int8_t
#define EK_Y int8_t
#define EK_ACC int32_t
#include "ek_avg_pool_int.h"
