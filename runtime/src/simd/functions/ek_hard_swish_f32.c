#include "ek_functions_f32.h"

#define EK_NAME ek_hard_swish_f32
#define EK_FUNCTION ek_v_hard_swish
#include "ek_function_f32.h"
