#define EK_NAME ek_prelu_s16
#define EK_X int16_t
#define EK_Y int16_t
#define EK_MIN -32768
#define EK_MAX 32767
#include "ek_prelu_int.h"
