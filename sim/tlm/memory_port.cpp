// SPDX-License-Identifier: MIT
#include "sim/tlm/memory_port.h"

#include <cstring>

namespace mmusim {

unsigned MemoryPort::debug(::tlm::tlm_command command, PhysAddr pa, std::byte* at, unsigned bytes) const {
  ::tlm::tlm_generic_payload transaction;
  transaction.set_command(command);
  transaction.set_address(pa.raw());
  transaction.set_data_ptr(reinterpret_cast<unsigned char*>(at));
  transaction.set_data_length(bytes);
  transaction.set_streaming_width(bytes);
  return interface_().transport_dbg(transaction);
}

unsigned MemoryPort::read(PhysAddr pa, std::span<std::byte> to) const {
  return debug(::tlm::TLM_READ_COMMAND, pa, to.data(), static_cast<unsigned>(to.size()));
}

unsigned MemoryPort::write(PhysAddr pa, std::span<const std::byte> from) const {
  std::vector<std::byte> bytes(from.begin(), from.end());  // a payload's data are not constant
  return debug(::tlm::TLM_WRITE_COMMAND, pa, bytes.data(), static_cast<unsigned>(bytes.size()));
}

uint64_t MemoryPort::load_entry(PhysAddr pa, unsigned bytes) const {
  uint64_t value = 0;
  const auto to = std::as_writable_bytes(std::span(&value, 1)).first(bytes);
  return read(pa, to) == bytes ? value : 0;
}

void MemoryPort::store_entry(PhysAddr pa, uint64_t value, unsigned bytes) const {
  write(pa, std::as_bytes(std::span(&value, 1)).first(bytes));
}

void TableCopies::fetch(PhysAddr line) {
  Line copy{line, {}};
  if (const unsigned got = port_.read(line, copy.bytes); got != copy.bytes.size()) {
    throw JobError(fmt::format("the page table at {}: the memory behind the MMU gave {} of {} bytes to transport_dbg()",
                               line, got, copy.bytes.size()));
  }
  machine_.write(line, copy.bytes);
  lines_.push_back(copy);
}

bool TableCopies::ensure_mapped(VirtAddr va) {
  Walk walk(control_, va);
  while (!walk.done()) {
    fetch(walk.entry_pa().align_down(kLineBytes));
    walk.feed(machine_.load(walk.entry_pa(), walk.entry_bytes()));
  }
  return false;  // it maps nothing
}

void TableCopies::write_back() {
  for (const Line& line : lines_) {
    std::array<std::byte, kLineBytes> now;
    machine_.read(line.pa, now);
    for (size_t at = 0; at < now.size(); at += sizeof(uint64_t)) {
      const std::span word(now.data() + at, sizeof(uint64_t));
      if (std::memcmp(word.data(), line.bytes.data() + at, word.size()) != 0) port_.write(line.pa + at, word);
    }
  }
  lines_.clear();
}

}  // namespace mmusim
