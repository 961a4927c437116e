# Writes DIR/weights.c, which includes the files weights_1.c, weights_2.c ... that lpc wrote there: how
# many there are is known when the model is compiled, a build has to know its sources before.
file(GLOB files RELATIVE ${DIR} ${DIR}/weights_*.c)
list(SORT files COMPARE NATURAL)
set(text "/* All weights of the stage. Made by lpc_add_model: do not edit. */\n")
foreach(file IN LISTS files)
    string(APPEND text "#include \"${file}\"\n")
endforeach()
file(WRITE ${DIR}/weights.c "${text}")
