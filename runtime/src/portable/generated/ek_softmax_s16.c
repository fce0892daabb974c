#define EK_NAME ek_softmax_s16
#define EK_Y int16_t
#include "ek_softmax_int.h"
