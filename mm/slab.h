// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "mm/buddy.h"

namespace mmusim::mm {

/// kzalloc for the few small objects of sparse memory hotplug (section usage maps, section roots): pages of the buddy
/// allocator cut into equal objects, lowest address first; a page whose objects are all free goes back.
class Slab {
 public:
  Slab(Context& context, Buddy& buddy) : context_(context), buddy_(buddy) {}

  /// Zeroed, `bytes` up to 4096, from the kmalloc cache of its size (96 and 192 are caches beside the powers of two);
  /// nullopt if memory is short.
  std::optional<PhysAddr> kzalloc(uint64_t bytes, unsigned node, const char* cause);
  void kfree(PhysAddr object, const char* cause);

 private:
  struct Page {
    unsigned object_bytes;
    unsigned node;
    unsigned used = 0;
    std::vector<bool> taken;
  };
  Context& context_;
  Buddy& buddy_;
  std::map<uint64_t, Page> pages_;  // by page frame
};

}  // namespace mmusim::mm
