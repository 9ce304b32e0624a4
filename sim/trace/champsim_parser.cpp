// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cstring>

#include "models/base/format.h"
#include "sim/trace/champsim.h"
#include "sim/trace/trace_parser.h"

namespace mmusim {

namespace {

using champsim::Record;

/// For each register, the youngest load its content depends on. Distances become MemAccess::depends_on.
class RegisterDependences {
 public:
  /// Number (from 1) of the youngest load that any of the source registers needs; 0: none.
  uint64_t youngest_source(const Record& record) const {
    uint64_t youngest = 0;
    for (const uint8_t r : record.source_registers) youngest = std::max(youngest, load_[r]);
    return youngest;
  }
  void write(const Record& record, uint64_t load) {
    for (const uint8_t r : record.destination_registers) {
      if (carries(r)) load_[r] = load;
    }
  }

 private:
  static bool carries(uint8_t r) {
    return r != champsim::kNoRegister && r != champsim::kFlagsRegister && r != champsim::kInstructionPointer;
  }
  std::array<uint64_t, 256> load_{};  // 0 for the registers that carry nothing
};

class ChampSimParser final : public TraceParser {
 public:
  ChampSimParser(ByteReader& bytes, const TraceOptions& options, TraceInfo& info) : TraceParser(bytes, options, info) {
    info_.notes = "ChampSim records no access sizes: each access counts as one byte";
  }

  void fill(BatchBuilder& batch) override {
    constexpr size_t kMostAccesses = 1 + champsim::kSourceSlots + champsim::kDestinationSlots;
    while (batch.has_room(kMostAccesses)) {
      if (!bytes_.need(sizeof(Record))) {
        if (bytes_.available() == 0) return;
        throw TraceDamage(fmt::format("truncated: {} bytes of a 64-byte record", bytes_.available()));
      }
      Record record;
      std::memcpy(&record, bytes_.data(), sizeof record);
      if (record.is_branch > 1 || record.branch_taken > 1) {
        throw TraceDamage(fmt::format("no ChampSim record: is_branch {}, branch_taken {}, expected 0 or 1",
                                      record.is_branch, record.branch_taken));
      }
      instruction(batch, record);
      bytes_.consume(sizeof(Record));
      ++records_;
    }
  }

 private:
  void instruction(BatchBuilder& batch, const Record& record) {
    if (options_.want_instructions) add_instruction_event(batch, record);
    const uint64_t source = dependences_.youngest_source(record);
    add(batch, record.ip, AccessKind::kFetch, 0, record.ip);
    uint64_t result = source;  // without a load the result needs what the sources needed
    for (const uint64_t va : record.source_memory) {
      if (va != 0) result = add(batch, va, AccessKind::kRead, source, record.ip);
    }
    for (const uint64_t va : record.destination_memory) {
      if (va != 0) add(batch, va, AccessKind::kWrite, source, record.ip);
    }
    dependences_.write(record, result);
  }
  /// Adds an access that needs the result of access number `source` (0: none); returns its own number.
  uint64_t add(BatchBuilder& batch, uint64_t va, AccessKind kind, uint64_t source, uint64_t ip) {
    ++accesses_;
    const uint64_t distance = source == 0 ? 0 : accesses_ - source;
    MemAccess& access = batch.append(ip);
    access.va = VirtAddr(va);
    access.bytes = champsim::kAccessBytes;
    access.kind = kind;
    access.user = ip >> 63 == 0;
    access.depends_on = distance > UINT16_MAX ? uint16_t{0} : static_cast<uint16_t>(distance);
    return accesses_;
  }
  static void add_instruction_event(BatchBuilder& batch, const Record& record) {
    TraceEvent& event = batch.add_event(TraceEventKind::kInstruction);
    event.va = VirtAddr(record.ip);
    std::memcpy(&event.value, &record.is_branch, sizeof event.value);
    event.has_operand = true;
    for (unsigned i = 0; i < champsim::kDestinationSlots; ++i) {
      if (record.destination_memory[i] != 0) event.operand |= uint64_t{1} << i;
    }
    for (unsigned i = 0; i < champsim::kSourceSlots; ++i) {
      if (record.source_memory[i] != 0) event.operand |= uint64_t{1} << (champsim::kDestinationSlots + i);
    }
  }

  RegisterDependences dependences_;
  uint64_t accesses_ = 0;
};

}  // namespace

std::unique_ptr<TraceParser> make_champsim_parser(ByteReader& bytes, const TraceOptions& options, TraceInfo& info) {
  return std::make_unique<ChampSimParser>(bytes, options, info);
}

}  // namespace mmusim
