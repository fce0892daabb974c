// Processes of a dataflow region as threads, and streams that block at their depth, as those of hardware do. Where all
// processes of a region wait, the program says so and ends: a deadlock.
#ifndef EDGEKIT_SIM_THREADS_H
#define EDGEKIT_SIM_THREADS_H
#include <condition_variable>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

inline std::mutex ek_lock;
inline int ek_running = 0, ek_waiting = 0; // processes; the latter wait for a stream

class ek_region {
public:
    ek_region() = default;
    ek_region(const ek_region &) = delete;
    ek_region &operator=(const ek_region &) = delete;
    void start(std::function<void()> process) { processes.push_back(std::move(process)); }
    ~ek_region()
    {
        ek_running = int(processes.size());
        std::vector<std::thread> threads;
        for (auto &process : processes) {
            threads.emplace_back([&process] {
                process();
                const std::lock_guard<std::mutex> locked(ek_lock);
                ek_running--;
                check();
            });
        }
        for (auto &thread : threads) {
            thread.join();
        }
    }
    static void check()
    {
        if (ek_running > 0 && ek_waiting == ek_running) {
            std::fprintf(stderr, "hls: a deadlock: all %d processes wait for a stream\n", ek_running);
            std::_Exit(3);
        }
    }

private:
    std::vector<std::function<void()>> processes;
};

namespace hls {
template <typename T, int DEPTH>
class stream {
public:
    stream() = default;
    stream(const stream &) = delete;
    stream &operator=(const stream &) = delete;
    ~stream()
    {
        if (count) {
            std::fprintf(stderr, "hls: items are left in a stream at its end\n");
            std::abort();
        }
    }
    void write(const T &item)
    {
        std::unique_lock<std::mutex> locked(ek_lock);
        wait(locked, writer, [this] { return count < DEPTH; });
        items[(first + count++) % DEPTH] = item;
        wake(reader);
    }
    T read()
    {
        std::unique_lock<std::mutex> locked(ek_lock);
        wait(locked, reader, [this] { return count > 0; });
        const T item = items[first];
        first = (first + 1) % DEPTH;
        count--;
        wake(writer);
        return item;
    }

private:
    struct end_t { // of a stream: the one process that writes, or reads
        std::condition_variable woken;
        std::thread::id process;
        bool waits = false;
    };
    template <typename Ready>
    static void wait(std::unique_lock<std::mutex> &locked, end_t &own, Ready ready)
    {
        if (own.process == std::thread::id()) {
            own.process = std::this_thread::get_id();
        }
        if (own.process != std::this_thread::get_id()) {
            std::fprintf(stderr, "hls: two processes at one end of a stream\n");
            std::_Exit(3);
        }
        while (!ready()) {
            own.waits = true;
            ek_waiting++;
            ek_region::check();
            own.woken.wait(locked, [&own] { return !own.waits; });
        }
    }
    static void wake(end_t &other)
    {
        if (other.waits) {
            other.waits = false;
            ek_waiting--;
            other.woken.notify_one();
        }
    }
    T items[DEPTH];
    int first = 0, count = 0;
    end_t reader, writer;
};
}
#endif
