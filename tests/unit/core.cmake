# The modules of util, core, ipc and plugin, and what of db, supervisor and worker needs no server.
foreach(name argv parse process text)
  rj_unit_test(${name} test-${name}.c rj-util)
endforeach()
foreach(name backoff cancel condition job lease limit notice outcome overrun plural stall throttle turn)
  rj_unit_test(${name} test-${name}.c rj-core)
endforeach()
rj_unit_test(plan test-plan.c rj-core)
rj_unit_test(plan-random test-plan-random.c rj-core)
foreach(name channel ring)
  rj_unit_test(${name} test-${name}.c rj-ipc)
endforeach()
rj_unit_test(status-page test-status-page.c rj-ipc)
rj_unit_test(params test-params.c rj-core)
rj_unit_test(doctor test-doctor.c rj-core)
rj_unit_test(why test-why.c rj-core)
foreach(name batch conninfo credential sqlstate)
  rj_unit_test(${name} test-${name}.c rj-db)
endforeach()
rj_unit_test(abi test-abi.c rj-plugin)
rj_unit_test(spawn test-spawn.c rj-worker)
rj_unit_test(residue test-residue.c rj-worker)
rj_unit_test(watch test-watch.c rj-worker)

# Against a stand-in for libpq, so without rj-db: a function that it does not have fails to link.
rj_unit_test(exchange test-exchange.c rj-util)
set(db ${PROJECT_SOURCE_DIR}/src/db)
target_sources(test-exchange PRIVATE test-exchange-libpq.c
  ${db}/async.c ${db}/batch.c ${db}/connect.c ${db}/crash_sent.c ${db}/credential.c
  ${db}/db.c ${db}/exchange.c ${db}/sqlstate.c)
target_include_directories(test-exchange PRIVATE
  $<TARGET_PROPERTY:rj-db,INTERFACE_INCLUDE_DIRECTORIES>)
target_include_directories(test-exchange SYSTEM PRIVATE ${PostgreSQL_INCLUDE_DIRS})
rj_unit_test(config test-config.c rj-supervisor)
