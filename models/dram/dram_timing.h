// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "models/base/config.h"
#include "models/base/dram_command.h"

namespace mmusim {

/// Commands that a constraint holds back, seen from the bank of the earlier command.
enum class DramScope : uint8_t { kBank, kBankGroup, kRank, kOtherRanks };

/// The timing parameters of a device under their JEDEC names (JESD79-4 DDR4, JESD79-5 DDR5), in DRAM clock cycles.
/// The defaults are DDR4-2400 CL17.
struct DramTiming {
  unsigned cl = 17;       ///< read command to first data
  unsigned cwl = 12;      ///< write command to first data
  unsigned burst = 4;     ///< length of one line's data, BL/2
  unsigned rcd = 17;      ///< tRCD: activate to read or write
  unsigned rp = 17;       ///< tRP: precharge to activate
  unsigned ras = 39;      ///< tRAS: activate to precharge
  unsigned rc = 56;       ///< tRC: activate to activate of a bank
  unsigned ccd_s = 4;     ///< tCCD_S: column command to column command, other bank group
  unsigned ccd_l = 6;     ///< tCCD_L: the same, same bank group
  unsigned ccd_l_wr = 6;  ///< tCCD_L_WR: write to write, same bank group (DDR4: tCCD_L)
  unsigned rrd_s = 4;     ///< tRRD_S: activate to activate, other bank group
  unsigned rrd_l = 6;     ///< tRRD_L: the same, same bank group
  unsigned faw = 26;      ///< tFAW: window that holds at most four activates of a rank
  unsigned wtr_s = 3;     ///< tWTR_S: end of write data to read, other bank group
  unsigned wtr_l = 9;     ///< tWTR_L: the same, same bank group
  unsigned wr = 18;       ///< tWR: end of write data to precharge
  unsigned rtp = 9;       ///< tRTP: read to precharge
  unsigned ppd = 0;       ///< tPPD: precharge to precharge of a rank (DDR5: 2)
  unsigned refi = 9360;   ///< tREFI: interval between all-bank refreshes of a rank; 0: no refresh
  unsigned rfc = 420;     ///< tRFC: refresh to activate
  unsigned rtrs = 1;      ///< idle data-bus cycles when the driving rank changes
  unsigned rtw = 2;  ///< idle data-bus cycles between read data and write data (read to write: CL + BL/2 + 2 - CWL)
  unsigned act_slots = 1;     ///< command-bus cycles of an activate (DDR5: 2)
  unsigned column_slots = 1;  ///< command-bus cycles of a read or write (DDR5: 2)

  /// Read command to last data beat.
  DramCycle read_done() const { return DramCycle{cl} + burst; }
  /// Write command to last data beat.
  DramCycle write_done() const { return DramCycle{cwl} + burst; }
};

/// Reads "timing_cycles". Every parameter without an obvious default (tPPD, tCCD_L_WR, tRTRS, tRTW, the command
/// slots) must be given: a part with half of another's timing is an error.
DramTiming read_dram_timing(ConfigReader r);

/// `to` may follow the `window`-th last `from` within `scope` after `cycles` at the earliest.
struct DramConstraint {
  DramCommand from;
  DramCommand to;
  DramScope scope;
  DramCycle (*cycles)(const DramTiming&);  ///< 0: no constraint with that timing
  unsigned window = 1;                     ///< 4 for tFAW, else 1
};

/// Cycles that keep data of a later command from meeting data of an earlier one on the bus; 0 when it cannot.
constexpr DramCycle cycles_apart(DramCycle first_end, DramCycle second_start) {
  return first_end > second_start ? first_end - second_start : 0;
}

/// All constraints between commands: the one home of "which command holds back which". Known while compiling, so that
/// each command's own part of the model can be laid out for it.
inline constexpr auto kDramConstraints = [] {
  using T = DramTiming;
  using enum DramCommand;
  using enum DramScope;
  return std::to_array<DramConstraint>({
      {kActivate, kActivate, kBank, [](const T& t) -> DramCycle { return t.rc; }},
      {kActivate, kActivate, kBankGroup, [](const T& t) -> DramCycle { return t.rrd_l; }},
      {kActivate, kActivate, kRank, [](const T& t) -> DramCycle { return t.rrd_s; }},
      {kActivate, kActivate, kRank, [](const T& t) -> DramCycle { return t.faw; }, 4},
      {kActivate, kRead, kBank, [](const T& t) -> DramCycle { return t.rcd; }},
      {kActivate, kWrite, kBank, [](const T& t) -> DramCycle { return t.rcd; }},
      {kActivate, kPrecharge, kBank, [](const T& t) -> DramCycle { return t.ras; }},
      {kPrecharge, kActivate, kBank, [](const T& t) -> DramCycle { return t.rp; }},
      {kPrecharge, kPrecharge, kRank, [](const T& t) -> DramCycle { return t.ppd; }},
      {kPrecharge, kRefresh, kRank, [](const T& t) -> DramCycle { return t.rp; }},
      {kRead, kRead, kBankGroup, [](const T& t) -> DramCycle { return t.ccd_l; }},
      {kRead, kRead, kRank, [](const T& t) -> DramCycle { return t.ccd_s; }},
      {kRead, kRead, kOtherRanks, [](const T& t) -> DramCycle { return t.burst + t.rtrs; }},
      {kRead, kWrite, kRank, [](const T& t) { return cycles_apart(t.read_done() + t.rtw, t.cwl); }},
      {kRead, kWrite, kOtherRanks,
       [](const T& t) { return cycles_apart(t.read_done() + std::max(t.rtrs, t.rtw), t.cwl); }},
      {kRead, kPrecharge, kBank, [](const T& t) -> DramCycle { return t.rtp; }},
      {kWrite, kWrite, kBankGroup, [](const T& t) -> DramCycle { return t.ccd_l_wr; }},
      {kWrite, kWrite, kRank, [](const T& t) -> DramCycle { return t.ccd_s; }},
      {kWrite, kWrite, kOtherRanks, [](const T& t) -> DramCycle { return t.burst + t.rtrs; }},
      {kWrite, kRead, kBankGroup, [](const T& t) { return t.write_done() + t.wtr_l; }},
      {kWrite, kRead, kRank, [](const T& t) { return t.write_done() + t.wtr_s; }},
      {kWrite, kRead, kOtherRanks, [](const T& t) { return cycles_apart(t.write_done() + t.rtrs, t.cl); }},
      {kWrite, kPrecharge, kBank, [](const T& t) { return t.write_done() + t.wr; }},
      {kRefresh, kActivate, kRank, [](const T& t) -> DramCycle { return t.rfc; }},
      {kRefresh, kRefresh, kRank, [](const T& t) -> DramCycle { return t.rfc; }},
  });
}();
// Assumptions of DramDevice about the table.
static_assert(std::ranges::all_of(kDramConstraints,
                                  [](const DramConstraint& row) {
                                    return row.window == 1 ||
                                           (row.window == 4 && row.from == DramCommand::kActivate &&
                                            row.to == DramCommand::kActivate && row.scope == DramScope::kRank);
                                  }),
              "the only constraint over several commands is tFAW");
static_assert(std::ranges::all_of(kDramConstraints,
                                  [](const DramConstraint& row) {
                                    return row.from != DramCommand::kRefresh || row.scope == DramScope::kRank;
                                  }),
              "a refresh holds back its rank");

}  // namespace mmusim
