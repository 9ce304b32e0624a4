// SPDX-License-Identifier: MIT
#include "sim/measure/host_subject.h"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <memory>
#include <numeric>
#include <sstream>

#include "models/base/format.h"
#include "sim/host/interrupts.h"
#include "sim/measure/host_chases.h"

namespace mmusim {

namespace {

constexpr uint64_t kSmallPages = 16384;
constexpr uint64_t kStridedBytes = 16 * kGiB;  // of addresses, not of memory
constexpr uint64_t kFarBytes = 128 * kGiB;     // of addresses; 128 PDPTEs
constexpr uint64_t kCodePages = 4096;

uint64_t number_in(const char* path) {
  uint64_t value = 0;
  std::ifstream(path) >> value;
  return value;
}

/// Ticks in which the hypervisor ran others instead of this guest.
uint64_t stolen_ticks() {
  std::ifstream stat("/proc/stat");
  std::string word;
  stat >> word;
  uint64_t ticks = 0;
  for (unsigned i = 0; i < 8 && stat; ++i) stat >> ticks;
  return ticks;
}

uint64_t switches() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_nivcsw);
}

/// A fixed order in which pages are touched first, so that adjacent pages have no adjacent frames.
uint64_t scattered(uint64_t i, uint64_t count) { return i * 4099 % count; }

}  // namespace

HostSubject::HostSubject(const HostSubjectOptions& options)
    : options_(options),
      begin_(std::chrono::steady_clock::now()),
      stolen_before_(stolen_ticks()),
      switches_before_(switches()) {
  cpu_set_t before, one;
  if (sched_getaffinity(0, sizeof before, &before) == 0) {
    for (unsigned i = 0; i < CPU_SETSIZE; ++i) {
      if (CPU_ISSET(i, &before)) processors_before_.push_back(i);
    }
    CPU_ZERO(&one);
    CPU_SET(std::max(0, sched_getcpu()), &one);
    sched_setaffinity(0, sizeof one, &one);  // where it is refused, a migration is noise like any other
  }
  tsc_hz_ = tsc_per_second();
  const uint64_t large = options.memory / 2 / (2 * kMiB) * 2 * kMiB;
  lines_ = HostMapping(std::max(large, 4 * kMiB),
                       options.huge_pages ? HostMapping::Pages::kTransparent : HostMapping::Pages::kSmall);
  for (uint64_t at = 0; at < lines_.bytes() && !stopped(); at += kPageBytes) lines_.at(at)[0] = std::byte{1};
  if (options.huge_pages) huge_ = lines_.huge_bytes();
  small_ = HostMapping(std::min(kSmallPages * kPageBytes, options.memory / 8), HostMapping::Pages::kSmall);
  strided_ = HostMapping(kStridedBytes, HostMapping::Pages::kSmall);
  zero_ = HostMapping(kSmallPages * 8 * kPageBytes, HostMapping::Pages::kSmall);
  code_ = HostMapping(std::min(kCodePages * kPageBytes, options.memory / 8), HostMapping::Pages::kSmall);
  code_lines_ = HostMapping(kCodePages * kLineBytes, HostMapping::Pages::kSmall);
  const uint64_t free =
      options.gigabyte_pages ? number_in("/sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages") : 0;
  if (free > 0) giga_ = HostMapping(free * kGiB, HostMapping::Pages::kGigabyte);
  gigabytes_ = giga_.bytes() / kGiB;
}

HostSubject::~HostSubject() {
  cpu_set_t before;
  CPU_ZERO(&before);
  for (const uint64_t processor : processors_before_) CPU_SET(processor, &before);
  if (!processors_before_.empty()) sched_setaffinity(0, sizeof before, &before);
}

bool HostSubject::stopped() const {
  return interrupt_requested() ||
         std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count() > options_.seconds;
}

uint64_t HostSubject::most_steps(ChaseKind kind, PageSize pages) const {
  if (kind == ChaseKind::kLines) return lines_.bytes() / kLineBytes;
  if (kind == ChaseKind::kFetchLines) return code_lines_.bytes() / kLineBytes;
  if (kind == ChaseKind::kRegions) return uint64_t{1} << 15;  // one frame for all: only page tables take memory
  if (kind == ChaseKind::kFetches) return executable_ ? code_.bytes() / kPageBytes : 0;
  if (pages == PageSize::k2M) return huge_ / bytes_of(PageSize::k2M);
  if (pages == PageSize::k1G) return gigabytes_;
  return small_.bytes() / kPageBytes;
}

