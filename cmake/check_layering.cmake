# SPDX-License-Identifier: MIT
# Fails when a source file includes what its layer must not know. Run as: cmake -DROOT=<tree> -P check_layering.cmake
# A row is "folder; allowed project folders or files...". SystemC is allowed only where the row starts with '+'.
set(rows
  "models/base|models/base"
  "models/x86|models/x86 models/base"
  "mm|mm models/x86 models/base"
  "+models/fabric|models/fabric models/x86 models/base"
  "+models/tlb|models/tlb models/fabric models/x86 models/base"
  "+models/walker|models/walker models/fabric models/x86 models/base"
  "+models/cache|models/cache models/fabric models/x86 models/base"
  "+models/dram|models/dram models/fabric models/x86 models/base"
  # The load/store unit probes the arrays of its own first-level structures directly, so that a hit is inline.
  "+models/core|models/core models/tlb models/cache models/fabric models/x86 models/base"
  "sim/host|sim/host models/base"
  "sim/trace/forms|sim/trace/forms models/base"
  "sim/trace|sim/trace models/x86 models/base"
  "sim/workloads|sim/workloads mm models/x86 models/base"
  "sim/recorded|sim/recorded sim/trace sim/host mm models/x86 models/base"
  "sim/bootlog|sim/bootlog sim/recorded sim/trace sim/host mm models/x86 models/base"
  "sim/crashdump|sim/crashdump sim/bootlog sim/recorded sim/trace sim/host mm models/x86 models/base"
  "sim/translate|sim/translate models/x86 models/base"
  "+sim/machine|sim/machine models"
  "+sim/measure|sim/measure sim/machine sim/host models"
  "+sim/replay|sim/replay sim/machine sim/trace models"
  "sim/events|sim/events sim/trace/event_log_names.h sim/trace/event_log_format.h sim/host mm models/dram models/fabric/observer.h models/x86 models/base"
  "+sim/report|sim/report sim/events sim/machine sim/trace/byte_stream.h sim/trace/json_record.h sim/trace/event_log_names.h sim/host models"
  "+sim/scenario|sim/scenario sim/report sim/events sim/replay sim/recorded sim/workloads sim/machine sim/trace sim/host mm models"
  "+sim/experiment|sim/experiment sim/scenario sim/report sim/events sim/replay sim/recorded sim/workloads sim/machine sim/trace sim/host mm models"
  "+sim/sweep|sim/sweep sim/experiment sim/scenario sim/report sim/events sim/replay sim/recorded sim/workloads sim/machine sim/trace sim/host mm models"
  "+sim/explain|sim/explain sim/scenario sim/events sim/recorded sim/machine sim/host mm models"
  "+sim/library|sim mm models mmusim"
  "+sim/tlm|sim/tlm sim/library models mmusim"
  "+sim/commands|sim mm models"
  "+python/native|python/native sim/replay sim/machine sim/trace models"
  "include/mmusim|mmusim"
  "+sim|sim mm models mmusim")
set(bad 0)
foreach(row IN LISTS rows)
  string(REPLACE "|" ";" parts "${row}")
  list(GET parts 0 folder)
  list(GET parts 1 allowed)
  string(REPLACE " " ";" allowed "${allowed}")
  set(systemc FALSE)
  if(folder MATCHES "^\\+")
    set(systemc TRUE)
    string(SUBSTRING "${folder}" 1 -1 folder)
  endif()
  file(GLOB_RECURSE files RELATIVE ${ROOT} ${ROOT}/${folder}/*.h ${ROOT}/${folder}/*.cpp)
  foreach(file IN LISTS files)
    file(STRINGS ${ROOT}/${file} includes REGEX "^[ \t]*#[ \t]*include")
    foreach(line IN LISTS includes)
      if(line MATCHES "<(systemc|tlm)" AND NOT systemc AND NOT file STREQUAL "include/mmusim/tlm.h")
        message(SEND_ERROR "${file}: SystemC is not known here: ${line}")
        set(bad 1)
      elseif(line MATCHES "<fmt/format.h>" AND NOT file STREQUAL "models/base/format.h")
        message(SEND_ERROR "${file}: include models/base/format.h, which compiles faster")
        set(bad 1)
      elseif(line MATCHES "<CLI/" AND NOT file STREQUAL "sim/commands/command_line.cpp")
        message(SEND_ERROR "${file}: include sim/commands/command_line.h, which compiles faster")
        set(bad 1)
      elseif(line MATCHES "\"([^\"]+)\"")
        set(target ${CMAKE_MATCH_1})
        set(ok FALSE)
        foreach(prefix IN LISTS allowed)
          if(target MATCHES "^${prefix}/" OR target STREQUAL prefix)
            set(ok TRUE)
          endif()
        endforeach()
        if(NOT ok)
          message(SEND_ERROR "${file}: may not include ${target} (allowed below: ${allowed})")
          set(bad 1)
        endif()
      endif()
    endforeach()
  endforeach()
endforeach()
if(bad)
  message(FATAL_ERROR "layering broken")
endif()
