// SPDX-License-Identifier: MIT
#include "sim/measure/event_counters.h"

#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "models/base/format.h"

namespace mmusim {

namespace {

/// A generic event of the first-level data TLB as PERF_TYPE_HW_CACHE numbers it.
constexpr uint64_t dtlb_loads(uint64_t result) {
  return PERF_COUNT_HW_CACHE_DTLB | PERF_COUNT_HW_CACHE_OP_READ << 8 | result << 16;
}

/// DTLB_LOAD_MISSES.STLB_HIT; nullopt: it is not known for this processor.
std::optional<uint64_t> second_level_hits(const HostProcessor& processor) {
  if (processor.vendor != "GenuineIntel" || processor.family != 6) return std::nullopt;
  switch (processor.model) {
    case 0x55:  // Skylake-SP, Cascade Lake
    case 0x6a:  // Ice Lake-SP
    case 0x6c:
      return 0x2008;
    case 0x8f:  // Sapphire Rapids
    case 0xcf:  // Emerald Rapids
      return 0x2012;
    default:
      return std::nullopt;
  }
}

/// Opens a counter of this thread, stopped. Returns -1 and sets errno if that is refused.
int open_counter(uint32_t type, uint64_t config) {
  perf_event_attr attributes{};
  attributes.size = sizeof attributes;
  attributes.type = type;
  attributes.config = config;
  attributes.disabled = 1;
  attributes.exclude_kernel = 1;
  attributes.exclude_hv = 1;
  attributes.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
  return static_cast<int>(syscall(SYS_perf_event_open, &attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC));
}

}  // namespace

PerfEventCounters::PerfEventCounters(const HostProcessor& processor) {
  walks_.file = open_counter(PERF_TYPE_HW_CACHE, dtlb_loads(PERF_COUNT_HW_CACHE_RESULT_MISS));
  if (walks_.file < 0) {
    problem_ = fmt::format(
        "Performance counters cannot be read here (perf_event_open: {}): walks and misses were not counted.",
        std::strerror(errno));
    return;
  }
  if (processor.vendor == "AuthenticAMD" && processor.family >= 0x17) {
    misses_.file = open_counter(PERF_TYPE_HW_CACHE, dtlb_loads(PERF_COUNT_HW_CACHE_RESULT_ACCESS));
  } else if (const auto hits = second_level_hits(processor)) {
    misses_.file = open_counter(PERF_TYPE_RAW, *hits);
    add_walks_ = true;
  }
  if (misses_.file < 0)
    problem_ = "Of the performance counters only walks are known here: misses of the first-level TLB were not counted.";
}

PerfEventCounters::~PerfEventCounters() {
  for (const int file : {walks_.file, misses_.file}) {
    if (file >= 0) close(file);
  }
}

/// Reads the kernel's counter as PERF_FORMAT_TOTAL_TIME_ENABLED and _RUNNING lay it out.
bool PerfEventCounters::read_counter(Counter& counter) {
  uint64_t words[3];
  if (counter.file < 0 || read(counter.file, words, sizeof words) != static_cast<ssize_t>(sizeof words)) return false;
  counter.value = words[0];
  counter.enabled = words[1];
  counter.running = words[2];
  return true;
}

/// Counts since `before`; nullopt if others had the processor's counter for some of the time.
std::optional<double> PerfEventCounters::count_since(const Counter& before) {
  Counter now = before;
  if (!read_counter(now)) return std::nullopt;
  if (now.running == before.running || now.running - before.running != now.enabled - before.enabled)
    return std::nullopt;
  return static_cast<double>(now.value - before.value);
}

void PerfEventCounters::start() {
  for (Counter* counter : {&walks_, &misses_}) {
    if (read_counter(*counter)) ioctl(counter->file, PERF_EVENT_IOC_ENABLE, 0);
  }
}

Events PerfEventCounters::stop(uint64_t steps) {
  for (const Counter* counter : {&walks_, &misses_}) {
    if (counter->file >= 0) ioctl(counter->file, PERF_EVENT_IOC_DISABLE, 0);
  }
  Events events;
  const auto walks = count_since(walks_), misses = count_since(misses_);
  const auto each = static_cast<double>(steps);
  if (walks) events.walks = *walks / each;
  if (misses && (walks || !add_walks_)) events.dtlb_misses = (*misses + (add_walks_ ? *walks : 0)) / each;
  return events;
}

}  // namespace mmusim
