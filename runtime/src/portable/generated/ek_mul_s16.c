#define EK_NAME ek_mul_s16
#define EK_X int16_t
#define EK_Y int16_t
#include "ek_mul_int.h"
