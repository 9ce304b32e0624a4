# SPDX-License-Identifier: MIT
# Everything comes from Debian packages; nothing is downloaded at configure time.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(simdjson REQUIRED)
find_package(Boost REQUIRED COMPONENTS context)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(LIBARCHIVE REQUIRED IMPORTED_TARGET libarchive)
pkg_check_modules(KDUMPFILE REQUIRED IMPORTED_TARGET libkdumpfile)

# SystemC: a CMake package where there is one, else pkg-config (Debian). The library checks at
# link time which C++ its users were built for, hence SC_CPLUSPLUS.
add_library(mmusim_systemc INTERFACE)
find_package(SystemCLanguage QUIET)
if(SystemCLanguage_FOUND)
  target_link_libraries(mmusim_systemc INTERFACE SystemC::systemc)
else()
  pkg_check_modules(SYSTEMC REQUIRED IMPORTED_TARGET systemc)
  target_link_libraries(mmusim_systemc INTERFACE PkgConfig::SYSTEMC)
endif()
target_compile_definitions(mmusim_systemc INTERFACE SC_CPLUSPLUS=201703L SC_INCLUDE_DYNAMIC_PROCESSES)
find_path(SYSTEMC_INCLUDE_DIR systemc)
target_include_directories(mmusim_systemc SYSTEM INTERFACE ${SYSTEMC_INCLUDE_DIR})
