// SPDX-License-Identifier: MIT
#include "sim/workloads/direction.h"
#include "sim/workloads/memory_image.h"
#include "sim/workloads/page_stream.h"
#include "sim/workloads/pfn_range.h"
#include "sim/workloads/readers.h"

namespace mmusim {

namespace {

/// A field of each page frame, one after the other or at random.
struct FieldConfig {
  unsigned offset = 0;
  unsigned bytes = 8;
  Direction direction = Direction::kRead;
};

FieldConfig read_field(ConfigReader& r) {
  FieldConfig c;
  r.read({"offset", "Place of the field in struct page.", "bytes"}, c.offset, 0, 63);
  r.read({"bytes", "Size of the field.", "bytes"}, c.bytes, 1, 64);
  read_direction(r, c.direction);
  return c;
}

class FieldStream : public PageStream {
 protected:
  FieldStream(const FieldConfig& field, const WorkloadContext& context) : PageStream(context), field_(field) {}
  void touch(Pfn pfn) {
    switch (field_.direction) {
      case Direction::kRead:
        return read(pfn, field_.offset, field_.bytes);
      case Direction::kWrite:
        return write(pfn, field_.offset, field_.bytes);
      case Direction::kModify:
        return modify(pfn, field_.offset, field_.bytes);
    }
  }

 private:
  const FieldConfig field_;
};

class LinearPfnScan final : public FieldStream {
 public:
  LinearPfnScan(const PfnRangeConfig& range, const FieldConfig& field, uint64_t stride, const WorkloadContext& context)
      : FieldStream(field, context), cursor_(range, space()), stride_(stride) {}

 private:
  bool step() override {
    if (cursor_.done()) return false;
    touch(cursor_.pfn());
    cursor_.advance(stride_);
    return true;
  }
  PfnCursor cursor_;
  uint64_t stride_;
};

class RandomPfn final : public FieldStream {
 public:
  RandomPfn(uint64_t operations, const FieldConfig& field, const WorkloadContext& context)
      : FieldStream(field, context), left_(operations) {}

 private:
  bool step() override {
    if (left_ == 0) return false;
    --left_;
    touch(random_pfn());
    return true;
  }
  uint64_t left_;
};

/// A scan whose accesses depend on what the pages are used for. `Visit` emits the accesses of the block at a pfn and
/// returns how many page frames to go on.
class ImageScan : public PageStream {
 public:
  ImageScan(const PfnRangeConfig& range, const FillConfig& fill, const WorkloadContext& context)
      : PageStream(context), image_(fill, context.seed), cursor_(range, space()) {}

 protected:
  virtual uint64_t visit(Pfn pfn, const PageRun& run) = 0;
  static bool is_large(const PageRun& run) { return run.order > 0 && run.kind != PageKind::kFree; }

 private:
  bool step() override {
    if (cursor_.done()) return false;
    const Pfn pfn = cursor_.pfn();
    cursor_.advance(visit(pfn, image_.at(pfn)));
    return true;
  }
  MemoryImage image_;
  PfnCursor cursor_;
};

/// [fs/proc/page.c: stable_page_flags]. The store of the result to user memory is left out.
class Kpageflags final : public ImageScan {
  using ImageScan::ImageScan;
  uint64_t visit(Pfn pfn, const PageRun& run) override {
    read_online_section(pfn);
    read_head(pfn);
    const Pfn head = is_large(run) ? run.head : pfn;
    read(head, page_field::kFlags, 8, /*depends_on=*/1);
    read(head, page_field::kMapping);
    read(pfn, page_field::kMapcount, 4);
    if (run.kind != PageKind::kFree) read(pfn, page_field::kRefcount, 4);
    return 1;
  }
};

/// [fs/proc/page.c: kpagecount_read]
class Kpagecount final : public ImageScan {
  using ImageScan::ImageScan;
  uint64_t visit(Pfn pfn, const PageRun& run) override {
    read_online_section(pfn);
    read_head(pfn);
    read(pfn, page_field::kMapcount, 4);
    if (is_large(run)) read(run.head, page_field::kFolioEntireMapcount, 4, /*depends_on=*/2);
    return 1;
  }
};

/// [mm/page_isolation.c: has_unmovable_pages]; each pageblock is left at its first unmovable (slab) page.
class UnmovableScan final : public ImageScan {
  using ImageScan::ImageScan;
  uint64_t visit(Pfn pfn, const PageRun& run) override {
    constexpr uint64_t kPageblockPages = 512;
    const uint64_t to_next_pageblock = kPageblockPages - pfn.raw % kPageblockPages;
    read(pfn, page_field::kFlags);
    read_head(pfn);
    read(pfn, page_field::kMapcount, 4);
    if (is_large(run) && run.kind != PageKind::kSlab) return std::max<uint64_t>(run.end() - pfn, 1);
    read(pfn, page_field::kRefcount, 4);
    if (run.kind == PageKind::kFree) {
      read(run.head, page_field::kPrivate);
      return run.end() - pfn;
    }
    read(pfn, page_field::kFlags);
    return run.kind == PageKind::kSlab ? to_next_pageblock : 1;
  }
};

/// [mm/memory_hotplug.c: scan_movable_pages]
class MovableScan final : public ImageScan {
  using ImageScan::ImageScan;
  uint64_t visit(Pfn pfn, const PageRun& run) override {
    read_section(pfn);
    read(pfn, page_field::kFlags);
    read(pfn, page_field::kMapping);
    read(pfn, page_field::kMapcount, 4);
    if (run.kind != PageKind::kHugetlb) return 1;
    read(run.head, page_field::kFolioOrder, 8, /*depends_on=*/1);
    return run.end() - pfn;
  }
};

/// The reads of makedumpfile, which decides for each page whether to dump it.
class CrashDump final : public ImageScan {
  using ImageScan::ImageScan;
  uint64_t visit(Pfn pfn, const PageRun& run) override {
    for (const unsigned offset : {page_field::kFlags, page_field::kLruNext, page_field::kMapping, page_field::kPrivate})
      read(pfn, offset);
    read(pfn, page_field::kMapcount, 4);
    read(pfn, page_field::kRefcount, 4);
    return run.kind == PageKind::kFree ? run.end() - pfn : 1;
  }
};

/// [mm/mm_init.c: __init_single_page], the nine stores of rule M-1.
class MemmapInit final : public PageStream {
 public:
  MemmapInit(const PfnRangeConfig& range, const WorkloadContext& context)
      : PageStream(context), cursor_(range, space()) {}

