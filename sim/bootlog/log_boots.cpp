// SPDX-License-Identifier: MIT
#include "sim/bootlog/log_boots.h"

#include <algorithm>
#include <array>

#include "sim/bootlog/log_prefix.h"

namespace mmusim {

namespace {

constexpr size_t kMaxLine = 16 * 1024;
constexpr double kClockStep = 1.0;  // messages of several processors are out of order by far less

std::string_view line_without_end(std::string_view line) {
  while (!line.empty() && (line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
  return line;
}

/// The message from "Linux version " on; empty if it is another one. Behind words it cannot read it must be whole:
/// "Linux version RELEASE (...) #N ...".
std::string_view version_line(std::string_view message) {
  constexpr std::string_view kStart = "Linux version ";
  const size_t at = message.find(kStart);
  if (at == std::string_view::npos || (at != 0 && message[at - 1] != ' ')) return {};
  const std::string_view line = message.substr(at);
  const bool release = line.size() > kStart.size() && line[kStart.size()] >= '0' && line[kStart.size()] <= '9';
  const bool whole = line.find(" (") != std::string_view::npos && line.find(" #") != std::string_view::npos;
  return release && (at == 0 || whole) ? line : std::string_view();
}

bool tells_memory(std::string_view message) {
  static constexpr std::array<std::string_view, 5> kKeys = {"e820: [mem 0x", "BIOS-e820: 0", "Xen: [mem 0x",
                                                            ": [mem 0x", "active PFN ranges"};
  return std::any_of(kKeys.begin(), kKeys.end(),
                     [&](std::string_view key) { return message.find(key) != std::string_view::npos; });
}

/// The zones come after the firmware map, before the rest of the boot.
bool tells_zones(std::string_view message) {
  return message.starts_with("Zone ranges:") || message.starts_with("Zone PFN ranges:") ||
         message.starts_with("Early memory node ranges") || message.starts_with("Kernel command line: ");
}

bool begins_map(std::string_view message) {
  return message.starts_with("Command line: ") || message.starts_with("BIOS-provided physical RAM map") ||
         message.starts_with("e820: BIOS-provided physical RAM map");
}

/// Finds where boots begin, message by message.
class BootCutter {
 public:
  explicit BootCutter(const std::vector<LogMessage>& messages) : messages_(messages) {}

  std::vector<LogBoot> cut() {
    for (size_t i = 0; i < messages_.size(); ++i) {
      if (starts_boot(i)) begin(i);
      const std::string_view text = messages_[i].text;
      if (const std::string_view version = version_line(text); !version.empty()) version_ = version;
      boots_.back().end = i + 1;
      boots_.back().has_memory |= tells_memory(text);
      zones_seen_ |= tells_zones(text);
      if (messages_[i].seconds) seconds_ = *messages_[i].seconds;
    }
    const bool any = std::any_of(boots_.begin(), boots_.end(), [](const LogBoot& boot) { return boot.has_memory; });
    if (any) std::erase_if(boots_, [](const LogBoot& boot) { return !boot.has_memory; });
    return boots_;
  }

 private:
  void begin(size_t i) {
    boots_.push_back({i, i, false});
    version_ = {};
    zones_seen_ = false;
    seconds_ = 0;
  }
  bool starts_boot(size_t i) const {
    const std::string_view text = messages_[i].text;
    if (text.starts_with("-- Boot ") || text.starts_with("-- Reboot --")) return true;
    if (const std::string_view version = version_line(text); !version.empty()) {
      const bool repeated = !boots_.back().has_memory && version == version_;  // a log that has each line twice
      return i != 0 && !repeated;
    }
    return zones_seen_ && (begins_map(text) || clock_restarts(i));
  }
  bool clock_restarts(size_t i) const {
    const auto earlier = [&](size_t at) {
      return at < messages_.size() && messages_[at].seconds && *messages_[at].seconds + kClockStep < seconds_;
    };
    return earlier(i) && earlier(i + 1) && *messages_[i].seconds == 0;
  }

  const std::vector<LogMessage>& messages_;
  std::vector<LogBoot> boots_{LogBoot{}};
  std::string_view version_;
  bool zones_seen_ = false;
  double seconds_ = 0;
};

}  // namespace

std::vector<LogMessage> messages_of(std::string_view text) {
  std::vector<LogMessage> messages;
  unsigned number = 0;
  for (size_t start = 0; start < text.size();) {
    const size_t end = std::min(text.find('\n', start), text.size());
    const std::string_view line = line_without_end(text.substr(start, end - start));
    start = end + 1;
    ++number;
    if (line.empty() || line.size() > kMaxLine) continue;
    const LogPrefix prefix = log_prefix(line);
    if (prefix.length >= line.size()) continue;
    messages.push_back(
        {number, static_cast<unsigned>(line.size()), line.substr(prefix.length), prefix.dressed, prefix.seconds});
  }
  return messages;
}

std::vector<LogBoot> boots_of(const std::vector<LogMessage>& messages) { return BootCutter(messages).cut(); }

}  // namespace mmusim
