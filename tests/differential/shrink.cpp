// SPDX-License-Identifier: MIT
#include "tests/differential/shrink.h"

#include <string>
#include <utility>
#include <vector>

namespace mmusim::differential {

namespace {

using Pointer = Case::json_pointer;

void collect(const Case& node, const Pointer& at, std::vector<Pointer>& all) {
  all.push_back(at);
  if (node.is_object()) {
    for (const auto& [key, value] : node.items()) collect(value, at / key, all);
  } else if (node.is_array() && node.size() <= 16) {  // elements of long lists go in pieces only
    for (size_t i = 0; i < node.size(); ++i) collect(node[i], at / i, all);
  }
}

class Shrinker {
 public:
  Shrinker(Case one, const std::function<bool(const Case&)>& still_fails, unsigned tries)
      : best_(std::move(one)), still_fails_(still_fails), tries_(tries) {}

  Case best() {
    for (bool progress = true; progress && tries_ != 0;) {
      progress = false;
      std::vector<Pointer> places;
      collect(best_, Pointer(), places);
      for (const Pointer& at : places) {
        if (tries_ == 0) break;
        if (best_.contains(at) && reduce(at)) progress = true;
      }
    }
    return best_;
  }

 private:
  bool accept(Case candidate) {
    if (tries_ == 0 || candidate == best_ || !is_valid(candidate)) return false;
    --tries_;
    if (!still_fails_(candidate)) return false;
    best_ = std::move(candidate);
    return true;
  }

  bool remove(const Pointer& at) {
    if (at.empty()) return false;
    Case candidate = best_;
    Case& parent = candidate[at.parent_pointer()];
    if (parent.is_array()) {
      parent.erase(std::stoull(at.back()));
    } else {
      parent.erase(at.back());
    }
    return accept(std::move(candidate));
  }

  /// Takes pieces out of a list: halves, quarters, and so on.
  bool thin(const Pointer& at) {
    bool progress = false;
    for (size_t piece = best_[at].size() / 2; piece >= 1; piece /= 2) {
      for (size_t begin = 0; begin + piece <= best_[at].size() && best_[at].size() > piece;) {
        Case candidate = best_;
        Case& list = candidate[at];
        const auto first = list.begin() + static_cast<std::ptrdiff_t>(begin);
        list.erase(first, first + static_cast<std::ptrdiff_t>(piece));
        if (accept(std::move(candidate))) {
          progress = true;
        } else {
          begin += piece;
        }
        if (tries_ == 0) return progress;
      }
    }
    return progress;
  }

  bool lessen(const Pointer& at) {
    const auto value = best_[at].get<uint64_t>();
    for (const uint64_t smaller : {uint64_t{0}, uint64_t{1}, value / 2}) {
      if (smaller >= value) continue;
      Case candidate = best_;
      candidate[at] = smaller;
      if (accept(std::move(candidate))) return true;
    }
    return false;
  }

  bool reduce(const Pointer& at) {
    if (remove(at)) return true;
    if (!best_.contains(at)) return false;
    if (best_[at].is_array() && best_[at].size() > 1) return thin(at);
    if (best_[at].is_number_unsigned() && best_[at] != 0) return lessen(at);
    return false;
  }

  Case best_;
  const std::function<bool(const Case&)>& still_fails_;
  unsigned tries_;
};

}  // namespace

Case shrink(Case one, const std::function<bool(const Case&)>& still_fails, unsigned tries) {
  return Shrinker(std::move(one), still_fails, tries).best();
}

}  // namespace mmusim::differential
