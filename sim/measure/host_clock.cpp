// SPDX-License-Identifier: MIT
#include "sim/measure/host_clock.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>

#include "models/base/errors.h"

#ifdef __x86_64__
#include <cpuid.h>
#include <x86intrin.h>
#endif

namespace mmusim {

#ifdef __x86_64__

namespace {

struct Leaf {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Leaf cpuid(unsigned leaf, unsigned sub = 0) {
  Leaf r;
  __cpuid_count(leaf, sub, r.eax, r.ebx, r.ecx, r.edx);
  return r;
}

std::string text_of(std::initializer_list<unsigned> registers) {
  std::string text;
  for (const unsigned r : registers) {
    for (unsigned byte = 0; byte < 4; ++byte) {
      const char c = static_cast<char>(r >> (8 * byte) & 0xff);
      if (c != 0) text += c;
    }
  }
  return text;
}

}  // namespace

HostProcessor host_processor() {
  HostProcessor p;
  const Leaf zero = cpuid(0), one = cpuid(1);
  p.vendor = text_of({zero.ebx, zero.edx, zero.ecx});
  p.stepping = one.eax & 15;
  p.family = one.eax >> 8 & 15;
  p.model = one.eax >> 4 & 15;
  if (p.family == 15) p.family += one.eax >> 20 & 255;
  if (p.family >= 15 || p.family == 6) p.model += (one.eax >> 16 & 15) << 4;
  p.guest = (one.ecx >> 31 & 1) != 0;
  if (p.guest) {
    const Leaf h = cpuid(0x4000'0000);
    p.hypervisor = text_of({h.ebx, h.ecx, h.edx});
  }
  if (zero.eax >= 7) p.five_levels = (cpuid(7).ecx >> 16 & 1) != 0;
  const unsigned last = cpuid(0x8000'0000).eax;
  if (last >= 0x8000'0001) p.gib_pages = (cpuid(0x8000'0001).edx >> 26 & 1) != 0;
  if (last >= 0x8000'0008) p.physical_bits = cpuid(0x8000'0008).eax & 255;
  for (unsigned leaf = 0x8000'0002; last >= 0x8000'0004 && leaf <= 0x8000'0004; ++leaf) {
    const Leaf part = cpuid(leaf);
    p.name += text_of({part.eax, part.ebx, part.ecx, part.edx});
  }
  while (!p.name.empty() && p.name.back() == ' ') p.name.pop_back();
  return p;
}

uint64_t read_tsc() {
  unsigned core;
  const uint64_t count = __rdtscp(&core);
  _mm_lfence();
  return count;
}

double tsc_per_core_cycle() {
  constexpr unsigned kTimes = 1000, kEach = 10;
  double best = 0;
  for (unsigned attempt = 0; attempt < 3; ++attempt) {
    uint64_t x = 0;
    const uint64_t begin = read_tsc();
    for (unsigned i = 0; i < kTimes; ++i) {
      // One cycle each on every processor. A register is added to itself, because recent cores do additions of a
      // constant while they rename registers, in no time.
      asm volatile(
          "add %0, %0\n\t add %0, %0\n\t add %0, %0\n\t add %0, %0\n\t add %0, %0\n\t"
          "add %0, %0\n\t add %0, %0\n\t add %0, %0\n\t add %0, %0\n\t add %0, %0"
          : "+r"(x)
          :
          : "cc");
    }
    const double each = static_cast<double>(read_tsc() - begin) / (kTimes * kEach);
    best = attempt == 0 ? each : std::min(best, each);
  }
  return best;
}

#else

HostProcessor host_processor() {
  throw EnvironmentError("measure: this program was built for another processor than x86-64");
}
uint64_t read_tsc() { return 0; }
double tsc_per_core_cycle() { return 1; }

#endif

double tsc_per_second() {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point begin = Clock::now();
  const uint64_t first = read_tsc();
  while (Clock::now() - begin < std::chrono::milliseconds(50)) {
  }
  const Clock::time_point end = Clock::now();
  const uint64_t last = read_tsc();
  return static_cast<double>(last - first) / std::chrono::duration<double>(end - begin).count();
}

namespace {

struct KnownProcessor {
  const char* vendor;
  unsigned family, first_model, last_model;
  unsigned first_stepping, last_stepping;
  const char* preset;
};

// Families and models: Linux, arch/x86/include/asm/intel-family.h and arch/x86/kernel/cpu/amd.c.
constexpr KnownProcessor kKnown[] = {
    {"GenuineIntel", 6, 0x55, 0x55, 0, 4, "skylake-sp"},  {"GenuineIntel", 6, 0x55, 0x55, 5, 15, "cascade-lake"},
    {"GenuineIntel", 6, 0x6a, 0x6c, 0, 15, "icelake-sp"}, {"GenuineIntel", 6, 0x8f, 0x8f, 0, 15, "sapphire-rapids"},
    {"AuthenticAMD", 0x17, 0x30, 0x3f, 0, 15, "rome"},    {"AuthenticAMD", 0x19, 0x00, 0x0f, 0, 15, "milan"},
    {"AuthenticAMD", 0x19, 0x10, 0x1f, 0, 15, "genoa"},   {"AuthenticAMD", 0x19, 0xa0, 0xaf, 0, 15, "genoa"},
    {"AuthenticAMD", 0x1a, 0x00, 0x1f, 0, 15, "turin"},
};

const KnownProcessor* known(const HostProcessor& p) {
  for (const KnownProcessor& k : kKnown) {
    if (p.vendor == k.vendor && p.family == k.family && p.model >= k.first_model && p.model <= k.last_model &&
        p.stepping >= k.first_stepping && p.stepping <= k.last_stepping)
      return &k;
  }
  return nullptr;
}

}  // namespace

bool preset_fits(const HostProcessor& processor) { return known(processor) != nullptr; }

std::string nearest_preset(const HostProcessor& p) {
  if (const KnownProcessor* k = known(p)) return k->preset;
  if (p.vendor == "AuthenticAMD") return p.family < 0x19 ? "rome" : p.family == 0x19 ? "genoa" : "turin";
  return p.family == 6 && p.model < 0x6a ? "skylake-sp" : "sapphire-rapids";
}

}  // namespace mmusim
