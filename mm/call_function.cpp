// SPDX-License-Identifier: MIT
#include "mm/call_function.h"

#include <utility>

namespace mmusim::mm {

unsigned icr_writes(ApicDriver driver, bool has_flat_driver, std::span<const unsigned> targets, bool all_but_self,
                    unsigned online) {
  constexpr unsigned kClusterCpus = 16, kFlatCpus = 8;
  if (targets.empty()) return 0;
  if (targets.size() == 1 || all_but_self) return 1;
  const unsigned each = static_cast<unsigned>(targets.size());
  switch (driver) {
    case ApicDriver::kX2apicPhysical:
      return each;
    case ApicDriver::kXapic:
      return has_flat_driver && online <= kFlatCpus ? 1 : each;
    case ApicDriver::kX2apicCluster: {
      unsigned clusters = 0;
      for (size_t i = 0; i < targets.size(); ++i) {
        if (i == 0 || targets[i] / kClusterCpus != targets[i - 1] / kClusterCpus) ++clusters;
      }
      return clusters;
    }
  }
  return each;
}

CallFunctions::CallFunctions(const KernelConfig& config, const Profile& profile, KernelMemory& memory,
                             Observer* observer)
    : apic_(config.apic),
      has_flat_driver_(profile.xapic_flat),
      overlapped_(profile.overlapped_calls),
      memory_(memory),
      observer_(observer != nullptr && (observer->mask() & kInterrupts) != 0 ? observer : nullptr) {
  Cpus* cpus = memory.cpus();
  if (cpus == nullptr) return;
  queues_.resize(cpus->online());
  cpus->set_handler(this);
}

CallFunctions::~CallFunctions() {
  if (memory_.cpus() != nullptr) memory_.cpus()->set_handler(nullptr);
}

void CallFunctions::on_cpus(CpuWork& work, const std::function<bool(unsigned)>& wanted) {
  Cpus* const cpus = memory_.cpus();
  if (cpus == nullptr || cpus->online() == 1) {
    if (wanted(0)) work.run(0);
    return;
  }
  const unsigned self = cpus->current();
  Round round{&work, self, std::vector<char>(cpus->online(), 0)};
  std::vector<unsigned> called, interrupted;
  for (unsigned cpu = 0; cpu < cpus->online(); ++cpu) {
    if (cpu == self || !wanted(cpu)) continue;
    cpus->prepare_call(cpu);
    round.locked[cpu] = 1;
    called.push_back(cpu);
    // Where something is queued already, an interrupt is on its way that will run this entry too.
    if (queues_[cpu].empty()) interrupted.push_back(cpu);
    queues_[cpu].push_back(&round);
  }
  interrupt(*cpus, self, interrupted);
  const bool here = wanted(self);
  if (here && overlapped_) work.run(self);
  for (const unsigned cpu : called) cpus->await(cpu, [&] { return round.locked[cpu] == 0; });
  if (!called.empty()) cpus->round_done();
  if (here && !overlapped_) work.run(self);
}

/// send_call_function_single_ipi or send_call_function_ipi_mask, as smp_call_function_many_cond chooses.
void CallFunctions::interrupt(Cpus& cpus, unsigned self, const std::vector<unsigned>& targets) {
  if (targets.empty()) return;
  const bool single = targets.size() == 1;
  if (single && cpus.polls(targets.front())) return cpus.wake(targets.front());
  const bool all_but_self = targets.size() + 1 == cpus.online();
  const CallInterrupts sent{self, targets, single ? kCallFunctionSingleVector : kCallFunctionVector,
                            icr_writes(apic_, has_flat_driver_, targets, all_but_self, cpus.online())};
  cpus.send(sent);
  if (observer_ != nullptr) observer_->interrupts(sent);
}

void CallFunctions::call_function_interrupt(unsigned cpu, const CallDelivery& delivery) {
  Cpus& cpus = *memory_.cpus();
  cpus.take_turn();
  // [S-16] The last sender has written the head of the queue, and each sender its entry and what that points to.
  if (!queues_[cpu].empty()) cpus.read_line_of(queues_[cpu].back()->sender);
  const std::vector<Round*> entries = std::exchange(queues_[cpu], {});
  for (Round* round : entries) {
    cpus.read_line_of(round->sender);
    if (round->work->has_data()) cpus.read_line_of(round->sender);
    round->work->run(cpu);
    cpus.take_turn();
    const unsigned sender = round->sender;
    round->locked[cpu] = 0;  // the sender may go on, and the round be gone
    cpus.acknowledge(sender);
  }
  if (observer_ != nullptr && delivery.vector != 0) observer_->ipi({delivery, cpu});
}

}  // namespace mmusim::mm
