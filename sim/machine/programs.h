// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <utility>

#include "models/core/core.h"

namespace mmusim {

/// A program that is a function.
class CallProgram : public Program {
 public:
  explicit CallProgram(std::function<void(Core&)> body) : body_(std::move(body)) {}
  void run(Core& core) override { body_(core); }

 private:
  std::function<void(Core&)> body_;
};

}  // namespace mmusim
