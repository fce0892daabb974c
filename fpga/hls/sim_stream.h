// A stream of a simulation whose processes run one after another: it grows, and ends the program where it is read empty
// or left full.
#ifndef EDGEKIT_SIM_STREAM_H
#define EDGEKIT_SIM_STREAM_H
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>

namespace hls {
template <typename T, int DEPTH>
class stream {
public:
    stream() = default;
    stream(const stream &) = delete;
    stream &operator=(const stream &) = delete;
    ~stream()
    {
        if (head != tail) {
            fail("items are left in a stream at its end");
        }
    }
    void write(const T &item)
    {
        if (tail == room) {
            grow();
        }
        items[tail++] = item;
    }
    T read()
    {
        if (head == tail) {
            fail("an empty stream is read");
        }
        return items[head++];
    }

private:
    [[noreturn]] static void fail(const char *text)
    {
        std::fprintf(stderr, "hls: %s\n", text);
        std::abort();
    }
    void grow()
    {
        room = room < most ? most : 2 * room;
        most = room;
        std::unique_ptr<T[]> more(new T[room]);
        for (std::size_t i = 0; i < tail; i++) {
            more[i] = items[i];
        }
        items = std::move(more);
    }
    std::unique_ptr<T[]> items;
    std::size_t head = 0, tail = 0, room = 0;
    static inline std::size_t most = 1024; // room of the largest until now: the next one begins with it
};
}
#endif
