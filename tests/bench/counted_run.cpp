// SPDX-License-Identifier: MIT
// One fixed run, for counting its instructions: counted_run NAME COUNT. The same work every time, and nothing that
// depends on the host. check_instructions.py runs it under callgrind with two counts.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>
#include <string_view>
#include <systemc>

#include <nlohmann/json.hpp>

#include "models/base/format.h"
#include "sim/events/event_log.h"
#include "sim/machine/programs.h"
#include "sim/scenario/machine_host.h"
#include "sim/scenario/runner.h"
#include "sim/trace/stack_distance.h"
#include "sim/trace/trace_parser.h"
#include "sim/trace/trace_writer.h"
#include "tests/bench/bench_machine.h"
#include "tests/bench/dram_load.h"

namespace mmusim {
namespace {

using Accesses = std::vector<MemAccess>;
/// Does something with that many accesses, records or requests.
using Work = std::function<void(size_t count)>;

Work functional(Pattern pattern, uint64_t span) {
  return [=](size_t count) { make_functional_machine()->execute(make_accesses(pattern, span, count)); };
}

void guest_random(size_t count) { make_guest_machine()->execute(make_accesses(Pattern::kRandom, kGiB, count)); }

Work timed(CoreModel model, Pattern pattern, uint64_t span) {
  return [=](size_t count) {
    const Accesses accesses = make_accesses(pattern, span, count);
    const auto machine = make_timed_machine(model);
    CallProgram program([&](Core& core) { core.execute(accesses); });
    simulation().run(*machine, program);
  };
}

/// blocking_random_1GiB with an event log of its walks: both threads. What it has more than that run is the log's.
void log_walks(size_t count) {
  const std::filesystem::path path =
      std::filesystem::temp_directory_path() / fmt::format("counted_run-{}.jsonl.zst", ::getpid());
  const Accesses accesses = make_accesses(Pattern::kRandom, kGiB, count);
  const auto machine = make_timed_machine(CoreModel::kBlocking);
  EventLog log(path, EventSelection().add(EventCategory::kWalks), {"bench", "{}", 0, "walks"});
  machine->observe(log);
  CallProgram program([&](Core& core) { core.execute(accesses); });
  simulation().run(*machine, program);
  log.close({}, /*interrupted=*/false, {});
  std::filesystem::remove(path);
}

/// `count` accesses of all cores together; each core makes its own.
Work several_cores(CoreModel model, Pattern pattern, uint64_t span) {
  return [=](size_t count) {
    constexpr unsigned kCores = 8;
    const Accesses accesses = make_accesses(pattern, span, count);
    const auto machine = make_timed_machine(model, kCores);
    std::vector<std::unique_ptr<CallProgram>> programs;
    std::vector<Program*> started;
    for (size_t core = 0; core < kCores; ++core) {
      const auto own = std::span(accesses).subspan(count / kCores * core, count / kCores);
      programs.push_back(std::make_unique<CallProgram>([own](Core& runs) { runs.execute(own); }));
      started.push_back(programs.back().get());
    }
    simulation().run(*machine, started);
  };
}

/// A boot that initialises `count` struct pages in a vmemmap of base pages, each by its nine stores. From 512 MiB of memory
/// on, which has 131,072, the struct pages are more than the last cache holds.
void initialise_memmap(size_t count) {
  const nlohmann::json document = {
      {"name", "memmap_init"},
      {"platform", "textbook"},
      {"kernel", {{"version", "6.12"}, {"vmemmap_pages", "base"}, {"memmap_init", true}}},
      {"memory", {{"ranges", nlohmann::json::array({{{"start", "0x0"}, {"size", count * kPageBytes}}})}}},
      {"phases", nlohmann::json::array({{{"phase", "boot"}, {"stage", "boot"}, {"timed", true}}})}};
  const Scenario scenario = scenario_from_json(document, "memmap_init.json");
  MachineHost host(simulation(), scenario, scenario_platform(scenario), {});
  if (const std::string failure = run_scenario(scenario, host, {}).failure; !failure.empty())
    throw std::runtime_error(failure);
}

class MemorySink final : public ByteSink {
 public:
  explicit MemorySink(std::vector<uint8_t>& bytes) : bytes_(bytes) {}
  void write(std::string_view bytes) override { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
  void finish() override {}

 private:
  std::vector<uint8_t>& bytes_;
};

/// Reads a trace in memory, of a program with fetches, as often as it takes for `count` records.
Work read_trace(TraceFormat format, const char* compression) {
  return [=](size_t count) {
    std::vector<uint8_t> bytes;
    TraceBatch batch;
    batch.accesses = make_accesses(Pattern::kProgram, kGiB, 100'000);
    for (MemAccess& access : batch.accesses) {
      access.user = true;
      batch.pcs.push_back(access.va.raw());
    }
    const auto writer = make_trace_writer(format, compress(std::make_unique<MemorySink>(bytes), compression));
    writer->write(batch);
    writer->finish();
    for (size_t read = 0; read < count;) {
      const auto reader = open_trace_bytes(bytes, "bench");
      while (reader->next(batch)) read += batch.records;
    }
  };
}

/// The geometries of `replay --what-if`.
void count_misses(size_t count) {
  constexpr struct {
    PageSize page_size;
    unsigned ways;  // 0: all
  } kCurves[] = {{PageSize::k4K, 4}, {PageSize::k4K, 8}, {PageSize::k4K, 0},
                 {PageSize::k2M, 4}, {PageSize::k2M, 0}, {PageSize::k1G, 0}};
  std::vector<TlbGeometry> geometries;
  for (const auto& [page_size, ways] : kCurves) {
    for (unsigned entries = 16; entries <= 8192; entries *= 2)
      geometries.push_back({page_size, entries, ways == 0 ? entries : ways});
  }
  TlbMissCurves curves(geometries);
  for (const MemAccess& access : make_accesses(Pattern::kProgram, kGiB, count)) {
    if (access.kind != AccessKind::kFetch) curves.access(access);
  }
}

void read_dram(size_t count) {
  Random random(1);
  DramLoad load(shipped_dram("reference-ddr4-3200"), 32);
  for (size_t i = 0; i < count; ++i) load.read(random_line(random));
}

struct FixedRun {
  std::string_view name;
  Work work;
};
const FixedRun kRuns[] = {
    {"functional_stride_64", functional(Pattern::kStride64, kGiB)},
    {"functional_random_1GiB", functional(Pattern::kRandom, kGiB)},
    {"functional_guest_random_1GiB", guest_random},
    {"functional_program", functional(Pattern::kProgram, kGiB)},
    {"blocking_hits_16KiB", timed(CoreModel::kBlocking, Pattern::kStride64, 16 * kKiB)},
    {"blocking_stride_64_1GiB", timed(CoreModel::kBlocking, Pattern::kStride64, kGiB)},
    {"blocking_random_1GiB", timed(CoreModel::kBlocking, Pattern::kRandom, kGiB)},
    {"blocking_random_1GiB_event_log", log_walks},
    {"blocking_program", timed(CoreModel::kBlocking, Pattern::kProgram, kGiB)},
    {"window_random_1GiB", timed(CoreModel::kWindow, Pattern::kRandom, kGiB)},
    {"window_program", timed(CoreModel::kWindow, Pattern::kProgram, kGiB)},
    {"blocking_random_8_cores", several_cores(CoreModel::kBlocking, Pattern::kRandom, kGiB)},
    {"window_random_8_cores", several_cores(CoreModel::kWindow, Pattern::kRandom, kGiB)},
    {"memmap_init", initialise_memmap},
    {"dram_32_reads_under_way", read_dram},
    {"read_lackey", read_trace(TraceFormat::kLackey, "none")},
    {"read_champsim_zstd", read_trace(TraceFormat::kChampSim, "zstd")},
    {"read_json_lines_zstd", read_trace(TraceFormat::kJsonLines, "zstd")},
    {"what_if_60_geometries", count_misses},
};

}  // namespace
}  // namespace mmusim

int sc_main(int argc, char** argv) {
  if (argc == 3) {
    for (const mmusim::FixedRun& run : mmusim::kRuns) {
      if (run.name != argv[1]) continue;
      run.work(std::strtoull(argv[2], nullptr, 10));
      return 0;
    }
  }
  std::cerr << "usage: counted_run NAME COUNT, where NAME is one of";
  for (const mmusim::FixedRun& run : mmusim::kRuns) std::cerr << ' ' << run.name;
  std::cerr << '\n';
  return 2;
}
