// SPDX-License-Identifier: MIT
#include <cstring>

#include "models/base/format.h"
#include "sim/trace/leb128.h"
#include "sim/trace/trace_parser.h"
#include "sim/trace/vmt1.h"

namespace mmusim {

namespace {

/// Parses one block at a time; the arrays of a block lie side by side in the reader's buffer.
class Vmt1Parser final : public TraceParser {
 public:
  Vmt1Parser(ByteReader& bytes, const TraceOptions& options, TraceInfo& info) : TraceParser(bytes, options, info) {
    if (!bytes_.need(4) || std::memcmp(bytes_.data(), vmt1::kMagic, 4) != 0) {
      throw TraceDamage("not a VMT1 stream: it does not begin with 'VMT1'");
    }
    bytes_.consume(4);
  }

  void fill(BatchBuilder& batch) override {
    while (batch.has_room()) {
      if (index_ == count_ && !next_block()) return;
      parse_records(batch);
    }
  }
  uint64_t offset() const override {
    return bytes_.offset() + (index_ < count_ ? static_cast<uint64_t>(address_ - bytes_.data()) : 0);
  }

 private:
  static uint32_t load32(const uint8_t* from) {
    uint32_t value;
    std::memcpy(&value, from, sizeof value);
    return value;
  }

  /// Makes the next block readable; false at the end of the stream.
  bool next_block() {
    bytes_.consume(block_bytes_);
    block_bytes_ = 0;
    if (bytes_.at_end()) return false;
    if (!bytes_.need(4)) throw TraceDamage("truncated in the head of a block");
    const uint32_t n = load32(bytes_.data());
    if (n > vmt1::kMaxBlockRecords) {
      throw TraceDamage(fmt::format("a block of {} records, the most is {}", n, vmt1::kMaxBlockRecords));
    }
    const size_t addresses_at = 4 + size_t{2} * n + 4;
    const uint32_t la = array_bytes(addresses_at, n, "address");
    const size_t pcs_at = addresses_at + la + 4;
    const uint32_t lp = array_bytes(pcs_at, n, "pc");
    block_bytes_ = pcs_at + lp;
    if (!bytes_.need(block_bytes_)) throw TraceDamage("truncated in the pc deltas of a block");
    const uint8_t* block = bytes_.data();
    flags_ = block + 4;
    kinds_ = flags_ + n;
    address_ = block + addresses_at;
    address_end_ = address_ + la;
    pc_ = block + pcs_at;
    pc_end_ = pc_ + lp;
    index_ = 0;
    count_ = n;
    if (n == 0 && la + lp != 0) throw TraceDamage("a block without records has deltas");
    return true;
  }
  /// The length of the array of numbers at `at`, which a u32 before it tells.
  uint32_t array_bytes(size_t at, uint32_t n, const char* what) {
    if (!bytes_.need(at)) throw TraceDamage(fmt::format("truncated before the {} deltas of a block", what));
    const uint32_t bytes = load32(bytes_.data() + at - 4);
    if (bytes < n || bytes > leb128::kMaxBytes * n) {
      throw TraceDamage(fmt::format("{} bytes of {} deltas for {} records", bytes, what, n));
    }
    return bytes;
  }

  void parse_records(BatchBuilder& batch) {
    while (index_ < count_ && batch.has_room()) {
      const uint8_t kind = kinds_[index_];
      const uint8_t flags = flags_[index_];
      const bool user = (flags & vmt1::kUserFlag) != 0;
      uint64_t address_delta = 0;
      uint64_t pc_delta = 0;
      if (!leb128::read_signed(address_, address_end_, address_delta)) throw TraceDamage("address delta malformed");
      if (!leb128::read_signed(pc_, pc_end_, pc_delta)) throw TraceDamage("pc delta malformed");
      uint64_t& va = previous_va_[kind != vmt1::kAccess ? 2 : (user ? 1 : 0)];
      va += address_delta;
      uint32_t& pc = previous_pc_[kind == vmt1::kMap ? 1 : 0];
      pc += static_cast<uint32_t>(pc_delta);
      if (kind == vmt1::kAccess) {
        MemAccess& access = batch.append(full_pc(pc, user));
        access.va = VirtAddr(va);
        access.bytes = static_cast<uint16_t>(1U << (flags & vmt1::kSizeMask));
        access.kind = (flags & vmt1::kStoreFlag) != 0 ? AccessKind::kWrite : AccessKind::kRead;
        access.user = user;
        access.implicit = vmt1::is_implicit(user, va);
      } else {
        add_event(batch, kind, user, va, pc);
      }
      ++index_;
      ++records_;
    }
    if (index_ == count_ && (address_ != address_end_ || pc_ != pc_end_)) {
      throw TraceDamage("a block has more deltas than records");
    }
  }
  void add_event(BatchBuilder& batch, uint8_t kind, bool user, uint64_t va, uint32_t pc) {
    if (kind > vmt1::kInvpcid) throw TraceDamage(fmt::format("unknown kind of record {}", kind));
    constexpr TraceEventKind kKinds[] = {TraceEventKind::kMap, TraceEventKind::kMarker, TraceEventKind::kCrWrite,
                                         TraceEventKind::kInvlpg, TraceEventKind::kInvpcid};
    TraceEvent& event = batch.add_event(kKinds[kind - 1]);
    event.user = user;
    const bool numbered = kind == vmt1::kMarker || kind == vmt1::kCrWrite;
    event.va = numbered ? VirtAddr() : VirtAddr(va);
    event.value = kind == vmt1::kMap ? pc : (numbered ? va : 0);
    event.pc = kind == vmt1::kMap ? 0 : full_pc(pc, user);
  }
  /// The capture keeps the low half; kernel text lies in the top 4 GiB.
  static uint64_t full_pc(uint32_t pc, bool user) { return user ? pc : vmt1::kKernelText | pc; }

  const uint8_t* flags_ = nullptr;
  const uint8_t* kinds_ = nullptr;
  const uint8_t* address_ = nullptr;
  const uint8_t* address_end_ = nullptr;
  const uint8_t* pc_ = nullptr;
  const uint8_t* pc_end_ = nullptr;
  uint32_t index_ = 0;
  uint32_t count_ = 0;
  size_t block_bytes_ = 0;
  uint64_t previous_va_[3] = {0, 0, 0};  // kernel accesses, user accesses, all other kinds
  uint32_t previous_pc_[2] = {0, 0};     // everything else, map records
};

}  // namespace

std::unique_ptr<TraceParser> make_vmt1_parser(ByteReader& bytes, const TraceOptions& options, TraceInfo& info) {
  return std::make_unique<Vmt1Parser>(bytes, options, info);
}

}  // namespace mmusim
