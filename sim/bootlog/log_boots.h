// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mmusim {

/// A line of a log without what stood before its message.
struct LogMessage {
  unsigned line = 0;              ///< of the text, from 1
  unsigned columns = 0;           ///< bytes of the whole line
  std::string_view text;          ///< the message, into the text it was read from
  bool dressed = false;           ///< a time stamp or the like stood before it
  std::optional<double> seconds;  ///< the kernel's clock
};

/// The messages of a decoded log; empty lines are left out, and lines of more than 16 KiB.
std::vector<LogMessage> messages_of(std::string_view text);

/// Consecutive messages of one boot.
struct LogBoot {
  size_t begin = 0;         ///< first message
  size_t end = 0;           ///< behind the last one
  bool has_memory = false;  ///< tells a memory map
};

/// Cuts a log where a kernel starts: at "Linux version", at the boots that journalctl marks, and where the kernel's
/// clock or its map of memory begins anew. Parts that tell no memory at all are left out, unless all are like that.
std::vector<LogBoot> boots_of(const std::vector<LogMessage>& messages);

/// Messages of a log in JSON as lines of text: `dmesg -J`, `journalctl -o json`, `json-pretty`, `json-sse`, `json-seq`,
/// or any stream of objects with a "MESSAGE", "msg", "message" or "log". A change of "_BOOT_ID" becomes the line
/// "-- Boot ID --"; entries that are not from the kernel are left out. nullopt if the text is no such log.
std::optional<std::string> lines_of_json_log(const std::string& text);

}  // namespace mmusim
