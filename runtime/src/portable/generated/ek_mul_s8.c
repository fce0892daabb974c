#define EK_NAME ek_mul_s8
#define EK_X int8_t
#define EK_Y int8_t
#include "ek_mul_int.h"
