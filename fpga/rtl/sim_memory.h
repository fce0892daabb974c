// Memory behind an AXI4 port, a clock cycle at a time: DRAM of banks and rows, with refresh, whose bus moves a beat a cycle
// in one direction, or, ideal, memory that answers at once. Random stalls of any seed on every channel.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <deque>
#include <vector>
#include "sim.h"

// What it takes, in cycles of the engine's clock.
struct Timing {
    int latency, row_miss, refresh_every, refresh, turnaround, banks, row_bytes;
};
const Timing IDEAL = {1, 0, 0, 0, 0, 1, 4096};
const Timing DRAM = {DRAM_LATENCY, DRAM_ROW_MISS, DRAM_REFRESH_EVERY, DRAM_REFRESH, DRAM_TURNAROUND, DRAM_BANKS, DRAM_ROW_BYTES};

struct Burst {
    uint32_t address;
    int beats;
    int64_t at; // when it came; then, when its first beat, or its answer, may leave
    std::vector<uint8_t> data, strobes; // of writes
};

template <typename Top>
struct Memory {
    Timing timing = IDEAL;
    Stalls stalls{0};
    std::vector<uint8_t> bytes;
    int64_t now = 0, bus_free = 0, next_refresh = 0;
    int64_t moved[2] = {0, 0}; // beats of the bus that were read, written
    uint32_t fail_at = 0; // the first address that answers with an error; 0: where the bytes end

    struct Bank { int64_t row = -1, ready = 0; };
    std::vector<Bank> banks = std::vector<Bank>(8);
    std::deque<Burst> asked, addresses, written, answers; // reads, write addresses, whole writes, B
    std::deque<Burst> reading; // in order of the reads
    std::vector<uint8_t> w_data, w_strobes;
    int r_beat = 0;
    bool last_was_read = true, r_hold = false, b_hold = false;
    bool ar_ready = false, aw_ready = false, w_ready = false;

    // Its time begins: no row is open, and it is refreshed first.
    void restart()
    {
        now = bus_free = next_refresh = 0;
        banks.assign(8, {});
        last_was_read = true; turns = 0;
    }

    void reset()
    {
        asked.clear(); addresses.clear(); written.clear(); answers.clear(); reading.clear();
        w_data.clear(); w_strobes.clear();
        r_beat = 0; r_hold = b_hold = false;
    }

    bool inside(uint32_t address, int length) const
    {
        return std::size_t(address) + std::size_t(length) <= bytes.size() && (!fail_at || address < fail_at);
    }

    // Before a clock edge, as the engine's outputs stand: what the memory says in this cycle.
    void drive(Top &top, Noise &noise)
    {
        ar_ready = asked.size() + reading.size() < 32 && !stalls.now();
        aw_ready = addresses.size() < 8 && !stalls.now();
        w_ready = written.size() < 8 && !stalls.now();
        top.m_arready = ar_ready; top.m_awready = aw_ready; top.m_wready = w_ready;
        const bool there = !reading.empty() && reading.front().at + r_beat <= now;
        r_hold = there && (r_hold || !stalls.now());
        top.m_rvalid = r_hold;
        const uint32_t address = r_hold ? reading.front().address + uint32_t(r_beat * BUS_BYTES) : 0;
        const bool right = r_hold && inside(address, BUS_BYTES);
        for (int i = 0; i < BUS_BYTES; i++) {
            put(top.m_rdata, 8 * i, 8, right ? bytes[address + std::size_t(i)] : noise.next() >> 24);
        }
        top.m_rresp = r_hold ? (right ? 0 : 2) : noise.next() >> 30;
        top.m_rlast = r_hold ? r_beat == reading.front().beats - 1 : noise.next() >> 31;
        b_hold = !answers.empty() && answers.front().at <= now && (b_hold || !stalls.now());
        top.m_bvalid = b_hold;
        top.m_bresp = b_hold ? (inside(answers.front().address, answers.front().beats * BUS_BYTES) ? 0 : 2) : noise.next() >> 30;
    }

    // At a clock edge: what was taken; then the bus.
    void clock(Top &top)
    {
        if (ar_ready && top.m_arvalid) { asked.push_back({top.m_araddr, top.m_arlen + 1, now, {}, {}}); }
        if (aw_ready && top.m_awvalid) { addresses.push_back({top.m_awaddr, top.m_awlen + 1, now, {}, {}}); }
        if (w_ready && top.m_wvalid) {
            for (int i = 0; i < BUS_BYTES; i++) {
                w_data.push_back(uint8_t(byte_of(top.m_wdata, i)));
                w_strobes.push_back(top.m_wstrb >> i & 1);
            }
            if (top.m_wlast) {
                written.push_back({0, 0, now, w_data, w_strobes});
                w_data.clear(); w_strobes.clear();
            }
        }
        if (r_hold && top.m_rready) {
            r_hold = false;
            if (++r_beat == reading.front().beats) { reading.pop_front(); r_beat = 0; }
        }
        if (b_hold && top.m_bready) { b_hold = false; answers.pop_front(); }
        schedule();
        now++;
    }

private:
    void schedule()
    {
        if (timing.refresh && now >= next_refresh) {
            next_refresh = now + timing.refresh_every;
            bus_free = std::max(bus_free, now) + timing.refresh;
            for (Bank &bank : banks) { bank = {-1, bus_free}; }
        }
        const bool can_write = !addresses.empty() && !written.empty();
        if (bus_free > now || (asked.empty() && !can_write)) { return; }
        const bool read = !asked.empty() && (!can_write || last_was_read != (++turns % 8 == 0));
        Burst burst = read ? asked.front() : written.front();
        if (read) {
            asked.pop_front();
        } else {
            burst.address = addresses.front().address; burst.beats = addresses.front().beats;
            addresses.pop_front(); written.pop_front();
        }
        const int64_t row = burst.address / timing.row_bytes;
        Bank &bank = banks[std::size_t(row % timing.banks)];
        int64_t start = std::max(now, bus_free) + (read != last_was_read ? timing.turnaround : 0);
        if (bank.row != row) { // its row is opened from when the bank is free and the burst is known
            start = std::max(start, std::max(bank.ready, burst.at) + timing.row_miss);
            bank.row = row;
        }
        bus_free = bank.ready = start + burst.beats;
        moved[read ? 0 : 1] += burst.beats;
        last_was_read = read;
        if (read) {
            burst.at = start + timing.latency;
            reading.push_back(burst);
            return;
        }
        for (std::size_t i = 0; i < burst.data.size(); i++) {
            if (burst.strobes[i] && inside(burst.address + uint32_t(i), 1)) { bytes[burst.address + i] = burst.data[i]; }
        }
        burst.at = bus_free + timing.latency;
        answers.push_back(burst);
    }
    unsigned turns = 0;
};
