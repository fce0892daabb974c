// A stand-in for the tools' ap_int.h, for compilers of computers: integers of N bits, as registers of hardware hold them.
// They wrap when they are assigned; an expression of them is computed in 64 bits. A synthesis tool takes its own header.
#ifndef EDGEKIT_AP_INT_H
#define EDGEKIT_AP_INT_H
#include <cstdint>
#include <type_traits>

namespace ek_integers {
template <int N, typename T8, typename T16, typename T32, typename T64>
using least_t = typename std::conditional<
    N <= 8, T8, typename std::conditional<N <= 16, T16, typename std::conditional<N <= 32, T32, T64>::type>::type>::type;
}

template <int N>
struct ap_int {
    static_assert(N >= 1 && N <= 64, "1 to 64 bits");
    using stored_t = ek_integers::least_t<N, int8_t, int16_t, int32_t, int64_t>;
    stored_t value;
    ap_int() = default;
    ap_int(int64_t v) : value(stored_t(int64_t(uint64_t(v) << (64 - N)) >> (64 - N))) {}
    operator int64_t() const { return value; }
    int to_int() const { return int(value); }
    ap_int &operator+=(int64_t v) { return *this = ap_int(value + v); }
};

template <int N>
struct ap_uint {
    static_assert(N >= 1 && N <= 63, "1 to 63 bits");
    using stored_t = ek_integers::least_t<N, uint8_t, uint16_t, uint32_t, uint64_t>;
    stored_t value;
    ap_uint() = default;
    ap_uint(int64_t v) : value(stored_t(uint64_t(v) & ((uint64_t{1} << N) - 1))) {}
    operator int64_t() const { return int64_t(value); }
    int to_int() const { return int(value); }
    ap_uint &operator+=(int64_t v) { return *this = ap_uint(int64_t(value) + v); }
};
#endif
