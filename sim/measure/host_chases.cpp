// SPDX-License-Identifier: MIT
#include "sim/measure/host_chases.h"

#include <array>
#include <cstring>
#include <utility>

#ifdef __x86_64__
#include <x86intrin.h>
#endif

namespace mmusim {

#ifdef __x86_64__

void* follow(void* at, uint64_t steps) {
  void* p = at;
  for (; steps >= 8; steps -= 8) {
    asm volatile(
        "mov (%0), %0\n\t mov (%0), %0\n\t mov (%0), %0\n\t mov (%0), %0\n\t"
        "mov (%0), %0\n\t mov (%0), %0\n\t mov (%0), %0\n\t mov (%0), %0"
        : "+r"(p)
        :
        : "memory");
  }
  for (; steps > 0; --steps) asm volatile("mov (%0), %0" : "+r"(p) : : "memory");
  return p;
}

namespace {

constexpr unsigned kMostLanes = 12;  // each has a register of its own

/// One load that waits for the value that `wait` holds, which is 0, and leaves its own there.
inline void load_after(const std::byte* const& at, uint64_t& wait) {
  asm volatile("add %1, %0\n\t mov (%0), %0" : "+r"(wait) : "m"(at) : "memory", "cc");
}

template <size_t... kLane>
[[gnu::always_inline]] inline void one_pass(const std::byte* const* at, std::array<uint64_t, sizeof...(kLane)>& waits,
                                            std::index_sequence<kLane...>) {
  (load_after(at[kLane], waits[kLane]), ...);
}

template <size_t kLanes>
void loads(const std::vector<const std::byte*>& order, uint64_t rounds) {
  std::array<uint64_t, kLanes> waits{};
  for (uint64_t r = 0; r < rounds; ++r) {
    for (size_t i = 0; i + kLanes <= order.size(); i += kLanes) {
      one_pass(order.data() + i, waits, std::make_index_sequence<kLanes>());
    }
  }
}

void independent_loads(const std::vector<const std::byte*>& order, uint64_t rounds) {
  uint64_t word;
  for (uint64_t r = 0; r < rounds; ++r) {
    for (const std::byte* const& at : order) {
      asm volatile("mov %1, %0\n\t mov (%0), %0" : "=&r"(word) : "m"(at) : "memory");
    }
  }
}

using LaneLoop = void (*)(const std::vector<const std::byte*>&, uint64_t);

template <size_t... kLanes>
constexpr std::array<LaneLoop, sizeof...(kLanes)> lane_loops(std::index_sequence<kLanes...>) {
  return {loads<kLanes + 1>...};
}

}  // namespace

void load_in_lanes(const std::vector<const std::byte*>& order, unsigned lanes, uint64_t rounds) {
  static constexpr auto kLoops = lane_loops(std::make_index_sequence<kMostLanes>());
  if (lanes > kMostLanes) return independent_loads(order, rounds);
  kLoops.at(lanes - 1)(order, rounds);
}

void flush_line(void* line) { _mm_clflush(line); }
void fence() { _mm_mfence(); }

namespace {

void put_jump(std::byte* at, const std::byte* from_end, const std::byte* to) {
  const auto distance = static_cast<int32_t>(to - from_end);
  std::memcpy(at, &distance, sizeof distance);
}

}  // namespace

void write_jump(std::byte* from, const std::byte* to) {
  from[0] = std::byte{0xe9};  // jmp rel32
  put_jump(from + 1, from + 5, to);
}

void write_end(std::byte* at, const std::byte* first) {
  const unsigned char code[] = {0x48, 0xff, 0xcf,           // dec %rdi
                                0x0f, 0x85, 0,    0, 0, 0,  // jnz rel32
                                0xc3};                      // ret
  std::memcpy(at, code, sizeof code);
  put_jump(at + 5, at + 9, first);
}

void run_jumps(const std::byte* first, uint64_t rounds) {
  // The code counts in %rdi, where the first argument is (System V ABI), and touches no other register.
  reinterpret_cast<void (*)(uint64_t)>(reinterpret_cast<uintptr_t>(first))(rounds);
}

#else

void* follow(void* at, uint64_t) { return at; }
void load_in_lanes(const std::vector<const std::byte*>&, unsigned, uint64_t) {}
void flush_line(void*) {}
void fence() {}
void write_jump(std::byte*, const std::byte*) {}
void write_end(std::byte*, const std::byte*) {}
void run_jumps(const std::byte*, uint64_t) {}

#endif

}  // namespace mmusim
