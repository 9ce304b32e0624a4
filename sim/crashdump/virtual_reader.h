// SPDX-License-Identifier: MIT
#pragma once

#include <cstring>
#include <span>
#include <string>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/crashdump/crash_dump.h"
#include "sim/recorded/image_check.h"

namespace mmusim {

/// A dump, read by the kernel's virtual addresses.
class VirtualReader {
 public:
  /// `dump` outlives the reader.
  VirtualReader(const CrashDump& dump, TranslateFn translate) : dump_(dump), translate_(std::move(translate)) {}

  /// Reads; false if a part is not mapped. Pages that the dump does not hold read as zero: of the kernel's own data
  /// makedumpfile leaves out nothing but pages of zeros.
  bool read(VirtAddr at, std::span<std::byte> to) const;
  /// Returns how many pages did so.
  uint64_t missing() const { return missing_; }
  /// Reads a value of type T. Throws InputError, naming `what`, if it is not there.
  template <class T>
  T value(VirtAddr at, const char* what) const {
    T result{};
    if (!read(at, std::as_writable_bytes(std::span(&result, 1)))) {
      throw InputError(fmt::format("{}: {} at {} is not mapped", dump_.path(), what, at));
    }
    return result;
  }
  std::optional<PhysAddr> translate(VirtAddr at) const { return translate_(at); }
  const CrashDump& dump() const { return dump_; }

 private:
  const CrashDump& dump_;
  TranslateFn translate_;
  mutable uint64_t missing_ = 0;
};

/// Returns the messages of the kernel's ring buffer as lines of dmesg; empty if they cannot be read. Knows printk_ringbuffer (from
/// 5.10 on) and the log_buf before it.
std::string dumped_log(const VirtualReader& reader);

}  // namespace mmusim
