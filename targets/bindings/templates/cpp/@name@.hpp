// @name@ for C++17: it owns its memory, allocates nothing and throws nothing. Compile and link the C of the build.
#ifndef @NAME@_HPP
#define @NAME@_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "@name@.h"

namespace edgekit::@name@_network {

// Elements side by side, as std::span of C++20: from a pointer and a count, an array, or anything with data() and size().
template <class T>
class span {
public:
    constexpr span() noexcept = default;
    constexpr span(T *data, std::size_t size) noexcept : data_(data), size_(size) {}
    template <std::size_t N>
    constexpr span(T (&array)[N]) noexcept : data_(array), size_(N) {}
    template <class C, class = decltype(std::declval<C &>().data())>
    constexpr span(C &&from) noexcept : data_(from.data()), size_(from.size()) {}
    constexpr T *data() const noexcept { return data_; }
    constexpr std::size_t size() const noexcept { return size_; }

private:
    T *data_ = nullptr;
    std::size_t size_ = 0;
};

enum class status : int {
    done = 0,
    null_or_misaligned = -1,
    no_session = -2,
    wrong_size = -3,
};

struct inputs {
    span<const @input_type@> @input_name@; // @input_count@ elements, @input_shape@
};

struct outputs {
    span<@output_type@> @output_name@; // @output_count@ elements, @output_shape@
};

struct constants { // of a session
    span<const @constant_type@> @constant_name@; // @constant_count@ elements, @constant_shape@
};

class network {
public:
    static constexpr int hop = @hop@; // samples; 0 where a call is none of a stream

    network() noexcept : net_(@name@_init(state_.data(), state_.size())) {}
    network(const network &) = delete;
    network &operator=(const network &) = delete;

    // As it was made.
    void reset() noexcept { @name@_reset(net_); }

    // Run one hop; nothing is read or written where a size is not that of the network.
    status process(const inputs &in, const outputs &out) noexcept
    {
        bool fits = true;
        fits = fits && in.@input_name@.size() == @input_count@;
        fits = fits && out.@output_name@.size() == @output_count@;
        if (!fits) {
            return status::wrong_size;
        }
        const @name@_inputs given{
            in.@input_name@.data(),
        };
        @name@_outputs made{
            out.@output_name@.data(),
        };
        return static_cast<status>(@name@_process(net_, scratch_.data(), &given, &made));
    }
    @pcm_@
    @pcm_@// The same on samples of 16 bits, channels interleaved.
    @pcm_@status process(span<const std::int16_t> in, span<std::int16_t> out) noexcept
    @pcm_@{
    @pcm_@    if (in.size() != @pcm_in@ || out.size() != @pcm_out@) {
    @pcm_@        return status::wrong_size;
    @pcm_@    }
    @pcm_@    return static_cast<status>(@name@_process_s16(net_, scratch_.data(), in.data(), out.data()));
    @pcm_@}
    @session_@
    @session_@// Take what stays the same for a session, before the first hop and whenever it changes.
    @session_@status session(const constants &in) noexcept
    @session_@{
    @session_@    bool fits = true;
        fits = fits && in.@constant_name@.size() == @constant_count@;
    @session_@    if (!fits) {
    @session_@        return status::wrong_size;
    @session_@    }
    @session_@    const @name@_constants given{
            in.@constant_name@.data(),
    @session_@    };
    @session_@    return static_cast<status>(@name@_session(net_, scratch_.data(), &given));
    @session_@}

    // The C network, for what is not here.
    ::@name@ *handle() noexcept { return net_; }
    void *scratch() noexcept { return scratch_.data(); }

private:
    alignas(@NAME@_ALIGN) std::array<unsigned char, @NAME@_STATE_BYTES> state_{};
    alignas(@NAME@_ALIGN) std::array<unsigned char, @NAME@_SCRATCH_BYTES + 1> scratch_{};
    ::@name@ *net_;
};

} // namespace edgekit::@name@_network

#endif
