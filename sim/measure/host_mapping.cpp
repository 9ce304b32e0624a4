// SPDX-License-Identifier: MIT
#include "sim/measure/host_mapping.h"

#include <sys/mman.h>

#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <string>
#include <utility>

namespace mmusim {

HostMapping::HostMapping(uint64_t bytes, Pages pages, uint64_t align) {
  if (pages == Pages::kGigabyte) align = kGiB;
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  if (pages == Pages::kGigabyte) flags |= MAP_HUGETLB | 30 << 26;  // MAP_HUGE_1GB
  mapped_bytes_ = pages == Pages::kGigabyte ? bytes : bytes + align;
  mapped_ = mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (mapped_ == MAP_FAILED) {
    mapped_ = nullptr;
    mapped_bytes_ = 0;
    return;
  }
  const auto address = reinterpret_cast<uintptr_t>(mapped_);
  begin_ = reinterpret_cast<std::byte*>((address + align - 1) & ~(align - 1));
  bytes_ = bytes;
  if (pages == Pages::kSmall) madvise(mapped_, mapped_bytes_, MADV_NOHUGEPAGE);
  if (pages == Pages::kTransparent) madvise(mapped_, mapped_bytes_, MADV_HUGEPAGE);
}

HostMapping::~HostMapping() { release(); }

HostMapping::HostMapping(HostMapping&& other) noexcept { *this = std::move(other); }

HostMapping& HostMapping::operator=(HostMapping&& other) noexcept {
  if (this == &other) return *this;
  release();
  begin_ = std::exchange(other.begin_, nullptr);
  bytes_ = std::exchange(other.bytes_, 0);
  mapped_ = std::exchange(other.mapped_, nullptr);
  mapped_bytes_ = std::exchange(other.mapped_bytes_, 0);
  return *this;
}

void HostMapping::release() {
  if (mapped_ != nullptr) munmap(mapped_, mapped_bytes_);
  mapped_ = nullptr;
}

void HostMapping::forget() {
  if (mapped_ != nullptr) madvise(mapped_, mapped_bytes_, MADV_DONTNEED);
}

bool HostMapping::make_executable(bool executable) {
  const int rights = PROT_READ | (executable ? PROT_EXEC : PROT_WRITE);
  return mapped_ != nullptr && mprotect(mapped_, mapped_bytes_, rights) == 0;
}

uint64_t HostMapping::huge_bytes() const {
  std::ifstream smaps("/proc/self/smaps");
  std::string line;
  bool ours = false;
  uint64_t kib = 0;
  while (std::getline(smaps, line)) {
    uint64_t first = 0, end = 0, value = 0;
    if (std::sscanf(line.c_str(), "%" SCNx64 "-%" SCNx64 " ", &first, &end) == 2) {
      const auto begin = reinterpret_cast<uintptr_t>(begin_);
      ours = first < begin + bytes_ && end > begin;
    } else if (ours && std::sscanf(line.c_str(), "AnonHugePages: %" SCNu64, &value) == 1) {
      kib += value;
    }
  }
  return kib * kKiB;
}

}  // namespace mmusim
