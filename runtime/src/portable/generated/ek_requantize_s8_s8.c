#define EK_NAME ek_requantize_s8_s8
#define EK_X int8_t
#define EK_Y int8_t
#include "ek_requantize_int.h"
