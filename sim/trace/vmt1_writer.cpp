// SPDX-License-Identifier: MIT
#include <bit>
#include <cstring>

#include "sim/trace/leb128.h"
#include "sim/trace/trace_writer.h"
#include "sim/trace/vmt1.h"

namespace mmusim {

namespace {

class Vmt1Writer final : public TraceWriter {
 public:
  explicit Vmt1Writer(std::unique_ptr<ByteSink> sink) : TraceWriter(std::move(sink)) {
    sink_->write({vmt1::kMagic, 4});
  }

  void write(const TraceBatch& batch) override {
    in_order(
        batch, [this](const MemAccess& access, uint64_t pc) { put_access(access, pc); },
        [this](const TraceEvent& event) { put_event(event); });
  }
  void finish() override {
    if (!flags_.empty()) put_block();
    sink_->finish();
  }

 private:
  static constexpr unsigned kMostSizeLog2 = 7;

  void put_access(const MemAccess& access, uint64_t pc) {
    if (access.kind == AccessKind::kFetch) {
      lose(Loss::kAccessKind);
      return;
    }
    const bool implicit = vmt1::is_implicit(access.user, access.va.raw());
    if (access.rmw || access.stack || access.awaited || access.implicit != implicit) lose(Loss::kFlags);
    if (access.depends_on != 0) lose(Loss::kDependence);
    if (access.gap != 0) lose(Loss::kGap);
    unsigned size = static_cast<unsigned>(std::bit_width(access.bytes) - 1);
    if (size > kMostSizeLog2) size = kMostSizeLog2;
    if (access.bytes != 1U << size) lose(Loss::kSize);
    put(vmt1::kAccess,
        static_cast<uint8_t>(size | (access.kind == AccessKind::kWrite ? vmt1::kStoreFlag : 0U) |
                             (access.user ? vmt1::kUserFlag : 0U)),
        access.va.raw(), low_half(pc, access.user), access.user ? 1 : 0);
  }
  void put_event(const TraceEvent& event) {
    uint8_t kind = 0;
    uint64_t va = event.va.raw();
    switch (event.kind) {
      case TraceEventKind::kMap:
        if (event.value > UINT32_MAX) {
          lose(Loss::kEvent);
          return;
        }
        put(vmt1::kMap, event.user ? vmt1::kUserFlag : uint8_t{0}, va, static_cast<uint32_t>(event.value), 2);
        return;
      case TraceEventKind::kMarker:
        kind = vmt1::kMarker;
        va = event.value;
        break;
      case TraceEventKind::kCrWrite:
        kind = vmt1::kCrWrite;
        va = event.value;
        break;
      case TraceEventKind::kInvlpg:
        kind = vmt1::kInvlpg;
        break;
      case TraceEventKind::kInvpcid:
        kind = vmt1::kInvpcid;
        break;
      default:
        lose(Loss::kEvent);
        return;
    }
    const bool ranged = (kind == vmt1::kInvlpg || kind == vmt1::kInvpcid) && event.value != 0;
    if (event.text != 0 || event.has_operand || ranged) lose(Loss::kEventDetail);
    put(kind, event.user ? vmt1::kUserFlag : uint8_t{0}, va, low_half(event.pc, event.user), 2);
  }
  /// The capture keeps the low half of instruction addresses; kernel text lies in the top 4 GiB.
  uint32_t low_half(uint64_t pc, bool user) {
    const auto low = static_cast<uint32_t>(pc);
    if (pc != 0 && pc != (user ? low : vmt1::kKernelText | low)) lose(Loss::kPc);
    return low;
  }

  void put(uint8_t kind, uint8_t flags, uint64_t va, uint32_t pc, unsigned va_class) {
    flags_ += static_cast<char>(flags);
    kinds_ += static_cast<char>(kind);
    append_number(addresses_, va - previous_va_[va_class]);
    previous_va_[va_class] = va;
    uint32_t& previous_pc = previous_pc_[kind == vmt1::kMap ? 1 : 0];
    // The difference is that of numbers mod 2^32, written as the nearest signed value.
    append_number(pcs_, static_cast<uint64_t>(int64_t{static_cast<int32_t>(pc - previous_pc)}));
    previous_pc = pc;
    if (flags_.size() == vmt1::kMaxBlockRecords) put_block();
  }
  static void append_number(std::string& to, uint64_t delta) {
    uint8_t bytes[leb128::kMaxBytes];
    const uint8_t* end = leb128::write_signed(bytes, delta);
    to.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(end - bytes));
  }
  void put32(size_t value) {
    const auto number = static_cast<uint32_t>(value);
    char bytes[sizeof number];
    std::memcpy(bytes, &number, sizeof number);
    sink_->write({bytes, sizeof number});
  }
  void put_block() {
    put32(flags_.size());
    sink_->write(flags_);
    sink_->write(kinds_);
    put32(addresses_.size());
    sink_->write(addresses_);
    put32(pcs_.size());
    sink_->write(pcs_);
    flags_.clear();
    kinds_.clear();
    addresses_.clear();
    pcs_.clear();
  }

  std::string flags_;
  std::string kinds_;
  std::string addresses_;
  std::string pcs_;
  uint64_t previous_va_[3] = {0, 0, 0};  // kernel accesses, user accesses, all other kinds
  uint32_t previous_pc_[2] = {0, 0};     // everything else, map records
};

}  // namespace

std::unique_ptr<TraceWriter> make_vmt1_writer(std::unique_ptr<ByteSink> sink) {
  return std::make_unique<Vmt1Writer>(std::move(sink));
}

}  // namespace mmusim
