// SPDX-License-Identifier: MIT
#include "python/native/trace.h"

#include <utility>

namespace mmusim {

namespace py = pybind11;

PythonTrace::PythonTrace(const std::string& path, const std::string& form, size_t block, bool salvage) {
  TraceOptions options;
  if (!form.empty()) options.format = trace_format_given(form, "form");
  options.batch_accesses = block;
  options.salvage = salvage;
  reader_ = open_trace(path, options);
}

std::vector<MemAccess> PythonTrace::read() {
  const OthersRun others_run(turn_);
  TraceBatch batch;
  while (batch.accesses.empty() && reader_->next(batch)) {  // one of events alone is passed over
  }
  return std::move(batch.accesses);
}

py::object PythonTrace::next() {
  const std::vector<MemAccess> accesses = read();
  if (accesses.empty()) return py::none();
  return py::array(access_dtype(), static_cast<py::ssize_t>(accesses.size()), accesses.data());  // a copy
}

py::dict PythonTrace::info() const {
  const TraceInfo info = [this] {
    const OthersRun others_run(turn_);
    return reader_->info();
  }();
  py::dict d;
  d["file"] = info.file;
  d["form"] = name_of(info.format);
  d["compression"] = info.compression;
  d["notes"] = info.notes;
  d["damage"] = info.damage;
  return d;
}

}  // namespace mmusim