 private:
  bool step() override {
    if (cursor_.done()) return false;
    const Pfn pfn = cursor_.pfn();
    constexpr unsigned kZeroedBytes = 64;
    write(pfn, 0, kZeroedBytes);
    write(pfn, page_field::kFlags);
    write(pfn, page_field::kRefcount, 4);
    write(pfn, page_field::kMapcount, 4);
    modify(pfn, page_field::kFlags);
    write(pfn, page_field::kLruNext);
    write(pfn, page_field::kLruPrev);
    cursor_.advance(1);
    return true;
  }
  PfnCursor cursor_;
};

template <class Scan>
WorkloadPlan image_scan_plan(ConfigReader& r) {
  const PfnRangeConfig range = read_pfn_range(r);
  const FillConfig fill = read_fill_config(r.child({"fill", "What memory is used for; the rest is free."}));
  return [range, fill](const WorkloadContext& context) -> std::unique_ptr<Workload> {
    return std::make_unique<Scan>(range, fill, context);
  };
}

}  // namespace

WorkloadPlan read_linear_pfn_scan(ConfigReader& r) {
  const PfnRangeConfig range = read_pfn_range(r);
  const FieldConfig field = read_field(r);
  uint64_t stride = 1;
  r.read({"stride_pfns", "Distance from one page frame to the next.", "page frames"}, stride, 1, uint64_t{1} << 40);
  return [range, field, stride](const WorkloadContext& context) -> std::unique_ptr<Workload> {
    return std::make_unique<LinearPfnScan>(range, field, stride, context);
  };
}

WorkloadPlan read_random_pfn(ConfigReader& r) {
  uint64_t operations = 1'000'000;
  r.read({"operations", "Page frames that are visited.", "page frames"}, operations, 1, uint64_t{1} << 40);
  const FieldConfig field = read_field(r);
  return [operations, field](const WorkloadContext& context) -> std::unique_ptr<Workload> {
    return std::make_unique<RandomPfn>(operations, field, context);
  };
}

WorkloadPlan read_kpageflags(ConfigReader& r) { return image_scan_plan<Kpageflags>(r); }
WorkloadPlan read_kpagecount(ConfigReader& r) { return image_scan_plan<Kpagecount>(r); }
WorkloadPlan read_unmovable_scan(ConfigReader& r) { return image_scan_plan<UnmovableScan>(r); }
WorkloadPlan read_movable_scan(ConfigReader& r) { return image_scan_plan<MovableScan>(r); }
WorkloadPlan read_crash_dump(ConfigReader& r) { return image_scan_plan<CrashDump>(r); }

WorkloadPlan read_memmap_init(ConfigReader& r) {
  const PfnRangeConfig range = read_pfn_range(r);
  return [range](const WorkloadContext& context) -> std::unique_ptr<Workload> {
    return std::make_unique<MemmapInit>(range, context);
  };
}

}  // namespace mmusim
