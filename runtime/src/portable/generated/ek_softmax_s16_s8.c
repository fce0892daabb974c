#define EK_NAME ek_softmax_s16_s8
#define EK_Y int8_t
#include "ek_softmax_int.h"
