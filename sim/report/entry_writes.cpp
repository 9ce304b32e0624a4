// SPDX-License-Identifier: MIT
#include "sim/report/entry_writes.h"

#include <algorithm>
#include <filesystem>
#include <unordered_map>

#include <nlohmann/json.hpp>

#include "models/base/config.h"
#include "models/base/errors.h"
#include "models/base/format.h"
#include "models/x86/paging.h"
#include "sim/trace/byte_stream.h"
#include "sim/trace/event_log_names.h"
#include "sim/trace/json_record.h"

namespace mmusim {

using json = nlohmann::ordered_json;

namespace {

/// Numbers texts in the order in which they are first seen.
class Names {
 public:
  explicit Names(std::vector<std::string>& texts) : texts_(texts) {}
  uint32_t operator[](const std::string& text) {
    const auto [found, added] = numbers_.try_emplace(text, static_cast<uint32_t>(texts_.size()));
    if (added) texts_.push_back(text);
    return found->second;
  }

 private:
  std::vector<std::string>& texts_;
  std::unordered_map<std::string, uint32_t> numbers_;
};

class LogReader {
 public:
  explicit LogReader(const std::string& path) : bytes_(open_bytes(path).source), lines_(bytes_) {}

  EntryWrites read() {
    if (!next() || format_ != kEventLogFormat) throw InputError("no event log");
    try {
      while (next()) {
        ++record_;
        take();
      }
    } catch (const TraceDamage&) {
      // A run that was killed leaves a log that ends anywhere: what is whole is shown.
    }
    return std::move(result_);
  }

 private:
  struct Frame {
    uint32_t source;
    bool zeroed;
  };

  bool next() {
    write_ = {};
    pa_ = 0;
    return lines_.next([this](std::string_view key, simdjson::ondemand::value value) { member(key, value); });
  }
  void member(std::string_view key, simdjson::ondemand::value value) {
    using enum EventField;
    if (key == name_of(kEvent)) event_ = json_text(value);
    if (key == name_of(kFormat)) format_ = json_text(value);
    if (key == name_of(kStage)) stage_ = json_text(value);
    if (key == name_of(kCause)) cause_ = json_text(value);
    if (key == name_of(kCycle)) write_.cycle = json_number(value);
    if (key == name_of(kLevel)) write_.level = static_cast<uint8_t>(json_number(value, UINT8_MAX));
    if (key == name_of(kVa)) write_.va = json_hex(value);
    if (key == name_of(kEntryPa)) write_.entry_pa = json_hex(value);
    if (key == name_of(kOld)) write_.old_value = json_hex(value);
    if (key == name_of(kNew)) write_.value = json_hex(value);
    if (key == name_of(kPa)) pa_ = json_hex(value);
  }
  void take() {
    if (event_ == name_of(EventKind::kPhase)) phase_ = phases_[stage_];
    if (event_ == name_of(EventKind::kAlloc)) frames_[pa_] = {functions_[cause_], false};
    if (event_ == name_of(EventKind::kZero)) {
      if (const auto frame = frames_.find(pa_); frame != frames_.end()) frame->second.zeroed = true;
    }
    if (event_ != name_of(EventKind::kPteWrite)) return;
    write_.record = record_;
    write_.phase = phase_;
    write_.function = functions_[cause_];
    if (const auto frame = frames_.find(write_.value & pte::kAddressMask); frame != frames_.end()) {
      write_.frame_source = frame->second.source;
      write_.frame_zeroed = frame->second.zeroed;
      frames_.erase(frame);
    }
    result_.writes.push_back(write_);
  }

  ByteReader bytes_;
  JsonRecords lines_;
  EntryWrites result_;
  Names functions_{result_.functions};
  Names phases_{result_.phases};
  std::unordered_map<uint64_t, Frame> frames_;  // allocated, not yet pointed to
  uint64_t record_ = 0;
  uint32_t phase_ = 0;
  // Members of the current record.
  std::string event_, format_, stage_, cause_;
  uint64_t pa_ = 0;
  EntryWrite write_;
};

uint64_t table_of(const EntryWrite& w) { return w.entry_pa & ~uint64_t{kPageBytes - 1}; }
unsigned index_of(const EntryWrite& w) { return static_cast<unsigned>(w.entry_pa % kPageBytes / 8); }

/// True if `next` is the entry after `last`, written by the same function of the same phase.
bool continues(const EntryWrite& last, const EntryWrite& next) {
  return next.phase == last.phase && next.function == last.function && next.level == last.level &&
         table_of(next) == table_of(last) && next.entry_pa == last.entry_pa + 8;
}

/// Returns true if the entry lies below one of the top entries.
bool below(const json& tree, const EntryWrite& write) {
  return std::any_of(tree.begin(), tree.end(), [&](const json& top) {
    const auto first = parse_number(top.at("va").get<std::string>());
    const unsigned level = top.at("level").get<unsigned>();
    return first && write.level <= level && write.va - *first < kPageBytes << (kTableIndexBits * (level - 1));
  });
}

json step_of(const EntryWrite& w) {
  const auto hex = [](uint64_t v) { return fmt::format("0x{:x}", v); };
  return {w.phase,
          w.cycle,
          w.function,
          w.level,
          hex(w.va),
          index_of(w),
          hex(table_of(w)),
          hex(w.old_value),
          hex(w.value),
          w.frame_source == EntryWrite::kNone ? json(nullptr) : json(w.frame_source),
          w.frame_zeroed,
          w.record,
          1,
          w.cycle};
}
constexpr size_t kCountColumn = 12;
constexpr size_t kLastCycleColumn = 13;

}  // namespace

EntryWrites read_entry_writes(const std::string& path) {
  if (!std::filesystem::exists(path)) return {};
  try {
    return LogReader(path).read();
  } catch (const TraceDamage& damage) {
    throw InputError(fmt::format("{}: not an event log: {}", path, damage.what()));
  } catch (const InputError& error) {
    throw InputError(fmt::format("{}: {}", path, error.what()));
  }
}

json populate_story(const EntryWrites& writes, const json& tree, size_t max_steps) {
  constexpr uint64_t kShownOfRow = 16;  // entries of a row that are steps of their own
  json steps = json::array();
  uint64_t omitted = 0;
  uint64_t row = 0;  // entries of the row so far
  const EntryWrite* last = nullptr;
  for (const EntryWrite& w : writes.writes) {
    if (!below(tree, w)) continue;
    row = last != nullptr && continues(*last, w) ? row + 1 : 1;
    last = &w;
    if (omitted > 0 || (steps.size() >= max_steps && row <= kShownOfRow + 1)) {
      ++omitted;
    } else if (row > kShownOfRow + 1) {
      steps.back()[kCountColumn] = steps.back()[kCountColumn].get<uint64_t>() + 1;
      steps.back()[kLastCycleColumn] = w.cycle;
    } else {
      steps.push_back(step_of(w));
    }
  }
  if (steps.empty()) return nullptr;
  return {{"functions", writes.functions},
          {"phases", writes.phases},
          {"columns", json::array({"phase", "cycle", "function", "level", "va", "index", "table", "old", "new",
                                   "frame_source", "frame_zeroed", "record", "count", "last_cycle"})},
          {"steps", std::move(steps)},
          {"omitted", omitted}};
}

}  // namespace mmusim
