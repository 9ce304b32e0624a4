// SPDX-License-Identifier: MIT
#include "sim/system/machine.h"

#include <gtest/gtest.h>

namespace mmusim {
namespace {

TEST(Machine, Smoke) {
  PlatformConfig p = load_platform("textbook");
  Machine m(p);
  // identity-ish map of 1 GiB with 4K pages at va 0
  const uint64_t flags = 0x67;
  auto& mem = m.memory();
  uint64_t next = 0x100000;
  auto table = [&] { uint64_t t = next; next += 4096; return t; };
  const uint64_t pml4 = table(), pdpt = table(), pd = table();
  mem.store64(PhysAddr(pml4), pdpt | flags);
  mem.store64(PhysAddr(pdpt), pd | flags);
  for (uint64_t i = 0; i < 512; ++i) {
    const uint64_t pt = table();
    mem.store64(PhysAddr(pd + 8 * i), pt | flags);
    for (uint64_t k = 0; k < 512; ++k) mem.store64(PhysAddr(pt + 8 * k), ((1ull << 30) + (i << 21) + (k << 12)) | flags);
  }
  ControlState c = m.control(0);
  c.set_cr3(pml4);
  m.set_control(0, c);
  struct P : Program {
    uint64_t span, stride;
    bool random;
    unsigned n;
    void run(Core& core) override {
      std::vector<MemAccess> batch(4096);
      uint64_t x = 88172645463325252ull, at = 0;
      for (unsigned done = 0; done < n; done += 4096) {
        for (auto& a : batch) {
          a = MemAccess{};
          if (random) {
            x ^= x << 13; x ^= x >> 7; x ^= x << 17;
            a.va = VirtAddr((x % span) & ~63ull);
          } else {
            a.va = VirtAddr(at);
            at = (at + stride) % span;
          }
        }
        core.execute(batch);
      }
    }
  };
  auto go = [&](const char* name, uint64_t span, uint64_t stride, bool random, unsigned n) {
    P prog;
    prog.span = span; prog.stride = stride; prog.random = random; prog.n = n;
    const auto before = m.totals();
    const auto t0 = std::chrono::steady_clock::now();
    m.run(prog);
    const double s = std::chrono::duration<double>(std::chrono::steady_clock::now() - t0).count();
    const auto t = m.totals();
    const double acc = double(t.accesses - before.accesses);
    fmt::print("{:20} {:.2f} M/s, {:.2f} cycles/access, walks/access {:.4f}, mean walk {:.1f}\n", name, acc / s / 1e6,
               double(t.cycles - before.cycles) / acc, double(t.walks - before.walks) / acc,
               double(t.walk_cycles - before.walk_cycles) / std::max(1.0, double(t.walks - before.walks)));
  };
  go("hits 16K", 16384, 64, false, 50000000);
  go("stride 64 1G", 1 << 30, 64, false, 20000000);
  go("random 1G", 1 << 30, 0, true, 4000000);
  go("random 4M", 4 << 20, 0, true, 20000000);
}

}  // namespace
}  // namespace mmusim
