// SPDX-License-Identifier: MIT
#include "tests/differential/checks.h"

#include <filesystem>

#include "models/base/format.h"
#include "tests/differential/event_log_check.h"
#include "tests/differential/execution.h"

namespace mmusim::differential {

using nlohmann::ordered_json;

namespace {

using End = Execution::End;

/// Where two documents differ first, with both values.
std::string difference_of(const ordered_json& a, const ordered_json& b) {
  const ordered_json patch = ordered_json::diff(a, b);
  std::string text;
  for (size_t i = 0; i < patch.size() && i < 4; ++i) {
    const std::string path = patch[i]["path"].get<std::string>();
    const ordered_json::json_pointer pointer(path);
    text += fmt::format("{}{}: {} against {}", i == 0 ? "" : "; ", path,
                        a.contains(pointer) ? a[pointer].dump() : "nothing",
                        b.contains(pointer) ? b[pointer].dump() : "nothing");
  }
  return text;
}

class Checker {
 public:
  Checker(const Case& one, std::string scratch) : case_(one), scratch_(std::move(scratch)) {}

  Violation check() {
    Mode reference;
    reference.events = "all";
    reference.record = case_.contains("scenario");
    base_ = run(reference, "base");
    if (base_.end == End::kUnavailable) {  // several cores: no recording
      reference.record = false;
      base_ = run(reference, "base");
    }
    if (base_.end == End::kDied) return {"alive", base_.said};
    if (Violation v = check_driving()) return v;
    if (base_.end == End::kRefused) return {};
    if (std::string wrong = check_event_log(base_.events, base_.summary, measured_all()); !wrong.empty()) {
      return {"log", wrong};
    }
    if (std::string wrong = check_identities(base_.summary); !wrong.empty()) return {"identities", wrong};
    if (reference.record && base_.end == End::kDone) return check_recording();
    if (!case_.contains("scenario") && blocking()) return check_functional({});
    return {};
  }

 private:
  std::string folder(const std::string& name) {
    const std::string path = scratch_ + "/" + name;
    std::filesystem::remove_all(path);
    std::filesystem::create_directories(path);
    return path;
  }
  Execution run(const Mode& mode, const std::string& name) { return execute(case_, mode, folder(name)); }

  const ordered_json& platform() const {
    return case_.contains("scenario") ? case_["scenario"]["platform"] : case_["platform"];
  }
  bool blocking() const {
    if (!platform().contains("core")) return true;
    return platform()["core"].value("model", "blocking") == "blocking";
  }
  bool measured_all() const {
    if (case_.contains("scenario")) return true;
    return case_["options"].value("warmup", 0) == 0 && case_["options"].value("skip", 0) == 0;
  }

  /// What differs between an execution and the reference; empty: nothing.
  std::string unlike(const Execution& other) const {
    if (other.end == End::kDied) return other.said;
    if (other.end != base_.end) {
      return fmt::format("one ended as {}, the other as {}: {}{}", static_cast<int>(base_.end),
                         static_cast<int>(other.end), base_.said, other.said);
    }
    if (base_.end == End::kRefused) return "";
    return difference_of(base_.summary, other.summary);
  }

  Violation check_driving() {
    Mode other;
    other.lock_step = other.paranoid = true;
    const std::string all = unlike(run(other, "other"));
    if (all.empty()) return {};
    Mode alone;
    alone.lock_step = true;
    alone.events = "all";
    if (const std::string wrong = unlike(run(alone, "other")); !wrong.empty()) return {"lock-step", wrong};
    alone = {};
    if (const std::string wrong = unlike(run(alone, "other")); !wrong.empty()) return {"events", wrong};
    alone.events = "all";
    alone.paranoid = true;
    if (const std::string wrong = unlike(run(alone, "other")); !wrong.empty()) return {"paranoid", wrong};
    return {"driving", all};
  }

  Violation check_recording() {
    Mode again;
    again.recorded_in = scratch_ + "/base";
    const Execution replayed = run(again, "replay");
    if (replayed.end != End::kDone) return {"replay", replayed.said};
    for (const char* part : {"totals", "machine", "counters"}) {
      const std::string wrong = difference_of(base_.summary[part], replayed.summary[part]);
      if (!wrong.empty()) return {"replay", fmt::format("{}{}", part, wrong)};
    }
    if (blocking()) return check_functional(again.recorded_in);
    return {};
  }

  Violation check_functional(const std::string& recorded_in) {
    Mode functional;
    functional.functional = true;
    functional.recorded_in = recorded_in;
    const Execution counted = run(functional, "functional");
    if (counted.end != base_.end) return {"functional", counted.said};
    for (const char* key : {"accesses", "lookups", "l1_dtlb_misses", "stlb_misses", "walks", "entry_reads"}) {
      if (base_.summary["totals"][key] == counted.summary["totals"][key]) continue;
      return {"functional", fmt::format("{}: {} in cycles, {} functional", key, base_.summary["totals"][key].dump(),
                                        counted.summary["totals"][key].dump())};
    }
    return {};
  }

  const Case& case_;
  std::string scratch_;
  Execution base_;
};

}  // namespace

Violation check_case(const Case& one, const std::string& scratch) {
  Violation found = Checker(one, scratch).check();
  std::filesystem::remove_all(scratch);
  return found;
}

}  // namespace mmusim::differential
