// SPDX-License-Identifier: MIT
#include "sim/events/vcd.h"

#include <algorithm>
#include <set>
#include <utility>

#include "models/base/errors.h"
#include "models/base/format.h"

namespace mmusim {

namespace {

constexpr unsigned kCountBits = 16;
constexpr unsigned kRowBits = 32;
constexpr unsigned kText = 0;

constexpr std::pair<std::string_view, SignalGroup> kGroups[] = {{"phase", SignalGroup::kPhase},
                                                                {"walkers", SignalGroup::kWalkers},
                                                                {"misses", SignalGroup::kMisses},
                                                                {"dram-queues", SignalGroup::kDramQueues},
                                                                {"dram-banks", SignalGroup::kDramBanks}};

/// Text of a VCD string value holds no white space.
std::string word(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c <= ' ' || c > '~'; }, '_');
  return text;
}

}  // namespace

SignalSelection SignalSelection::parse(std::string_view text) {
  SignalSelection selection;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    const std::string_view name = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    const auto known =
        std::find_if(std::begin(kGroups), std::end(kGroups), [&](const auto& g) { return g.first == name; });
    if (known != std::end(kGroups)) {
      selection.bits_ |= static_cast<unsigned>(known->second);
    } else if (name == "all") {
      for (const auto& [group, bit] : kGroups) selection.bits_ |= static_cast<unsigned>(bit);
    } else {
      throw InputError(fmt::format(
          "--vcd-signals: unknown group \"{}\", expected some of phase,walkers,misses,dram-queues,dram-banks,all",
          name));
    }
  }
  return selection;
}

SignalTrace::SignalTrace(const std::string& path, const SignalTraceConfig& config) : config_(config), file_(path) {}

uint32_t SignalTrace::signal(const std::string& scope, const std::string& name, unsigned bits) {
  const auto [place, added] = by_name_.try_emplace(scope + "." + name, static_cast<uint32_t>(signals_.size()));
  if (added) signals_.push_back({scope, name, bits});
  return place->second;
}

void SignalTrace::change(uint32_t signal, uint64_t ps, uint64_t value, bool relative) {
  if (changes_.size() >= config_.max_changes) {
    ++left_out_;
    return;
  }
  changes_.push_back({ps, signal, relative, value});
}

void SignalTrace::count(uint32_t signal, CycleTime begin, CycleTime end) {
  if (begin >= end || !in_window(ps(begin))) return;
  if (changes_.size() + 2 > config_.max_changes) {  // a rise without its fall would be wrong for ever
    left_out_ += 2;
    return;
  }
  change(signal, ps(begin), 1, /*relative=*/true);
  change(signal, ps(end), ~uint64_t{0}, /*relative=*/true);
}

uint32_t SignalTrace::mask() const {
  uint32_t mask = 0;
  if (wants(SignalGroup::kWalkers)) mask |= kWalkNotices;
  if (wants(SignalGroup::kMisses)) mask |= kAccessNotices;
  return mask;
}

void SignalTrace::walk(const WalkRecord& w) {
  if (!wants(SignalGroup::kWalkers)) return;
  const std::string scope = fmt::format("core{}", w.core);
  const CycleTime served = w.begin + w.queue;
  count(signal(scope, "walks_waiting", kCountBits), w.begin, served);
  count(signal(scope, "walkers_busy", kCountBits), served, w.end);
}

void SignalTrace::access(const AccessRecord& a) {
  if (!wants(SignalGroup::kMisses) || a.data_hit == HitLevel::kL1) return;
  count(signal(fmt::format("core{}", a.core), "misses_in_flight", kCountBits), a.begin, a.end);
}

void SignalTrace::phase(const PhaseEvent& e) {
  if (!wants(SignalGroup::kPhase)) return;
  phases_.push_back(word(fmt::format("{}:{}", e.stage, e.name)));
  if (e.cycle >= config_.end) return;
  change(signal("scenario", "phase", kText), ps(std::max(e.cycle, config_.begin)), phases_.size() - 1,
         /*relative=*/false);
}

void SignalTrace::dram_row(unsigned channel, unsigned bank, uint64_t row, uint64_t ps) {
  if (!wants(SignalGroup::kDramBanks) || !in_window(ps)) return;
  change(signal(fmt::format("dram.channel{}", channel), fmt::format("bank{}_row", bank), kRowBits), ps, row,
         /*relative=*/false);
}

