#define EK_NAME ek_matmul_s8_s16
#define EK_X int8_t
#define EK_SUM int32_t
#define EK_Y int16_t
#include "ek_matmul_int.h"
