// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "python/native/numpy_access.h"
#include "sim/trace/trace_reader.h"

namespace mmusim {

/// A trace file as NumPy blocks.
class PythonTrace {
 public:
  /// `form`: empty: found by content. `block`: accesses of a block at most.
  PythonTrace(const std::string& path, const std::string& form, size_t block, bool salvage);

  /// The next accesses, in an array of their own; None at the end.
  pybind11::object next();
  pybind11::dict info() const;

 private:
  std::vector<MemAccess> read();

  mutable std::mutex turn_;
  std::unique_ptr<TraceReader> reader_;
};

}  // namespace mmusim
