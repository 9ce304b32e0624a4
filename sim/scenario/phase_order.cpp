// SPDX-License-Identifier: MIT
#include <algorithm>

#include "sim/recorded/resource_tree.h"
#include "sim/scenario/phase.h"

namespace mmusim {

namespace {

/// Follows what memory there is while the phases go by.
class PhaseOrder {
 public:
  PhaseOrder(const mm::MemoryMap& memory, ConfigErrors& errors) : errors_(errors) {
    for (const mm::MemoryRange& r : memory.memory) boot_.push_back({address_of(r.start), address_of(r.end)});
  }

  void check(size_t index, const Phase& phase) {
    at_ = fmt::format("/phases/{}", index);
    const bool boot = std::holds_alternative<BootPhase>(phase.what);
    if (index == 0 && !boot) error("phase", fmt::format("\"{}\" before \"boot\", expected \"boot\" first", phase.name));
    if (index != 0 && boot) error("phase", "\"boot\" again, expected it once, first");
    if (index > 1 && std::holds_alternative<HugetlbInitPhase>(phase.what)) {
      error("phase", "\"hugetlb_init\" late, expected it right after \"boot\"");
    }
    if (std::holds_alternative<DeferredInitPhase>(phase.what) && memory_changed_) {
      error("phase", "\"deferred_init\" after memory was added or removed, expected it before: it is part of the boot");
    }
    memory_changed_ |=
        std::holds_alternative<MemoryPhase>(phase.what) || std::holds_alternative<DevicePhase>(phase.what);
    // A phase that is expected to fail may ask for the impossible.
    if (phase.expect != mm::Errno::kSuccess || phase.fail_allocation) return;
    if (const auto* p = std::get_if<MemoryPhase>(&phase.what)) memory(*p);
    if (const auto* p = std::get_if<DevicePhase>(&phase.what)) {
      add({p->device.start, p->device.start + p->device.bytes});
    }
    if (const auto* p = std::get_if<DeviceRemovePhase>(&phase.what)) remove_device(p->start);
  }

 private:
  void error(const std::string& key, const std::string& what) { errors_.add(at_ + "/" + key, what); }

  void memory(const MemoryPhase& p) {
    const PhysRange range{p.start, p.start + p.bytes};
    switch (p.kind) {
      case MemoryPhase::Kind::kHotAdd:
        return add(range);
      case MemoryPhase::Kind::kOnline:
      case MemoryPhase::Kind::kOffline:
        if (!is_memory(range)) error("start", fmt::format("no memory was added at {}", p.start));
        return;
      case MemoryPhase::Kind::kHotRemove:
        if (!is_memory(range)) error("start", fmt::format("no memory was added at {}, it cannot be removed", p.start));
        added_ = without(added_, {range});
        boot_ = without(boot_, {range});
        return;
    }
  }
  void add(const PhysRange& range) {
    for (const PhysRange& other : added_) {
      if (other.overlaps(range)) {
        error("start", fmt::format("{} to {} overlaps memory added before", range.start, range.end));
        return;
      }
    }
    for (const PhysRange& other : boot_) {
      if (other.overlaps(range)) {
        error("start", fmt::format("{} to {} overlaps memory of the boot", range.start, range.end));
        return;
      }
    }
    added_.push_back(range);
  }
  bool is_memory(const PhysRange& range) const {
    std::vector<PhysRange> all = added_;
    all.insert(all.end(), boot_.begin(), boot_.end());
    return std::any_of(all.begin(), all.end(), [&](const PhysRange& r) { return r.overlaps(range); });
  }
  void remove_device(PhysAddr start) {
    const auto device =
        std::find_if(added_.begin(), added_.end(), [&](const PhysRange& r) { return r.start == start; });
    if (device == added_.end()) return error("start", fmt::format("no device memory was added at {}", start));
    added_.erase(device);
  }

  ConfigErrors& errors_;
  std::string at_;
  bool memory_changed_ = false;
  std::vector<PhysRange> boot_;
  std::vector<PhysRange> added_;
};

}  // namespace

void check_phases(const std::vector<Phase>& phases, const mm::MemoryMap& memory, ConfigErrors& errors) {
  PhaseOrder order(memory, errors);
  for (size_t i = 0; i < phases.size(); ++i) order.check(i, phases[i]);
}

}  // namespace mmusim
