// SPDX-License-Identifier: MIT
#pragma once

namespace mmusim::mm {

/// The result of a kernel operation; the value is the kernel's errno, without its sign.
enum class [[nodiscard]] Errno : int{
    kSuccess = 0, kNoMemory = 12, kBusy = 16, kExists = 17, kInvalid = 22, kRange = 34, kNotSupported = 524,
};

constexpr bool ok(Errno e) { return e == Errno::kSuccess; }

constexpr const char* name_of(Errno e) {
  switch (e) {
    case Errno::kSuccess:
      return "0";
    case Errno::kNoMemory:
      return "-ENOMEM";
    case Errno::kBusy:
      return "-EBUSY";
    case Errno::kExists:
      return "-EEXIST";
    case Errno::kInvalid:
      return "-EINVAL";
    case Errno::kRange:
      return "-ERANGE";
    case Errno::kNotSupported:
      return "-ENOTSUPP";
  }
  return "?";
}

}  // namespace mmusim::mm
