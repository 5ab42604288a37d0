# blst, for the signatures: that of the system, else its sources as the npm package c-kzg carries them, fetched at
# configure time, checked, and built in the build folder. Without either, blst_found is off.
#
# blst_found     whether there is one
# blst           what to link programs with that use the objects of the era room
# blst-objects   its objects, for the library itself; or none, and blst_system is to be linked

set(blst_package c-kzg-4.1.0)
set(blst_package_sha256 c56d9ed6aaa17bafa95c337c28837c68d2e54dabd76d91a185e2600a26480965)
set(blst_folder ${PROJECT_BINARY_DIR}/blst)
set(blst_found OFF)

# fetch_blst(): leave the package in blst_folder, if it can be had.
function(fetch_blst)
    set(file ${blst_folder}/${blst_package}.tgz)
    find_program(SLOTCASK_NPM npm)
    mark_as_advanced(SLOTCASK_NPM)
    if(NOT EXISTS ${file} AND SLOTCASK_NPM)
        string(REGEX REPLACE "-([0-9.]+)$" "@\\1" spec ${blst_package})
        file(MAKE_DIRECTORY ${blst_folder})
        execute_process(COMMAND ${SLOTCASK_NPM} pack ${spec} WORKING_DIRECTORY ${blst_folder} TIMEOUT 120
            OUTPUT_QUIET ERROR_QUIET)
    endif()
    if(NOT EXISTS ${file})
        return()
    endif()
    file(SHA256 ${file} sha256)
    if(NOT sha256 STREQUAL blst_package_sha256)
        message(WARNING "${blst_package}.tgz is not the file that is expected: signatures are left out")
        return()
    endif()
    if(NOT EXISTS ${blst_folder}/package)
        file(ARCHIVE_EXTRACT INPUT ${file} DESTINATION ${blst_folder} PATTERNS package/deps/blst/*)
    endif()
endfunction()

find_library(SLOTCASK_BLST_LIBRARY blst)
find_path(SLOTCASK_BLST_INCLUDE blst.h)
mark_as_advanced(SLOTCASK_BLST_LIBRARY SLOTCASK_BLST_INCLUDE)

if(SLOTCASK_BLST_LIBRARY AND SLOTCASK_BLST_INCLUDE)
    set(blst_found ON)
    set(blst_system ${SLOTCASK_BLST_LIBRARY})
    add_library(blst INTERFACE)
    target_include_directories(blst SYSTEM INTERFACE ${SLOTCASK_BLST_INCLUDE})
    target_link_libraries(blst INTERFACE ${SLOTCASK_BLST_LIBRARY})
else()
    fetch_blst()
    if(EXISTS ${blst_folder}/package/deps/blst/src/server.c)
        set(blst_found ON)
        enable_language(ASM)
        set(source ${blst_folder}/package/deps/blst)
        add_library(blst-objects OBJECT ${source}/src/server.c ${source}/build/assembly.S)
        # Chooses its code by the processor it runs on, not by the one it is built on.
        target_compile_definitions(blst-objects PRIVATE __BLST_PORTABLE__)
        target_compile_options(blst-objects PRIVATE -w -O2 -fno-builtin)
        add_library(blst STATIC $<TARGET_OBJECTS:blst-objects>)
        target_include_directories(blst SYSTEM INTERFACE ${source}/bindings)
    endif()
endif()
