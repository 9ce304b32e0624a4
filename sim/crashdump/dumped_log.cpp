// SPDX-License-Identifier: MIT
#include <iterator>
#include <vector>

#include "sim/crashdump/virtual_reader.h"

namespace mmusim {

namespace {

constexpr uint64_t kMostLogBytes = uint64_t{1} << 30;

/// A structure in host memory, read field by field.
uint64_t field(std::span<const std::byte> bytes, uint64_t at, unsigned width) {
  uint64_t value = 0;
  if (at + width <= bytes.size()) std::memcpy(&value, bytes.data() + at, width);
  return value;
}

/// Each line of a message with the time before it.
void append_message(uint64_t nanoseconds, std::string_view text, std::string& log) {
  for (size_t start = 0; start <= text.size();) {
    const size_t end = std::min(text.find('\n', start), text.size());
    fmt::format_to(std::back_inserter(log), "[{:5}.{:06}] {}\n", nanoseconds / 1'000'000'000,
                   nanoseconds % 1'000'000'000 / 1000, text.substr(start, end - start));
    start = end + 1;
  }
}

/// printk_ringbuffer [Linux: kernel/printk/printk_ringbuffer.h].
class RingBuffer {
 public:
  explicit RingBuffer(const VirtualReader& reader) : reader_(reader) {}

  std::string messages() {
    if (!load()) return {};
    std::string log;
    constexpr uint64_t kIdMask = ~uint64_t{0} >> 2;  // the two highest bits of a descriptor's state are flags
    const uint64_t count = uint64_t{1} << count_bits_;
    for (uint64_t id = tail_id_ & kIdMask, n = 0; n < count; id = (id + 1) & kIdMask, ++n) {
      message(id, log);
      if (id == (head_id_ & kIdMask)) break;
    }
    return log;
  }

 private:
  uint64_t member(const char* name) const { return reader_.dump().offset(name).value_or(~uint64_t{0}); }
  template <class T>
  bool get(VirtAddr at, T& to) const {
    return reader_.read(at, std::as_writable_bytes(std::span(&to, 1)));
  }
  bool fill(uint64_t at, uint64_t bytes, std::vector<std::byte>& to) const {
    if (bytes > kMostLogBytes) return false;
    to.resize(bytes);
    return reader_.read(VirtAddr(at), to);
  }

  bool load() {
    const CrashDump& dump = reader_.dump();
    const auto symbol = dump.symbol("prb");
    const auto desc_bytes = dump.size("prb_desc"), info_bytes = dump.size("printk_info");
    if (!symbol || !desc_bytes || !info_bytes) return false;
    for (const char* name :
         {"printk_ringbuffer.desc_ring", "printk_ringbuffer.text_data_ring", "prb_desc_ring.count_bits",
          "prb_desc_ring.descs", "prb_desc_ring.infos", "prb_desc_ring.head_id", "prb_desc_ring.tail_id",
          "prb_desc.state_var", "prb_desc.text_blk_lpos", "prb_data_blk_lpos.begin", "prb_data_blk_lpos.next",
          "prb_data_ring.size_bits", "prb_data_ring.data", "printk_info.ts_nsec", "printk_info.text_len"}) {
      if (!dump.offset(name)) return false;
    }
    uint64_t ring = 0;
    if (!get(*symbol, ring)) return false;
    const VirtAddr descriptors = VirtAddr(ring) + member("printk_ringbuffer.desc_ring");
    const VirtAddr texts = VirtAddr(ring) + member("printk_ringbuffer.text_data_ring");
    uint64_t descs = 0, infos = 0, data = 0;
    uint32_t size_bits = 0;
    const bool read = get(descriptors + member("prb_desc_ring.count_bits"), count_bits_) &&
                      get(descriptors + member("prb_desc_ring.descs"), descs) &&
                      get(descriptors + member("prb_desc_ring.infos"), infos) &&
                      get(descriptors + member("prb_desc_ring.head_id"), head_id_) &&
                      get(descriptors + member("prb_desc_ring.tail_id"), tail_id_) &&
                      get(texts + member("prb_data_ring.size_bits"), size_bits) &&
                      get(texts + member("prb_data_ring.data"), data);
    constexpr uint32_t kMostBits = 30;
    if (!read || count_bits_ > kMostBits || size_bits > kMostBits) return false;
    size_bits_ = size_bits;
    desc_bytes_ = *desc_bytes;
    info_bytes_ = *info_bytes;
    return fill(descs, desc_bytes_ << count_bits_, descs_) && fill(infos, info_bytes_ << count_bits_, infos_) &&
           fill(data, uint64_t{1} << size_bits, data_);
  }

  void message(uint64_t id, std::string& log) const {
    const uint64_t index = id & ((uint64_t{1} << count_bits_) - 1);
    const uint64_t desc = index * desc_bytes_, info = index * info_bytes_;
    const uint64_t state = field(descs_, desc + member("prb_desc.state_var"), 8);
    const uint64_t what = state >> 62;
    constexpr uint64_t kCommitted = 1, kFinalized = 2;
    if ((what != kCommitted && what != kFinalized) || (state & ~uint64_t{0} >> 2) != id) return;
    const uint64_t block = desc + member("prb_desc.text_blk_lpos");
    const uint64_t begin = field(descs_, block + member("prb_data_blk_lpos.begin"), 8);
    const uint64_t next = field(descs_, block + member("prb_data_blk_lpos.next"), 8);
    const uint64_t size = uint64_t{1} << size_bits_;
    if ((begin & 1) != 0 || begin == next) return;  // without text
    // A block that would reach beyond the end of the ring lies at its start.
    uint64_t at = begin & (size - 1);
    if ((begin >> size_bits_) != ((next - 1) >> size_bits_)) at = 0;
    at += sizeof(uint64_t);  // the block's descriptor id
    const uint64_t length = field(infos_, info + member("printk_info.text_len"), 2);
    if (at + length > size) return;
    append_message(field(infos_, info + member("printk_info.ts_nsec"), 8),
                   {reinterpret_cast<const char*>(data_.data() + at), length}, log);
  }

  const VirtualReader& reader_;
  uint32_t count_bits_ = 0, size_bits_ = 0;
  uint64_t head_id_ = 0, tail_id_ = 0, desc_bytes_ = 0, info_bytes_ = 0;
  std::vector<std::byte> descs_, infos_, data_;
};

/// log_buf before 5.10: records one after another, a length of 0 where the next one is at the start.
std::string old_messages(const VirtualReader& reader) {
  const CrashDump& dump = reader.dump();
  const auto buffer = dump.symbol("log_buf"), length = dump.symbol("log_buf_len");
  const auto first = dump.symbol("log_first_idx"), next = dump.symbol("log_next_idx");
  const auto head = dump.size("printk_log"), time = dump.offset("printk_log.ts_nsec");
  const auto record = dump.offset("printk_log.len"), text = dump.offset("printk_log.text_len");
  if (!buffer || !length || !first || !next || !head || !time || !record || !text) return {};
  const auto bytes = reader.value<uint32_t>(*length, "log_buf_len");
  uint64_t at = reader.value<uint32_t>(*first, "log_first_idx");
  const uint64_t end = reader.value<uint32_t>(*next, "log_next_idx");
  std::vector<std::byte> data(std::min<uint64_t>(bytes, kMostLogBytes));
  if (!reader.read(VirtAddr(reader.value<uint64_t>(*buffer, "log_buf")), data)) return {};
  std::string log;
  for (size_t n = 0; at != end && at + *head <= data.size() && n < data.size(); ++n) {
    const uint64_t size = field(data, at + *record, 2);
    const uint64_t characters = field(data, at + *text, 2);
    if (size != 0 && at + *head + characters <= data.size()) {
      append_message(field(data, at + *time, 8), {reinterpret_cast<const char*>(data.data() + at + *head), characters},
                     log);
    }
    at = size == 0 ? 0 : at + size;
  }
  return log;
}

}  // namespace

std::string dumped_log(const VirtualReader& reader) {
  std::string log = RingBuffer(reader).messages();
  return log.empty() ? old_messages(reader) : log;
}

}  // namespace mmusim
