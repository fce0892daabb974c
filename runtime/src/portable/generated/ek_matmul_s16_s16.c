#define EK_NAME ek_matmul_s16_s16
#define EK_X int16_t
#define EK_SUM int64_t
#define EK_Y int16_t
#include "ek_matmul_int.h"
