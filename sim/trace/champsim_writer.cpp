// SPDX-License-Identifier: MIT
#include <array>
#include <bit>
#include <cstring>

#include "sim/trace/champsim.h"
#include "sim/trace/trace_writer.h"

namespace mmusim {

namespace {

using champsim::Record;

/// Writes instructions as they were where kInstruction events tell them. Else a fetch begins an instruction, which
/// takes up the accesses that follow with its address; an access without fetch is an instruction of its own, with `gap`
/// instructions without memory access before it. Registers carry `depends_on`.
class ChampSimWriter final : public TraceWriter {
 public:
  using TraceWriter::TraceWriter;

  void write(const TraceBatch& batch) override {
    in_order(
        batch, [this](const MemAccess& access, uint64_t pc) { put_access(access, pc); },
        [this](const TraceEvent& event) {
          if (event.kind == TraceEventKind::kInstruction) {
            begin_told(event);
          } else {
            lose(Loss::kEvent);
          }
        });
  }
  void finish() override {
    end_instruction();
    flush();
    sink_->finish();
  }

 private:
  static constexpr size_t kBufferBytes = size_t{64} << 10;
  static constexpr unsigned kFirstRegister = 64;  // beyond the ones x86 traces use
  static constexpr unsigned kRegisters = 128;     // loads whose result can be depended on at a time
  static constexpr uint64_t kUserIp = 0x400000;   // stand in for unknown instruction addresses
  static constexpr uint64_t kKernelIp = 0xffffffff81000000;

  void begin_told(const TraceEvent& event) {
    end_instruction();
    open_ = true;
    record_.ip = event.va.raw();
    std::memcpy(&record_.is_branch, &event.value, sizeof event.value);
    slots_ = static_cast<unsigned>(event.operand);
    waits_for_ = 1 + static_cast<unsigned>(std::popcount(slots_));
  }

  void put_access(const MemAccess& access, uint64_t pc) {
    ++accesses_;
    if (access.bytes != champsim::kAccessBytes) lose(Loss::kSize);
    if (access.rmw || access.stack || access.implicit || access.awaited) lose(Loss::kFlags);
    if (access.va.raw() == 0) {  // an address of 0 means an unused slot
      lose(Loss::kAccessKind);
      return;
    }
    if (waits_for_ != 0 && fill_told(access)) {
      if (--waits_for_ == 0) end_instruction();
    } else if (access.kind == AccessKind::kFetch) {
      begin(access.va.raw(), access);
    } else {
      put_data(access, pc);
    }
  }
  /// Puts an access where the instruction told by an event has it; false if it is none of that instruction's.
  bool fill_told(const MemAccess& access) {
    if (access.kind == AccessKind::kFetch) return access.va.raw() == record_.ip;
    return fill_slot(access, slots_);
  }
  /// The first unused address slot among `slots` gets the address; false if there is none.
  bool fill_slot(const MemAccess& access, unsigned slots) {
    const bool store = access.kind == AccessKind::kWrite;
    const unsigned first = store ? 0 : champsim::kDestinationSlots;
    const unsigned count = store ? champsim::kDestinationSlots : champsim::kSourceSlots;
    for (unsigned i = 0; i < count; ++i) {
      uint64_t& slot = store ? record_.destination_memory[i] : record_.source_memory[i];
      if ((slots >> (first + i) & 1) == 0 || slot != 0) continue;
      slot = access.va.raw();
      return true;
    }
    return false;
  }

  void begin(uint64_t ip, const MemAccess& access) {
    end_instruction();
    open_ = true;
    record_.ip = ip;
    has_data_ = false;
    if (access.user == (ip >> 63 != 0)) lose(Loss::kUser);
  }
  void put_data(const MemAccess& access, uint64_t pc) {
    constexpr unsigned kAllSlots = 63;
    const bool second_load = access.kind == AccessKind::kRead && record_.destination_registers[0] != 0;
    const bool joins = open_ && !second_load && waits_for_ == 0 && (pc == 0 || pc == record_.ip) && access.gap == 0 &&
                       (!has_data_ || (access.depends_on == 0 && record_.source_registers[0] == 0));
    if (!joins || !fill_slot(access, kAllSlots)) {
      if (pc == 0) lose(Loss::kPc);
      const uint64_t ip = pc != 0 ? pc : (access.user ? kUserIp : kKernelIp);
      for (unsigned i = 0; i < access.gap; ++i) {
        begin(ip, access);
        end_instruction();
      }
      begin(ip, access);
      fill_slot(access, kAllSlots);
    }
    has_data_ = true;
    if (access.also_depends_on[0] != 0) lose(Loss::kDependence);
    if (access.depends_on != 0) {
      const uint64_t source = accesses_ - access.depends_on;
      const uint8_t reg = result_register(source);
      if (written_by_[reg - kFirstRegister] == source) {
        record_.source_registers[0] = reg;
      } else {
        lose(Loss::kDependence);
      }
    }
    if (access.kind == AccessKind::kRead) {
      const uint8_t reg = result_register(accesses_);
      record_.destination_registers[0] = reg;
      written_by_[reg - kFirstRegister] = accesses_;
    }
  }
  static uint8_t result_register(uint64_t access) { return static_cast<uint8_t>(kFirstRegister + access % kRegisters); }

  void end_instruction() {
    if (open_) put_record(record_);
    open_ = false;
    waits_for_ = 0;
    record_ = {};
  }
  void put_record(const Record& record) {
    char bytes[sizeof record];
    std::memcpy(bytes, &record, sizeof record);
    buffer_.append(bytes, sizeof record);
    if (buffer_.size() >= kBufferBytes) flush();
  }
  void flush() {
    sink_->write(buffer_);
    buffer_.clear();
  }

  std::string buffer_;
  Record record_{};         // the instruction being put together
  bool open_ = false;       // there is one
  bool has_data_ = false;   // it has data accesses (of instructions not told by an event)
  unsigned slots_ = 0;      // address slots that the event told
  unsigned waits_for_ = 0;  // accesses it still waits for, its fetch included; 0: not told by an event
  uint64_t accesses_ = 0;
  std::array<uint64_t, kRegisters> written_by_{};  // number of the load that last wrote the register
};

}  // namespace

std::unique_ptr<TraceWriter> make_champsim_writer(std::unique_ptr<ByteSink> sink) {
  return std::make_unique<ChampSimWriter>(std::move(sink));
}

}  // namespace mmusim
