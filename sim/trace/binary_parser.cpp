// SPDX-License-Identifier: MIT
#include <zlib.h>

#include <cstring>

#include "models/base/format.h"
#include "sim/trace/binary_format.h"
#include "sim/trace/checksum.h"
#include "sim/trace/leb128.h"
#include "sim/trace/trace_parser.h"

namespace mmusim {

namespace {

template <class T>
T load(const uint8_t* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

class BinaryParser final : public TraceParser {
 public:
  BinaryParser(ByteReader& bytes, const TraceOptions& options, TraceInfo& info) : TraceParser(bytes, options, info) {
    if (!bytes_.need(binary::kFileHeadBytes)) throw TraceDamage("truncated in the head of the file");
    const uint8_t* head = bytes_.data();
    if (std::memcmp(head, binary::kMagic, 8) != 0) throw TraceDamage("does not begin with 'MMUTRACE'");
    const auto version = load<uint16_t>(head + 8);
    if (version != binary::kVersion) {
      throw TraceDamage(fmt::format("version {} of the binary form, this program reads {}", version, binary::kVersion));
    }
    if (load<uint16_t>(head + 10) != 0) throw TraceDamage("reserved bytes of the head are not zero");
    const auto header = load<uint32_t>(head + 12);
    if (header > binary::kMaxHeaderBytes) {
      throw TraceDamage(fmt::format("a header of {} bytes, the most is {}", header, binary::kMaxHeaderBytes));
    }
    bytes_.consume(binary::kFileHeadBytes);
    if (!bytes_.need(header)) throw TraceDamage("truncated in the header");
    info_.header.assign(reinterpret_cast<const char*>(bytes_.data()), header);
    bytes_.consume(header);
  }

  void fill(BatchBuilder& batch) override {
    while (!ended_ && batch.has_room()) {
      if (left_ == 0 && !next_block()) return;
      while (left_ != 0 && batch.has_room()) {
        const uint8_t tag = take_byte();
        if ((tag & binary::kEventFlag) != 0) {
          parse_event(batch, tag);
        } else {
          parse_access(batch, tag);
        }
        --left_;
        ++records_;
      }
      if (left_ == 0 && at_ != end_) throw TraceDamage("a block has more bytes than its records");
    }
  }
  uint64_t offset() const override {
    return bytes_.offset() + (left_ != 0 ? static_cast<uint64_t>(at_ - bytes_.data()) : 0);
  }

 private:
  /// Makes the next block readable; false after the trailer.
  bool next_block() {
    bytes_.consume(block_bytes_);
    block_bytes_ = 0;
    if (!bytes_.need(binary::kBlockHeadBytes)) throw TraceDamage("truncated: no trailer");
    const auto records = load<uint32_t>(bytes_.data());
    const auto payload = load<uint32_t>(bytes_.data() + 4);
    const auto crc = load<uint32_t>(bytes_.data() + 8);
    if (records > binary::kMaxBlockRecords) {
      throw TraceDamage(fmt::format("a block of {} records, the most is {}", records, binary::kMaxBlockRecords));
    }
    if (payload > binary::kMaxPayloadBytes || payload < records || (records == 0 && payload != binary::kTrailerBytes)) {
      throw TraceDamage(fmt::format("{} bytes for a block of {} records", payload, records));
    }
    if (!bytes_.need(binary::kBlockHeadBytes + payload)) throw TraceDamage("truncated in a block");
    at_ = bytes_.data() + binary::kBlockHeadBytes;
    end_ = at_ + payload;
    if (crc32(0, at_, payload) != crc) throw TraceDamage("checksum of a block differs");
    block_bytes_ = binary::kBlockHeadBytes + payload;
    if (records == 0) {
      check_trailer();
      return false;
    }
    left_ = records;
    previous_ = {};
    return true;
  }
  void check_trailer() {
    const auto records = load<uint64_t>(at_);
    const auto checksum = load<uint64_t>(at_ + 8);
    if (records != records_) {
      throw TraceDamage(fmt::format("the trailer tells {} records, the file has {}", records, records_));
    }
    if (checksum != checksum_.value()) throw TraceDamage("checksum of the trace differs");
    info_.checksum = checksum;
    bytes_.consume(block_bytes_);
    block_bytes_ = 0;
    if (!bytes_.at_end()) throw TraceDamage("data after the trailer");
    ended_ = true;
  }

  uint8_t take_byte() {
    if (at_ == end_) throw TraceDamage("a block has more records than bytes");
    return *at_++;
  }
  uint64_t take_number() {
    uint64_t value = 0;
    if (!leb128::read(at_, end_, value)) throw TraceDamage("malformed number");
    return value;
  }
  uint64_t take_delta() {
    uint64_t value = 0;
    if (!leb128::read_signed(at_, end_, value)) throw TraceDamage("malformed difference");
    return value;
  }
  uint16_t take_u16(const char* what) {
    const uint64_t value = take_number();
    if (value == 0 || value > UINT16_MAX) throw TraceDamage(fmt::format("{} of {}", what, value));
    return static_cast<uint16_t>(value);
  }

  void parse_access(BatchBuilder& batch, uint8_t tag) {
    const unsigned kind = tag & binary::kKindMask;
    if (kind > 2) throw TraceDamage("unknown kind of access");
    MemAccess access;
    access.kind = static_cast<AccessKind>(kind);
    access.user = (tag & binary::kUserFlag) != 0;
    const uint8_t extras = (tag & binary::kExtrasFlag) != 0 ? take_byte() : uint8_t{0};
    access.rmw = (extras & binary::kRmw) != 0;
    access.stack = (extras & binary::kStack) != 0;
    access.implicit = (extras & binary::kImplicit) != 0;
    access.awaited = (extras & binary::kAwaited) != 0;
    uint64_t& va = previous_.access[binary::access_class(kind, access.user)];
    va += take_delta();
    access.va = VirtAddr(va);
    const unsigned size = (tag >> binary::kSizeShift) & binary::kSizeMask;
    access.bytes = size == binary::kSizeMask ? take_u16("size") : static_cast<uint16_t>(1U << size);
    if ((extras & binary::kDependsOn) != 0) access.depends_on = take_u16("depends_on");
    if ((extras & binary::kGap) != 0) access.gap = take_u16("gap");
    uint64_t pc = 0;
    if ((extras & binary::kPc) != 0) pc = previous_.pc += take_delta();
    if ((extras & binary::kMore) != 0) take_more(access);
    checksum_.access(access);
    if (pc != 0) checksum_.word(pc);
    batch.add(access, pc);
  }
  void take_more(MemAccess& access) {
    const uint8_t head = take_byte();
    const unsigned count = head & binary::kMoreProducersMask;
    if ((head & ~(binary::kMoreProducersMask | binary::kContinues)) != 0 || count > access.also_depends_on.size())
      throw TraceDamage("unknown flags of an access");
    access.continues = (head & binary::kContinues) != 0;
    for (unsigned i = 0; i < count; ++i) access.also_depends_on[i] = take_u16("depends_on");
  }
  void parse_event(BatchBuilder& batch, uint8_t tag) {
    const unsigned kind = tag & binary::kEventKindMask;
    if (kind >= kTraceEventKinds) throw TraceDamage(fmt::format("unknown kind of event {}", kind));
    TraceEvent& event = batch.add_event(static_cast<TraceEventKind>(kind));
    event.user = (tag & binary::kEventUser) != 0;
    event.has_operand = (tag & binary::kEventOperand) != 0;
    previous_.event += take_delta();
    event.va = VirtAddr(previous_.event);
    event.value = take_number();
    if (event.has_operand) event.operand = take_number();
    event.pc = previous_.pc += take_delta();
    checksum_.event(event);
    if ((tag & binary::kEventText) != 0) parse_text(batch, event);
    if (event.kind == TraceEventKind::kInstruction && !options_.want_instructions) batch.drop_event();
  }
  void parse_text(BatchBuilder& batch, TraceEvent& event) {
    const uint64_t bytes = take_number();
    if (bytes > binary::kMaxTextBytes || bytes > static_cast<uint64_t>(end_ - at_)) {
      throw TraceDamage(fmt::format("a text of {} bytes", bytes));
    }
    batch.set_text(event, std::string(reinterpret_cast<const char*>(at_), bytes));
    at_ += bytes;
  }

  const uint8_t* at_ = nullptr;
  const uint8_t* end_ = nullptr;
  uint32_t left_ = 0;
  size_t block_bytes_ = 0;
  bool ended_ = false;
  binary::Predecessors previous_;
  TraceChecksum checksum_;
};

}  // namespace

std::unique_ptr<TraceParser> make_binary_parser(ByteReader& bytes, const TraceOptions& options, TraceInfo& info) {
  return std::make_unique<BinaryParser>(bytes, options, info);
}

}  // namespace mmusim
