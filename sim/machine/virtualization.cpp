// SPDX-License-Identifier: MIT
#include "sim/machine/virtualization.h"

#include <nlohmann/json.hpp>

#include "models/base/format.h"

namespace mmusim {

namespace {

void read_page_size(ConfigReader& reader, std::string_view key, PageSize& size) {
  reader.read_enum<PageSize>(key, size, {{"4K", PageSize::k4K}, {"2M", PageSize::k2M}, {"1G", PageSize::k1G}});
}

void read_pages(ConfigReader& reader, VirtualizationConfig& c) {
  const nlohmann::json* pages = reader.raw("host_pages");
  if (pages == nullptr) return;
  if (pages->is_string()) return read_page_size(reader, "host_pages", c.pages[0].pages);
  ConfigReader object = reader.child("host_pages");
  c.pages.clear();
  object.for_each("pattern", [&](ConfigReader r) {
    VirtualizationConfig::Piece piece;
    r.read_size("bytes", piece.bytes);
    r.check(piece.bytes != 0 && piece.bytes % kPageBytes == 0 && piece.bytes <= uint64_t{1} << kMaxPhysBits, "bytes",
            "expected a multiple of 4KiB, up to 4PiB");
    read_page_size(r, "pages", piece.pages);
    r.finish();
    c.pages.push_back(piece);
  });
  object.check(!c.pages.empty(), "pattern", "expected at least one {{\"bytes\", \"pages\"}}");
  if (c.pages.empty()) c.pages.emplace_back();
  object.finish();
}

/// A hash that passes for random.
uint64_t mixed(uint64_t value) {
  value = (value ^ value >> 30) * 0xbf58'476d'1ce4'e5b9;
  value = (value ^ value >> 27) * 0x94d0'49bb'1331'11eb;
  return value ^ value >> 31;
}

/// Whether the 2 MiB region around `gpa` is one page of the host.
bool is_huge(const VirtualizationConfig& c, uint64_t gpa) {
  if (c.huge_fraction >= 1) return true;
  const uint64_t drawn = mixed(mixed(c.seed + 0x9e37'79b9'7f4a'7c15) ^ gpa >> shift_of(PageSize::k2M));
  return static_cast<double>(drawn >> 11) * 0x1p-53 < c.huge_fraction;
}

}  // namespace

VirtualizationConfig read_virtualization(ConfigReader reader) {
  VirtualizationConfig c;
  reader.read_enum<VirtualizationMode>(
      "mode", c.mode,
      {{"none", VirtualizationMode::kNone}, {"ept", VirtualizationMode::kEpt}, {"npt", VirtualizationMode::kNpt}});
  reader.read("host_levels", c.host_levels, 4, 5);
  read_pages(reader, c);
  reader.read("huge_fraction", c.huge_fraction);
  reader.check(c.huge_fraction >= 0 && c.huge_fraction <= 1, "huge_fraction", "expected 0 to 1, got {}",
               c.huge_fraction);
  reader.read_size("host_offset", c.host_offset);
  reader.check(c.host_offset % kPageBytes == 0 && c.host_offset >= kGiB && c.host_offset < uint64_t{1} << kMaxPhysBits,
               "host_offset", "expected a multiple of 4KiB, from 1GiB (the nested tables lie below) to 4PiB");
  reader.read_enum<HostFrameOrder>("host_frames", c.frames,
                                   {{"sequential", HostFrameOrder::kSequential}, {"random", HostFrameOrder::kRandom}});
  reader.read("accessed_dirty", c.accessed_dirty);
  reader.read("tags", c.tags);
  reader.read("on_demand", c.on_demand);
  reader.read("exit_cycles", c.exit_cycles);
  reader.read("seed", c.seed);
  reader.ignore("source");
  reader.finish();
  return c;
}

PageSize host_page_size(const VirtualizationConfig& c, bool gib_pages, GuestPhysAddr gpa) {
  uint64_t period = 0;
  for (const auto& piece : c.pages) period += piece.bytes;
  uint64_t begin = period == 0 ? 0 : gpa.raw() / period * period;
  const VirtualizationConfig::Piece* piece = &c.pages.front();
  for (const auto& p : c.pages) {
    piece = &p;
    if (period == 0 || gpa.raw() - begin < p.bytes) break;
    begin += p.bytes;
  }
  const uint64_t end = period == 0 ? uint64_t{1} << kMaxPhysBits : begin + piece->bytes;
  const auto fits = [&](PageSize size) {
    const uint64_t bytes = bytes_of(size);
    const uint64_t first = gpa.raw() & ~(bytes - 1);
    return piece->pages >= size && first >= begin && first + bytes <= end && c.host_offset % bytes == 0;
  };
  if (gib_pages && fits(PageSize::k1G)) return PageSize::k1G;
  return fits(PageSize::k2M) && is_huge(c, gpa.raw()) ? PageSize::k2M : PageSize::k4K;
}

}  // namespace mmusim
