// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string_view>

namespace mmusim {

/// Text that stands before a kernel message on its line.
struct LogPrefix {
  size_t length = 0;              ///< bytes before the message, leading spaces included
  bool dressed = false;           ///< a time, a host or a priority is among them
  std::optional<double> seconds;  ///< the kernel's own clock, "[    0.000000]"
};

/// Finds where the message of a line begins. Known are quotation marks of mail, line numbers, priorities ("<6>",
/// "kern  :info  :", "6,123,0,-;"), the kernel's time stamps as dmesg writes them with any option, caller ids, times of
/// RFC 3164, RFC 3339 and console servers, and host and program of syslog (both RFCs) and of the journal.
LogPrefix log_prefix(std::string_view line);

}  // namespace mmusim
