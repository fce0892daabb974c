// A stand-in for the vendor's ap_int.h where a C++ compiler simulates the engine: integers of N <= 64 bits that wrap
// when they are assigned. Expressions are computed in 64 bits. Under Vitis HLS the vendor's own header is used.
#ifndef EDGEKIT_AP_INT_H
#define EDGEKIT_AP_INT_H
#include <cstdint>
#include <type_traits>

template <int N>
struct ap_int {
    static_assert(N >= 1 && N <= 64, "1 to 64 bits");
    typedef typename std::conditional<N <= 8, int8_t, typename std::conditional<N <= 32, int32_t, int64_t>::type>::type
        stored_t;
    stored_t value = 0;
    ap_int() = default;
    ap_int(int64_t v)
        : value(static_cast<stored_t>(static_cast<int64_t>(static_cast<uint64_t>(v) << (64 - N)) >> (64 - N)))
    {
    }
    operator int64_t() const { return value; }
    ap_int &operator+=(int64_t v) { return *this = ap_int(value + v); }
};

template <int N>
struct ap_uint {
    static_assert(N >= 1 && N <= 63, "1 to 63 bits");
    int64_t value = 0;
    ap_uint() = default;
    ap_uint(int64_t v) : value(static_cast<int64_t>(static_cast<uint64_t>(v) & ((uint64_t{1} << N) - 1))) {}
    operator int64_t() const { return value; }
};
#endif
