// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

namespace mmusim {

/// Facts of CPUID about the processor that this program runs on.
struct HostProcessor {
  std::string vendor;  ///< "GenuineIntel", "AuthenticAMD"
  std::string name;    ///< brand string
  unsigned family = 0, model = 0, stepping = 0;
  bool guest = false;      ///< CPUID.1:ECX[31]: a hypervisor is present
  std::string hypervisor;  ///< its signature, "KVMKVMKVM"; empty if not a guest
  unsigned physical_bits = 0;
  bool five_levels = false;  ///< CPUID.7:ECX[16], LA57
  bool gib_pages = false;
};
/// Throws EnvironmentError where this is no x86-64 processor.
HostProcessor host_processor();
/// Returns the shipped platform that describes this processor or its nearest relative.
std::string nearest_preset(const HostProcessor& processor);
/// Returns true if that platform is this very processor generation, not just a relative.
bool preset_fits(const HostProcessor& processor);

/// Reads the time-stamp counter after everything before has been done.
uint64_t read_tsc();
/// Returns how many counts of the TSC a core cycle takes now: a chain of dependent additions, one cycle each, is timed.
/// About 10 microseconds.
double tsc_per_core_cycle();
/// Returns counts of the TSC in a second, against the monotonic clock. Takes 50 ms.
double tsc_per_second();

}  // namespace mmusim
