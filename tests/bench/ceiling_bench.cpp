// SPDX-License-Identifier: MIT
// What this machine can do at all: the yardsticks beside which our own figures are set.
#include <benchmark/benchmark.h>
#include <zstd.h>

#include <cstring>
#include <string>
#include <systemc>
#include <vector>

#include "models/base/access.h"
#include "models/base/format.h"
#include "tests/bench/patterns.h"

namespace mmusim {
namespace {

/// The least a TLB model can do: a 64-entry 4-way first level and a 1536-entry 12-way second, LRU by time stamp.
class PlainTlb {
 public:
  bool access(uint64_t page) {
    ++tick_;
    if (lookup(l1_, l1_used_, page & 15, 4, page)) return true;
    const bool hit = lookup(l2_, l2_used_, page & 127, 12, page);
    if (!hit) put(l2_, l2_used_, page & 127, 12, page);
    put(l1_, l1_used_, page & 15, 4, page);
    return hit;
  }

 private:
  bool lookup(std::vector<uint64_t>& tags, std::vector<uint64_t>& used, uint64_t set, unsigned ways, uint64_t page) {
    for (unsigned w = 0; w < ways; ++w) {
      if (tags[set * ways + w] == page) {
        used[set * ways + w] = tick_;
        return true;
      }
    }
    return false;
  }
  void put(std::vector<uint64_t>& tags, std::vector<uint64_t>& used, uint64_t set, unsigned ways, uint64_t page) {
    unsigned victim = 0;
    for (unsigned w = 1; w < ways; ++w) {
      if (used[set * ways + w] < used[set * ways + victim]) victim = w;
    }
    tags[set * ways + victim] = page;
    used[set * ways + victim] = tick_;
  }
  std::vector<uint64_t> l1_ = std::vector<uint64_t>(64, ~uint64_t{0}), l1_used_ = std::vector<uint64_t>(64);
  std::vector<uint64_t> l2_ = std::vector<uint64_t>(1536, ~uint64_t{0}), l2_used_ = std::vector<uint64_t>(1536);
  uint64_t tick_ = 0;
};

void plain_loop(benchmark::State& state, Pattern pattern, uint64_t span) {
  const auto accesses = make_accesses(pattern, span);
  PlainTlb tlb;
  uint64_t hits = 0;
  for (auto _ : state) {
    for (const MemAccess& a : accesses) hits += tlb.access(a.va.raw() >> kPageShift) ? 1 : 0;
    benchmark::DoNotOptimize(hits);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(accesses.size()));
}
BENCHMARK_CAPTURE(plain_loop, stride_64, Pattern::kStride64, kGiB);
BENCHMARK_CAPTURE(plain_loop, random_4MiB, Pattern::kRandom, 4 * kMiB);
BENCHMARK_CAPTURE(plain_loop, random_1GiB, Pattern::kRandom, kGiB);

void memory_copy(benchmark::State& state) {
  std::vector<char> from(64 * kMiB, 1), to(64 * kMiB);
  for (auto _ : state) {
    std::memcpy(to.data(), from.data(), from.size());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(from.size()));
}
BENCHMARK(memory_copy);

/// Text like that of the event log.
std::string log_lines() {
  std::string text;
  uint64_t random = 88172645463325252;
  for (uint64_t i = 0; i < 40000; ++i) {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    text += fmt::format(
        R"({{"event":"pte_write","cycle":{},"core":0,"level":1,"va":"0x{:x}","entry_pa":"0x{:x}","new":"0x{:x}"}})"
        "\n",
        i * 37 + random % 31, 0xffffea0000000000 + i * kPageBytes, 0x2a10000 + i * 8,
        random % kGiB << kPageShift | 0x63);
  }
  return text;
}

std::string compressed(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 1));
  return out;
}

void zstd_compress(benchmark::State& state) {
  const std::string text = log_lines();
  for (auto _ : state) benchmark::DoNotOptimize(compressed(text).size());
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(text.size()));
}
BENCHMARK(zstd_compress);

/// Counts the bytes that come out.
void zstd_decompress(benchmark::State& state) {
  const std::string text = log_lines(), packed = compressed(text);
  std::string out(text.size(), '\0');
  for (auto _ : state) benchmark::DoNotOptimize(ZSTD_decompress(out.data(), out.size(), packed.data(), packed.size()));
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(text.size()));
}
BENCHMARK(zstd_decompress);

/// Timed waits of one SystemC thread.
void systemc_wait(benchmark::State& state) {
  static int64_t wanted = 0;
  struct Waiter : sc_core::sc_module {
    SC_HAS_PROCESS(Waiter);
    explicit Waiter(const sc_core::sc_module_name& name) : sc_module(name) { SC_THREAD(run); }
    void run() {
      for (;;) {
        while (wanted-- > 0) wait(1, sc_core::SC_NS);
        wait(go);
      }
    }
    sc_core::sc_event go;
  };
  static Waiter waiter("waiter");
  constexpr int64_t kWaits = 100000;
  for (auto _ : state) {
    wanted = kWaits;
    waiter.go.notify(sc_core::SC_ZERO_TIME);
    sc_core::sc_start();
  }
  state.SetItemsProcessed(state.iterations() * kWaits);
}
BENCHMARK(systemc_wait);

}  // namespace
}  // namespace mmusim