void SignalTrace::dram_queue_lengths(unsigned channel, size_t reads, size_t writes, uint64_t ps) {
  if (!wants(SignalGroup::kDramQueues) || !in_window(ps)) return;
  const std::string scope = fmt::format("dram.channel{}", channel);
  change(signal(scope, "reads_queued", kCountBits), ps, reads, /*relative=*/false);
  change(signal(scope, "writes_queued", kCountBits), ps, writes, /*relative=*/false);
}

/// Identifier codes are numbers to the base of 94 printable characters.
std::string SignalTrace::code_of(uint32_t signal) {
  std::string code;
  do {
    code += static_cast<char>('!' + signal % 94);
    signal /= 94;
  } while (signal != 0);
  return code;
}

void SignalTrace::write_header() {
  file_.write("$version mmusim $end\n$timescale 1 ps $end\n");
  if (left_out_ != 0) {
    file_.write(fmt::format("$comment {} changes after the first {} left out $end\n", left_out_, changes_.size()));
  }
  std::set<std::string> scopes;
  for (const Signal& s : signals_) scopes.insert(s.scope);
  for (const std::string& scope : scopes) {
    const size_t dot = scope.find('.');
    file_.write(fmt::format("$scope module {} $end\n", scope.substr(0, dot)));
    if (dot != std::string::npos) file_.write(fmt::format("$scope module {} $end\n", scope.substr(dot + 1)));
    for (uint32_t i = 0; i < signals_.size(); ++i) {
      const Signal& s = signals_[i];
      if (s.scope != scope) continue;
      file_.write(s.bits == kText ? fmt::format("$var string 1 {} {} $end\n", code_of(i), s.name)
                                  : fmt::format("$var wire {} {} {} $end\n", s.bits, code_of(i), s.name));
    }
    if (dot != std::string::npos) file_.write("$upscope $end\n");
    file_.write("$upscope $end\n");
  }
  file_.write("$enddefinitions $end\n");
}

std::vector<std::string> SignalTrace::losses() const {
  if (left_out_ == 0) return {};
  return {
      fmt::format("{} changes of signals after the first {}; --timeline-begin, --timeline-end and --vcd-signals "
                  "choose fewer",
                  left_out_, changes_.size())};
}

void SignalTrace::write_value(uint32_t signal, uint64_t value) {
  const Signal& s = signals_[signal];
  const std::string code = code_of(signal);
  if (s.bits == kText) {
    file_.write(fmt::format("s{} {}\n", value < phases_.size() ? phases_[value] : "-", code));
  } else if (value == kClosed) {
    file_.write(fmt::format("bz {}\n", code));
  } else {
    file_.write(fmt::format("b{:b} {}\n", value, code));
  }
}

void SignalTrace::close(CycleTime end) {
  std::stable_sort(changes_.begin(), changes_.end(), [](const Change& a, const Change& b) { return a.ps < b.ps; });
  write_header();
  std::vector<uint64_t> values(signals_.size());
  for (uint32_t i = 0; i < signals_.size(); ++i) {
    if (signals_[i].bits == kText || signals_[i].bits == kRowBits) values[i] = kClosed;
  }
  size_t at = 0;
  // Changes at one moment; the signals that have changed then.
  const auto apply = [&](uint64_t now) {
    std::set<uint32_t> touched;
    for (; at < changes_.size() && changes_[at].ps == now; ++at) {
      const Change& c = changes_[at];
      values[c.signal] = c.relative ? values[c.signal] + c.value : c.value;
      touched.insert(c.signal);
    }
    return touched;
  };
  const uint64_t begin = ps(config_.begin);
  apply(begin);
  file_.write(fmt::format("#{}\n$dumpvars\n", begin));
  for (uint32_t i = 0; i < signals_.size(); ++i) write_value(i, values[i]);
  file_.write("$end\n");
  std::vector<uint64_t> written = values;
  while (at < changes_.size()) {
    const uint64_t now = changes_[at].ps;
    std::set<uint32_t> touched = apply(now);
    std::erase_if(touched, [&](uint32_t s) { return values[s] == written[s]; });
    if (touched.empty()) continue;
    file_.write(fmt::format("#{}\n", now));
    for (const uint32_t s : touched) {
      write_value(s, values[s]);
      written[s] = values[s];
    }
  }
  end = std::min(end, config_.end);
  if (changes_.empty() || changes_.back().ps < ps(end)) file_.write(fmt::format("#{}\n", ps(end)));
  file_.commit();
}

}  // namespace mmusim
