// SPDX-License-Identifier: MIT
#include "sim/events/timeline.h"

#include <algorithm>
#include <iterator>

#include "models/base/format.h"
#include "sim/events/json_line.h"

namespace mmusim {

namespace {

// Processes of the format, which are groups of tracks here.
constexpr unsigned kPhases = 1;
constexpr unsigned kKernelCode = 2;
constexpr unsigned kAccesses = 3;
constexpr unsigned kWalkers = 4;
constexpr unsigned kBanks = 5;
constexpr unsigned kInterrupts = 6;

constexpr uint64_t kWalkersOfCore = 64;                 // numbers of walker tracks set aside for each core
constexpr uint64_t kTracksOfGroup = uint64_t{1} << 20;  // and of tracks for what may be under way several times
constexpr size_t kPendingWalks = 4096;

/// Number of the arrow of a walk: each core counts its own walks. A double, which is what viewers read it as, is exact there.
uint64_t arrow_of(uint32_t core, uint64_t walk) { return (uint64_t{core} << 40) + walk; }

/// Nanoseconds as the microseconds of the format.
std::string microseconds(uint64_t nanoseconds) {
  return fmt::format("{}.{:03}", nanoseconds / 1000, nanoseconds % 1000);
}

}  // namespace

Timeline::Timeline(const std::string& path, const TimelineConfig& config)
    : config_(config), file_(path), next_step_(config.max_bytes / 16) {
  file_.write("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n");
  static constexpr const char* kNames[] = {"phases",       "kernel code", "accesses that walked",
                                           "page walkers", "DRAM banks",  "interrupts between cores"};
  for (unsigned p = 1; p <= std::size(kNames); ++p) {
    put(fmt::format(R"({{"name":"process_name","ph":"M","pid":{},"tid":0,"args":{{"name":"{}"}}}})", p, kNames[p - 1]));
    put(fmt::format(R"({{"name":"process_sort_index","ph":"M","pid":{},"tid":0,"args":{{"sort_index":{}}}}})", p, p));
  }
}

void Timeline::put(std::string_view event) {
  if (!first_) file_.write(",\n");
  first_ = false;
  file_.write(event);
  bytes_ += event.size() + 2;
  if (bytes_ >= next_step_) {
    next_step_ += config_.max_bytes / 16;
    stride_ *= 2;
  }
}

bool Timeline::sampled(Frequent kind) {
  return seen_[static_cast<unsigned>(kind)]++ % stride_ == 0 && bytes_ < config_.max_bytes;
}

void Timeline::name_track(unsigned process, uint64_t track, const std::string& name) {
  if (!named_.try_emplace({process, track}, true).second) return;
  put(fmt::format(R"({{"name":"thread_name","ph":"M","pid":{},"tid":{},"args":{{"name":"{}"}}}})", process, track,
                  name));
}

void Timeline::slice(unsigned process, uint64_t track, std::string_view name, uint64_t begin, uint64_t end,
                     std::string_view arguments) {
  put(fmt::format(R"({{"name":{},"ph":"X","pid":{},"tid":{},"ts":{},"dur":{},"args":{{"cycle":{},"cycles":{}{}}}}})",
                  json_quoted(name), process, track, microseconds(nanoseconds(begin)),
                  microseconds(nanoseconds(end) - nanoseconds(begin)), begin, end - begin, arguments));
}

/// A point of an arrow, bound to the slice of the track that is open then: "s" its start, "t" a step, "f" its end.
void Timeline::flow(std::string_view name, std::string_view part, uint64_t id, unsigned process, uint64_t track,
                    uint64_t at) {
  put(fmt::format(R"({{"name":"{}","cat":"{}","ph":"{}","bp":"e","id":{},"pid":{},"tid":{},"ts":{}}})", name, name,
                  part, id, process, track, microseconds(nanoseconds(at))));
}

void Timeline::walk(const WalkRecord& w) {
  if (!in_window(w.begin.count) || !sampled(Frequent::kWalk)) return;
  const uint64_t track = w.core * kWalkersOfCore + w.walker;
  name_track(kWalkers, track, fmt::format("core {} walker {}", w.core, w.walker));
  const uint64_t served = w.begin.count + w.queue.count;
  slice(kWalkers, track, w.page_size ? fmt::format("walk {}", name_of(*w.page_size)) : "walk, fault", served,
        w.end.count, fmt::format(R"(,"va":"{}","cause":"{}","queue_cycles":{})", w.va, name_of(w.cause), w.queue));
  // An arrow from the access to the walk and on to each read; a walk of a prefetcher is where its arrow begins.
  const uint64_t arrow = arrow_of(w.core, w.id);
  flow("walk", w.access == 0 ? "s" : "t", arrow, kWalkers, track, served);
  uint64_t at = served + w.structure_caches.count + w.restarts.count;
  for (size_t i = 0; i < w.entries.size(); ++i) {
    const EntryRead& r = w.entries[i];
    slice(kWalkers, track, fmt::format("level {}: {}", r.level, name_of(r.hit)), at, at + r.cycles.count,
          fmt::format(R"(,"pa":"{}","value":"0x{:x}")", r.pa, r.value));
    flow("walk", i + 1 == w.entries.size() ? "f" : "t", arrow, kWalkers, track, at);
    at += r.cycles.count;
  }
  if (w.access == 0) return;
  if (walk_of_access_.size() >= kPendingWalks) walk_of_access_.clear();
  walk_of_access_[(uint64_t{w.core} << 48) ^ w.access] = arrow;
}

uint64_t Timeline::free_track(unsigned process, uint64_t group, uint64_t begin, uint64_t end, const std::string& name) {
  std::vector<uint64_t>& ends = ends_[{process, group}];
  const auto free = std::find_if(ends.begin(), ends.end(), [&](uint64_t last) { return last <= begin; });
  const auto lane = static_cast<uint64_t>(free - ends.begin());
  if (free == ends.end()) ends.emplace_back();
  ends[lane] = end;
  const uint64_t track = group * kTracksOfGroup + lane;
  name_track(process, track, lane == 0 ? name : fmt::format("{}, beside {}", name, lane));
  return track;
}

void Timeline::access(const AccessRecord& a) {
  if (walk_of_access_.empty()) return;
  const auto walk = walk_of_access_.find((uint64_t{a.core} << 48) ^ a.id);
  if (walk == walk_of_access_.end()) return;
  const uint64_t track = free_track(kAccesses, a.core, a.begin.count, a.end.count, fmt::format("core {}", a.core));
  slice(kAccesses, track, name_of(a.access.kind), a.begin.count, a.end.count,
        fmt::format(R"(,"va":"{}","data_hit":"{}")", a.access.va, name_of(a.data_hit)));
  flow("walk", "s", walk->second, kAccesses, track, a.begin.count);
  walk_of_access_.erase(walk);
}

void Timeline::interrupts_sent(unsigned from, size_t targets) {
  Round& round = rounds_[from];
  round.targets += targets;
}

void Timeline::interrupt_handled(unsigned from, unsigned to, uint64_t sent, uint64_t handled, uint64_t acked) {
  Round& round = rounds_[from];
  if (round.handled.empty()) round.sent = sent;
  round.handled.push_back({to, handled, acked});
  if (round.handled.size() < round.targets) return;
  if (in_window(round.sent) && bytes_ < config_.max_bytes) write_round(from, round);
  rounds_.erase(from);
}

void Timeline::write_round(unsigned from, const Round& round) {
  uint64_t end = round.sent;
  for (const Handled& h : round.handled) end = std::max(end, h.end);
  const uint64_t sender =
      free_track(kInterrupts, 2 * uint64_t{from}, round.sent, end, fmt::format("core {} sends", from));
  slice(kInterrupts, sender, fmt::format("to {} core{}", round.targets, round.targets == 1 ? "" : "s"), round.sent, end,
        "");
  for (const Handled& h : round.handled) {
    const uint64_t handler =
        free_track(kInterrupts, 2 * uint64_t{h.to} + 1, h.begin, h.end, fmt::format("core {} handles", h.to));
    slice(kInterrupts, handler, fmt::format("from core {}", from), h.begin, h.end,
          fmt::format(R"(,"sent_cycle":{})", round.sent));
    const uint64_t arrow = arrows_++;
    flow("interrupt", "s", arrow, kInterrupts, sender, round.sent);
    flow("interrupt", "t", arrow, kInterrupts, handler, h.begin);
    flow("interrupt", "f", arrow, kInterrupts, sender, h.end);
  }
}

void Timeline::phase(const PhaseEvent& e) {
  if (!phase_.name.empty()) slice(kPhases, 0, phase_.name, phase_.begin, e.cycle.count, "");
  phase_ = {fmt::format("{} ({})", e.stage, e.name), e.cycle.count, 0};
}

void Timeline::kernel_slice(uint32_t core, std::string_view function, uint64_t begin, uint64_t end) {
  if (!in_window(begin)) return;
  Slice& open = kernel_[core];
  if (open.name == function && open.end == begin) {
    open.end = end;
    return;
  }
  if (!open.name.empty() && sampled(Frequent::kKernel)) {
    name_track(kKernelCode, core, fmt::format("core {}", core));
    slice(kKernelCode, core, open.name, open.begin, open.end, "");
  }
  open = {std::string(function), begin, end};
}

void Timeline::dram_slice(unsigned channel, unsigned rank, unsigned bank, std::string_view what, uint64_t row,
                          uint64_t begin, uint64_t end) {
  if (!in_window(begin) || !sampled(Frequent::kDram)) return;
  const uint64_t track = (uint64_t{channel} << 16) | (uint64_t{rank} << 8) | bank;
  name_track(kBanks, track, fmt::format("channel {} rank {} bank {}", channel, rank, bank));
  slice(kBanks, track, what, begin, end, fmt::format(R"(,"row":{})", row));
}

void Timeline::close(CycleTime end) {
  if (!phase_.name.empty()) slice(kPhases, 0, phase_.name, phase_.begin, end.count, "");
  for (const auto& [core, open] : kernel_) {
    if (open.name.empty()) continue;
    name_track(kKernelCode, core, fmt::format("core {}", core));
    slice(kKernelCode, core, open.name, open.begin, open.end, "");
  }
  file_.write(
      fmt::format("\n],\"otherData\":{{\"one_in\":\"{}\",\"core_ghz\":\"{}\"}}}}\n", stride_, config_.core_ghz));
  file_.commit();
}

}  // namespace mmusim
