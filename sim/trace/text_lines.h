// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/base/access.h"

namespace mmusim {

/// What a line of a text trace is.
enum class LineKind : uint8_t { kRecord, kNoise, kOther };

struct LackeyLine {
  MemAccess access;  ///< user; a modify is a write with `rmw`
};
/// Valgrind's lackey with --trace-mem=yes: "I  addr,size", " L addr,size", " S addr,size", " M addr,size"; addresses
/// hexadecimal, sizes decimal. Lines of valgrind itself ("==pid==", "--pid--", "**pid**") and empty ones are noise.
LineKind parse_lackey_line(std::string_view line, LackeyLine& result);

struct ExeclogAccess {
  uint64_t address = 0;
  bool store = false;
};
struct ExeclogLine {
  uint64_t cpu = 0;
  uint64_t pc = 0;
  std::vector<ExeclogAccess> accesses;
  bool physical = false;  ///< addresses come with a device name: system emulation prints physical ones
};
/// QEMU's contrib/plugins/execlog: `cpu, 0xpc, 0xopcode, "disassembly"[, load|store, 0xaddress[, device]]...`.
LineKind parse_execlog_line(std::string_view line, ExeclogLine& result);

struct PerfLine {
  std::optional<uint64_t> process;  ///< process (or thread) number, where the line has one
  std::optional<uint64_t> pc;
  MemAccess access;
};
/// `perf script` of samples with addresses: `[command] [pid[/tid]] [cpu] [time:] [period] event: address [data source
/// ...] ip [symbol]`, for example of `-F comm,pid,tid,time,event,addr,ip`. Without the ip column an address could not
/// be told from an ip, so both are needed. The kind of access comes from the data source (|OP LOAD|, |OP STORE|), else
/// from the event's name. Comments ('#') and empty lines are noise.
LineKind parse_perf_line(std::string_view line, PerfLine& result);

}  // namespace mmusim
