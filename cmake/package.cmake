# SPDX-License-Identifier: MIT
# What `cmake --install` installs: archives made of the objects of the rooms, the public headers, the program, the
# configurations and traces, and a CMake package: find_package(mmusim), targets mmusim::mmusim and mmusim::tlm.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# mmusim_archive(NAME rooms...): lib<NAME>.a with the objects of these libraries.
function(mmusim_archive name)
  set(objects)
  foreach(room ${ARGN})
    list(APPEND objects $<TARGET_OBJECTS:${room}>)
  endforeach()
  add_library(${name}_archive STATIC EXCLUDE_FROM_ALL ${objects})
  set_target_properties(${name}_archive PROPERTIES OUTPUT_NAME ${name} LINKER_LANGUAGE CXX)
  list(APPEND archives ${name}_archive)
  set(archives ${archives} PARENT_SCOPE)
endfunction()

set(archives)
mmusim_archive(mmusim_models mmusim_base mmusim_x86 mmusim_fabric mmusim_tlb mmusim_walker mmusim_cache mmusim_dram
               mmusim_dram_module mmusim_core mmusim_machine)
mmusim_archive(mmusim_mm mmusim_mm)
mmusim_archive(mmusim mmusim_host mmusim_trace mmusim_trace_forms mmusim_workloads mmusim_recorded mmusim_replay mmusim_events mmusim_report
               mmusim_scenario mmusim_dram_driver mmusim_experiment mmusim_facade)
mmusim_archive(mmusim_tlm mmusim_tlm)
add_custom_target(package_archives ALL DEPENDS ${archives})
foreach(archive ${archives})
  install(FILES $<TARGET_FILE:${archive}> DESTINATION ${CMAKE_INSTALL_LIBDIR})
endforeach()

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/mmusim DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS mmusim RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/configs ${PROJECT_SOURCE_DIR}/traces DESTINATION ${CMAKE_INSTALL_DATADIR}/mmusim)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/python/mmusim DESTINATION lib/python3/dist-packages FILES_MATCHING PATTERN "*.py" PATTERN "*.pyi" PATTERN "py.typed")
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/README.md ${PROJECT_SOURCE_DIR}/CHANGELOG.md
        DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/licences DESTINATION ${CMAKE_INSTALL_DOCDIR})

set(cmake_folder ${CMAKE_INSTALL_LIBDIR}/cmake/mmusim)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/mmusimConfig.cmake.in
  ${PROJECT_BINARY_DIR}/mmusimConfig.cmake INSTALL_DESTINATION ${cmake_folder}
  PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_DATADIR)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/mmusimConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/mmusimConfig.cmake ${PROJECT_BINARY_DIR}/mmusimConfigVersion.cmake
        DESTINATION ${cmake_folder})

# Completion and the manual page, printed by the program itself.
if(NOT MMUSIM_SANITIZE)  # such a program is not installed
  set(printed ${PROJECT_BINARY_DIR}/printed)
  file(MAKE_DIRECTORY ${printed})
  add_custom_command(OUTPUT ${printed}/mmusim.1
    COMMAND mmusim completion bash > ${printed}/mmusim
    COMMAND mmusim completion zsh > ${printed}/_mmusim
    COMMAND mmusim completion man > ${printed}/mmusim.1
    DEPENDS mmusim VERBATIM)
  add_custom_target(printed_files ALL DEPENDS ${printed}/mmusim.1)
  install(FILES ${printed}/mmusim DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
  install(FILES ${printed}/_mmusim DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
  install(FILES ${printed}/mmusim.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
endif()

# `cpack -G DEB` in the folder of a build makes a Debian package (scripts/try_package installs it elsewhere); dpkg-shlibdeps finds what it depends on.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "mmusim maintainers <maintainers@mmusim.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "cycle-accurate simulator of the x86-64 MMU and of Linux's vmemmap on it")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS libarchive13)  # loaded when it is needed, so nothing names it
set(CPACK_STRIP_FILES ON)
include(CPack)
