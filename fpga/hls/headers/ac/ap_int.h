// ap_int and ap_uint as names of ac_int, for a tool or a compiler that has ac_int.h: put this folder before its own.
#ifndef EDGEKIT_AC_AP_INT_H
#define EDGEKIT_AC_AP_INT_H
#include <ac_int.h>

template <int N>
using ap_int = ac_int<N, true>;
template <int N>
using ap_uint = ac_int<N, false>;
#endif
