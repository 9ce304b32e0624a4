# SPDX-License-Identifier: MIT
# Warnings and sanitizers for our own code; every target of ours links mmusim_options.
add_library(mmusim_options INTERFACE)
target_include_directories(mmusim_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(mmusim_options INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # False alarm on std::string concatenation at -O3 (GCC bug 105329).
  target_compile_options(mmusim_options INTERFACE -Wno-restrict)
endif()
if(MMUSIM_WERROR)
  target_compile_options(mmusim_options INTERFACE -Werror)
endif()
if(MMUSIM_SANITIZE)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # False alarms inside <regex> and <functional> when sanitizers hide what is initialised (GCC bug 105562).
    target_compile_options(mmusim_options INTERFACE -Wno-maybe-uninitialized)
  endif()
  target_compile_options(mmusim_options INTERFACE -fsanitize=${MMUSIM_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(mmusim_options INTERFACE -fsanitize=${MMUSIM_SANITIZE})
  if(MMUSIM_SANITIZE MATCHES "address")
    # models/base/asan_stacks.cpp
    target_link_options(mmusim_options INTERFACE -Wl,--wrap=__asan_handle_no_return)
  endif()
endif()
