// SPDX-License-Identifier: MIT
// Boot logs with lines dropped, doubled, swapped, cut, bytes flipped and deleted: never a crash, and where the memory
// that comes out differs from the whole log's, something is said of it. Arguments: how many mutations, and the seed.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <systemc>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/scenario/scenario.h"
#include "tests/sim/bootlog/log_support.h"

namespace mmusim {
namespace {

using nlohmann::json;

/// What comes of a log.
struct Outcome {
  bool refused = false;
  bool silent = false;  ///< the memory is said to be told twice, in the same way
  json memory;
  std::string notes;
};

Outcome outcome_of(const std::string& log) {
  Outcome out;
  try {
    const DerivedScenario derived = scenario_from_boot_log(log, "log");
    const json scenario = json::parse(derived.json);
    (void)scenario_from_json(scenario, "log.json");  // what is written can be read
    out.memory = scenario["memory"]["ranges"];
    out.notes = notes_of(derived);
    const std::string& summary = derived.notes.at(0);
    out.silent = !has(summary, "disputed") && !has(summary, "not confirmed") && !has(summary, "told only once");
  } catch (const InputError& e) {
    out.refused = true;
    out.notes = e.what();
  }
  return out;
}

class Mutator {
 public:
  explicit Mutator(uint64_t seed) : random_(seed) {}

  std::string mutate(const std::string& log) {
    std::vector<std::string> lines = split_lines(log);
    const uint64_t changes = 1 + below(4);
    for (uint64_t i = 0; i < changes && !lines.empty(); ++i) change(lines);
    std::string text = joined_lines(lines);
    const uint64_t flips = below(3) == 0 ? 1 + below(8) : 0;
    for (uint64_t i = 0; i < flips && !text.empty(); ++i) flip(text);
    return text;
  }

 private:
  uint64_t below(uint64_t limit) { return limit == 0 ? 0 : random_() % limit; }

  void change(std::vector<std::string>& lines) {
    const size_t at = below(lines.size());
    const size_t count = 1 + below(std::min<size_t>(lines.size() - at, 1 + below(12)));
    const auto first = lines.begin() + static_cast<ptrdiff_t>(at);
    const auto last = first + static_cast<ptrdiff_t>(count);
    switch (below(7)) {
      case 0:
        lines.erase(first, last);
        return;
      case 1: {
        const std::vector<std::string> block(first, last);
        lines.insert(last, block.begin(), block.end());
        return;
      }
      case 2:
        std::swap(lines[at], lines[below(lines.size())]);
        return;
      case 3:
        lines[at].resize(below(lines[at].size() + 1));
        return;
      case 4:
        lines.resize(at + 1);  // the end is lost
        return;
      case 5:
        lines.erase(lines.begin(), first);  // the beginning is
        return;
      default:
        if (at + 1 < lines.size()) {  // an end of line is lost
          lines[at] += lines[at + 1];
          lines.erase(first + 1);
        }
        return;
    }
  }

  void flip(std::string& text) {
    const size_t at = below(text.size());
    switch (below(3)) {
      case 0:
        text[at] = static_cast<char>(text[at] ^ (1 << below(8)));
        return;
      case 1:
        text[at] = static_cast<char>(below(256));
        return;
      default: {
        static constexpr std::string_view kDigits = "0123456789abcdef";
        text[at] = kDigits[below(kDigits.size())];
        return;
      }
    }
  }

  std::mt19937_64 random_;
};

int run(uint64_t mutations, uint64_t seed) {
  std::vector<std::string> logs;
  std::vector<Outcome> whole;
  for (const auto& entry : std::filesystem::directory_iterator(bootlog_file(""))) {
    if (entry.path().extension() != ".txt") continue;
    const std::string log = file_bytes(entry.path().string());
    const Outcome outcome = outcome_of(log);
    if (outcome.refused) continue;
    logs.push_back(log);
    whole.push_back(outcome);
  }
  uint64_t refused = 0, different = 0, silent = 0;
  for (uint64_t i = 0; i < mutations; ++i) {
    Mutator mutator(seed + i);
    const size_t which = (seed + i) % logs.size();
    const std::string log = mutator.mutate(logs[which]);
    const Outcome outcome = outcome_of(log);
    refused += outcome.refused;
    if (outcome.refused || outcome.memory == whole[which].memory) continue;
    ++different;
    if (!outcome.silent) continue;
    ++silent;
    fmt::print("mutation {}: memory differs and nothing is said:\n{}\n{}\n", seed + i, outcome.notes, log);
  }
  fmt::print("{} mutations of {} logs: {} refused, {} with another memory, {} of them not said\n", mutations,
             logs.size(), refused, different, silent);
  return silent == 0 && !logs.empty() ? 0 : 1;
}

}  // namespace
}  // namespace mmusim

/// SystemC owns main(). argv: mutations (500 if missing), seed (1 if missing).
int sc_main(int argc, char** argv) {
  const uint64_t mutations = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 500;
  const uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
  return mmusim::run(mutations, seed);
}
