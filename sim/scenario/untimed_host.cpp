// SPDX-License-Identifier: MIT
#include "models/base/errors.h"
#include "sim/scenario/host.h"

namespace mmusim {

namespace {

class UntimedHost final : public ScenarioHost {
 public:
  explicit UntimedHost(const Scenario& scenario) : kernel_memory_(memory_, layout_of(scenario)) {}

  PhysMem& memory() override { return memory_; }
  mm::KernelMemory& kernel_memory() override { return kernel_memory_; }
  void run_kernel(Timing, const std::function<void()>& code) override { code(); }
  void run_workload(Workload&, const RunLimits&, const RunHooks&) override { refuse(); }
  void replay(const ReplayPhase&, const RunHooks&) override { refuse(); }
  EventStamp stamp() const override { return {}; }
  MachineTotals totals() const override { return {}; }
  StatNode counters() const override { return {}; }
  std::vector<std::pair<std::string, uint64_t>> perf_counters() const override { return {}; }
  double core_ghz() const override { return 0; }
  void set_sink(RecordSink*, bool) override {}

 private:
  [[noreturn]] static void refuse() { throw InputError("a workload needs a processor, there is none without time"); }

  PhysMem memory_;
  mm::UntimedMemory kernel_memory_;
};

}  // namespace

mm::Layout layout_of(const Scenario& scenario) {
  uint64_t pages = 0;
  for (const mm::MemoryRange& r : scenario.memory.memory) pages += r.end - r.start;
  return {scenario.kernel, pages << kPageShift};
}

std::unique_ptr<ScenarioHost> make_untimed_host(const Scenario& scenario) {
  return std::make_unique<UntimedHost>(scenario);
}

}  // namespace mmusim
