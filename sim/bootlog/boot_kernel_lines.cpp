// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>

#include "sim/bootlog/boot_lines.h"

namespace mmusim {

namespace {

/// The hexadecimal or decimal number behind `key`.
std::optional<unsigned> number_after(std::string_view text, std::string_view key) {
  LineScan scan(text);
  if (!scan.find(key)) return std::nullopt;
  scan.skip_spaces();
  scan.take("0x");
  const auto value = scan.hex();
  return value && *value < 0x1000 ? std::optional(static_cast<unsigned>(*value)) : std::nullopt;
}

/// A processor's name, not "Thermal monitoring enabled (TM1)" and what else is said of a CPU.
bool is_processor_name(std::string_view text) {
  static constexpr std::array<std::string_view, 14> kWords = {"(fam",  "stepping", "Intel", "INTEL",   "AMD",
                                                              "Hygon", "Xeon",     "EPYC",  "Opteron", "rocessor",
                                                              "QEMU",  "KVM",      "VIA",   "ZHAOXIN"};
  return std::any_of(kWords.begin(), kWords.end(), [&](std::string_view w) { return contains(text, w); });
}

}  // namespace

LineRead KernelLines::read(std::string_view message) {
  for (const auto rule : {&KernelLines::command_line, &KernelLines::architecture, &KernelLines::processor,
                          &KernelLines::image, &KernelLines::huge_pages, &KernelLines::features}) {
    if (const LineRead read = (this->*rule)(message); read != LineRead::kOther) return read;
  }
  return LineRead::kOther;
}

LineRead KernelLines::command_line(std::string_view message) {
  LineScan scan(message);
  if (scan.take("Linux version ") || scan.find(" Linux version ")) {
    const std::string_view release = scan.word();
    if (release.empty() || release[0] < '0' || release[0] > '9') return LineRead::kOther;
    if (facts_.release.empty()) facts_.release = release;
    architecture(message);
    return LineRead::kTaken;
  }
  // Early and, behind the zones, once more.
  scan = LineScan(message);
  if (!scan.take("Command line: ") && !scan.take("Kernel command line: ")) return LineRead::kOther;
  if (scan.rest().size() > facts_.cmdline.size()) facts_.cmdline = scan.rest();
  return LineRead::kTaken;
}

/// Lines that only kernels of other architectures, or of 32 bit, print.
LineRead KernelLines::architecture(std::string_view message) {
  struct Sign {
    std::string_view text;
    std::string_view why;
    bool in_version = false;  ///< looked for in the release and the compiler's name
  };
  static constexpr std::array<Sign, 24> kSigns = {{{"-arm64", "an arm64 kernel", true},
                                                   {"aarch64", "an arm64 kernel", true},
                                                   {"Booting Linux on physical CPU", "an ARM kernel"},
                                                   {"armv7", "an ARM kernel", true},
                                                   {"arm-linux", "an ARM kernel", true},
                                                   {"-armmp", "an ARM kernel", true},
                                                   {"CPU: ARMv", "an ARM kernel"},
                                                   {"ppc64", "a PowerPC kernel", true},
                                                   {"powerpc", "a PowerPC kernel", true},
                                                   {"s390x", "an s390 kernel", true},
                                                   {"setup: Linux is running under z/VM", "an s390 kernel"},
                                                   {"setup: Linux is running natively in 64-bit", "an s390 kernel"},
                                                   {"riscv64", "a RISC-V kernel", true},
                                                   {"SBI specification v", "a RISC-V kernel"},
                                                   {"loongarch", "a LoongArch kernel", true},
                                                   {"sparc64", "a SPARC kernel", true},
                                                   {"mips", "a MIPS kernel", true},
                                                   {"CPU revision is: ", "a MIPS kernel"},
                                                   {"ia64", "an Itanium kernel", true},
                                                   {"-686", "a 32-bit kernel", true},
                                                   {"i686", "a 32-bit kernel", true},
                                                   {"i386", "a 32-bit kernel", true},
                                                   {"MB HIGHMEM available", "a 32-bit kernel"},
                                                   {"MB LOWMEM available", "a 32-bit kernel"}}};
  const bool version = message.starts_with("Linux version ");
  for (const Sign& sign : kSigns) {
    if (sign.in_version != version || !contains(message, sign.text)) continue;
    // A 64-bit kernel may be built on, or by, something that has another architecture in its name.
    const bool sixty_four = version && (contains(message, "x86_64") || contains(facts_.release, "amd64"));
    if (!sixty_four) facts_.other_architecture = sign.why;
  }
  return LineRead::kOther;
}

/// "smpboot: CPU0: NAME (family: 0x6, model: 0x6a, stepping: 0x6)", before 4.2 "(fam: 06, model: 3f, stepping: 04)",
/// before 3.8 only "stepping 06". The line that tells most wins.
LineRead KernelLines::processor(std::string_view message) {
  ProcessorFact& cpu = facts_.processor;
  LineScan scan(message);
  scan.take("smpboot: ");
  if ((scan.take("CPU0: ") || scan.take("CPU: ")) && is_processor_name(scan.rest())) {
    const std::string_view text = scan.rest();
    const bool numbered = contains(text, "(fam");
    const bool whole = !numbered || text.ends_with(")");
    if (cpu.name.empty() || (numbered && !cpu.family)) {
      cpu.name = text.substr(0, std::min(text.find(" (fam"), text.find(" stepping ")));
      if (numbered && whole) {
        cpu.family = number_after(text, contains(text, "family:") ? "family:" : "fam:");
        cpu.model = number_after(text, "model:");
        cpu.stepping = number_after(text, "stepping:");
      }
    }
    return whole ? LineRead::kTaken : LineRead::kDamaged;
  }
  scan = LineScan(message);
  if (scan.take("Performance Events: ")) {
    const size_t end = scan.rest().find(" events");
    if (end == std::string_view::npos) return LineRead::kOther;
    const std::string_view before = scan.rest().substr(0, end);
    const size_t comma = before.rfind(", ");
    cpu.events = comma == std::string_view::npos ? before : before.substr(comma + 2);
    return LineRead::kTaken;
  }
  // CPUID leaf 1 EAX, as the microcode loader prints it.
  if (!message.starts_with("microcode: ") || !scan.find("sig=0x") || cpu.family) return LineRead::kOther;
  const auto signature = scan.hex();
  if (!signature) return LineRead::kDamaged;
  const auto bits = [&](unsigned shift, unsigned mask) { return static_cast<unsigned>(*signature >> shift) & mask; };
  const unsigned family = bits(8, 0xf);
  cpu.family = family == 0xf ? family + bits(20, 0xff) : family;
  cpu.model = bits(4, 0xf) | (family == 6 || family == 0xf ? bits(16, 0xf) << 4 : 0);
  cpu.stepping = bits(0, 0xf);
  return LineRead::kTaken;
}

/// "(14342K kernel code, 2332K rwdata, 9056K rodata, 2792K init, 17412K bss, ...)" of the line "Memory:"; before 3.9
/// "(3436k kernel code, ..., 3319k data, 560k init)".
LineRead KernelLines::image(std::string_view message) {
  if (!message.starts_with("Memory: ")) return LineRead::kOther;
  const size_t open = message.find('(');
  if (open == std::string_view::npos) return LineRead::kOther;
  ImageSizes image;
  LineScan scan(message.substr(open + 1));
  constexpr uint64_t kLimitKib = 1024 * 1024;
  do {
    const auto kib = scan.decimal();
    if (!kib || *kib > kLimitKib || !(scan.take("K ") || scan.take("k "))) continue;
    if (scan.take("kernel code"))
      image.code = *kib;
    else if (scan.take("rwdata") || scan.take("data"))
      image.rwdata = *kib;
    else if (scan.take("rodata"))
      image.rodata = *kib;
    else if (scan.take("init"))
      image.init = *kib;
    else if (scan.take("bss"))
      image.bss = *kib;
  } while (scan.find(", "));
  if (image.code != 0) facts_.image = image;
  return LineRead::kOther;  // the totals of the line are NodeLines'
}

/// "HugeTLB: registered 1.00 GiB page size, pre-allocated 24 pages", "HugeTLB registered 2 MB page size, ..."
LineRead KernelLines::huge_pages(std::string_view message) {
  LineScan scan(message);
  if (!scan.take("HugeTLB: registered ") && !scan.take("HugeTLB registered ")) return LineRead::kOther;
  const bool gigantic = scan.take("1.00 GiB") || scan.take("1 GB");
  if (!gigantic && !scan.take("2.00 MiB") && !scan.take("2 MB")) return LineRead::kOther;
  if (!scan.find("pre-allocated ")) return LineRead::kDamaged;
  const auto pages = scan.decimal();
  if (!pages || !scan.take(" pages")) return LineRead::kDamaged;
  (gigantic ? facts_.gigantic_pages : facts_.huge_pages) = *pages;
  return LineRead::kTaken;
}

LineRead KernelLines::features(std::string_view message) {
  if (contains(message, "page tables isolation: enabled")) facts_.pti = true;
  if (message.starts_with("Using GB pages for direct mapping") || message.ends_with(" page 1G")) {
    facts_.gb_pages = true;
  }
  if (contains(message, "Hypervisor detected") || message.starts_with("Booting paravirtualized kernel on Xen")) {
    facts_.hypervisor = true;
  }
  if (message == "Booting paravirtualized kernel on Xen" || message == "Hypervisor detected: Xen PV" ||
      contains(message, "isolation: disabled on XEN PV")) {
    facts_.xen_pv = true;
  }
  if (contains(message, "NX (Execute Disable) protection missing")) facts_.nx = false;
  if (contains(message, " deferred pages initialised in") || contains(message, " initialised, ")) {
    facts_.deferred_init |= message.starts_with("node ");
  }
  LineScan scan(message);
  if (!scan.find("Memory block size: ")) return LineRead::kOther;
  const auto mib = scan.decimal();
  if (!mib || !scan.take("MB")) return LineRead::kDamaged;
  facts_.block_mib = *mib;
  return LineRead::kTaken;
}

}  // namespace mmusim
