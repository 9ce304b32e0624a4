// SPDX-License-Identifier: MIT
#include "models/dram/dram_timing.h"

#include <algorithm>

namespace mmusim {

namespace {
constexpr std::string_view kUnit = "DRAM cycles";
}  // namespace

DramTiming read_dram_timing(ConfigReader r) {
  constexpr unsigned kMax = 1'000'000;
  DramTiming t;
  const auto required = [&r](std::string_view key, unsigned& value, unsigned min, std::string_view meaning) {
    r.require(key, "DRAM clock cycles");
    r.read({key, meaning, kUnit}, value, min, kMax);
  };
  required("CL", t.cl, 1, "Read command to first data.");
  required("CWL", t.cwl, 1, "Write command to first data.");
  required("BL/2", t.burst, 1, "Length of one line's data on the bus.");
  required("tRCD", t.rcd, 1, "Activate to read or write.");
  required("tRP", t.rp, 1, "Precharge to activate.");
  required("tRAS", t.ras, 1, "Activate to precharge.");
  required("tRC", t.rc, 1, "Activate to activate of a bank.");
  required("tCCD_S", t.ccd_s, 1, "Read to read or write to write, other bank group.");
  required("tCCD_L", t.ccd_l, 1, "Read to read, same bank group.");
  required("tRRD_S", t.rrd_s, 1, "Activate to activate, other bank group.");
  required("tRRD_L", t.rrd_l, 1, "Activate to activate, same bank group.");
  required("tFAW", t.faw, 1, "Window that holds at most four activates of a rank.");
  required("tWTR_S", t.wtr_s, 0, "End of write data to read, other bank group.");
  required("tWTR_L", t.wtr_l, 0, "End of write data to read, same bank group.");
  required("tWR", t.wr, 0, "End of write data to precharge.");
  required("tRTP", t.rtp, 1, "Read to precharge.");
  required("tREFI", t.refi, 0, "Interval between all-bank refreshes of a rank; 0: no refresh.");
  required("tRFC", t.rfc, 0, "Refresh to activate.");
  t.ccd_l_wr = t.ccd_l;
  r.read({"tCCD_L_WR", "Write to write, same bank group.", kUnit, "as tCCD_L"}, t.ccd_l_wr, 1, kMax);
  r.read({"tPPD", "Precharge to precharge of a rank.", kUnit}, t.ppd, 0, kMax);
  r.read({"tRTRS", "Idle data-bus cycles when the driving rank changes.", kUnit}, t.rtrs, 0, kMax);
  r.read({"tRTW", "Idle data-bus cycles between read data and write data.", kUnit}, t.rtw, 0, kMax);
  r.read({"activate_slots", "Command-bus cycles of an activate (DDR5: 2).", kUnit}, t.act_slots, 1, 4);
  r.read({"column_slots", "Command-bus cycles of a read or write (DDR5: 2).", kUnit}, t.column_slots, 1, 4);
  r.check(t.ccd_s >= t.burst, "tCCD_S", "{} is less than the {} cycles of a burst", t.ccd_s, t.burst);
  r.check(t.ccd_l >= t.ccd_s, "tCCD_L", "{} is less than tCCD_S, {}", t.ccd_l, t.ccd_s);
  r.check(t.rrd_l >= t.rrd_s, "tRRD_L", "{} is less than tRRD_S, {}", t.rrd_l, t.rrd_s);
  r.check(t.wtr_l >= t.wtr_s, "tWTR_L", "{} is less than tWTR_S, {}", t.wtr_l, t.wtr_s);
  r.check(t.rc >= t.ras, "tRC", "{} is less than tRAS, {}", t.rc, t.ras);
  r.check(t.cl + t.burst + t.rtw >= t.cwl, "CWL", "{} lets a write's data precede an earlier read's", t.cwl);
  // All that may still be under way when a refresh falls due, and the refresh itself, must fit the interval.
  const unsigned longest = t.rfc + std::max(t.ras, t.rcd + t.cwl + t.burst + t.wr) + t.rp;
  r.check(t.refi == 0 || t.refi > longest, "tREFI", "{} leaves no time beside a refresh, expected more than {}", t.refi,
          longest);
  r.finish();
  return t;
}

}  // namespace mmusim
