file(GLOB sources RELATIVE ${CMAKE_CURRENT_LIST_DIR} ${CMAKE_CURRENT_LIST_DIR}/library/*.c*)
file(REAL_PATH library/../user/main.c real)
execute_process(COMMAND pwd WORKING_DIRECTORY library OUTPUT_VARIABLE where OUTPUT_STRIP_TRAILING_WHITESPACE)
execute_process(COMMAND ${CMAKE_COMMAND} -E echo "${sources} ${real} ${where}")
