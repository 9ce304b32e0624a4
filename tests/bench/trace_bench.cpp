// SPDX-License-Identifier: MIT
// Speed of the trace readers, in records per CPU-second of all threads; each reads a whole trace through the same two
// threads as replay does. Traces are made once, in the temporary directory, from those that ship.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "sim/replay/address_space.h"
#include "sim/trace/stack_distance.h"
#include "sim/trace/trace_reader.h"
#include "sim/trace/trace_statistics.h"
#include "sim/trace/trace_writer.h"

namespace mmusim {
namespace {

class OfstreamSink final : public ByteSink {
 public:
  explicit OfstreamSink(const std::string& path) : out_(path, std::ios::binary) {}
  void write(std::string_view bytes) override { out_.write(bytes.data(), static_cast<std::streamsize>(bytes.size())); }
  void finish() override { out_.close(); }

 private:
  std::ofstream out_;
};

/// A shipped trace, or the one that the smoke test names: a short one.
std::string shipped() {
  const char* named = std::getenv("MMUSIM_BENCH_TRACE");
  return std::string(MMUSIM_SOURCE_DIR) + "/" + (named != nullptr ? named : "traces/ops-512m-4l.vmt.xz");
}

/// The trace as a file of the given form and compression; made at first use.
std::string trace_file(TraceFormat format, const std::string& suffix) {
  const std::string path = (std::filesystem::temp_directory_path() / "mmusim-bench-").string() +
                           std::to_string(getpid()) + "." + name_of(format) + suffix;
  if (std::filesystem::exists(path)) return path;
  const auto reader = open_trace(shipped());
  const auto writer =
      make_trace_writer(format, compress(std::make_unique<OfstreamSink>(path), compression_by_name(path)));
  TraceBatch batch;
  while (reader->next(batch)) {
    for (MemAccess& access : batch.accesses) access.user = true;
    writer->write(batch);
  }
  writer->finish();
  return path;
}

void read_whole(benchmark::State& state, const std::string& path) {
  uint64_t records = 0;
  for (auto _ : state) {
    const auto reader = open_trace(path);
    TraceBatch batch;
    while (reader->next(batch)) {
      records += batch.records;
      benchmark::DoNotOptimize(batch.accesses.data());
    }
  }
  state.SetItemsProcessed(static_cast<int64_t>(records));
}

void read_vmt1_xz(benchmark::State& state) { read_whole(state, shipped()); }
BENCHMARK(read_vmt1_xz)->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond);

void read_vmt1_zstd(benchmark::State& state) { read_whole(state, trace_file(TraceFormat::kVmt1, ".zst")); }
BENCHMARK(read_vmt1_zstd)->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond);

void read_binary(benchmark::State& state) { read_whole(state, trace_file(TraceFormat::kBinary, "")); }
BENCHMARK(read_binary)->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond);

void read_binary_zstd(benchmark::State& state) { read_whole(state, trace_file(TraceFormat::kBinary, ".zst")); }
BENCHMARK(read_binary_zstd)->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond);

void read_champsim_zstd(benchmark::State& state) { read_whole(state, trace_file(TraceFormat::kChampSim, ".zst")); }
BENCHMARK(read_champsim_zstd)->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond);

void read_lackey(benchmark::State& state) { read_whole(state, trace_file(TraceFormat::kLackey, "")); }
BENCHMARK(read_lackey)->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond);

void read_json_lines_zstd(benchmark::State& state) { read_whole(state, trace_file(TraceFormat::kJsonLines, ".zst")); }
BENCHMARK(read_json_lines_zstd)->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond);

void trace_statistics(benchmark::State& state) {
  uint64_t records = 0;
  for (auto _ : state) {
    const auto reader = open_trace(shipped());
    TraceCounter counter;
    TraceBatch batch;
    while (reader->next(batch)) counter.add(batch);
    records += counter.result().records;
  }
  state.SetItemsProcessed(static_cast<int64_t>(records));
}
BENCHMARK(trace_statistics)->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond);

/// What a TLB miss costs when its page is mapped already.
void ensure_mapped(benchmark::State& state) {
  PhysMem memory;
  AddressSpaces spaces(memory, {});
  constexpr uint64_t kPages = 262144;  // 1 GiB
  for (uint64_t page = 0; page < kPages; ++page) spaces.ensure_mapped(VirtAddr(page << kPageShift));
  uint64_t n = 0;
  for (auto _ : state) {
    spaces.ensure_mapped(VirtAddr(permuted(n++ % kPages, kPages, 1) << kPageShift));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(ensure_mapped);

void tlb_miss_curves(benchmark::State& state) {
  std::vector<TlbGeometry> geometries;
  for (uint64_t entries = 16; entries <= 4096; entries *= 2) {
    for (const unsigned ways : {4U, 8U}) geometries.push_back({PageSize::k4K, entries, ways});
  }
  uint64_t accesses = 0;
  for (auto _ : state) {
    const auto reader = open_trace(shipped());
    TlbMissCurves curves(geometries);
    TraceBatch batch;
    while (reader->next(batch)) {
      for (const MemAccess& access : batch.accesses) curves.access(access);
      accesses += batch.accesses.size();
    }
    benchmark::DoNotOptimize(curves.misses(0));
  }
  state.SetItemsProcessed(static_cast<int64_t>(accesses));
}
BENCHMARK(tlb_miss_curves)->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace mmusim
