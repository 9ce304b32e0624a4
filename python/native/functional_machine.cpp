// SPDX-License-Identifier: MIT
#include "python/native/functional_machine.h"

#include <algorithm>
#include <array>
#include <span>
#include <type_traits>

#include <nlohmann/json.hpp>

#include "models/base/errors.h"
#include "models/base/json_input.h"

namespace mmusim {

namespace py = pybind11;

namespace {

AddressSpaceConfig spaces_config(const std::string& pages, const std::string& frames, unsigned levels, uint64_t seed) {
  AddressSpaceConfig config;
  if (levels != 4 && levels != 5) throw InputError(fmt::format("levels: got {}, expected 4 or 5", levels));
  config.levels = levels;
  parse_page_policy(pages, config);
  parse_frame_order(frames, config.frames);
  config.frames.seed = seed;
  return config;
}

}  // namespace

PythonMachine::PythonMachine(const std::string& platform, const std::string& pages, const std::string& frames,
                             unsigned levels, uint64_t seed)
    : platform_(read_platform_document(parse_json_text(platform, "platform"), "platform")),
      machine_(platform_),
      target_(machine_),
      spaces_(machine_.memory(), fitted(spaces_config(pages, frames, levels, seed), platform_)) {
  spaces_.serve(target_);
}

void PythonMachine::access(const py::array& addresses, unsigned kind, unsigned bytes, bool user) {
  if (bytes == 0 || bytes > 0xffff) throw InputError(fmt::format("bytes: got {}, expected 1 to 65535", bytes));
  std::array<MemAccess, 1024> batch;  // 24 KiB: stays in the host's first cache
  for (MemAccess& a : batch) {
    a.bytes = static_cast<uint16_t>(bytes);
    a.kind = static_cast<AccessKind>(kind);
    a.user = user;
  }
  if (const char type = addresses.dtype().kind(); type != 'i' && type != 'u') {
    throw InputError(fmt::format("addresses: got an array of {}, expected integers",
                                 std::string(py::str(static_cast<py::object>(addresses.dtype())))));
  }
  using Flat = py::array_t<uint64_t, py::array::c_style | py::array::forcecast>;
  const Flat flat(addresses);
  const std::span<const uint64_t> all(flat.data(), static_cast<size_t>(flat.size()));
  const OthersRun others_run(turn_);
  for (size_t i = 0; i < all.size(); i += batch.size()) {
    const auto piece = all.subspan(i, std::min(batch.size(), all.size() - i));
    for (size_t k = 0; k < piece.size(); ++k) batch[k].va = VirtAddr(piece[k]);
    machine_.execute(std::span(batch).first(piece.size()));
  }
}

void PythonMachine::play(const py::array& records) {
  if (!records.dtype().equal(access_dtype()) || (records.flags() & py::array::c_style) == 0)
    throw InputError("records: expected a contiguous array of mmusim.trace.DTYPE");
  const std::span all(static_cast<const MemAccess*>(records.data()), static_cast<size_t>(records.size()));
  const OthersRun others_run(turn_);
  const auto wrong = std::find_if(all.begin(), all.end(), [](const MemAccess& a) {
    return a.bytes == 0 || static_cast<unsigned>(a.kind) >= kCountOf<AccessKind>;
  });
  if (wrong != all.end()) {
    throw InputError(fmt::format("record {}: expected at least 1 byte, and kind 0 (read), 1 (write) or 2 (fetch)",
                                 wrong - all.begin()));
  }
  machine_.execute(all);
}

py::dict PythonMachine::totals() const {
  const MachineTotals totals = [this] {
    const OthersRun others_run(turn_);
    return machine_.totals();
  }();
  py::dict counts;
  ListedTotals<TotalsList::kTotals>{totals}.describe([&](std::string_view name, const auto& value, const char*) {
    if constexpr (std::is_same_v<std::decay_t<decltype(value)>, uint64_t>) {
      if (name != "cycles") counts[py::str(name.data(), name.size())] = value;
    }
  });
  return counts;
}

uint64_t PythonMachine::faults() const {
  const OthersRun others_run(turn_);
  return machine_.faults();
}

}  // namespace mmusim
