// Integers of N bits, as registers of hardware hold them: they wrap when they are assigned, expressions are computed in
// 64 bits.
#ifndef EDGEKIT_BITS_H
#define EDGEKIT_BITS_H
#include <cstdint>
#include <type_traits>

template <int N>
struct signed_bits {
    static_assert(N >= 1 && N <= 64, "1 to 64 bits");
    typedef typename std::conditional<N <= 8, int8_t, typename std::conditional<N <= 32, int32_t, int64_t>::type>::type
        stored_t;
    stored_t value = 0;
    signed_bits() = default;
    signed_bits(int64_t v)
        : value(static_cast<stored_t>(static_cast<int64_t>(static_cast<uint64_t>(v) << (64 - N)) >> (64 - N)))
    {
    }
    operator int64_t() const { return value; }
    signed_bits &operator+=(int64_t v) { return *this = signed_bits(value + v); }
};

template <int N>
struct unsigned_bits {
    static_assert(N >= 1 && N <= 63, "1 to 63 bits");
    int64_t value = 0;
    unsigned_bits() = default;
    unsigned_bits(int64_t v) : value(static_cast<int64_t>(static_cast<uint64_t>(v) & ((uint64_t{1} << N) - 1))) {}
    operator int64_t() const { return value; }
};
#endif
