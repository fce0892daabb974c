#define EK_NAME ek_conv_s8_s8_sparse
#define EK_X int8_t
#define EK_ACC int32_t
#define EK_Y int8_t
#include "ek_conv_sparse.h"