HostMapping* HostSubject::region(const Chase& chase) {
  HostMapping* mapping = &small_;
  uint64_t bytes = bytes_of(chase.pages);
  if (chase.kind == ChaseKind::kLines) {
    mapping = &lines_;
    bytes = bytes_of(PageSize::k2M);
  } else if (chase.pages == PageSize::k2M) {
    mapping = &lines_;
  } else if (chase.pages == PageSize::k1G) {
    mapping = &giga_;
  } else if (chase.stride > 1 || chase.group > 1) {
    mapping = &strided_;
  }
  return pages_spanned(chase) * bytes <= mapping->bytes() ? mapping : nullptr;
}

std::optional<HostSubject::Timed> HostSubject::pointer_chase(const Chase& chase) {
  HostMapping* mapping = region(chase);
  if (mapping == nullptr || mapping->bytes() == 0) return std::nullopt;
  if (mapping == &small_ && !touched_) {
    const uint64_t count = small_.bytes() / kPageBytes;
    for (uint64_t i = 0; i < count; ++i) small_.at(scattered(i, count) * kPageBytes)[0] = std::byte{1};
    touched_ = true;
  }
  if (mapping == &strided_) strided_.forget();
  const uint64_t bytes = chase.kind == ChaseKind::kLines ? bytes_of(PageSize::k2M) : bytes_of(chase.pages);
  std::vector<std::byte*> order;
  for (const Step& s : steps_of(chase)) order.push_back(mapping->at(s.page * bytes + s.offset));
  for (size_t i = 0; i < order.size(); ++i) {
    std::byte* const next = order[(i + 1) % order.size()];
    std::memcpy(order[i], &next, sizeof next);
  }
  Timed timed;
  timed.round = order.size();
  void* place = order.front();
  timed.run = [place](uint64_t steps) mutable { place = follow(place, steps); };
  if (chase.cold) {
    timed.before = [order] {
      for (std::byte* line : order) flush_line(line);
      fence();
    };
  }
  return timed;
}

/// Memory that is only read: all its pages are the kernel's one page of zeros.
HostMapping& HostSubject::zeros(const Chase& chase) {
  if (chase.kind != ChaseKind::kRegions || chase.gibs == 0) return zero_;
  if (far_.bytes() == 0) far_ = HostMapping(kFarBytes, HostMapping::Pages::kSmall, kGiB);
  return far_;
}

std::optional<HostSubject::Timed> HostSubject::lane_chase(const Chase& chase) {
  const HostMapping& mapping = zeros(chase);
  if (pages_spanned(chase) * kPageBytes > mapping.bytes()) return std::nullopt;
  auto order = std::make_shared<std::vector<const std::byte*>>();
  for (const Step& s : steps_of(chase)) order->push_back(mapping.at(s.page * kPageBytes + s.offset));
  Timed timed;
  timed.round = timed.piece = order->size();
  const unsigned lanes = chase.lanes;
  timed.run = [order, lanes](uint64_t steps) { load_in_lanes(*order, lanes, steps / order->size()); };
  return timed;
}

std::optional<HostSubject::Timed> HostSubject::jump_chase(const Chase& chase) {
  HostMapping& mapping = chase.kind == ChaseKind::kFetches ? code_ : code_lines_;
  if (pages_spanned(chase) * kPageBytes > mapping.bytes() || !executable_) return std::nullopt;
  if (!mapping.make_executable(false)) return std::nullopt;
  std::vector<std::byte*> order;
  for (const Step& s : steps_of(chase)) order.push_back(mapping.at(s.page * kPageBytes + s.offset));
  for (size_t i = 0; i + 1 < order.size(); ++i) write_jump(order[i], order[i + 1]);
  write_end(order.back(), order.front());
  if (!mapping.make_executable(true)) {
    executable_ = false;
    return std::nullopt;
  }
  Timed timed;
  timed.round = timed.piece = order.size();
  std::byte* const first = order.front();
  const uint64_t round = timed.round;
  timed.counted = false;
  timed.run = [first, round](uint64_t steps) { run_jumps(first, steps / round); };
  return timed;
}

HostSubject::Repetition HostSubject::repetition(const Timed& timed, uint64_t steps) const {
  constexpr unsigned kAttempts = 5;
  EventCounters* const counters = timed.counted ? options_.counters : nullptr;
  Repetition done;
  for (unsigned attempt = 0; attempt < kAttempts; ++attempt) {
    if (timed.before) timed.before();
    const uint64_t switched = switches();
    const double clock = tsc_per_core_cycle();
    if (counters != nullptr) counters->start();
    const uint64_t begin = read_tsc();
    timed.run(steps);
    const auto counts = static_cast<double>(read_tsc() - begin);
    if (counters != nullptr) done.events = counters->stop(steps);
    const double after = tsc_per_core_cycle();
    done.cycles = counts / ((clock + after) / 2) / static_cast<double>(steps);
    clocks_.push_back((clock + after) / 2);
    if (std::abs(after - clock) <= 0.02 * clock && switches() == switched) break;
  }
  return done;
}

