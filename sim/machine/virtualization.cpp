// SPDX-License-Identifier: MIT
#include "sim/machine/virtualization.h"

#include <nlohmann/json.hpp>

#include "models/base/format.h"
#include "models/base/splitmix.h"

namespace mmusim {

namespace {

void read_page_size(ConfigReader& reader, ConfigKey key, PageSize& size) {
  reader.read_enum<PageSize>(key, size, {{"4K", PageSize::k4K}, {"2M", PageSize::k2M}, {"1G", PageSize::k1G}});
}

constexpr const char* kHostPages = "host_pages";

void read_pages(ConfigReader& reader, VirtualizationConfig& c) {
  const ConfigKey key(kHostPages, "Pages that back the guest: one size, or pieces repeated from address 0 on.");
  if (!reader.is_object(kHostPages) && !reader.records_all()) return read_page_size(reader, key, c.pages[0].pages);
  ConfigReader object = reader.child(key);
  for (const char* size : {"4K", "2M", "1G"}) reader.also_takes(kHostPages, size);
  c.pages.clear();
  const ConfigKey pattern("pattern", "Pieces of guest-physical memory, in order.");
  object.for_each(
      pattern,
      [&](ConfigReader r) {
        VirtualizationConfig::Piece piece;
        r.read_size({"bytes", "Length of the piece, a multiple of 4KiB.", "bytes"}, piece.bytes, kPageBytes,
                    uint64_t{1} << kMaxPhysBits);
        r.require("bytes", "a size");
        r.check(piece.bytes % kPageBytes == 0, "bytes", "expected a multiple of 4KiB, got {}", piece.bytes);
        read_page_size(r, {"pages", "Pages of the host in the piece."}, piece.pages);
        r.finish();
        c.pages.push_back(piece);
      },
      1);
  if (c.pages.empty()) c.pages.emplace_back();
  object.finish();
}

/// True if the 2 MiB region around `gpa` is one page of the host.
bool is_huge(const VirtualizationConfig& c, uint64_t gpa) {
  if (c.huge_fraction >= 1) return true;
  const uint64_t drawn =
      splitmix_finaliser(splitmix_finaliser(c.seed + kSplitmixStep) ^ gpa >> shift_of(PageSize::k2M));
  return static_cast<double>(drawn >> 11) * 0x1p-53 < c.huge_fraction;
}

}  // namespace

VirtualizationConfig read_virtualization(ConfigReader reader) {
  VirtualizationConfig c;
  reader.read_enum<VirtualizationMode>(
      {"mode", "Not a guest, or a guest over Intel's or AMD's nested tables."}, c.mode,
      {{"none", VirtualizationMode::kNone}, {"ept", VirtualizationMode::kEpt}, {"npt", VirtualizationMode::kNpt}});
  reader.read({"host_levels", "Levels of the nested tables.", "levels"}, c.host_levels, 4, 5);
  read_pages(reader, c);
  reader.read({"huge_fraction", "Share of the 2 MiB regions of host_pages 2M that the host has as one page."},
              c.huge_fraction, 0, 1);
  reader.read_size({"host_offset", "Host-physical less guest-physical address.", "bytes"}, c.host_offset);
  reader.check(c.host_offset % kPageBytes == 0 && c.host_offset >= kGiB && c.host_offset < uint64_t{1} << kMaxPhysBits,
               "host_offset", "expected a multiple of 4KiB, from 1GiB (the nested tables lie below) to 4PiB");
  reader.read_enum<HostFrameOrder>({"host_frames", "Order of the 4 KiB frames within their 2 MiB."}, c.frames,
                                   {{"sequential", HostFrameOrder::kSequential}, {"random", HostFrameOrder::kRandom}});
  reader.read({"accessed_dirty", "Walks set accessed and dirty flags of nested entries."}, c.accessed_dirty);
  reader.read({"tags", "Exits leave the guest's translations in the TLBs (VPID, ASID)."}, c.tags);
  reader.read({"on_demand", "Nested entries appear at the first touch, each by an exit."}, c.on_demand);
  reader.read({"exit_cycles", "One exit to the host, with what it does there.", "cycles"}, c.exit_cycles);
  reader.read(
      {"guests", "Guests that share each core; of replays, each with memory and nested tables of its own.", "guests"},
      c.guests, 1, 64);
  reader.read(
      {"slice_accesses",
       "Accesses after which the next guest goes on with the trace, in turn; 0: where the trace says so.", "accesses"},
      c.slice_accesses);
  reader.read({"seed", "Seed of huge_fraction and host_frames."}, c.seed);
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
