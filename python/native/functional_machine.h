// SPDX-License-Identifier: MIT
#pragma once

#include <mutex>
#include <string>

#include "python/native/numpy_access.h"
#include "sim/machine/targets.h"
#include "sim/replay/touched_spaces.h"

namespace mmusim {

/// A functional machine whose page tables are built on first touch, as those of `mmusim replay` are. Other Python threads
/// run during its accesses; those that use the machine too wait.
class PythonMachine {
 public:
  /// `platform`: the JSON text of a platform. `pages`, `frames`: as the options of `mmusim replay`.
  PythonMachine(const std::string& platform, const std::string& pages, const std::string& frames, unsigned levels,
                uint64_t seed);

  /// Makes accesses that differ in their addresses only. Throws InputError unless those are integers.
  void access(const pybind11::array& addresses, unsigned kind, unsigned bytes, bool user);
  /// Makes accesses as trace.open() gives them.
  void play(const pybind11::array& records);
  /// The list "totals" of a summary, since the machine was made; without what needs time.
  pybind11::dict totals() const;
  uint64_t faults() const;

 private:
  mutable std::mutex turn_;
  PlatformConfig platform_;
  FunctionalMachine machine_;
  FunctionalTarget target_;
  TouchedSpaces spaces_;
};

}  // namespace mmusim
