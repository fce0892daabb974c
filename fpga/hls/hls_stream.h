// A stand-in for the vendor's hls_stream.h where a C++ compiler simulates the engine: a queue without bound, whose
// reader stops the program where it is empty. Under Vitis HLS the vendor's own header is used.
#ifndef EDGEKIT_HLS_STREAM_H
#define EDGEKIT_HLS_STREAM_H
#include <cstdio>
#include <cstdlib>
#include <deque>

namespace hls {
template <typename T>
class stream {
  public:
    explicit stream(const char *name = "") : name_(name) {}
    void write(const T &value) { held_.push_back(value); }
    T read()
    {
        if (held_.empty()) {
            std::fprintf(stderr, "stream %s is read where it is empty\n", name_);
            std::abort();
        }
        const T value = held_.front();
        held_.pop_front();
        return value;
    }
    bool empty() const { return held_.empty(); }

  private:
    const char *name_;
    std::deque<T> held_;
};
} // namespace hls
#endif
