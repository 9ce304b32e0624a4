// SPDX-License-Identifier: MIT
#include "sim/experiment/replay_recording.h"

#include "mm/layout.h"
#include "models/base/errors.h"
#include "models/base/format.h"

namespace mmusim {

namespace {

class TableReport {
 public:
  TableReport(const PhysMem& memory, unsigned linear_bits, mm::Observer& observer)
      : memory_(memory), top_bit_(linear_bits - 1), observer_(observer) {}

  void table(PhysAddr table, unsigned level, uint64_t va_of_table) {
    observer_.fill({VirtAddr(0), table, kPageBytes, 0, ""});
    for (unsigned index = 0; index < mm::kEntriesPerTable; ++index) {
      const PhysAddr pa = table + index * uint64_t{mm::kEntryBytes};
      const uint64_t value = memory_.load64(pa);
      if (value == 0) continue;
      const uint64_t va = va_of_table + index * mm::level_bytes(level);
      const bool maps_page = level == 1 || (level <= 3 && (value & pte::kPageSize) != 0);
      if ((value & pte::kPresent) != 0 && !maps_page) this->table(PhysAddr(value & pte::kAddressMask), level - 1, va);
      observer_.entry_write({level, sign_extended(va), mm::level_bytes(level), VirtAddr(0), pa, index, 0, value, ""});
    }
  }

 private:
  VirtAddr sign_extended(uint64_t va) const {
    return VirtAddr((va >> top_bit_ & 1) != 0 ? va | ~uint64_t{0} << top_bit_ : va);
  }

  const PhysMem& memory_;
  unsigned top_bit_;  // the highest implemented address bit
  mm::Observer& observer_;
};

/// Throws InputError if a trace, which holds CR3 and CR4 only, cannot bring a processor into this state.
void check_holdable(const ControlState& control) {
  const ControlState plain;
  const ControlRegisters& registers = control.registers();
  const bool rights = control.wp() == plain.wp() && control.nxe() == plain.nxe();
  const bool keys = (!control.pke() || registers.pkru == 0) && (!control.pks() || registers.pkrs == 0);
  if (is_long_mode(control.mode()) && rights && keys && !(control.smap() && control.ac())) return;
  throw InputError(
      "--record: a trace holds page tables of 4 or 5 levels, CR3 and CR4; the tables of --map need other control "
      "registers too");
}

}  // namespace

void report_tables(const PhysMem& memory, const ControlState& control, mm::Observer& observer) {
  TableReport(memory, control.linear_bits(), observer).table(control.root(), control.levels(), 0);
}

ReplayRecording::ReplayRecording(std::unique_ptr<TraceWriter> writer, bool given_tables) {
  if (given_tables) {
    recorder_ = std::make_unique<RunRecorder>(std::move(writer));
  } else {
    copy_ = std::move(writer);
  }
}

void ReplayRecording::begin(Target& target) {
  if (!recorder_) return;
  const ControlState& control = target.control();
  check_holdable(control);
  report_tables(target.memory(), control, recorder_->kernel());
  recorder_->control_written(0, 4, control.registers().cr4, /*timed=*/false);
  recorder_->control_written(0, 3, control.registers().cr3, /*timed=*/false);
  target.observe(*recorder_);
}

void ReplayRecording::played(const TraceBatch& piece, WindowPart part) {
  if (!copy_) return;
  if (part_ && *part_ != part) {
    TraceEvent drain;
    drain.kind = TraceEventKind::kDrain;
    TraceBatch between;
    between.events.push_back(drain);
    copy_->write(between);
  }
  part_ = part;
  copy_->write(piece);
}

void ReplayRecording::marker(uint64_t number, std::string_view name) {
  if (recorder_) recorder_->marker(number, name);
}

void ReplayRecording::finish() {
  if (copy_) {
    copy_->finish();
  } else {
    recorder_->finish();
  }
}

std::vector<std::string> ReplayRecording::losses() const { return copy_ ? copy_->losses() : recorder_->losses(); }

}  // namespace mmusim