/// Quartiles of the quieter half, and the median of what was counted in it.
Sample HostSubject::sample_of_quieter(std::vector<Repetition> repetitions) {
  std::sort(repetitions.begin(), repetitions.end(),
            [](const Repetition& a, const Repetition& b) { return a.cycles < b.cycles; });
  repetitions.resize(repetitions.size() / 2);
  std::vector<double> cycles, misses, walks;
  for (const Repetition& r : repetitions) {
    cycles.push_back(r.cycles);
    if (r.events.dtlb_misses) misses.push_back(*r.events.dtlb_misses);
    if (r.events.walks) walks.push_back(*r.events.walks);
  }
  Sample sample = sample_of(cycles);
  if (!misses.empty()) sample.events.dtlb_misses = sample_of(misses).median;
  if (!walks.empty()) sample.events.walks = sample_of(walks).median;
  return sample;
}

Sample HostSubject::repeat(const Timed& timed, bool cold) {
  constexpr uint64_t kSteps = 16'000;  // of a repetition: less than a millisecond even in memory
  constexpr unsigned kRepetitions = 12, kMostTries = 3;
  uint64_t steps = std::max<uint64_t>(1, kSteps / timed.piece) * timed.piece;
  if (cold) steps = timed.round;
  if (!cold) timed.run(std::max(timed.round, steps / timed.piece * timed.piece) * (timed.round > 100'000 ? 1 : 3));
  Sample best;
  for (unsigned attempt = 0; attempt < kMostTries; ++attempt) {
    std::vector<Repetition> repetitions;
    for (unsigned i = 0; i < kRepetitions; ++i) repetitions.push_back(repetition(timed, steps));
    const Sample sample = sample_of_quieter(std::move(repetitions));
    if (attempt == 0 || sample.median < best.median) best = sample;
    if (best.spread() < 0.03 * best.median || stopped()) break;
  }
  spreads_.push_back(best.spread() / best.median);
  return best;
}

std::optional<Sample> HostSubject::measure(const Chase& chase) {
  if (stopped()) return std::nullopt;
  const bool fetch = chase.kind == ChaseKind::kFetches || chase.kind == ChaseKind::kFetchLines;
  const auto timed = fetch ? jump_chase(chase) : chase.shared_frame ? lane_chase(chase) : pointer_chase(chase);
  if (!timed) return std::nullopt;
  const Sample now = repeat(*timed, chase.cold);
  const std::string key =
      fmt::format("{} {} {} {} {} {} {} {} {} {} {} {}", static_cast<int>(chase.kind), static_cast<int>(chase.pages),
                  chase.count, chase.stride, chase.group, chase.lanes, chase.shared_frame, chase.cold || chase.apart,
                  chase.regions, chase.gibs, chase.visit, static_cast<int>(chase.crossing));
  const auto [known, added] = least_.emplace(key, now);
  if (now.median < known->second.median) known->second = now;
  return known->second;
}

double HostSubject::core_mhz() const {
  if (clocks_.empty()) return 0;
  return tsc_hz_ / sample_of(clocks_).median / 1e6;
}

double HostSubject::noise() const { return spreads_.empty() ? 0 : sample_of(spreads_).median; }

double HostSubject::stolen_share() const {
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  const long ticks = sysconf(_SC_CLK_TCK), processors = std::max(1L, sysconf(_SC_NPROCESSORS_ONLN));
  if (seconds <= 0 || ticks <= 0) return 0;
  return static_cast<double>(stolen_ticks() - stolen_before_) / static_cast<double>(ticks) / seconds /
         static_cast<double>(processors);
}

uint64_t HostSubject::interruptions() const { return switches() - switches_before_; }

std::vector<std::string> HostSubject::remarks() const {
  std::vector<std::string> list;
  if (huge_ == 0) {
    list.emplace_back(
        "There are no 2 MiB pages here: cache latencies include the TLB, and large pages were not measured.");
  } else if (huge_ < lines_.bytes()) {
    list.push_back(fmt::format("Only {} of {} MiB became 2 MiB pages.", huge_ / kMiB, lines_.bytes() / kMiB));
  }
  if (gigabytes_ == 0) list.emplace_back("There are no free 1 GiB pages (hugetlbfs): they were not measured.");
  if (!executable_)
    list.emplace_back("The system refuses to run code that was just written: fetches were not measured.");
  if (noise() > 0.03) {
    list.push_back(
        fmt::format("The machine is noisy: quartiles of a point are {:.1f} % apart (median).", 100 * noise()));
  }
  if (stolen_share() > 0.01) {
    list.push_back(
        fmt::format("The hypervisor took the processors away for {:.1f} % of the time.", 100 * stolen_share()));
  }
  if (interruptions() > 100) {
    list.push_back(fmt::format("Other programs took the processor {} times meanwhile.", interruptions()));
  }
  return list;
}

}  // namespace mmusim
