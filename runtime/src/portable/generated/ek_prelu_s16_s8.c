#define EK_NAME ek_prelu_s16_s8
#define EK_X int16_t
#define EK_Y int8_t
#define EK_MIN -128
#define EK_MAX 127
#include "ek_prelu_int.h"
