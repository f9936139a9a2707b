# Installs BUILD into a folder of its own, then builds and runs the consumer with COMPILER against it. With SOURCE
# instead of BUILD the consumer takes Prumo in as a subproject, in the folder WORK.
if(BUILD)
  set(WORK ${BUILD}/package)
  set(where -DCMAKE_PREFIX_PATH=${WORK}/prefix)
else()
  set(where -DPRUMO_SOURCE=${SOURCE})
endif()
file(REMOVE_RECURSE ${WORK})

if(BUILD)
  execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/prefix
                  OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
endif()
execute_process(COMMAND ${CMAKE_COMMAND} -G Ninja -S ${CMAKE_CURRENT_LIST_DIR} -B ${WORK}/consumer
                        -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER=${COMPILER} ${where}
                COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${CMAKE_COMMAND} --build ${WORK}/consumer --target consumer COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${WORK}/consumer/consumer COMMAND_ERROR_IS_FATAL ANY)
