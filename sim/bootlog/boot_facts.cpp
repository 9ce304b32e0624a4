// SPDX-License-Identifier: MIT
#include "sim/bootlog/boot_facts.h"

#include "sim/bootlog/boot_lines.h"

namespace mmusim {

namespace {

constexpr size_t kMostPieces = 4;  // of a wrapped message
constexpr size_t kMaxDamaged = 1000;
constexpr unsigned kFewestColumns = 32;  // nobody wraps at fewer

/// Offers each message of a boot to the readers.
class BootReader {
 public:
  explicit BootReader(const std::vector<LogMessage>& messages) : messages_(messages) {}

  BootFacts read(const LogBoot& boot) {
    for (size_t i = boot.begin; i < boot.end;) i += read_at(i, boot.end);
    map_.finish();
    const auto& ranges = facts_.node_ranges;
    facts_.node_ranges_end_log = !ranges.empty() && ranges.back().line == messages_[boot.end - 1].line;
    return std::move(facts_);
  }

 private:
  LineRead offer(std::string_view text, unsigned line) {
    for (const LineRead read :
         {kernel_.read(text), map_.read(text, line), nodes_.read(text, line), reserved_.read(text)}) {
      if (read != LineRead::kOther) return read;
    }
    return LineRead::kOther;
  }

  /// Reads message `i`; returns how many messages it took. A damaged one may go on in the next ones, broken within a
  /// word (by the width of a terminal) or at a space (by a mail program).
  size_t read_at(size_t i, size_t end) {
    const LogMessage& message = messages_[i];
    const LineRead read = offer(message.text, message.line);
    if (is_command_line(message.text)) return command_line(i, end);
    if (read == LineRead::kTaken) return 1;
    // The break may lie within the words by which a message is known.
    const bool wrapped = read == LineRead::kDamaged || (message.dressed && message.columns >= kFewestColumns);
    std::string glued(message.text);
    std::string spaced = glued;
    for (size_t n = 1; wrapped && n <= kMostPieces && i + n < end && goes_on(message, messages_[i + n]); ++n) {
      glued += messages_[i + n].text;
      spaced.append(" ").append(messages_[i + n].text);
      if (offer(glued, message.line) == LineRead::kTaken || offer(spaced, message.line) == LineRead::kTaken)
        return n + 1;
    }
    if (read == LineRead::kDamaged && facts_.damaged.size() < kMaxDamaged) facts_.damaged.push_back(message.line);
    return 1;
  }

  /// A command line has no end by which one would know it: it goes on where a wide line is followed by one without a
  /// time stamp.
  size_t command_line(size_t i, size_t end) {
    std::string whole(messages_[i].text);
    size_t n = 1;
    for (; n <= kMostPieces && i + n < end; ++n) {
      const LogMessage& before = messages_[i + n - 1];
      if (!messages_[i].dressed || messages_[i + n].dressed || before.columns < kFewestColumns) break;
      const bool at_width = before.columns == messages_[i].columns && before.columns % 10 == 0;
      whole.append(at_width ? "" : " ").append(messages_[i + n].text);
    }
    offer(whole, messages_[i].line);
    return n;
  }

  static bool is_command_line(std::string_view text) {
    return text.starts_with("Command line: ") || text.starts_with("Kernel command line: ");
  }
  /// A line without a time stamp, where the broken one has one, goes on it; where no line has any, each may.
  static bool goes_on(const LogMessage& broken, const LogMessage& next) { return !next.dressed || !broken.dressed; }

  const std::vector<LogMessage>& messages_;
  BootFacts facts_;
  MapLines map_{facts_};
  NodeLines nodes_{facts_};
  ReservedLines reserved_{facts_};
  KernelLines kernel_{facts_};
};

}  // namespace

BootFacts read_boot_facts(const std::vector<LogMessage>& messages, const LogBoot& boot) {
  return BootReader(messages).read(boot);
}

}  // namespace mmusim
