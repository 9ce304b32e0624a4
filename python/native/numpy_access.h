// SPDX-License-Identifier: MIT
#pragma once

#include <pybind11/numpy.h>

#include <cstddef>
#include <mutex>

#include "models/base/access.h"

namespace mmusim {

/// Lets other Python threads run while this one has its turn at something that Python objects share.
class OthersRun {
 public:
  explicit OthersRun(std::mutex& turn) : turn_(turn) {}

 private:
  // First: a thread that waits for its turn must not hold the interpreter.
  const pybind11::gil_scoped_release released_;
  const std::lock_guard<std::mutex> turn_;
};

/// NumPy's description of MemAccess: one record of 24 bytes. The bits of `flags` are user, rmw, stack, implicit, awaited,
/// continues, from the lowest.
inline pybind11::dtype access_dtype() {
  static_assert(offsetof(MemAccess, bytes) == 8 && offsetof(MemAccess, kind) == 10);
  static_assert(offsetof(MemAccess, depends_on) == 12 && offsetof(MemAccess, gap) == 14);
  static_assert(offsetof(MemAccess, also_depends_on) == 16);
  using pybind11::list;
  list names, formats, offsets;
  const auto field = [&](const char* name, const char* format, unsigned offset) {
    names.append(name);
    formats.append(format);
    offsets.append(offset);
  };
  field("va", "<u8", 0);
  field("bytes", "<u2", 8);
  field("kind", "u1", 10);
  field("flags", "u1", 11);
  field("depends_on", "<u2", 12);
  field("gap", "<u2", 14);
  field("also_depends_on", "(4,)<u2", 16);
  return pybind11::dtype(names, formats, offsets, sizeof(MemAccess));
}

}  // namespace mmusim
