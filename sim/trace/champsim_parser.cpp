// SPDX-License-Identifier: MIT
#include <array>
#include <cstring>
#include <utility>

#include "models/base/format.h"
#include "sim/trace/champsim.h"
#include "sim/trace/trace_parser.h"

namespace mmusim {

namespace {

using champsim::Record;

/// Loads by number (from 1), the youngest first, without repeats; 0: none. As many as MemAccess holds.
class Loads {
 public:
  void add(uint64_t load) {
    for (uint64_t& place : loads_) {
      if (load == 0 || load == place) return;
      if (load > place) std::swap(load, place);
    }
  }
  void add(const Loads& others) {
    for (const uint64_t load : others.loads_) {
      if (load == 0) return;  // none comes after it
      add(load);
    }
  }
  auto begin() const { return loads_.begin(); }
  auto end() const { return loads_.end(); }

 private:
  std::array<uint64_t, kMostProducers> loads_{};
};

/// For each register, the loads that its content depends on. Distances become MemAccess::depends_on.
class RegisterDependences {
 public:
  /// Returns the loads that the source registers need.
  Loads sources(const Record& record) const {
    Loads all;
    for (const uint8_t r : record.source_registers) {
      if (r != champsim::kNoRegister) all.add(loads_[r]);
    }
    return all;
  }
  void write(const Record& record, const Loads& loads) {
    for (const uint8_t r : record.destination_registers) {
      if (carries(r)) loads_[r] = loads;
    }
  }

 private:
  static bool carries(uint8_t r) {
    return r != champsim::kNoRegister && r != champsim::kFlagsRegister && r != champsim::kInstructionPointer;
  }
  std::array<Loads, 256> loads_{};  // none for the registers that carry nothing
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
    const Loads sources = dependences_.sources(record);
    add(batch, record.ip, AccessKind::kFetch, {}, record.ip);
    Loads loaded;
    bool loads = false, continues = false;
    const auto add_data = [&](uint64_t va, AccessKind kind) {
      const uint64_t number = add(batch, va, kind, sources, record.ip, std::exchange(continues, true));
      if (kind != AccessKind::kRead) return;
      loaded.add(number);
      loads = true;
    };
    for (const uint64_t va : record.source_memory) {
      if (va != 0) add_data(va, AccessKind::kRead);
    }
    for (const uint64_t va : record.destination_memory) {
      if (va != 0) add_data(va, AccessKind::kWrite);
    }
    dependences_.write(record, loads ? loaded : sources);  // the loads need what the sources need
  }
  /// Adds an access that needs the results of those loads; returns its own number.
  uint64_t add(BatchBuilder& batch, uint64_t va, AccessKind kind, const Loads& sources, uint64_t ip,
               bool continues = false) {
    ++accesses_;
    MemAccess& access = batch.append(ip);
    access.va = VirtAddr(va);
    access.bytes = champsim::kAccessBytes;
    access.kind = kind;
    access.user = ip >> 63 == 0;
    access.continues = continues;
    for (const uint64_t source : sources) {
      if (source != 0 && accesses_ - source <= UINT16_MAX)
        add_producer(access, static_cast<uint16_t>(accesses_ - source));
    }
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
