// SPDX-License-Identifier: MIT
#include <zlib.h>

#include <bit>
#include <cstring>

#include "sim/trace/binary_format.h"
#include "sim/trace/checksum.h"
#include "sim/trace/leb128.h"
#include "sim/trace/trace_writer.h"

namespace mmusim {

namespace {

template <class T>
void append(std::string& to, T value) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  to.append(bytes, sizeof value);
}

class BinaryWriter final : public TraceWriter {
 public:
  BinaryWriter(std::unique_ptr<ByteSink> sink, const std::string& header) : TraceWriter(std::move(sink)) {
    std::string head(binary::kMagic, 8);
    append(head, binary::kVersion);
    append(head, uint16_t{0});
    append(head, static_cast<uint32_t>(header.size()));
    sink_->write(head + header);
  }

  void write(const TraceBatch& batch) override {
    in_order(
        batch, [this](const MemAccess& access, uint64_t pc) { put_access(access, pc); },
        [&](const TraceEvent& event) {
          put_event(event, event.text == 0 ? std::string_view() : batch.texts[event.text - 1]);
        });
  }
  void finish() override {
    if (block_records_ != 0) put_block();
    std::string trailer;
    append(trailer, records_);
    append(trailer, checksum_.value());
    put_frame(0, trailer);
    sink_->finish();
  }

 private:
  static constexpr uint32_t kBlockRecords = 32768;
  static constexpr size_t kMostRecordBytes = 64;  // texts apart

  uint8_t* room(size_t text_bytes = 0) {
    if (payload_.size() < used_ + kMostRecordBytes + text_bytes) payload_.resize(2 * used_ + (size_t{64} << 10));
    return reinterpret_cast<uint8_t*>(payload_.data()) + used_;
  }
  void end_record(const uint8_t* end) {
    used_ = static_cast<size_t>(end - reinterpret_cast<const uint8_t*>(payload_.data()));
    ++records_;
    if (++block_records_ == kBlockRecords || used_ > binary::kMaxPayloadBytes - 8192) put_block();
  }

  void put_access(const MemAccess& access, uint64_t pc) {
    checksum_.access(access);
    if (pc != 0) checksum_.word(pc);
    const auto kind = static_cast<unsigned>(access.kind);
    const bool plain_size = std::has_single_bit(access.bytes) && access.bytes <= 64;
    const unsigned size = plain_size ? static_cast<unsigned>(std::countr_zero(access.bytes)) : binary::kSizeMask;
    const unsigned extras = (access.rmw ? binary::kRmw : 0U) | (access.stack ? binary::kStack : 0U) |
                            (access.implicit ? binary::kImplicit : 0U) | (access.awaited ? binary::kAwaited : 0U) |
                            (access.depends_on != 0 ? binary::kDependsOn : 0U) | (access.gap != 0 ? binary::kGap : 0U) |
                            (pc != 0 ? binary::kPc : 0U) |
                            (access.continues || access.also_depends_on[0] != 0 ? binary::kMore : 0U);
    uint8_t* to = room();
    *to++ = static_cast<uint8_t>(kind | (access.user ? binary::kUserFlag : 0U) | size << binary::kSizeShift |
                                 (extras != 0 ? binary::kExtrasFlag : 0U));
    if (extras != 0) *to++ = static_cast<uint8_t>(extras);
    uint64_t& previous = previous_.access[binary::access_class(kind, access.user)];
    to = leb128::write_signed(to, access.va.raw() - previous);
    previous = access.va.raw();
    if (!plain_size) to = leb128::write(to, access.bytes);
    if (access.depends_on != 0) to = leb128::write(to, access.depends_on);
    if (access.gap != 0) to = leb128::write(to, access.gap);
    if (pc != 0) {
      to = leb128::write_signed(to, pc - previous_.pc);
      previous_.pc = pc;
    }
    if ((extras & binary::kMore) != 0) to = put_more(to, access);
    end_record(to);
  }
  static uint8_t* put_more(uint8_t* to, const MemAccess& access) {
    uint8_t& head = *to++;
    head = access.continues ? binary::kContinues : uint8_t{0};
    for (const uint16_t distance : access.also_depends_on) {
      if (distance == 0) break;
      ++head;
      to = leb128::write(to, distance);
    }
    return to;
  }
  void put_event(const TraceEvent& event, std::string_view text) {
    checksum_.event(event);
    if (text.size() > binary::kMaxTextBytes) {
      lose(Loss::kEventDetail);
      text = text.substr(0, binary::kMaxTextBytes);
    }
    uint8_t* to = room(text.size());
    *to++ = static_cast<uint8_t>(
        binary::kEventFlag | static_cast<unsigned>(event.kind) | (event.user ? binary::kEventUser : 0U) |
        (event.has_operand ? binary::kEventOperand : 0U) | (text.empty() ? 0U : binary::kEventText));
    to = leb128::write_signed(to, event.va.raw() - previous_.event);
    previous_.event = event.va.raw();
    to = leb128::write(to, event.value);
    if (event.has_operand) to = leb128::write(to, event.operand);
    to = leb128::write_signed(to, event.pc - previous_.pc);
    previous_.pc = event.pc;
    if (!text.empty()) {
      to = leb128::write(to, text.size());
      std::memcpy(to, text.data(), text.size());
      to += text.size();
    }
    end_record(to);
  }

  void put_block() {
    put_frame(block_records_, {payload_.data(), used_});
    used_ = 0;
    block_records_ = 0;
    previous_ = {};
  }
  void put_frame(uint32_t records, std::string_view payload) {
    std::string head;
    append(head, records);
    append(head, static_cast<uint32_t>(payload.size()));
    const auto* bytes = reinterpret_cast<const uint8_t*>(payload.data());
    append(head, static_cast<uint32_t>(crc32(0, bytes, static_cast<uInt>(payload.size()))));
    sink_->write(head);
    sink_->write(payload);
  }

  std::string payload_;
  size_t used_ = 0;
  uint32_t block_records_ = 0;
  uint64_t records_ = 0;
  binary::Predecessors previous_;
  TraceChecksum checksum_;
};

}  // namespace

std::unique_ptr<TraceWriter> make_binary_writer(std::unique_ptr<ByteSink> sink, const std::string& header) {
  return std::make_unique<BinaryWriter>(std::move(sink), header);
}

}  // namespace mmusim
