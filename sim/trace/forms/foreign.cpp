// SPDX-License-Identifier: MIT
#include "sim/trace/forms/foreign.h"

#include <algorithm>

#include "models/base/format.h"
#include "sim/trace/forms/text_scan.h"

namespace mmusim {

namespace {

/// Matches all of `text`. In a pattern, ' ' stands for blanks, '#' for a decimal number, '$' for a hexadecimal one with
/// or without 0x, '*' for anything, and every other character for itself.
bool matches(std::string_view pattern, std::string_view text) {
  for (; !pattern.empty(); pattern.remove_prefix(1)) {
    uint64_t number = 0;
    const char c = pattern.front();
    if (c == '*') {
      pattern.remove_prefix(1);
      for (size_t i = 0; i <= text.size(); ++i) {
        if (matches(pattern, text.substr(i))) return true;
      }
      return false;
    }
    if (c == ' ') {
      const size_t blanks = std::min(text.size(), text.find_first_not_of(" \t"));
      if (blanks == 0) return false;
      text.remove_prefix(blanks);
    } else if (c == '#' ? !scan::decimal(text, number) : c == '$' ? !scan::address(text, number) : false) {
      return false;
    } else if (c != '#' && c != '$') {
      if (!text.starts_with(c)) return false;
      text.remove_prefix(1);
    }
  }
  return text.empty();
}

struct Foreign {
  const char* pattern;
  const char* what;  ///< what it is, and what to do
};

constexpr const char* kInstead =
    "; record with one of the tools in docs/tracing.md, or print a line 'r|w|i HEXADDRESS HEXSIZE' for each access "
    "(--form dinero)";
constexpr const char* kUseDram = "a DRAM simulator's requests, which have physical addresses; give them to mmusim dram";
constexpr const char* kGem5Exec =
    "gem5's Exec output, which has no data addresses but those of micro-operations (A=); print a line 'r|w HEXADDRESS "
    "HEXSIZE' for each MemRead and MemWrite (--form dinero)";

/// In the order of the search: particular patterns stand before general ones.
constexpr Foreign kForeignLines[] = {
    {"#: *: A# T# : $*", kGem5Exec},
    {"#: *: $ @*", kGem5Exec},
    {"#: $ $*", "lines of a cycle and addresses, of no tool that is known here, without the kinds of access"},
    {"#: read $*", kUseDram},
    {"#: write $*", kUseDram},
    {"#: (#) read $*", kUseDram},
    {"#: (#) write $*", kUseDram},
    {"#: *: *", "debug output of gem5, which is not a list of accesses"},
    {"r,#,#,#,#*", "gem5's packet trace, whose addresses are those of a memory port, physical ones as a rule"},
    {"w,#,#,#,#*", "gem5's packet trace, whose addresses are those of a memory port, physical ones as a rule"},
    {"u,#,#,#,#*", "gem5's packet trace, whose addresses are those of a memory port, physical ones as a rule"},
    {"core #: *", "Spike's log of a RISC-V processor, which is not read"},
    {"*damon_aggregated: *", "DAMON's regions with access counts, which are not accesses"},
    {"ptw.payload: *", "payloads of Intel PT's PTWRITE, whose meaning only their program knows"},
    {"# $ R", kUseDram},
    {"# $ W", kUseDram},
    {"#.# $ R", kUseDram},
    {"#.# $ W", kUseDram},
    {"$ R", kUseDram},
    {"$ W", kUseDram},
    {"$ READ #*", kUseDram},
    {"$ WRITE #*", kUseDram},
    {"$ read #", kUseDram},
    {"$ write #", kUseDram},
    {"$ P_MEM_* #", kUseDram},
    {"LD $*", kUseDram},
    {"ST $*", kUseDram},
    {"# # #",
     "Ramulator's processor trace: instructions between, a load's address, a write-back's, without their order"},
    {"R #,#,*", "Ramulator 2's requests by bank and row, which have no addresses; its LD and ST form has"},
    {"W #,#,*", "Ramulator 2's requests by bank and row, which have no addresses; its LD and ST form has"},
    {"# R $ $", "USIMM's processor trace: instructions between, kind, address and instruction"},
    {"# W $", "USIMM's processor trace: instructions between, kind, address and instruction"},
    {"# #", "Ramulator's processor trace: instructions between and a load's address"},
    {"$", "bare addresses, which do not say whether each is read, written or fetched"},
    {"$-$ *p $ $:$ #*", "the map of a process; a smaps file goes with a trace as --page-map"},
    {"$-$ *s $ $:$ #*", "the map of a process; a smaps file goes with a trace as --page-map"},
    {"{*\"phases\"*", "a scenario; give it to mmusim run, or to replay with --map"},
    {"{*", "JSON of another program; the first line of ours is {\"format\":\"mmusim-trace\",\"version\":1}"},
    {"<*", "XML or HTML"},
    {"#!*", "a script"},
    {"*(*) = *", "strace's output: system calls have no accesses"},
    {"*,*,*", "a table of comma-separated values"},
    {"read* $ #*", "lines of a word, an address and a size, of no tool that is known here"},
    {"write* $ #*", "lines of a word, an address and a size, of no tool that is known here"},
};

struct Magic {
  std::string_view bytes;
  const char* what;
};

constexpr Magic kMagics[] = {
    {"PERFILE2", "perf.data; print it with perf script -F +addr,+ip or perf mem report -D"},
    {{"\x17\x08\x44tracing", 10}, "trace-cmd's trace.dat; print it with trace-cmd report"},
    {{"PK\x03\x04", 4},
     "a zip archive; unpack it, or if it is one of drmemtrace's, print it with drrun -t drmemtrace -tool view"},
    {"gem5", "gem5's protobuf trace; print it with util/decode_packet_trace.py"},
    {{"\x7f"
      "ELF",
      4},
     "a program or a memory dump (ELF)"},
    {"KDUMP   ", "a crash dump (kdump); explain and replay --map take it as page tables"},
    {"SIFT", "Sniper's SIFT trace"},
    {{"\x04\x22\x4d\x18", 4}, "lz4-compressed data; unpack it with lz4 -dc"},
    {{"\x1f\x9d", 2}, "compress-compressed data; unpack it with zcat"},
    {"LZIP", "lzip-compressed data; unpack it with lzip -dc"},
    {{"7z\xbc\xaf\x27\x1c", 6}, "a 7z archive; unpack it"},
    {{"\xff\xfe", 2}, "UTF-16 text; convert it with iconv -f UTF-16 -t UTF-8"},
    {{"\xfe\xff", 2}, "UTF-16 text; convert it with iconv -f UTF-16 -t UTF-8"},
};

}  // namespace

std::string name_known_line(std::string_view line) {
  constexpr size_t kMostMatched = 400;  // bounds the search of patterns with several *
  std::string_view text = line.substr(std::min(line.size(), line.find_first_not_of(" \t"))).substr(0, kMostMatched);
  text = text.substr(0, text.find_last_not_of(" \t\r") + 1);
  for (const Foreign& foreign : kForeignLines) {
    if (!matches(foreign.pattern, text)) continue;
    const bool says_what_to_do = std::string_view(foreign.what).find(';') != std::string_view::npos;
    return std::string(foreign.what) + (says_what_to_do ? "" : kInstead);
  }
  return {};
}

std::string name_foreign_line(std::string_view line) {
  constexpr size_t kMostShown = 60;
  const std::string known = name_known_line(line);
  if (!known.empty()) return known;
  return fmt::format("text of no tool that is known here, \"{}{}\"{}", scan::printable(line.substr(0, kMostShown)),
                     line.size() > kMostShown ? "..." : "", kInstead);
}

std::string name_foreign_bytes(std::string_view bytes) {
  for (const Magic& magic : kMagics) {
    if (bytes.starts_with(magic.bytes)) return magic.what;
  }
  return {};
}

}  // namespace mmusim
